"""What the nightly computations read of the shop's orders, and where their outcome is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.core.book import Record
from engine.core.customer import Order
from engine.programs.spend_classes import Spender
from engine.programs.suggesting import Shelved


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """A customer who has ordered, with all their orders.

    ``spender`` is None when none of the orders counts any more.
    """

    customer_id: str
    spender: Spender | None
    orders: Sequence[Order]


class ShoppingStorage(Protocol):
    """The orders, the shelf, and the customers' pages."""

    def alone(self) -> AbstractContextManager[bool]:
        """Whether no other process takes stock now; none will until the end."""
        ...

    def taken_at(self) -> datetime | None:
        """When the shelf was last filled."""
        ...

    def buyers(self, after: str, limit: int) -> Sequence[Buyer]:
        """The next customers who have ordered, by id."""
        ...

    def fill_shelf(self, shelved: Sequence[Shelved], at: datetime) -> None:
        """Put products on the shelf, in the place of those with the same id."""
        ...

    def clear_shelf(self, before: datetime) -> None:
        """Take from the shelf what was put there before."""
        ...

    def rewrite_pages(
        self, customer_ids: Sequence[str], write: Callable[[str, Record | None], Record | None]
    ) -> int:
        """Write the pages of customers anew, each from what it says now; how many were written.

        In one short transaction in which nobody else decides for them. ``write`` gives None where
        the page is to stay as it is.
        """
        ...
