"""The shelf: products as they were last sold, and what goes with each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, overload

from config.recommendations import Recommendations
from engine.programs.baskets import Following, Match, goes_with, most_bought
from engine.programs.intervals import Market
from engine.programs.purchases import Purchases
from engine.programs.suggesting import Rule, Shelved

_POPULAR: Final = 48
_DIGITS: Final = 3  # of a lift; suggestions of one lift go by their keys


class _Rules(Sequence[Rule]):
    """Rules that are computed on the first question."""

    def __init__(self, make: Callable[[], tuple[Rule, ...]]) -> None:
        self._make = make
        self._made: tuple[Rule, ...] | None = None

    @overload
    def __getitem__(self, index: int) -> Rule: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Rule]: ...
    def __getitem__(self, index: int | slice) -> Rule | Sequence[Rule]:
        return self._all()[index]

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> tuple[Rule, ...]:
        if self._made is None:
            self._made = self._make()
        return self._made


class Shelving:
    """The shelf of one night, product by product. The purchases must stay as they are meanwhile.

    ``complete`` is called before baskets are looked at, for who takes in only then what others
    have bought.
    """

    def __init__(
        self,
        purchases: Purchases,
        market: Market,
        rules: Recommendations,
        complete: Callable[[], None] = lambda: None,
    ) -> None:
        self._purchases = purchases
        self._complete = complete
        self._market = market
        self._rules = rules
        self._hidden = set(self._rules.leave_out)
        self._following: Following | None = None
        self._ranks: dict[int, int] | None = None

    def everything(self) -> list[Shelved]:
        """Every product that was bought, with what goes with it."""
        lazy = [
            self.shelved(number) for number, those in enumerate(self._purchases.holding) if those
        ]
        return [replace(one, together=tuple(one.together), next=tuple(one.next)) for one in lazy]

    def popular(self) -> list[Shelved]:
        """The products with the most buyers, the first one first."""
        return [self.shelved(number) for number in self._ranked()]

    def shelved(self, number: int) -> Shelved:
        """A product; what goes with it is computed when it is asked for."""
        product = self._purchases.products[number]
        return Shelved(
            product_id=product.key,
            title=product.title,
            url=product.url,
            image_url=product.image_url,
            together=_Rules(lambda: self._together(number)),
            next=_Rules(lambda: self._next(number)),
            rank=self._ranked().get(number),
        )

    def _together(self, number: int) -> tuple[Rule, ...]:
        self._complete()
        return self._shown(goes_with(self._purchases, number, self._rules.least_orders))

    def _next(self, number: int) -> tuple[Rule, ...]:
        self._complete()
        if self._following is None:
            within = timedelta(seconds=self._rules.next_within.nominal_seconds)
            self._following = Following.of(self._purchases, within)
        return self._shown(self._following.after(self._purchases, number, self._rules.least_orders))

    def _shown(self, matches: Sequence[Match]) -> tuple[Rule, ...]:
        keys = self._purchases.products
        return tuple(
            Rule(product_id=key, lift=round(one.lift, _DIGITS), cases=one.cases)
            for one in matches
            if (key := keys[one.product].key) not in self._hidden
        )

    def _ranked(self) -> dict[int, int]:
        if self._ranks is None:
            keys = self._purchases.products
            most = most_bought(
                self._purchases,
                dict(enumerate(self._market.buyers)),
                self._rules.least_orders,
                _POPULAR + len(self._hidden),
            )
            shown = [product for product in most if keys[product].key not in self._hidden]
            self._ranks = {product: rank for rank, product in enumerate(shown[:_POPULAR], 1)}
        return self._ranks
