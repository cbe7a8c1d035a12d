"""When everything that customers bought is used up, roughly, for all of it at once.

A shop's customers have hundreds of products each, and every night the date of each may have moved
by what others bought. All are looked at in one go, and those that may matter are then computed by
the rule itself (``engine.programs.intervals.used_up``).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from math import log
from typing import TYPE_CHECKING, Final

import numpy as np

from engine.programs.intervals import (
    CREDIBILITY,
    OWN_LEAST,
    Habit,
    Habits,
    Market,
    lasting,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SLACK: Final = 1_000_000.0  # microseconds by which the rough date may be wrong
_NEVER: Final = -(2**62)
_BLOCK: Final = 512  # rows that are made at a time
_PART: Final = 12_000  # rows that are looked at together: columns that stay in the cache
_SHIFT: Final = 32  # of a product's number, before a row's
_ROW: Final = (1 << _SHIFT) - 1

Told = tuple[int, str]
"""A product's number, and the order by which it was bought last."""


class Dates:
    """A table of customers' habits (``engine.programs.intervals.Habit``). A row is one customer's
    of one product; a shop has so many that each is made when somebody looks at it.

    ``told``: whether the customer was told that what they bought last is used up. ``last_at`` is
    when they did, by the order of ``order_ids``.
    """

    def __init__(self) -> None:
        self.who: list[str] = []
        self.what: array[int] = array("i")
        self.told: array[int] = array("b")
        self.order_ids: list[str] = []
        self.last_at: array[int] = array("q")
        self._rows: dict[str, bytes] = {}  # by customer, each with its product before it, in order
        self._free: list[int] = []
        self._at: array[int] = array("q")
        self._pieces: array[int] = array("q")
        self._spans: array[int] = array("i")
        self._total: array[int] = array("q")
        self._former: array[int] = array("q")
        self._place: array[int] = array("i")  # in ``_moments``, of what was bought again
        self._moments: array[float] = array("d")  # of log pieces and log intervals
        self._vacant: list[int] = []  # places
        self._more: array[float] = array("d")  # log of the pieces bought last over the usual
        self._usual: array[float] = array("d")  # of products
        self._elasticity: array[float] = array("d")
        self._sure: NDArray[np.bool_] = np.zeros(0, dtype=np.bool_)  # everybody's are enough

    def customers(self) -> Iterable[str]:
        """All who have habits."""
        return self._rows

    def rows(self, who: str, products: Iterable[int]) -> dict[int, int]:
        """A customer's rows of some products, by product."""
        found: dict[int, int] = {}
        if who not in self._rows:
            return found
        mine = array("q", self._rows[who])
        count = len(mine)
        for product in products:
            place = bisect_left(mine, product << _SHIFT)
            if place < count and mine[place] >> _SHIFT == product:
                found[product] = mine[place] & _ROW
        return found

    def near(self, who: str, begin: int, end: int) -> list[int]:
        """A customer's rows that may be used up from ``begin`` to ``end``."""
        rows = self._all(who)
        rows = rows[self._known(rows)]
        date = self._rough(rows)
        near: list[int] = rows[(date >= begin - _SLACK) & (date <= end + _SLACK)].tolist()
        return near

    def habit(self, row: int) -> Habit:
        """The habit of a row."""
        order_id = self.order_ids[row]
        at, last_at, pieces = self._at[row], self.last_at[row], self._pieces[row]
        spans = self._spans[row]
        if not spans:
            return Habit(at, pieces, order_id, last_at)
        place, total, former = self._place[row], self._total[row], self._former[row]
        return Habit(
            at, pieces, order_id, last_at, spans, total, former, *self._moments[place : place + 4]
        )

    def used_up(self, row: int) -> int:
        """When what a row is about is used up, which has to be known (``look``)."""
        spans, product = self._spans[row], self.what[row]
        usual, elasticity = self._usual[product], self._elasticity[product]
        total, pieces, former = self._total[row], self._pieces[row], self._former[row]
        return self._at[row] + round(lasting(spans, total, pieces, former, usual, elasticity))

    def habits(self, rows: Mapping[int, int]) -> Habits:
        """The habits of these rows, by product."""
        return {product: self.habit(row) for product, row in rows.items()}

    def write(self, who: str, rows: Mapping[int, int], habits: Habits) -> None:
        """Note habits that are new or have changed; what was told of them is forgotten.

        ``rows`` are those that the customer has of these products.
        """
        fresh: Habits = {}
        for product, habit in habits.items():
            if product in rows:
                row = rows[product]
                self._begin(row, habit)
                if habit.spans:
                    self._repeat(row, habit)
            else:
                fresh[product] = habit
        if fresh:
            for product, row in self._add(who, fresh).items():
                if fresh[product].spans:
                    self._repeat(row, fresh[product])

    def erase(self, who: str) -> list[Told]:
        """Forget a customer's habits; what they were told of."""
        found: list[Told] = []
        rows = self._all(who).tolist()
        self._rows.pop(who, None)
        for row in rows:
            if self.told[row]:
                found.append((self.what[row], self.order_ids[row]))
            if self._place[row] >= 0:
                self._vacant.append(self._place[row])
            self.who[row], self.order_ids[row], self._place[row] = "", "", -1
            self.what[row] = self.told[row] = 0
            self._spans[row] = self._total[row] = self._former[row] = 0
            self._at[row], self._more[row] = _NEVER, 0.0
            self._free.append(row)
        return found

    def tell(self, who: str, told: Iterable[Told]) -> None:
        """Note what a customer was told of, as far as they have not bought it again."""
        told = list(told)
        rows = self.rows(who, [product for product, _ in told])
        for product, order_id in told:
            row = rows.get(product)
            if row is not None and self.order_ids[row] == order_id:
                self.told[row] = 1

    def learn(self, market: Market, least: int) -> None:
        """Note how products are bought again; ``least`` intervals show it."""
        self._usual, self._elasticity = market.usual, market.elasticity
        enough = np.frombuffer(market.intervals, dtype=np.int64) >= least
        self._sure = enough & (np.frombuffer(market.is_for_use, dtype=np.int8) != 0)

    def look(self, begin: int, until: int, end: int) -> tuple[list[int], list[int]]:
        """Rows that were not told and may be used up from ``begin`` to ``until``, and rows that
        were told and of which it has to be seen whether they are from ``begin`` to ``end``.

        What was told and is surely used up at another time counts as not told.
        """
        told = np.frombuffer(self.told, dtype=np.int8)
        near: list[int] = []
        strays: list[int] = []
        for first in range(0, len(told), _PART):
            date = self._rough(slice(first, first + _PART))
            here = told[first : first + _PART]
            soon = (date >= begin - _SLACK) & (date <= until + _SLACK) & (here == 0)
            rows = np.flatnonzero(soon) + first
            near += rows[self._known(rows)].tolist()
            rows = np.flatnonzero(here)
            date = date[rows]
            gone = ~self._known(rows + first) | (date < begin - _SLACK) | (date > end + _SLACK)
            kept = (date > begin + _SLACK) & (date < end - _SLACK)
            here[rows[gone]] = 0
            strays += (rows[~(kept | gone)] + first).tolist()
        return near, strays

    def _rough(self, rows: NDArray[np.int64] | slice) -> NDArray[np.float64]:
        what = np.frombuffer(self.what, dtype=np.int32)[rows]
        usual = np.frombuffer(self._usual, dtype=np.float64)
        date = usual.take(what, mode="clip")  # no index is out of bounds: look for none
        spans = np.frombuffer(self._spans, dtype=np.int32)[rows]
        again = np.flatnonzero(spans != 0)  # of others everybody's interval is all that is known
        what, spans = what.take(again), spans.take(again)
        lasts = np.frombuffer(self._total, dtype=np.int64)[rows].take(again).astype(np.float64)
        lasts += CREDIBILITY * date.take(again)
        lasts /= spans + CREDIBILITY
        more = np.frombuffer(self._more, dtype=np.float64)[rows].take(again)
        moved = np.flatnonzero(more != 0)
        elasticity = np.frombuffer(self._elasticity, dtype=np.float64)[what[moved]]
        lasts[moved] *= np.exp(elasticity * more[moved])
        date[again] = lasts
        date += np.frombuffer(self._at, dtype=np.int64)[rows]
        return date

    def _known(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Of which rows it is known when they are used up."""
        what = np.frombuffer(self.what, dtype=np.int32)[rows]
        own = np.frombuffer(self._spans, dtype=np.int32)[rows] >= OWN_LEAST
        known: NDArray[np.bool_] = self._sure[what] | own
        return known

    def _all(self, who: str) -> NDArray[np.int64]:
        """A customer's rows."""
        return np.frombuffer(self._rows.get(who, b""), dtype=np.int64) & _ROW

    def _begin(self, row: int, habit: Habit) -> None:
        """Note what was bought last."""
        self._at[row], self.last_at[row] = habit.at, habit.last_at
        self._pieces[row], self.order_ids[row] = habit.pieces, habit.order_id
        self.told[row] = 0

    def _repeat(self, row: int, habit: Habit) -> None:
        """Note what is known of something that was bought again."""
        place = self._place[row]
        if place < 0:
            place = self._place[row] = self._vacate()
        moments = self._moments
        moments[place], moments[place + 1] = habit.slope, habit.spread
        moments[place + 2], moments[place + 3] = habit.log_pieces, habit.log_span
        self._spans[row], self._total[row], self._former[row] = (
            habit.spans,
            habit.total,
            habit.former,
        )
        self._more[row] = log(habit.pieces * habit.spans / habit.former)

    def _add(self, who: str, fresh: Habits) -> dict[int, int]:
        """New rows, by product, with what was bought last."""
        free, found = self._free, dict[int, int]()
        if len(free) < len(fresh):
            self._grow(len(fresh) + _BLOCK)
        mine = array("q", self._rows.get(who, b""))
        for product, habit in fresh.items():
            row = found[product] = free.pop()
            self.who[row], self.what[row] = who, product
            self._begin(row, habit)
            insort(mine, product << _SHIFT | row)
        self._rows[who] = mine.tobytes()
        return found

    def _grow(self, count: int) -> None:
        """Make rows of nothing."""
        first = len(self.who)
        self._free += range(first + count - 1, first - 1, -1)
        self.who += [""] * count
        self.order_ids += [""] * count
        self._at.extend([_NEVER] * count)
        self._place.extend([-1] * count)
        for column in (
            self.what,
            self.told,
            self.last_at,
            self._pieces,
            self._spans,
            self._total,
            self._former,
            self._more,
        ):
            column.frombytes(bytes(count * column.itemsize))

    def _vacate(self) -> int:
        """Room for what is known of something that was bought again."""
        if self._vacant:
            return self._vacant.pop()
        self._moments.extend((0.0, 0.0, 0.0, 0.0))
        return len(self._moments) - 4
