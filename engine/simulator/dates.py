"""When everything that customers bought is used up, roughly, for all of it at once.

A shop's customers have hundreds of products each, and every night the date of each may have moved
by what others bought. All are looked at in one go, and those that may matter are then computed by
the rule itself (``engine.programs.intervals.used_up``).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.programs.intervals import CREDIBILITY, OWN_LEAST, Habit, Habits, Market

_SLACK: Final = 1_000_000.0  # microseconds by which the rough date may be wrong
_NEVER: Final = -(2**62)

Told = tuple[int, str]
"""A product's number, and the order by which it was bought last."""


class Dates:
    """A table of customers' habits (``engine.programs.intervals.Habit``). A row is one customer's
    of one product; a shop has so many that each is made when somebody looks at it.

    ``told``: whether the customer was told that what they bought last is used up.
    """

    def __init__(self) -> None:
        self.who: list[str] = []
        self.what: array[int] = array("i")
        self.told: array[int] = array("b")
        self.order_ids: list[str] = []
        self._rows: dict[str, array[int]] = {}  # by customer
        self._free: list[int] = []
        self._at: array[int] = array("q")
        self._last_at: array[int] = array("q")
        self._pieces: array[int] = array("q")
        self._spans: array[int] = array("i")
        self._total: array[int] = array("q")
        self._former: array[int] = array("q")
        self._place: array[int] = array("i")  # in ``_moments``, of what was bought again
        self._moments: array[float] = array("d")  # of log pieces and log intervals
        self._vacant: list[int] = []  # places
        self._more: array[float] = array("d")  # log of the pieces bought last over the usual
        self._usual: array[float] = array("d")
        self._elasticity: array[float] = array("d")
        self._own: set[int] = set()  # products of which anybody's own intervals are enough to know
        self._sure: array[int] = array("b")  # whether everybody's rhythm is enough to know

    def customers(self) -> Iterable[str]:
        """All who have habits."""
        return self._rows

    def rows(self, who: str) -> dict[int, int]:
        """A customer's rows, by product."""
        rows = self._rows.get(who)
        if rows is None:
            return {}
        what = np.frombuffer(self.what, dtype=np.int32)[np.frombuffer(rows, dtype=np.int32)]
        return dict(zip(what.tolist(), rows, strict=True))

    def near(self, who: str, begin: int, end: int) -> list[int]:
        """A customer's rows that may be used up from ``begin`` to ``end``."""
        rows = np.array(self._rows.get(who, ()), dtype=np.int64)
        rows = rows[self._known(rows)]
        date = self._rough(rows)
        near: list[int] = rows[(date >= begin - _SLACK) & (date <= end + _SLACK)].tolist()
        return near

    def habit(self, row: int) -> Habit:
        """The habit of a row."""
        order_id = self.order_ids[row]
        at, last_at, pieces = self._at[row], self._last_at[row], self._pieces[row]
        spans = self._spans[row]
        if not spans:
            return Habit(at, pieces, order_id, last_at)
        place, total, former = self._place[row], self._total[row], self._former[row]
        moments = self._moments[place : place + 4]
        return Habit(at, pieces, order_id, last_at, spans, total, former, *moments)

    def habits(self, rows: Mapping[int, int], products: Iterable[int]) -> Habits:
        """Habits of some products, of those that there are rows of."""
        return {product: self.habit(rows[product]) for product in products if product in rows}

    def write(self, who: str, rows: Mapping[int, int], habits: Habits) -> None:
        """Note habits that are new or have changed; what was told of them is forgotten.

        ``rows`` are those that the customer has.
        """
        for product, habit in habits.items():
            row = rows.get(product)
            if row is None:
                row = self._row(who, product)
            spans = habit.spans
            self._at[row], self._last_at[row] = habit.at, habit.last_at
            self._pieces[row], self.order_ids[row] = habit.pieces, habit.order_id
            self.told[row] = 0
            if not spans:
                continue
            place = self._place[row]
            if place < 0:
                place = self._place[row] = self._vacate()
            moments = self._moments
            moments[place], moments[place + 1] = habit.slope, habit.spread
            moments[place + 2], moments[place + 3] = habit.log_pieces, habit.log_span
            if spans >= OWN_LEAST:
                self._own.add(product)
            self._spans[row], self._total[row], self._former[row] = spans, habit.total, habit.former
            self._more[row] = log(habit.pieces * spans / habit.former)

    def erase(self, who: str) -> list[Told]:
        """Forget a customer's habits; what they were told of."""
        found: list[Told] = []
        for row in self._rows.pop(who, ()):
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
        rows = self.rows(who)
        for product, order_id in told:
            row = rows.get(product)
            if row is not None and self.order_ids[row] == order_id:
                self.told[row] = 1

    def learn(self, products: Iterable[int], market: Market, count: int, least: int) -> None:
        """Note how products are bought again, of so many in all."""
        more = count - len(self._usual)
        self._usual.extend([0.0] * more)
        self._elasticity.extend([0.0] * more)
        self._sure.extend([0] * more)
        known = market.products
        for product in products:
            repeats = known[product]
            spans = len(repeats.spans)
            is_sure = spans >= least and repeats.is_for_use
            self._sure[product] = is_sure
            if is_sure or (spans and product in self._own):
                self._usual[product] = repeats.usual
                self._elasticity[product] = repeats.elasticity if repeats.spread else 0.0

    def look(self, begin: int, until: int, end: int) -> tuple[list[int], list[int]]:
        """Rows that were not told and may be used up from ``begin`` to ``until``, and rows that
        were told and of which it has to be seen whether they are from ``begin`` to ``end``.

        What was told and is surely used up at another time counts as not told.
        """
        if not len(self._at):
            return [], []
        told = np.frombuffer(self.told, dtype=np.int8)
        sure = np.frombuffer(self._sure, dtype=np.int8)[np.frombuffer(self.what, dtype=np.int32)]
        known = (sure != 0) | (np.frombuffer(self._spans, dtype=np.int32) >= OWN_LEAST)
        rows = np.flatnonzero(known & (told == 0))
        date = self._rough(rows)
        near = rows[(date >= begin - _SLACK) & (date <= until + _SLACK)]
        rows = np.flatnonzero(told)
        date = self._rough(rows)
        gone = ~known[rows] | (date < begin - _SLACK) | (date > end + _SLACK)
        kept = (date > begin + _SLACK) & (date < end - _SLACK)
        told[rows[gone]] = 0
        return near.tolist(), rows[~(kept | gone)].tolist()

    def _rough(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        what = np.frombuffer(self.what, dtype=np.int32)[rows]
        usual = np.frombuffer(self._usual, dtype=np.float64)[what]
        spans = np.frombuffer(self._spans, dtype=np.int32)[rows]
        lasts = np.frombuffer(self._total, dtype=np.int64)[rows].astype(np.float64)
        lasts += CREDIBILITY * usual
        lasts /= spans + CREDIBILITY
        more = np.frombuffer(self._more, dtype=np.float64)[rows]
        moved = np.flatnonzero(more)
        elasticity = np.frombuffer(self._elasticity, dtype=np.float64)[what[moved]]
        lasts[moved] *= np.exp(elasticity * more[moved])
        lasts += np.frombuffer(self._at, dtype=np.int64)[rows]
        return lasts

    def _known(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Of which rows it is known when they are used up."""
        what = np.frombuffer(self.what, dtype=np.int32)[rows]
        sure = np.frombuffer(self._sure, dtype=np.int8)[what] != 0
        known: NDArray[np.bool_] = sure | (
            np.frombuffer(self._spans, dtype=np.int32)[rows] >= OWN_LEAST
        )
        return known

    def _row(self, who: str, product: int) -> int:
        """A new row."""
        if self._free:
            row = self._free.pop()
            self.who[row], self.what[row] = who, product
        else:
            row = len(self.who)
            self.who.append(who)
            self.what.append(product)
            self.told.append(0)
            self.order_ids.append("")
            self._place.append(-1)
            self._more.append(0.0)
            for column in (self._at, self._last_at, self._pieces, self._total, self._former):
                column.append(0)
            self._spans.append(0)
        self._rows.setdefault(who, array("i")).append(row)
        return row

    def _vacate(self) -> int:
        """Room for what is known of something that was bought again."""
        if self._vacant:
            return self._vacant.pop()
        self._moments.extend((0.0, 0.0, 0.0, 0.0))
        return len(self._moments) - 4
