"""What is bought together, and what is bought next, counted over the shop's own baskets.

Both are association rules. The measure is *lift*, how many times as often two things meet as they
would by chance (Brin, Motwani, Ullman, Tsur: Dynamic Itemset Counting and Implication Rules for
Market Basket Data, SIGMOD 1997, there called interest). Rare things reach high lifts by accident,
so a rule needs a least number of cases, and its lift is shrunk towards 1 as that of a count with a
gamma prior is: ``(n + k) / (e + k)`` for ``n`` cases where ``e`` were expected (DuMouchel: Bayesian
Data Mining in Large Frequency Tables, The American Statistician 53(3), 1999).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from heapq import nlargest
from itertools import accumulate, chain
from typing import Final

from engine.programs.purchases import LARGEST_BASKET, Basket, Purchases

MOST_MATCHES: Final = 12  # kept for each product
NEXT_ONES: Final = 30  # products that count as bought next; a grocer's customer buys hundreds
STRENGTH: Final = 5.0
"""``k``: a pair counts as if it had been met, and expected, so many times more."""


@dataclass(frozen=True, slots=True)
class Match:
    """A product that goes with another: its number, the smoothed lift, and the cases counted."""

    product: int
    lift: float
    cases: int


def smoothed_lift(cases: int, expected: float) -> float:
    """The lift, shrunk towards 1."""
    return (cases + STRENGTH) / (expected + STRENGTH)


def goes_with(purchases: Purchases, product: int, least: int) -> Sequence[Match]:
    """What stands in one basket with a product, the best first."""
    count = purchases.sized_with(product)
    if count < least:
        return ()
    those = purchases.holding[product]
    counts = Counter(
        chain.from_iterable([one.products for one in those if len(one.products) <= LARGEST_BASKET])
    )
    del counts[product]
    return _best(
        purchases,
        (
            Match(
                other,
                smoothed_lift(cases, count * purchases.sized_with(other) / purchases.sized),
                cases,
            )
            for other, cases in counts.items()
            if cases >= least
        ),
    )


class Following:
    """What is first bought how often soon after what else was first bought.

    Cases are customers who first bought the one in a later order, ``within`` that time and among
    the next ``NEXT_ONES``. Expected is what would follow if every product were followed alike.
    """

    def __init__(self, within: timedelta) -> None:
        self._window = within // timedelta(microseconds=1)
        self._followers: dict[int, list[Sequence[int]]] = {}
        self._followed: Counter[int] = Counter()
        self._starts = 0

    @classmethod
    def of(cls, purchases: Purchases, within: timedelta) -> Following:
        """What the customers of a shop bought after what."""
        found = cls(within)
        for baskets in purchases.customers.values():
            found._add(baskets)
        return found

    def after(self, purchases: Purchases, product: int, least: int) -> Sequence[Match]:
        """What is bought next after a product, the best first."""
        those = self._followers.get(product, ())
        if len(those) < least:
            return ()
        return _best(
            purchases,
            (
                Match(
                    other,
                    smoothed_lift(cases, len(those) * self._followed[other] / self._starts),
                    cases,
                )
                for other, cases in Counter(chain.from_iterable(those)).items()
                if cases >= least
            ),
        )

    def _add(self, baskets: Sequence[Basket]) -> None:
        products, times = _firsts(baskets)
        change = [0] * (len(products) + 1)
        at = 0
        while at < len(products):
            later = bisect_right(times, times[at], at)
            end = min(bisect_right(times, times[at] + self._window, later), later + NEXT_ONES)
            those = products[later:end]
            for product in products[at:later]:
                self._followers.setdefault(product, []).append(those)
            change[later] += later - at
            change[end] -= later - at
            self._starts += later - at
            at = later
        for product, anchors in zip(products, accumulate(change), strict=False):
            self._followed[product] += anchors


def most_bought(
    purchases: Purchases, buyers: Mapping[int, int], least: int, most: int
) -> list[int]:
    """The products with the most buyers, ``least`` or more, the first one first."""
    keys = purchases.products
    enough = (product for product, count in buyers.items() if count >= least)
    return nlargest(most, enough, key=lambda one: (buyers[one], keys[one].key))


def _firsts(baskets: Sequence[Basket]) -> tuple[list[int], list[int]]:
    """A customer's products in the order of their first purchase, and when each was."""
    first: dict[int, int] = {}
    for basket in baskets:
        for product in basket.products:
            first.setdefault(product, basket.at)
    return list(first), list(first.values())


def _best(purchases: Purchases, matches: Iterable[Match]) -> Sequence[Match]:
    """The best of those that meet more often than by chance; ties go by the product's key."""
    keys = purchases.products
    return nlargest(
        MOST_MATCHES,
        (match for match in matches if match.lift > 1),
        key=lambda match: (match.lift, match.cases, keys[match.product].key),
    )
