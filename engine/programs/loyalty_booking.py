"""Entering what orders earn and lose, each cause once.

A report may change what is known of an order or a refund; the difference is then an entry of its
own, so that entries are never rewritten. One that is told again keeps the earliest of its times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from sys import intern
from typing import Any, Final

from config.loyalty import Loyalty
from engine.core.book import Record
from engine.core.context import Context
from engine.core.customer import Order
from engine.core.points import ACCOUNT, BOOK
from engine.core.timing import add
from engine.core.world import World
from engine.programs.loyalty_grants import grant_key, maturing_key
from engine.programs.loyalty_orders import (
    back_of,
    losses,
    refund_signature,
    signature,
    worth_of,
    written,
)

OPENS: Final = frozenset({"order.placed", "order.paid"})
CHANGES: Final = frozenset(
    {"order.updated", "order.delivered", "order.refunded", "order.cancelled", "order.returned",
     "order.disputed"}
)  # fmt: skip
_AGAIN: Final = timedelta(days=1)  # while a return is under way
_ZERO, _ONE = Decimal(0), Decimal(1)


class OrderBooking:
    """Enters orders by the rules of one policy."""

    def __init__(self, loyalty: Loyalty) -> None:
        self._loyalty = loyalty
        self._tags = {rule.tag: rule.times for rule in loyalty.tags}
        self._times = {tier.id: tier.times for tier in loyalty.tiers}

    def follow(
        self, world: World, order: Order, kind: str, fresh: list[str], context: Context, *,
        backfill: bool,
    ) -> bool:  # fmt: skip
        """Enter what an event has made of an order; ``fresh`` gains the entry of its maturing.

        Returns whether the order matures at another time than was known.
        """
        booked, lost = world.books.get((BOOK, grant_key(order.id))), losses(order)
        if booked is not None or (kind in OPENS and not order.is_test):
            booked = self._book(world, order, booked, history=backfill)
        if (lost or order.refunds) and (
            booked or any(one.data.get("order") == order.id for one in world.book(BOOK))
        ):
            self.give_back(world, order)
        if booked is None:
            return False
        return self._mature(world, order, booked, fresh, context, is_lost=bool(lost))

    def _book(self, world: World, order: Order, first: Record | None, *, history: bool) -> Record:
        """Enter what an order earns, or the difference since it was entered ``first``; that entry
        as it is now."""
        told = [] if first is None else _told(world, "order", order.id, first)
        before = _ZERO, _ZERO  # what of it is entered, in points and in money
        at = order.placed_at or min(order.facts.values())
        if first is not None:
            data = first.data
            times, history = Decimal(data["times"]), data["history"]
            if at < first.at:
                first = replace(first, at=at)
                world.write(first)
            if told[-1].data["mark"] == signature(order):
                return first
            before = _sum(told, "points"), _sum(told, "spend")
        else:
            times = self._times_for(world)
        worth = worth_of(order, self._loyalty, times)
        points = _ZERO if history else worth.points
        earned: dict[str, Any] = {
            "kind": "order", "order": order.id, "number": len(told) + 1,
            "points": str(points - before[0]), "spend": written(worth.goods - before[1]),
            "times": intern(str(times)),
            "mark": signature(order, worth.goods),
            "bonus": 0 if history or told else self._loyalty.first_order,
            "rounding": self._loyalty.rounding, "history": history,
        }  # fmt: skip
        key = _key("order", len(told) + 1, order.id)
        record = Record(book=BOOK, key=key, at=at, data=earned)
        world.write(record)
        return record if first is None else first

    def give_back(self, world: World, order: Order) -> None:
        """Enter what was given back of an order, and why none of it counts any more."""
        for reason, at in losses(order):
            data = {"kind": "void", "order": order.id, "reason": reason}
            enter(world, Record(book=BOOK, key=f"void:{order.id}:{reason}", at=at, data=data))
        if not order.refunds:
            return
        booked = world.books.get((BOOK, grant_key(order.id)))
        times = Decimal(booked.data["times"]) if booked is not None else _ONE
        worth = worth_of(order, self._loyalty, times)
        for refund in order.refunds.values():
            about = f"{order.id}:{refund.id}"
            entered = world.books.get((BOOK, _key("refund", 1, about)))
            told = [] if entered is None else _told(world, "refund", about, entered)
            mark = refund_signature(order, refund)
            if told:
                if refund.at < told[0].at:
                    world.write(replace(told[0], at=refund.at))
                if told[-1].data["mark"] == mark:
                    continue
            back = back_of(order, refund, worth)
            part: dict[str, Any] = {
                "kind": "refund", "order": order.id, "refund": refund.id,
                "number": len(told) + 1, "mark": mark,
                "points": str(back.points - _sum(told, "points")),
                "share": str(back.share - _sum(told, "share")),
            }  # fmt: skip
            key = _key("refund", len(told) + 1, about)
            enter(world, Record(book=BOOK, key=key, at=refund.at, data=part))

    def mature(
        self, world: World, order: Order, fresh: list[str], context: Context, *, is_lost: bool
    ) -> bool:
        """Let an order's points count once it can no longer be returned; else look again then.

        Returns whether that is another time than was known.
        """
        record = world.books[BOOK, grant_key(order.id)]
        return self._mature(world, order, record, fresh, context, is_lost=is_lost)

    def _mature(
        self, world: World, order: Order, record: Record, fresh: list[str], context: Context, *,
        is_lost: bool,
    ) -> bool:  # fmt: skip
        key, due = maturing_key(order.id), None
        if not is_lost and (BOOK, key) not in world.books:
            due = self._matures_at(order, record.at, context)
        if due is not None and due <= context.now:
            data = {"kind": "matured", "order": order.id}
            enter(world, Record(book=BOOK, key=key, at=max(due, record.at), data=data))
            fresh.append(key)
            due = None
        if record.due_at == due:
            return False
        world.defer(record, due)
        return True

    def _matures_at(self, order: Order, placed: datetime, context: Context) -> datetime | None:
        """When nothing of the order can come back any more; None while nothing was paid."""
        zone, window = context.rules.store_zone, self._loyalty.pending
        delivered = order.facts.get("delivered")
        if delivered is not None:
            due = add(delivered, window.after_delivery, zone)
        elif "paid" in order.facts:
            due = max(add(placed, window.after_order, zone), order.facts["paid"])
        else:
            return None
        return context.now + _AGAIN if order.has_open_return and due <= context.now else due

    def _times_for(self, world: World) -> Decimal:
        """How many times the points this customer gets for orders: by tier, then by tag."""
        account = account_of(world)
        tier = None if account is None else account.data["tier"]
        times = self._times.get(tier or "", _ONE)
        for tag in world.customer.tags:
            times *= self._tags.get(tag, _ONE)
        return times


def enter(world: World, record: Record) -> bool:
    """Enter a record that the book lacks. One that it has keeps the earliest of its times."""
    told = world.books.get((BOOK, record.key))
    if told is None:
        world.write(record)
    elif record.at < told.at:
        world.write(replace(told, at=record.at))
    return told is None


def account_of(world: World) -> Record | None:
    """The account's page."""
    return world.books.get((BOOK, ACCOUNT))


def _told(world: World, kind: str, about: str, first: Record) -> list[Record]:
    """What is told already of an order's worth, or of one of its refunds, oldest first."""
    books, told = world.books, [first]
    while (found := books.get((BOOK, _key(kind, len(told) + 1, about)))) is not None:
        told.append(found)
    return told


def _key(kind: str, number: int, about: str) -> str:
    return f"{kind}:{about}" if number == 1 else f"{kind}.{number}:{about}"


def _sum(told: Sequence[Record], name: str) -> Decimal:
    return sum((Decimal(one.data[name]) for one in told), _ZERO)
