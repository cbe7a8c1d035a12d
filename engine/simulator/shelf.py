"""The nightly computations' storage, answered by a memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from engine.core.book import Record
from engine.core.shopping import BOOK, PAGE
from engine.ports.shopping import Buyer
from engine.programs.purchases import microseconds
from engine.programs.spend_classes import Spender
from engine.programs.suggesting import Shelved
from engine.simulator.memory import Memory

_MONEY: Final = 10_000  # as the database counts it


class MemoryShopping:
    """``engine.ports.shopping.ShoppingStorage`` over a memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._filled: dict[str, datetime] = {}

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Always: nobody else is there."""
        yield True

    def taken_at(self) -> datetime | None:
        """When the shelf was last filled."""
        return max(self._filled.values(), default=None)

    def buyers(self, after: str, limit: int) -> Sequence[Buyer]:
        """The next customers who have ordered, by id."""
        people = self._memory.people
        ids = sorted(each for each in people if each > after)
        found: list[Buyer] = []
        for customer_id in ids:
            person = people[customer_id]
            customer = person.customer
            last = customer.last_order_at
            counts = customer.orders_count > 0 and last is not None
            if counts or (BOOK, PAGE) in person.books:
                spender = None
                if customer.orders_count > 0 and last is not None:
                    spender = Spender(
                        last_order_at=microseconds(last),
                        orders=customer.orders_count,
                        spent=int(customer.total_spent * _MONEY),
                    )
                orders = list(person.orders.values())
                found.append(Buyer(customer_id=customer_id, spender=spender, orders=orders))
            if len(found) == limit:
                break
        return found

    def fill_shelf(self, shelved: Sequence[Shelved], at: datetime) -> None:
        """Put products on the shelf."""
        for one in shelved:
            self._memory.shelf[one.product_id] = one
            self._filled[one.product_id] = at

    def clear_shelf(self, before: datetime) -> None:
        """Take from the shelf what was put there before."""
        for product_id in [one for one, at in self._filled.items() if at < before]:
            del self._filled[product_id], self._memory.shelf[product_id]

    def rewrite_pages(
        self, customer_ids: Sequence[str], write: Callable[[str, Record | None], Record | None]
    ) -> int:
        """Write pages anew."""
        written = 0
        for customer_id in customer_ids:
            person = self._memory.people.get(customer_id)
            if person is None:
                continue
            record = write(customer_id, person.books.get((BOOK, PAGE)))
            if record is not None:
                self._memory.keep_record(person, record)
                written += 1
        return written
