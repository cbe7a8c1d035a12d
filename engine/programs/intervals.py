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
from collections.abc import Callable, Iterable, Sequence
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


Habits = dict[int, Habit]
"""One customer's habits, by product."""


@dataclass(slots=True)
class Turn:
    """What has changed of how products are bought. Turns of several parts of a shop add up in any
    order.

    The lists name a product for each customer: who has bought it now and had not before, and who
    has done so again; ``left`` and ``once`` take that back. ``come`` and ``gone`` are intervals,
    ``moments`` what is to be added to the slope and the spread in fixed point, by product.
    """

    bought: list[int] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    once: list[int] = field(default_factory=list)
    come: dict[int, list[int]] = field(default_factory=dict)
    gone: dict[int, list[int]] = field(default_factory=dict)
    moments: dict[int, tuple[int, int]] = field(default_factory=dict)

    def lean(self, product: int, slope: int, spread: int) -> None:
        """Add to a product's slope and spread."""
        former = self.moments.get(product)
        if former is not None:
            slope, spread = former[0] + slope, former[1] + spread
        self.moments[product] = slope, spread

    def renamed(self, name: Callable[[int], int]) -> Turn:
        """The same of products that have other numbers elsewhere."""
        return Turn(
            bought=list(map(name, self.bought)),
            again=list(map(name, self.again)),
            left=list(map(name, self.left)),
            once=list(map(name, self.once)),
            come={name(product): spans for product, spans in self.come.items()},
            gone={name(product): spans for product, spans in self.gone.items()},
            moments={name(product): both for product, both in self.moments.items()},
        )


class Market:
    """How often which product is bought again, by everybody. Customers may come and go.

    A customer is followed basket by basket in the order of time. What that changes stands in
    ``turn`` until ``settle``. The columns are as of then, by product: ``again`` of the ``buyers``
    bought it more than once, which took so many ``intervals``; the rest as ``Rhythm`` has it.
    """

    def __init__(self) -> None:
        self.turn = Turn()
        self.buyers: array[int] = array("q")
        self.again: array[int] = array("q")
        self.intervals: array[int] = array("q")
        self.usual: array[float] = array("d")
        self.elasticity: array[float] = array("d")
        self.is_for_use: array[int] = array("b")
        self._spans: dict[int, array[int]] = {}  # in order
        self._moments: dict[int, tuple[int, int]] = {}  # slope and spread in fixed point

    def follow(self, habits: Habits, baskets: Iterable[Basket]) -> None:
        """Take in a customer's next baskets, and add to what is known of their habits."""
        turn = self.turn
        for basket in baskets:
            at, order_id = basket.at, basket.order_id
            for product, pieces in zip(basket.products, basket.pieces, strict=True):
                habit = habits.get(product)
                if habit is None:
                    habits[product] = Habit(at, pieces, order_id, at)
                    turn.bought.append(product)
                    continue
                slope, spread = habit.slope, habit.spread
                span = habit.buy(at, pieces, order_id)
                if span is None:
                    continue
                turn.come.setdefault(product, []).append(span)
                if habit.spans == 1:
                    turn.again.append(product)
                if habit.spread:
                    turn.lean(
                        product,
                        _fixed(habit.slope) - _fixed(slope),
                        _fixed(habit.spread) - _fixed(spread),
                    )

    def forget(self, baskets: Iterable[Basket]) -> None:
        """Take out a customer who was followed through these baskets."""
        habits: Habits = {}
        turn = self.turn
        for basket in baskets:
            for product, pieces in zip(basket.products, basket.pieces, strict=True):
                habit = habits.get(product)
                if habit is None:
                    habits[product] = Habit(basket.at, pieces, basket.order_id, basket.at)
                    continue
                span = habit.buy(basket.at, pieces, basket.order_id)
                if span is not None:
                    turn.gone.setdefault(product, []).append(span)
        for product, habit in habits.items():
            turn.left.append(product)
            if habit.spans:
                turn.once.append(product)
            if habit.spread:
                turn.lean(product, -_fixed(habit.slope), -_fixed(habit.spread))

    def settle(self) -> None:
        """Count what has changed here."""
        turn, self.turn = self.turn, Turn()
        self.count(turn)

    def count(self, turn: Turn) -> None:
        """Count what has changed, here or among other customers."""
        buyers, again, for_use = self.buyers, self.again, self.is_for_use
        more = max(turn.bought, default=-1) + 1 - len(buyers)
        if more > 0:
            for column in (buyers, again, self.intervals, self.usual, self.elasticity, for_use):
                column.frombytes(bytes(more * column.itemsize))
        for product in turn.bought:
            buyers[product] += 1
        for product in turn.left:
            buyers[product] -= 1
        for product in turn.again:
            again[product] += 1
        for product in turn.once:
            again[product] -= 1
        for product in {*turn.bought, *turn.left, *turn.again, *turn.once}:
            for_use[product] = again[product] >= REPEATED * buyers[product]
        for product, come in turn.come.items():
            spans = self._spans.setdefault(product, array("q"))
            if len(come) > len(spans):
                self._spans[product] = array("q", sorted((*spans, *come)))
            else:
                for span in come:
                    insort(spans, span)
        for product, gone in turn.gone.items():
            spans = self._spans[product]
            for span in gone:
                del spans[bisect_left(spans, span)]
        for product in turn.come.keys() | turn.gone.keys():
            spans = self._spans[product]
            self.intervals[product] = len(spans)
            self.usual[product] = _middle(spans)
        for product, (slope, spread) in turn.moments.items():
            former = self._moments.get(product, (0, 0))
            slope, spread = self._moments[product] = former[0] + slope, former[1] + spread
            self.elasticity[product] = _elasticity(slope, spread)

    def rhythm(self, product: int) -> Rhythm | None:
        """How a product is bought again, if it ever was."""
        if product >= len(self.intervals) or not self.intervals[product]:
            return None
        return Rhythm(
            usual=self.usual[product],
            intervals=self.intervals[product],
            elasticity=self.elasticity[product],
            is_for_use=bool(self.is_for_use[product]),
        )

    def rhythms(self) -> dict[int, Rhythm]:
        """The rhythm of every product that anybody bought again."""
        self.settle()
        return {
            product: rhythm
            for product in range(len(self.intervals))
            if (rhythm := self.rhythm(product)) is not None
        }


def _middle(spans: Sequence[int]) -> float:
    """The median of what is in order; 0 of nothing."""
    middle, odd = divmod(len(spans), 2)
    if odd:
        return spans[middle]
    return (spans[middle - 1] + spans[middle]) / 2 if spans else 0.0


def _elasticity(slope: int, spread: int) -> float:
    """Of the interval in the pieces bought, 0 to 1."""
    if not spread:
        return 0.0
    return min(1.0, max(0.0, slope / _ONE / (spread / _ONE + RIDGE)))


def interval(habit: Habit, rhythm: Rhythm) -> float:
    """How long the last purchase will last, in microseconds."""
    return lasting(
        habit.spans, habit.total, habit.pieces, habit.former, rhythm.usual, rhythm.elasticity
    )


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


def lasting(
    spans: int, total: int, pieces: int, former: int, usual: float, elasticity: float
) -> float:
    """``interval`` of a habit and a rhythm of which this is known."""
    if not spans:
        return usual
    mixed = (spans * (total / spans) + CREDIBILITY * usual) / (spans + CREDIBILITY)
    if not elasticity:
        return mixed
    usual_pieces = former / spans
    return mixed * float((pieces / usual_pieces) ** elasticity)


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
