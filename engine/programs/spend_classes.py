"""Recency, frequency and value: where a customer stands among all of the shop's, in fifths.

The classes of direct marketing (Hughes: Strategic Database Marketing, 1994): 5 is the best fifth.
Customers who are alike have one score, so a fifth may be larger or smaller than the others.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

CLASSES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """What the scores follow from: the newest order's time, the orders, and the money spent."""

    last_order_at: int
    orders: int
    spent: int


class Standing:
    """Everybody's recency, frequency and value, each in order; customers may come and go."""

    def __init__(self, spenders: Iterable[Spender] = ()) -> None:
        those = list(spenders)
        self._recency = array("q", sorted([one.last_order_at for one in those]))
        self._frequency = array("q", sorted([one.orders for one in those]))
        self._value = array("q", sorted([one.spent for one in those]))

    def enter(self, spender: Spender) -> None:
        """Count a customer."""
        insort(self._recency, spender.last_order_at)
        insort(self._frequency, spender.orders)
        insort(self._value, spender.spent)

    def leave(self, spender: Spender) -> None:
        """Count a customer no more."""
        for ordered, value in (
            (self._recency, spender.last_order_at),
            (self._frequency, spender.orders),
            (self._value, spender.spent),
        ):
            del ordered[bisect_left(ordered, value)]

    def scores(self, spender: Spender) -> tuple[int, int, int]:
        """Recency, frequency and value of one who is counted, 1 to 5."""
        return (
            _fifth(self._recency, spender.last_order_at),
            _fifth(self._frequency, spender.orders),
            _fifth(self._value, spender.spent),
        )


def scores(spenders: Mapping[str, Spender]) -> dict[str, tuple[int, int, int]]:
    """Recency, frequency and value of each, 1 to 5."""
    standing = Standing(spenders.values())
    return {who: standing.scores(one) for who, one in spenders.items()}


def _fifth(ordered: Sequence[int], value: int) -> int:
    """The fifth of a value by its middle rank among all; 5 holds the largest."""
    middle = (bisect_left(ordered, value) + bisect_right(ordered, value)) / 2
    return min(CLASSES, 1 + int(CLASSES * middle / len(ordered)))
