"""What the parts of a shop tell each other at night, each of which has customers of its own.

What is computed of all customers is a sum over them: how often each product is bought again, and
where spenders stand. So a part tells what its own have changed of these sums, and nobody has to
follow the others' customers. Their baskets are told as well, for what goes with what; few nights
ask for that, so they stay as they came until somebody does.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from engine.programs.intervals import Turn
from engine.programs.purchases import Basket, Product, Purchases, Sale, find
from engine.programs.spend_classes import Spender

_Stands = tuple[int, int, int]
_Sold = tuple[str, str, int, tuple[int, ...], tuple[int, ...]]  # products as indexes of looks
_GONE: Final = -(2**63)  # instead of when an order was placed: there is none of it any more


@dataclass(slots=True)
class _Share:
    """One part's share of one night, as it is pickled."""

    looks: list[tuple[str, str, str | None, str | None]]
    left: list[_Stands]
    entered: list[_Stands]
    turn: Turn
    sold: bytes


class Telling:
    """One part's side. What it tells depends on its own customers alone.

    A product is told of by where each of its looks stands among all that the part has told.
    """

    def __init__(self, purchases: Purchases) -> None:
        self._purchases = purchases
        self._looks: dict[Product, int] = {}
        self._usual: dict[int, int] = {}  # by number, of the look that is the first one here
        self._any: dict[int, int] = {}  # by number
        self._fresh: list[tuple[str, str, str | None, str | None]] = []
        self._left: list[_Stands] = []
        self._entered: list[_Stands] = []
        self._sold: list[_Sold] = []

    def stands(self, former: Spender | None, present: Spender | None) -> None:
        """A customer's standing is another now."""
        if former is not None:
            self._left.append((former.last_order_at, former.orders, former.spent))
        if present is not None:
            self._entered.append((present.last_order_at, present.orders, present.spent))

    def sold(self, who: str, basket: Basket) -> None:
        """A customer has a basket more."""
        if basket.sold:
            pairs = zip(basket.products, basket.sold, strict=True)
            looks = tuple([self._look(number, product) for number, product in pairs])
        else:
            usual = self._usual
            for number in basket.products:
                if number not in usual:
                    usual[number] = self._look(number, self._purchases.first_shown(number))
            looks = tuple([usual[number] for number in basket.products])
        self._sold.append((who, basket.order_id, basket.at, looks, basket.pieces))

    def dropped(self, who: str, basket: Basket) -> None:
        """A customer has a basket less."""
        self._sold.append((who, basket.order_id, _GONE, (), ()))

    def share(self, turn: Turn) -> bytes:
        """All that was told since the last night, and how products are bought since then."""
        share = _Share(
            self._fresh,
            self._left,
            self._entered,
            turn.renamed(self._any.__getitem__),
            pickle.dumps(self._sold, pickle.HIGHEST_PROTOCOL),
        )
        self._fresh, self._left, self._entered, self._sold = [], [], [], []
        return pickle.dumps(share, pickle.HIGHEST_PROTOCOL)

    def _look(self, number: int, product: Product) -> int:
        index = self._looks.get(product)
        if index is None:
            index = self._looks[product] = len(self._looks)
            self._any.setdefault(number, index)
            self._fresh.append((product.key, product.title, product.url, product.image_url))
        return index


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What another part has told of one night, in the words of this one.

    ``varied``: it shows a product in another way than the one in which it was first told of here.
    """

    left: Iterable[Spender]
    entered: Iterable[Spender]
    turn: Turn
    varied: bool


class Heard:
    """What was heard of one other part."""

    def __init__(self, purchases: Purchases) -> None:
        self._purchases = purchases
        self._looks: list[Product] = []
        self._numbers: list[int] = []
        self._unopened: list[bytes] = []

    def hear(self, told: bytes) -> Told:
        """Take in its share of a night."""
        share: _Share = pickle.loads(told)  # noqa: S301 (of our own)
        varied, purchases, numbers = False, self._purchases, self._numbers
        for key, title, url, image_url in share.looks:
            product = Product(key=key, title=title, url=url, image_url=image_url)
            number = purchases.number(product)
            usual = purchases.first_shown(number)
            varied = varied or usual != product
            numbers.append(number)
            self._looks.append(usual if usual == product else product)  # kept once
        self._unopened.append(zlib.compress(share.sold, 1))
        return Told(
            left=[_spender(one) for one in share.left],
            entered=[_spender(one) for one in share.entered],
            turn=share.turn.renamed(numbers.__getitem__),
            varied=varied,
        )

    def open(self) -> None:
        """Take in the baskets of all nights."""
        purchases, looks = self._purchases, self._looks
        unopened, self._unopened = self._unopened, []
        for night in unopened:
            sold: list[_Sold] = pickle.loads(zlib.decompress(night))  # noqa: S301 (our own)
            for who, order_id, at, indexes, pieces in sold:
                if at == _GONE:
                    held = find(purchases.customers.get(who, ()), order_id)
                    if held is not None:
                        purchases.drop(who, held)
                else:
                    products = tuple([looks[index] for index in indexes])
                    purchases.put(who, Sale(at, order_id, products, pieces))


def _spender(stands: _Stands) -> Spender:
    last_order_at, orders, spent = stands
    return Spender(last_order_at=last_order_at, orders=orders, spent=spent)
