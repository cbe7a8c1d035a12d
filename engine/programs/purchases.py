"""The shop's orders as the nightly computations read them: products by number, baskets by customer.

Numbers in the place of ids keep a million order lines small, and counting them quick.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from engine.core.customer import Order
from engine.core.instants import microseconds
from engine.core.shopping import kept_lines
from engine.core.value import value_class

DAY: Final = 86_400_000_000  # microseconds
_EVER: Final = -(2**63)
_SMALL: Final = 2  # products of baskets of which a shop has many alike
LARGEST_BASKET: Final = 200  # different products: more are a stock, and say nothing of taste


@value_class
class Product:
    """A product as it was last sold; ``key`` is its id at the platform, else its stock number."""

    key: str
    title: str
    url: str | None = None
    image_url: str | None = None


@value_class(kw_only=False)
class Sale:
    """What was kept of one order, in words that do not depend on who reads them.

    ``at`` is when it was placed, in microseconds since the epoch; ``pieces`` are those of each of
    the ``products``, which stand there once each.
    """

    at: int
    order_id: str
    products: tuple[Product, ...]
    pieces: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Basket:
    """A sale among others: its products are numbers.

    ``sold`` is how they were shown; empty where all were shown as each was the first time.
    """

    at: int
    order_id: str
    products: tuple[int, ...]
    pieces: tuple[int, ...]
    sold: tuple[Product, ...] = ()

    @property
    def place(self) -> tuple[int, str]:
        """Where it stands among others."""
        return self.at, self.order_id


class Purchases:
    """What all customers bought and kept since ``since``. ``customers`` maps each to their baskets.

    Baskets stand in the order in which they were placed. A number whose last basket was dropped
    stays, and no basket holds it.
    """

    def __init__(self, since: datetime | None = None) -> None:
        self.since = _EVER if since is None else microseconds(since)
        self.products: list[Product] = []
        self.customers: dict[str, list[Basket]] = {}
        self.sized = 0  # baskets of LARGEST_BASKET at most
        self._numbers: dict[str, int] = {}
        self._holding: list[list[Basket]] | None = None
        self._first: list[Product] = []  # each product as it was first told of
        self._alike: dict[tuple[int, ...], tuple[int, ...]] = {}  # that many baskets have
        self._newest: dict[int, Basket] = {}  # of products that were shown in several ways
        self._untitled: set[int] = set()  # products that were last sold without a title
        self._oversized: dict[int, int] = {}  # larger baskets that hold a product

    def add(self, customer_id: str, orders: Iterable[Order]) -> None:
        """Take in all orders of one customer."""
        known: dict[str, Product] = {}
        for order in orders:
            if (sale := sale_of(order, known)) is not None:
                self.put(customer_id, sale)

    def put(self, customer_id: str, sale: Sale) -> Basket | None:
        """Take in one order; None when it was placed too long ago."""
        if sale.at < self.since:
            return None
        known = self._numbers
        numbers = tuple(
            [
                known[product.key] if product.key in known else self.number(product)
                for product in sale.products
            ]
        )
        at, first = sale.at, self._first
        pieces = self._alike.setdefault(sale.pieces, sale.pieces)
        if len(numbers) <= _SMALL:
            numbers = self._alike.setdefault(numbers, numbers)
        is_usual = tuple([first[number] for number in numbers]) == sale.products
        sold = () if is_usual else sale.products
        basket = Basket(at, sale.order_id, numbers, pieces, sold)
        if self._holding is not None:
            if self._newest:
                for number in numbers:
                    self._holding[number].append(basket)
            else:
                self._holding = None  # few nights ask for it
        self._size(basket, 1)
        baskets = self.customers.setdefault(customer_id, [])
        if baskets and basket.place < baskets[-1].place:
            insort(baskets, basket, key=lambda one: one.place)
        else:
            baskets.append(basket)
        if not is_usual or not self._newest.keys().isdisjoint(numbers):
            for number, product in zip(numbers, sale.products, strict=True):
                if number in self._newest or product != first[number]:
                    self._show(number, basket)
        return basket

    def drop(self, customer_id: str, basket: Basket) -> None:
        """Take out a basket."""
        baskets = self.customers[customer_id]
        baskets.remove(basket)
        if not baskets:
            del self.customers[customer_id]
        self._size(basket, -1)
        if self._holding is not None:
            for number in basket.products:
                self._holding[number].remove(basket)
        for number in basket.products:
            if number not in self._newest:
                continue
            holding = self.holding[number]
            if not holding:
                del self._newest[number]
                self._untitled.discard(number)
                self.products[number] = self._first[number]
            elif self._newest[number] is basket or number in self._untitled:
                del self._newest[number]
                self._show(number, holding[0])

    def sold_in(self, basket: Basket) -> tuple[Product, ...]:
        """A basket's products as they were shown when it was bought."""
        return basket.sold or tuple([self._first[number] for number in basket.products])

    def says(self, basket: Basket, sale: Sale) -> bool:
        """Whether the basket is that sale."""
        return (basket.at, basket.pieces) == (sale.at, sale.pieces) and (
            self.sold_in(basket) == sale.products
        )

    def baskets(self) -> Iterable[Basket]:
        """The baskets of all customers."""
        for baskets in self.customers.values():
            yield from baskets

    @property
    def holding(self) -> Sequence[Sequence[Basket]]:
        """The baskets that hold each product, by number; good until the next one comes or goes."""
        if self._holding is None:
            self._holding = [[] for _ in self.products]
            for basket in self.baskets():
                for number in basket.products:
                    self._holding[number].append(basket)
        return self._holding

    def sized_with(self, number: int) -> int:
        """In how many baskets of ``LARGEST_BASKET`` at most a product is."""
        return len(self.holding[number]) - self._oversized.get(number, 0)

    @property
    def numbers(self) -> Mapping[str, int]:
        """Every product's number, by its key."""
        return self._numbers

    def first_shown(self, number: int) -> Product:
        """A product as it was shown the first time it was told of."""
        return self._first[number]

    def number(self, product: Product) -> int:
        """A product's number; a new one if it was never told of."""
        number = self._numbers.get(product.key)
        if number is None:
            number = self._numbers[product.key] = len(self.products)
            self.products.append(product)
            self._first.append(product)
            if self._holding is not None:
                self._holding.append([])
        return number

    def _look(self, basket: Basket, number: int) -> Product:
        """A product as it was shown in a basket."""
        if not basket.sold:
            return self._first[number]
        return basket.sold[basket.products.index(number)]

    def _size(self, basket: Basket, sign: int) -> None:
        if len(basket.products) <= LARGEST_BASKET:
            self.sized += sign
            return
        for number in basket.products:
            self._oversized[number] = self._oversized.get(number, 0) + sign

    def _show(self, number: int, basket: Basket) -> None:
        """Show a product as it was last sold, now that a basket has come or another has gone."""
        newest = self._newest.get(number) or max(self.holding[number], key=_place)
        if basket.place > newest.place:
            newest = basket
        self._newest[number] = newest
        product = self._look(newest, number)
        if product.title:
            self._untitled.discard(number)
        else:
            self._untitled.add(number)
            titled = [
                (one.place, sold.title)
                for one in self.holding[number]
                if (sold := self._look(one, number)).title
            ]
            product = replace(product, title=max(titled)[1] if titled else "")
        self.products[number] = product


def _place(basket: Basket) -> tuple[int, str]:
    return basket.place


def sale_of(order: Order, known: dict[str, Product]) -> Sale | None:
    """What was bought for oneself and kept of an order; None when nothing was.

    ``known`` products are shared rather than made again; those that are new come to it.
    """
    pieces: dict[str, int] = {}
    sold: list[Product] = []
    for key, left, line in kept_lines(order):
        if key in pieces:
            pieces[key] += left
            continue
        pieces[key] = left
        product = known.get(key)
        if (
            product is None
            or product.title != line.title
            or product.url != line.url
            or product.image_url != line.image_url
        ):
            product = known[key] = Product(
                key=key, title=line.title, url=line.url, image_url=line.image_url
            )
        sold.append(product)
    if not pieces or order.placed_at is None:
        return None
    return Sale(microseconds(order.placed_at), order.id, tuple(sold), tuple(pieces.values()))


def find(baskets: Sequence[Basket], order_id: str) -> Basket | None:
    """The basket of an order; the newest are looked at first."""
    return next((one for one in reversed(baskets) if one.order_id == order_id), None)
