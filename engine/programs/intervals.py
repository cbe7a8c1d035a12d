"""When something that a customer bought will be used up, by how often it is bought again.

The interval until the next purchase is the mean of the customer's own, mixed with the median of all
customers' for the product: ``(n · own + k · product) / (n + k)`` for ``n`` intervals of one's own.
That is the credibility formula (Bühlmann: Experience Rating and Credibility, ASTIN Bulletin 4(3),
1967): who has bought twice is mostly like others, who has bought ten times like themselves.

More pieces last longer, as far as they do: ``(pieces / usual pieces) ** e``. The exponent ``e`` is
the slope of log interval over log pieces within customers, of each product, ridge-shrunk to 0. Its
sums are gathered purchase by purchase (Welford: Note on a Method for Calculating Corrected Sums of
Squares and Products, Technometrics 4(3), 1962) and added up over customers in fixed point, so that
the order in which customers are looked at changes nothing.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import log
from typing import Final

from engine.core.value import value_class
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


@dataclass(slots=True)
class Habit:
    """How one customer has bought one product, in the order of time.

    Pieces of one day are one purchase, by one order or several. ``at`` and ``last_at`` are when the
    first and the last order of the last purchase were placed, in microseconds since the epoch,
    ``order_id`` is the last, ``pieces`` are all of them. ``spans`` intervals came before it, which
    took ``total`` microseconds, and ``former`` are the pieces of the purchases before the last.
    """

    at: int
    pieces: int
    order_id: str
    last_at: int
    spans: int = 0
    total: int = 0
    former: int = 0
    slope: float = 0.0  # sum of products of the deviations of log pieces and log intervals
    spread: float = 0.0  # sum of squared deviations of log pieces
    log_pieces: float = 0.0  # their means
    log_span: float = 0.0

    def buy(self, at: int, pieces: int, order_id: str) -> int | None:
        """Note what was bought next; the interval that ended by it, if one did."""
        self.last_at, self.order_id = at, order_id
        span = at - self.at
        if span < DAY:
            self.pieces += pieces
            return None
        self.spans += 1
        self.total += span
        self.former += self.pieces
        log_pieces, log_span = log(self.pieces), log(span)
        apart = log_pieces - self.log_pieces
        self.log_pieces += apart / self.spans
        self.log_span += (log_span - self.log_span) / self.spans
        self.slope += apart * (log_span - self.log_span)
        self.spread += apart * (log_pieces - self.log_pieces)
        self.at, self.pieces = at, pieces
        return span


@value_class
class Rhythm:
    """How a product is bought again. ``usual`` is the median interval in microseconds."""

    usual: float
    intervals: int
    elasticity: float  # of the interval in the pieces bought, 0 to 1
    is_for_use: bool  # whether who bought it once is likely to need it again


@dataclass(slots=True)
class Repeats:
    """What all customers' habits of one product come to.

    ``again`` of the ``buyers`` bought it more than once. ``spans`` are their intervals, in order;
    ``slope`` and ``spread`` are in fixed point.
    """

    buyers: int = 0
    again: int = 0
    spans: array[int] = field(default_factory=lambda: array("q"))
    slope: int = 0
    spread: int = 0

    def rhythm(self) -> Rhythm | None:
        """How the product is bought again, if it ever was."""
        if not self.spans:
            return None
        return Rhythm(
            usual=self.usual,
            intervals=len(self.spans),
            elasticity=self.elasticity,
            is_for_use=self.is_for_use,
        )

    @property
    def usual(self) -> float:
        """The median interval, where there is any."""
        spans = self.spans
        middle, odd = divmod(len(spans), 2)
        return spans[middle] if odd else (spans[middle - 1] + spans[middle]) / 2

    @property
    def elasticity(self) -> float:
        """Of the interval in the pieces bought, 0 to 1."""
        if not self.spread:
            return 0.0
        return min(1.0, max(0.0, self.slope / _ONE / (self.spread / _ONE + RIDGE)))

    @property
    def is_for_use(self) -> bool:
        """Whether who bought it once is likely to need it again."""
        return self.again >= REPEATED * self.buyers


Habits = dict[int, Habit]
"""One customer's habits, by product."""


@dataclass(slots=True)
class Turn:
    """What has changed of the ``Repeats`` of one product: numbers to be added, and the intervals
    that have come and gone. Turns of several parts of a shop add up in any order."""

    buyers: int = 0
    again: int = 0
    slope: int = 0
    spread: int = 0
    come: list[int] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)

    def parts(self) -> tuple[int, int, int, int, list[int], list[int]]:
        """All of it, to be told to others."""
        return self.buyers, self.again, self.slope, self.spread, self.come, self.gone


Turned = tuple[int, int, int, int, int, list[int], list[int]]
"""A product's number, and the parts of its turn."""


class Market:
    """How often which product is bought again, by everybody. Customers may come and go.

    A customer is followed basket by basket in the order of time. What that changes stands in
    ``turns`` until ``settle``; ``products`` are as of then.
    """

    def __init__(self) -> None:
        self.products: dict[int, Repeats] = {}
        self.turns: dict[int, Turn] = {}

    def follow(self, habits: Habits, baskets: Iterable[Basket]) -> None:
        """Take in a customer's next baskets, and add to what is known of their habits."""
        turns = self.turns
        for basket in baskets:
            at, order_id = basket.at, basket.order_id
            for product, pieces in zip(basket.products, basket.pieces, strict=True):
                turn = turns.get(product)
                if turn is None:
                    turn = turns[product] = Turn()
                habit = habits.get(product)
                if habit is None:
                    habits[product] = Habit(at, pieces, order_id, at)
                    turn.buyers += 1
                    continue
                slope, spread = habit.slope, habit.spread
                span = habit.buy(at, pieces, order_id)
                if span is None:
                    continue
                turn.come.append(span)
                turn.again += habit.spans == 1
                if habit.spread:
                    turn.slope += _fixed(habit.slope) - _fixed(slope)
                    turn.spread += _fixed(habit.spread) - _fixed(spread)

    def forget(self, baskets: Iterable[Basket]) -> None:
        """Take out a customer who was followed through these baskets."""
        habits: Habits = {}
        for basket in baskets:
            for product, pieces in zip(basket.products, basket.pieces, strict=True):
                habit = habits.get(product)
                if habit is None:
                    habits[product] = Habit(basket.at, pieces, basket.order_id, basket.at)
                    continue
                span = habit.buy(basket.at, pieces, basket.order_id)
                if span is not None:
                    self.turns.setdefault(product, Turn()).gone.append(span)
        for product, habit in habits.items():
            turn = self.turns.setdefault(product, Turn())
            turn.buyers -= 1
            turn.again -= habit.spans > 0
            turn.slope -= _fixed(habit.slope)
            turn.spread -= _fixed(habit.spread)

    def settle(self) -> set[int]:
        """Count what has changed here; the products that are bought in another way now."""
        turns, self.turns = self.turns, {}
        self.count((product, *turn.parts()) for product, turn in turns.items())
        return set(turns)

    def count(self, turned: Iterable[Turned]) -> None:
        """Count what has changed, here or among other customers, product by product."""
        products = self.products
        for product, buyers, again, slope, spread, come, gone in turned:
            repeats = products.get(product)
            if repeats is None:
                repeats = products[product] = Repeats()
            repeats.buyers += buyers
            if not come and not gone:
                continue
            repeats.again += again
            repeats.slope += slope
            repeats.spread += spread
            spans = repeats.spans
            if len(come) > len(spans):
                repeats.spans = spans = array("q", sorted((*spans, *come)))
            else:
                for span in come:
                    insort(spans, span)
            for span in gone:
                del spans[bisect_left(spans, span)]

    def rhythms(self) -> dict[int, Rhythm]:
        """The rhythm of every product that anybody bought again."""
        self.settle()
        found = {product: one.rhythm() for product, one in self.products.items()}
        return {product: one for product, one in found.items() if one is not None}


def interval(habit: Habit, rhythm: Rhythm) -> float:
    """How long the last purchase will last, in microseconds."""
    spans = habit.spans
    own = habit.total / spans if spans else 0.0
    mixed = (spans * own + CREDIBILITY * rhythm.usual) / (spans + CREDIBILITY)
    if not spans or not rhythm.elasticity:
        return mixed
    usual_pieces = habit.former / spans
    return mixed * float((habit.pieces / usual_pieces) ** rhythm.elasticity)


def used_up(habit: Habit, rhythm: Rhythm | None, least: int) -> int | None:
    """When what was bought last is used up, in microseconds since the epoch.

    Known of products for use, of which ``least`` intervals are known, and of those that the
    customer has bought again and again.
    """
    if rhythm is None:
        return None
    if habit.spans >= OWN_LEAST or (rhythm.intervals >= least and rhythm.is_for_use):
        return habit.at + round(interval(habit, rhythm))
    return None


def habits_of(purchases: Purchases) -> tuple[Market, dict[str, Habits]]:
    """How everybody buys, and each customer."""
    market, found = Market(), {}
    for customer_id, baskets in purchases.customers.items():
        habits: Habits = {}
        market.follow(habits, baskets)
        found[customer_id] = habits
    market.settle()
    return market, found


def _fixed(value: float) -> int:
    return round(value * _ONE)


_ONE: Final = 1 << 40
