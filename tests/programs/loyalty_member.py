"""One member of a loyalty program: events go in as from a shop, and time passes as tests say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from config.loyalty import Loyalty
from engine.core.book import Books
from engine.core.campaign import Plans
from engine.core.context import Context
from engine.core.customer import Customer
from engine.core.merging import merge_worlds
from engine.core.projection import project
from engine.core.world import Emitted, World
from engine.programs.loyalty import LoyaltyProgram
from engine.programs.loyalty_account import Reading
from engine.programs.loyalty_ledger import Ledger, LedgerReader, Line, read_ledger
from engine.programs.program import Programs
from engine.services.bookkeeping import look_at_due
from tests.core.shop import Shop
from triggers.event import CustomerFacts, Event, LineFacts, OrderFacts, RefundFacts

T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


class Member:
    """A customer, the program, and the moment."""

    def __init__(self, name: str = "ann", **policy: Any) -> None:
        self.policy = Loyalty.model_validate(policy)
        self.programs = Programs((LoyaltyProgram(self.policy),))
        self.shop = Shop(plans=Plans.of(()), programs=self.programs, now=T0)
        self.shop.world = World(customer=Customer(id=name, created_at=T0), complete=True)

    @property
    def world(self) -> World:
        return self.shop.world

    @property
    def now(self) -> datetime:
        return self.shop.now

    @property
    def context(self) -> Context:
        return self.shop.context

    @property
    def ledger(self) -> Ledger:
        """What has been read entry by entry, which is what all of them say at once."""
        reading = Reading.of(self.world, self.policy, self.context.rules.store_zone)
        reading.read(self.world.books)
        anew = LedgerReader()
        anew.read(Books(self.world.books.values()))
        assert reading.ledger == anew.ledger == read_ledger(self.world.book("points"))[0]
        return reading.ledger

    @property
    def lines(self) -> Sequence[Line]:
        """Every line of the ledger."""
        return read_ledger(self.world.book("points"))[1]

    @property
    def page(self) -> dict[str, Any]:
        record = self.world.books.get(("points", "account"))
        return {} if record is None else dict(record.data)

    @property
    def told(self) -> list[Emitted]:
        """What campaigns were told, each once, as storage keeps it."""
        return list({one.id: one for one in self.world.changes.emitted}.values())

    def heard(self, kind: str) -> list[Any]:
        """The points, or tiers, of all that was told of one type."""
        name = "tier" if kind == "tier.reached" else "points"
        return [one.data[name] for one in self.told if one.type == kind]

    def tell(self, event: Event, *, backfill: bool = False) -> None:
        """Take in an event, at its own time at the earliest."""
        if event.time > self.now:
            self.run_to(event.time)
        for transition in project(self.world, event):
            self.programs.follow(self.world, transition, self.context, backfill=backfill)

    def run_to(self, moment: datetime) -> None:
        """Let time pass, from due moment to due moment."""
        while True:
            dues = [one.due_at for one in self.world.books.values() if one.due_at is not None]
            due = min(dues, default=moment)
            if due > moment or not dues:
                break
            self.shop.now = max(self.now, due)
            look_at_due(self.world, self.programs, self.context)
        self.shop.now = moment

    def merge(self, younger: Member) -> None:
        merge_worlds(self.world, younger.world, self.context)


def order(
    key: str = "1", total: str = "100.00", *, at: datetime = T0, kind: str = "order.paid",
    lines: Sequence[LineFacts] | None = None, **more: Any,
) -> Event:  # fmt: skip
    """A report with all of an order's own fields; placed and paid unless told otherwise."""
    facts: dict[str, Any] = {"placed_at": at, "paid_at": at, "total": Decimal(total)} | more
    return Event(
        id=f"{kind}:{key}:{more}", source="shop", type=kind, time=at, customer=CustomerFacts(),
        order=OrderFacts(id=key, lines=None if lines is None else tuple(lines), **facts),
    )  # fmt: skip


def refund(
    key: str, amount: str | None, *, at: datetime = T0, number: str = "1", **more: Any
) -> Event:
    """A report of a refund alone, as platforms send them."""
    told = RefundFacts(id=number, amount=None if amount is None else Decimal(amount), at=at, **more)
    return Event(
        id=f"refund:{key}:{number}", source="shop", type="order.refunded", time=at,
        order=OrderFacts(id=key, partial=True, refunds=(told,)),
    )  # fmt: skip


def event(kind: str, number: int = 1, *, at: datetime = T0, order: str | None = None,
          **data: Any) -> Event:  # fmt: skip
    """Any other event."""
    about = None if order is None else OrderFacts(id=order, partial=True)
    return Event(id=f"{kind}:{number}:{order}", source="shop", type=kind, time=at, order=about,
                 data=data)  # fmt: skip
