"""Recency, frequency and value: where a customer stands among all of the shop's, in fifths.

The classes of direct marketing (Hughes: Strategic Database Marketing, 1994): 5 is the best fifth.
Customers who are alike have one score, so a fifth may be larger or smaller than the others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

CLASSES: Final = 5

_Value = TypeVar("_Value", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spender:
    """What the scores follow from: the newest order's time, the orders, and the money spent."""

    last_order_at: int
    orders: int
    spent: int


def scores(spenders: Mapping[str, Spender]) -> dict[str, tuple[int, int, int]]:
    """Recency, frequency and value of each, 1 to 5."""
    recency = _fifths([one.last_order_at for one in spenders.values()])
    frequency = _fifths([one.orders for one in spenders.values()])
    value = _fifths([one.spent for one in spenders.values()])
    return dict(zip(spenders, zip(recency, frequency, value, strict=True), strict=True))


def _fifths(values: Sequence[_Value]) -> list[int]:
    """The fifth of each value by its middle rank among all; 5 holds the largest."""
    ordered = sorted(values)
    size = len(ordered)
    found: dict[_Value, int] = {}
    for value in values:
        if value not in found:
            middle = (bisect_left(ordered, value) + bisect_right(ordered, value)) / 2
            found[value] = min(CLASSES, 1 + int(CLASSES * middle / size))
    return [found[value] for value in values]
