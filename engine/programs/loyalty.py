"""Loyalty: points for orders and actions, what takes them back, tiers, rewards and expiry.

Every entry of the book ``points`` is told once, by the key of its cause: ``order:<order>``,
``refund:<order>:<refund>``, ``void:<order>:<reason>``, ``matured:<order>``, ``action:<event>``,
``award:<journey>:<step>``, ``referral:<event>``, ``redeem:<event>``, ``adjust:<event>``. Where a
later report changes what an order is worth or what was given back, the difference is an entry of
its own (``order.2:<order>``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from hashlib import blake2b
from typing import Any

from config.loyalty import Loyalty
from engine.core.book import Place, Record
from engine.core.context import Context, Taken
from engine.core.entry import MAX_CAUSES
from engine.core.merging import MERGED
from engine.core.points import ACCOUNT, BOOK
from engine.core.timing import add
from engine.core.transition import Transition
from engine.core.verbs import AwardPoints, ProgramStep
from engine.core.world import Emitted, Journey, World
from engine.programs.loyalty_account import Expiring, Reading, page, stamp, warning_key
from engine.programs.loyalty_booking import (
    CHANGES,
    OPENS,
    OrderBooking,
    account_of,
    enter,
)
from engine.programs.loyalty_grants import grant_key
from engine.programs.loyalty_ledger import Ledger, Line
from engine.programs.loyalty_orders import goods_of, losses
from engine.programs.loyalty_tiers import PREFIX, Standing
from engine.programs.referral_records import CONVERTED, is_reward

_REDEEM, _ADJUST = "points.redeem", "points.adjust"


class LoyaltyProgram:
    """The program of a store's ``loyalty:`` section; see ``engine.programs.program.Program``."""

    books = frozenset({BOOK})

    def __init__(self, loyalty: Loyalty, zone: str = "") -> None:
        self._loyalty = loyalty
        self._zone = zone  # the name of the shop's
        self._actions = {rule.event: rule for rule in loyalty.actions}
        self._orders = OrderBooking(loyalty)
        self.follows = (
            OPENS
            | CHANGES
            | self._actions.keys()
            | {_REDEEM, _ADJUST, CONVERTED, MERGED, "customer.updated"}
        )

    @property
    def edition(self) -> tuple[Place, str]:
        """Accounts are looked at when something of them changes, and when the policy does."""
        policy = f"{self._loyalty.model_dump_json()} {self._zone}"
        return (BOOK, ACCOUNT), blake2b(policy.encode(), digest_size=16).hexdigest()

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        """Book what an event means for the customer's points."""
        kind = transition.type
        fresh: list[str] = []
        before, deferred = world.changes.written, False
        if kind in OPENS or kind in CHANGES:
            order = world.orders.get(transition.order_id or "")
            if order is not None:
                deferred = self._orders.follow(
                    world, order, kind, fresh, context, backfill=backfill
                )
        if not backfill:
            if kind in self._actions:
                self._act(world, transition, fresh)
            elif kind in (_REDEEM, _ADJUST):
                self._ask(world, transition, context)
            if kind == CONVERTED and is_reward(transition):
                _reward_referral(world, transition, fresh)
        told_of_account = kind in (MERGED, "customer.updated") and account_of(world) is not None
        if (
            told_of_account
            or world.changes.written != before
            or (deferred and self._is_to_be_looked_at(world, context.now))
        ):
            self._sum_up(world, context, fresh, transition.causes, quiet=backfill)

    def _is_to_be_looked_at(self, world: World, now: datetime) -> bool:
        """Whether an account may change although nothing is entered: by time, or by a birthday."""
        account = account_of(world)
        if account is None or (self._loyalty.birthday and world.changes.customer):
            return True
        return account.due_at is not None and account.due_at <= now

    def on_due(self, world: World, record: Record, context: Context) -> None:
        """Let an order's points mature, or look at the account: expiry, tiers, the calendar."""
        fresh: list[str] = []
        if record.key != ACCOUNT:
            order = world.orders.get(record.data.get("order", ""))
            if order is None:
                world.defer(record, None)
            else:
                is_lost = bool(losses(order))
                self._orders.mature(world, order, fresh, context, is_lost=is_lost)
        self._sum_up(world, context, fresh, (), quiet=False)

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        """Award points, once for a journey and step."""
        if not isinstance(step, AwardPoints):
            return None
        key = f"award:{journey.id}:{step.id}"
        told = world.books.get((BOOK, key))
        if told is None:
            points = step.points * step.multiplier
            more: dict[str, Any] = {}
            if step.per is not None:
                order = world.orders.get(journey.order_id or "")
                if order is None:
                    return Taken(code="no_order", done=False)
                if losses(order):
                    return Taken(code="order_lost", done=False)
                points = goods_of(order) * points / step.per
                more = {"order": order.id, "exact": str(points.quantize(Decimal("0.000001")))}
            whole = int(points.to_integral_value(rounding=ROUND_FLOOR))
            if whole <= 0:
                return Taken(code="no_points", done=False)
            data = {"kind": "award", "points": whole, "reason": step.reason,
                    "campaign": journey.campaign, "step": step.id, **more}  # fmt: skip
            told = Record(book=BOOK, key=key, at=context.now, data=data)
            world.write(told)
            if step.per is not None:
                self._orders.give_back(world, world.orders[journey.order_id or ""])
            causes = (*journey.trigger.get("causes", ()), journey.campaign)
            self._sum_up(world, context, [key], causes, quiet=False)
        points_given = told.data["points"]
        trace = {"points": points_given, "reason": told.data["reason"]}
        return Taken(code="points_awarded", results={"points": points_given}, trace=trace)

    def _act(self, world: World, transition: Transition, fresh: list[str]) -> None:
        rule = self._actions[transition.type]
        key = f"action:{transition.id}"
        data = {
            "kind": "action", "event": rule.event, "points": rule.points,
            "at_most": rule.at_most, "per": rule.per.nominal_seconds if rule.per else None,
        }  # fmt: skip
        if enter(world, Record(book=BOOK, key=key, at=transition.time, data=data)):
            fresh.append(key)

    def _ask(self, world: World, transition: Transition, context: Context) -> None:
        """Take points for a reward, or book what a person decided; a refusal is booked as well."""
        is_reward = transition.type == _REDEEM
        key = f"{'redeem' if is_reward else 'adjust'}:{transition.id}"
        if (BOOK, key) in world.books:
            return
        reading = Reading.of(world, self._loyalty, context.rules.store_zone)
        reading.read(world.books)
        points, balance = _whole(transition.data.get("points")), reading.ledger.balance
        offer = None
        if is_reward:
            offer, points = self._reward(transition.data.get("offer"), points)
        data: dict[str, Any] = {"kind": "redeemed" if is_reward else "adjusted", "points": points}
        refusal = None
        if is_reward:
            data["offer"] = offer
            if offer is None:
                refusal = "no_such_reward"
            elif balance < points:
                refusal = "not_enough_points"
        else:
            data["note"] = str(transition.data.get("note") or "")[:200]
            if not points:
                refusal = "no_points"
            elif points < 0 and balance + points < 0 and not self._loyalty.allow_negative:
                refusal = "not_enough_points"
        if refusal is not None:
            data = {"kind": "refused", "points": points, "reason": refusal}
        world.write(Record(book=BOOK, key=key, at=transition.time, data=data))
        if is_reward and refusal is None:
            _tell(
                world, f"points.redeemed:{transition.id}", "points.redeemed", transition.time,
                {"points": points, "offer": data["offer"], "balance": balance - points,
                 "redemption": key}, transition.causes,
            )  # fmt: skip

    def _reward(self, named: object, points: int) -> tuple[str | None, int]:
        """The reward that is meant, by name, else by what it costs, and what it does cost."""
        rewards = self._loyalty.redeem
        if isinstance(named, str):
            return (named, rewards[named]) if named in rewards else (None, points)
        offers = sorted(offer for offer, cost in rewards.items() if cost == points)
        return (offers[0] if offers else None), points

    def _sum_up(
        self, world: World, context: Context, fresh: list[str], causes: tuple[str, ...], *,
        quiet: bool,
    ) -> None:  # fmt: skip
        """Enter what time has brought, tell the news, write the account's page."""
        now, zone, loyalty = context.now, context.rules.store_zone, self._loyalty
        account = world.books.get((BOOK, ACCOUNT))
        opened = now if account is None else account.at
        if account is None and _had_orders(world):
            enter(world, Record(book=BOOK, key=f"veteran:{world.customer.id}", at=now,
                                      data={"kind": "veteran"}))  # fmt: skip
        reading = Reading.of(world, loyalty, zone)
        due, gift_at = reading.gifts(world.customer, opened, now)
        for gift in due:
            data = {"kind": "gift", "reason": gift.reason, "points": gift.points}
            if enter(world, Record(book=BOOK, key=gift.key, at=gift.at, data=data)):
                fresh.append(gift.key)
        lines: list[Line] | None = [] if fresh and not quiet else None
        reading.read(world.books, lines)
        expires = reading.expiring(world.customer, world.books)
        if expires is not None and expires.is_due(now):
            self._expire(world, reading.ledger, expires, context)
            reading.read(world.books, lines)
            expires = reading.expiring(world.customer, world.books)
        if lines is not None:
            _tell_earned(world, reading.ledger, lines, fresh, causes, now)
        stands = self._review(world, reading, context, causes, quiet=quiet)
        due_at = gift_at
        looks: tuple[datetime | None, ...] = (stands.review_at,)
        if expires is not None:
            looks = (stands.review_at, expires.warn_at, expires.at)
        for at in looks:
            if at is not None and at > now and (due_at is None or at < due_at):
                due_at = at
        written = page(loyalty, reading.ledger, stands, expires)
        if account is None or account.data != written:
            world.write(Record(book=BOOK, key=ACCOUNT, at=opened, data=written, due_at=due_at))
        elif account.due_at != due_at:
            world.defer(account, due_at)

    def _expire(self, world: World, ledger: Ledger, expires: Expiring, context: Context) -> None:
        """Warn once, and take what nobody used in time."""
        now, zone, customer = context.now, context.rules.store_zone, world.customer
        rule = self._loyalty.expire
        assert rule is not None
        if expires.warn_at is None:
            key = f"expired:{customer.id}:{stamp(expires.since)}"
            data: dict[str, Any] = {"kind": "expired", "points": ledger.balance}
            enter(world, Record(book=BOOK, key=key, at=expires.at, data=data))
            return
        assert rule.warn is not None
        until = max(expires.at, add(now, rule.warn, zone))
        data = {"kind": "warned", "until": until.isoformat()}
        key = warning_key(customer, expires.since)
        world.write(Record(book=BOOK, key=key, at=now, data=data))
        told = {"points": ledger.balance, "expires_at": until.isoformat()}
        name = f"points.expiring:{customer.id}:{stamp(expires.since)}"
        _tell(world, name, "points.expiring", now, told, ())

    def _review(
        self, world: World, reading: Reading, context: Context, causes: tuple[str, ...], *,
        quiet: bool,
    ) -> Standing:  # fmt: skip
        now, customer = context.now, world.customer
        while True:
            stands = reading.standing(now)
            if stands.change is None:
                return stands
            data = {"kind": "tier", **stands.change}
            key = f"{PREFIX}{customer.id}:{len(reading.ledger.tiers):05}"
            world.write(Record(book=BOOK, key=key, at=now, data=data))
            if stands.change["change"] == "rose" and not quiet:
                told = {name: stands.change[name] for name in ("tier", "previous")}
                name = f"tier.reached:{customer.id}:{stands.change['tier']}:{stamp(now)}"
                _tell(world, name, "tier.reached", now, told, causes)
            reading.read(world.books)


def _tell_earned(
    world: World,
    ledger: Ledger,
    lines: Sequence[Line],
    fresh: list[str],
    causes: tuple[str, ...],
    now: datetime,
) -> None:
    balance = max(0, ledger.balance)
    for line in {line.key: line for line in lines}.values():
        if line.points > 0 and line.key in fresh:
            data = line.data
            reason = data.get("reason") or data.get("event") or "order"
            told = {"points": line.points, "balance": balance, "reason": reason}
            name = f"points.earned:{world.customer.id}:{line.key}"
            _tell(world, name, "points.earned", now, told, causes, data.get("order"))


def _reward_referral(world: World, transition: Transition, fresh: list[str]) -> None:
    """Give what the referral program promised for a friend."""
    points = _whole(transition.data.get("points"))
    if points <= 0:
        return
    key = f"referral:{transition.id}"
    data = {"kind": "referral", "points": points, "reason": "referral",
            "program": transition.data.get("program")}  # fmt: skip
    if enter(world, Record(book=BOOK, key=key, at=transition.time, data=data)):
        fresh.append(key)


def _tell(
    world: World, name: str, kind: str, at: datetime, data: dict[str, Any],
    causes: tuple[str, ...], order: str | None = None,
) -> None:  # fmt: skip
    """Tell campaigns, unless this itself came of too long a chain of them."""
    if len(causes) <= MAX_CAUSES:
        world.report(
            Emitted(id=name, type=kind, time=at, data=data, causes=causes, order_id=order)
        )  # fmt: skip


def _had_orders(world: World) -> bool:
    """Whether the customer had ordered before the program first heard of them."""
    counted = sum(
        one.known and not one.is_test and "cancelled" not in one.facts
        for one in world.orders.values()
        if (BOOK, grant_key(one.id)) in world.books
    )
    return world.customer.orders_count > counted


def _whole(value: Any) -> int:
    """Whole points, 0 when it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
