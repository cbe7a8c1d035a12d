"""A shop of several customers whose programs tell each other of them, in memory.

Events of our own go where the daemon takes them: to the customer whose they are or who keeps the
record that is named, with the other customer beside, each once by its id.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, cast

from config.loyalty import Loyalty
from config.referrals import ReferralProgram
from engine.core.beside import beside
from engine.core.book import Record
from engine.core.context import Context
from engine.core.customer import Customer
from engine.core.merging import merge_worlds
from engine.core.projection import project
from engine.core.world import World
from engine.ports.storage import UnitOfWork
from engine.programs.loyalty import LoyaltyProgram
from engine.programs.program import Program, Programs
from engine.programs.referral_records import CODES
from engine.programs.referrals import Referrals
from engine.services.batch import told
from tests.core.shop import RULES, T0
from tests.programs.offers import Pool, keyed, offer, program
from triggers.event import Event

LONG_AGO = datetime(2025, 6, 1, tzinfo=T0.tzinfo)


class Town:
    """Customers by name, the shop's programs, and the moment."""

    def __init__(
        self,
        *names: str,
        referrals: dict[str, Any] | None = None,
        loyalty: dict[str, Any] | None = None,
        offers: dict[str, Any] | None = None,
        codes: Sequence[str] = (),
    ) -> None:
        self.rules = {
            name: ReferralProgram.model_validate(each) for name, each in (referrals or {}).items()
        }
        programs: list[Program] = []
        if offers is not None:
            programs.append(program(**{name: offer(**each) for name, each in offers.items()}))
        if loyalty is not None:
            programs.append(LoyaltyProgram(Loyalty.model_validate(loyalty)))
        programs.append(Referrals(self.rules, keyed, lambda email: [f"mark:{email}"]))
        self.programs = Programs(tuple(programs))
        self.pool = Pool(list(codes))
        self.now = T0
        self.worlds = {name: _person(name) for name in names}
        self.moved: dict[str, str] = {}
        self.told: dict[str, Event] = {}  # of our own, by id
        self.held: list[Event] = []  # those that have converted, as they were told

    def world(self, name: str) -> World:
        while name in self.moved:
            name = self.moved[name]
        return self.worlds[name]

    def give_code(self, name: str, code: str, program: str) -> None:
        """As an invitation does, long before anything that a test tells."""
        self.world(name).write(
            Record(book=CODES, key=code, at=LONG_AGO, data={"program": program})
        )  # fmt: skip

    def tell(self, name: str, event: Event) -> None:
        """Take in an event of a customer, and all that follows of it."""
        self._take(self.world(name), event, None)
        self._follow()

    def run_to(self, moment: datetime) -> None:
        """Let time pass, from due moment to due moment."""
        while True:
            dues = sorted(
                (record.due_at, name, record.book, record.key)
                for name, world in self.worlds.items()
                for record in world.books.values()
                if record.due_at is not None and record.due_at <= moment
            )
            if not dues:
                break
            due, name, book, key = dues[0]
            self.now = max(self.now, due)
            world = self.worlds[name]
            self.programs.on_due(world, world.books[book, key], self._context(None))
            self._follow()
        self.now = max(self.now, moment)

    def merge(self, stays: str, goes: str) -> None:
        """Two customers turn out to be one."""
        older, younger = self.world(stays), self.world(goes)
        if older is younger:
            return
        merge_worlds(older, younger, self._context(None))
        gone = younger.customer.id
        self.moved[gone] = older.customer.id
        del self.worlds[gone]
        self._follow()

    def _context(self, other: World | None) -> Context:
        return Context(
            now=self.now, rules=RULES, shared=self.pool, programs=self.programs, beside=other
        )  # fmt: skip

    def _take(self, world: World, event: Event, other: World | None) -> None:
        context = self._context(other)
        for transition in project(world, event):
            self.programs.follow(world, transition, context, backfill=False)

    def _take_beside(self, world: World, event: Event, other: World | None) -> None:
        """With the other customer as storage loads them: with the order that is named alone."""
        if other is None or other is world:
            self._take(world, event, other)
            return
        orders, named = other.orders, beside(event)
        wanted = "" if named is None else named.order_id or ""
        other.orders = {wanted: orders[wanted]} if wanted in orders else {}
        self._take(world, event, other)
        other.orders = orders

    def _follow(self) -> None:
        """Take in what the programs have told, until they tell no more."""
        unit = cast(UnitOfWork, self)
        while found := [
            each.event
            for batch in told(unit, list(self.worlds.values()), self.now)
            for each in batch
            if each.event.id not in self.told
        ]:
            for world in self.worlds.values():
                world.changes.emitted.clear()
            for event in found:
                if event.id in self.told:
                    continue
                self.told[event.id] = event
                if event.type == "referral.converted":
                    self.held.append(event)
                assert event.customer is not None
                named = beside(event)
                other = None if named is None else self.world(named.customer_id)
                self._take_beside(self.world(event.customer.id or ""), event, other)
        for world in self.worlds.values():
            world.changes.emitted.clear()

    def keepers(
        self, places: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[str, datetime]]]:
        """Who keeps a record, as storage answers it for ``engine.services.batch.told``."""
        return {
            place: [
                (name, world.books[place].at)
                for name, world in self.worlds.items()
                if place in world.books
            ]
            for place in places
        }


def _person(name: str) -> World:
    """Somebody who is like nobody else of the town."""
    customer = Customer(
        id=name,
        created_at=LONG_AGO,
        email=f"{name}@{name}.example",
        first_name=name * 2,
        last_name=name[::-1] * 3,
    )
    return World(customer=customer, complete=True)
