"""Nights from nothing, as the daemon has them, over the memory of a simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from engine.core.book import Record
from engine.core.instants import microseconds
from engine.core.shopping import BOOK, PAGE
from engine.passage import House
from engine.ports.shopping import Buyer
from engine.programs.spend_classes import Spender
from engine.programs.suggesting import Shelved
from engine.services.stocktaking import Stocktaking
from engine.simulator.house import house_of
from engine.simulator.memory import Memory
from engine.simulator.nights import MemoryNights
from engine.simulator.premises import Premises

Written = dict[str, tuple[Any, datetime | None]]  # data and due_at, by customer
Seen = tuple[datetime, Written, list[Shelved], list[str]]


class WholeShopping:
    """``engine.ports.shopping.ShoppingStorage`` over a memory: everything is written."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._shelf: dict[str, Shelved] = {}
        self._filled: dict[str, datetime] = {}

    @contextmanager
    def alone(self) -> Iterator[bool]:
        yield True

    def taken_at(self) -> datetime | None:
        return max(self._filled.values(), default=None)

    def buyers(self, after: str, limit: int) -> Sequence[Buyer]:
        found = []
        for who, person in sorted(self._memory.people.items()):
            one = person.customer
            counts = one.orders_count > 0 and one.last_order_at is not None
            if who > after and (counts or (BOOK, PAGE) in person.books):
                spender = None
                if one.orders_count > 0 and one.last_order_at is not None:
                    spender = Spender(
                        last_order_at=microseconds(one.last_order_at),
                        orders=one.orders_count,
                        spent=int(one.total_spent * 10_000),
                    )
                found.append(Buyer(customer_id=who, spender=spender,
                                   orders=list(person.orders.values())))  # fmt: skip
        return found[:limit]

    def fill_shelf(self, shelved: Sequence[Shelved], at: datetime) -> None:
        self._shelf |= {one.product_id: one for one in shelved}
        self._filled |= {one.product_id: at for one in shelved}

    def clear_shelf(self, before: datetime) -> None:
        for gone in [one for one, at in self._filled.items() if at < before]:
            del self._filled[gone], self._shelf[gone]
        self._memory.shelf = self._shelf
        ranked = [one for one in self._shelf.values() if one.rank is not None]
        ranked.sort(key=lambda one: one.rank or 0)
        self._memory.popular = lambda: ranked

    def rewrite_pages(
        self, customer_ids: Sequence[str], write: Callable[[str, Record | None], Record | None]
    ) -> int:
        written = 0
        for who in customer_ids:
            person = self._memory.people[who]
            record = write(who, person.books.get((BOOK, PAGE)))
            if record is not None:
                self._memory.keep_records(person, [record])
                written += 1
        return written


class Watched:
    """Nights of which everything that they write is looked at, or of one in ``every`` so many."""

    def __init__(
        self, nights: Stocktaking | MemoryNights, premises: Premises, every: int = 1
    ) -> None:
        self._nights = nights
        self._every = every
        self._number = 0
        self._premises = premises
        self.seen: list[Seen] = []

    def next_night(self, after: datetime) -> datetime:
        return self._nights.next_night(after)

    def wanted(self) -> bool:
        return self._nights.wanted()

    def run(self) -> None:
        self._nights.run()
        self._number += 1
        if self._number % self._every:
            return
        memory, now = self._premises.memory, self._premises.clock.now()
        pages: Written = {}
        for who, person in memory.people.items():
            memory.turn_page(person)
            if (record := person.books.get((BOOK, PAGE))) is not None:
                at = record.due_at
                falls_due = at is not None and at < self._nights.next_night(now)
                pages[who] = (dict(record.data), at if falls_due else None)
        shelf = [
            replace(one, together=tuple(one.together), next=tuple(one.next))
            for _, one in sorted(memory.shelf.items())
        ]
        self.seen.append((now, pages, shelf, [one.product_id for one in memory.popular()]))


def from_nothing(premises: Premises) -> House:
    """A simulation whose nights are the daemon's."""
    memory = premises.memory
    memory.bought, memory.turn_page = None, lambda person: None
    return replace(
        house_of(premises),
        stocktaking=Stocktaking(
            storage=WholeShopping(memory),
            policy=lambda: premises.policy,
            clock=premises.clock,
            wanted=premises.stocktaking.wanted,
        ),
    )


def watched(premises: Premises, house: House, every: int = 1) -> tuple[House, Watched]:
    """The same house with somebody who reads everything after each night."""
    assert isinstance(house.stocktaking, Stocktaking | MemoryNights)
    eyes = Watched(house.stocktaking, premises, every)
    return replace(house, stocktaking=eyes), eyes
