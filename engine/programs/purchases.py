"""The shop's orders as the nightly computations read them: products by number, baskets by customer.

Numbers in the place of ids keep a million order lines small, and counting them quick.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.core.customer import Order
from engine.core.shopping import kept_lines

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DAY: Final = 86_400_000_000  # microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product as it was last sold; ``key`` is its id at the platform, else its stock number."""

    key: str
    title: str
    url: str | None = None
    image_url: str | None = None


@dataclass(frozen=True, slots=True)
class Basket:
    """One order: when it was placed, in microseconds since the epoch, and what of it was kept.

    ``products`` are numbers, each once; ``pieces`` how many of each.
    """

    at: int
    order_id: str
    products: tuple[int, ...]
    pieces: tuple[int, ...]


@dataclass(slots=True)
class Purchases:
    """What all customers bought and kept since ``since``. ``customers`` maps each to their baskets.

    Baskets stand in the order in which they were placed.
    """

    since: datetime
    products: list[Product] = field(default_factory=list)
    customers: dict[str, Sequence[Basket]] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _sold: list[int] = field(default_factory=list)  # when each product was last sold

    def add(self, customer_id: str, orders: Iterable[Order]) -> None:
        """Take in all orders of one customer."""
        baskets = [basket for order in orders if (basket := self._basket(order)) is not None]
        if baskets:
            baskets.sort(key=lambda basket: (basket.at, basket.order_id))
            self.customers[customer_id] = baskets

    def baskets(self) -> Iterable[Basket]:
        """The baskets of all customers."""
        for baskets in self.customers.values():
            yield from baskets

    @property
    def numbers(self) -> Mapping[str, int]:
        """Every product's number, by its key."""
        return self._numbers

    def _basket(self, order: Order) -> Basket | None:
        placed = order.placed_at
        if placed is None or placed < self.since:
            return None
        at = microseconds(placed)
        pieces: dict[int, int] = {}
        for key, left, line in kept_lines(order):
            number = self._numbers.get(key)
            if number is None:
                number = self._numbers[key] = len(self.products)
                self.products.append(Product(key=key, title=line.title))
                self._sold.append(-1)
            if at > self._sold[number]:
                self._sold[number] = at
                self.products[number] = Product(
                    key=key,
                    title=line.title or self.products[number].title,
                    url=line.url,
                    image_url=line.image_url,
                )
            pieces[number] = pieces.get(number, 0) + left
        if not pieces:
            return None
        return Basket(at, order.id, tuple(pieces), tuple(pieces.values()))


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def instant(at: int) -> datetime:
    """The moment so many microseconds after the epoch."""
    return _EPOCH + timedelta(microseconds=at)
