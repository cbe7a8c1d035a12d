"""When something that a customer bought will be used up, by how often it is bought again.

The interval until the next purchase is the mean of the customer's own, mixed with the median of all
customers' for the product: ``(n · own + k · product) / (n + k)`` for ``n`` intervals of one's own.
That is the credibility formula (Bühlmann: Experience Rating and Credibility, ASTIN Bulletin 4(3),
1967): who has bought twice is mostly like others, who has bought ten times like themselves.

More pieces last longer, as far as they do: ``(pieces / usual pieces) ** e``. The exponent ``e`` is
the slope of log interval over log pieces within customers, of each product, ridge-shrunk to 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from statistics import fmean, median
from typing import Final, NamedTuple

from engine.programs.purchases import DAY, Basket, Purchases

CREDIBILITY: Final = 2.0
"""``k``. Of 0.5, 1, 2, 4 and 8 it had the least error as of the night before the third quarter of
the baskets that ``docs/explanation/recommendations.md`` tells of; nothing of the fourth decided it.
"""

RIDGE: Final = 20.0
REPEATED: Final = 0.2
"""A product is for use, rather than for keeps, when so many of its buyers bought it again."""

OWN_LEAST: Final = 2
"""Intervals of one's own that show it whatever others do."""


class Purchase(NamedTuple):
    """Pieces of one product bought on one day, by one order or several.

    ``at`` and ``last_at`` are when the first and the last were placed, in microseconds since the
    epoch; ``order_id`` is the last.
    """

    at: int
    pieces: int
    order_id: str
    last_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How a product is bought again. ``usual`` is the median interval in microseconds."""

    usual: float
    intervals: int
    buyers: int
    again: int  # of them, who bought it more than once
    elasticity: float  # of the interval in the pieces bought, 0 to 1

    @property
    def is_for_use(self) -> bool:
        """Whether who bought it once is likely to need it again."""
        return self.again >= REPEATED * self.buyers


def purchases_of(baskets: Sequence[Basket]) -> dict[int, list[Purchase]]:
    """One customer's purchases by product; what comes within a day of another belongs to it."""
    found: dict[int, list[Purchase]] = {}
    for basket in baskets:
        at, order = basket.at, basket.order_id
        for product, pieces in zip(basket.products, basket.pieces, strict=True):
            made = found.setdefault(product, [])
            if made and at - made[-1].at < DAY:
                former = made.pop()
                made.append(Purchase(former.at, former.pieces + pieces, order, at))
            else:
                made.append(Purchase(at, pieces, order, at))
    return found


def rhythms(purchases: Purchases) -> dict[int, Rhythm]:
    """The rhythm of every product that anybody bought again."""
    intervals: dict[int, list[int]] = {}
    buyers: dict[int, int] = {}
    again: dict[int, int] = {}
    slopes: dict[int, list[float]] = {}
    for baskets in purchases.customers.values():
        for product, made in purchases_of(baskets).items():
            buyers[product] = buyers.get(product, 0) + 1
            if len(made) > 1:
                again[product] = again.get(product, 0) + 1
                spans = spans_of(made)
                intervals.setdefault(product, []).extend(spans)
                _regress(spans, made, slopes.setdefault(product, [0.0, 0.0]))
    return {
        product: Rhythm(
            usual=median(spans),
            intervals=len(spans),
            buyers=buyers[product],
            again=again[product],
            elasticity=min(1.0, max(0.0, slopes[product][0] / (slopes[product][1] + RIDGE))),
        )
        for product, spans in intervals.items()
    }


def interval(made: Sequence[Purchase], rhythm: Rhythm) -> float:
    """How long the last of these purchases will last, in microseconds."""
    spans = spans_of(made)
    own = sum(spans) / len(spans) if spans else 0.0
    mixed = (len(spans) * own + CREDIBILITY * rhythm.usual) / (len(spans) + CREDIBILITY)
    if not spans or not rhythm.elasticity:
        return mixed
    usual_pieces = fmean(one.pieces for one in made[:-1])
    return mixed * float((made[-1].pieces / usual_pieces) ** rhythm.elasticity)


def used_up(
    baskets: Sequence[Basket], known: Mapping[int, Rhythm], least: int
) -> Iterator[tuple[int, Purchase, int]]:
    """What of a customer's purchases will be used up: product, its last purchase, and when.

    Products for use, of which ``least`` intervals are known, and those that the customer has
    bought again and again.
    """
    for product, made in purchases_of(baskets).items():
        rhythm = known.get(product)
        if rhythm is None:
            continue
        if len(made) > OWN_LEAST or (rhythm.is_for_use and rhythm.intervals >= least):
            yield product, made[-1], made[-1].at + round(interval(made, rhythm))


def spans_of(made: Sequence[Purchase]) -> list[int]:
    """The times between purchases, in microseconds."""
    return [after.at - before.at for before, after in pairwise(made)]


def _regress(spans: Iterable[int], made: Sequence[Purchase], sums: list[float]) -> None:
    """Add one customer's part to a product's slope: pieces against the interval after them."""
    if len({one.pieces for one in made[:-1]}) < 2:
        return
    pairs = [(log(one.pieces), log(span)) for one, span in zip(made, spans, strict=False)]
    mean_pieces, mean_span = fmean(p for p, _ in pairs), fmean(s for _, s in pairs)
    for pieces, span in pairs:
        sums[0] += (pieces - mean_pieces) * (span - mean_span)
        sums[1] += (pieces - mean_pieces) ** 2
