"""When everything that customers bought is used up, roughly, for all of it at once.

A shop's customers have hundreds of products each, and every night the date of each may have moved
by what others bought. All are looked at in one go, and those that may matter are then computed by
the rule itself (``engine.programs.intervals.used_up``).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.programs.intervals import CREDIBILITY, OWN_LEAST, Habit, Market

_SLACK: Final = 1_000_000.0  # microseconds by which the rough date may be wrong
_NEVER: Final = -(2**62)


class Dates:
    """A table of customers' habits. A row is one customer's of one product."""

    def __init__(self) -> None:
        self.who: list[str] = []
        self.habits: list[Habit | None] = []
        self.what: array[int] = array("i")
        self.told: array[int] = array("b")
        self._at: array[int] = array("q")
        self._spans: array[int] = array("i")
        self._total: array[float] = array("d")
        self._more: array[float] = array("d")  # log of the pieces bought last over the usual
        self._free: list[int] = []
        self._usual: array[float] = array("d")
        self._elasticity: array[float] = array("d")
        self._own: set[int] = set()  # products of which anybody's own intervals are enough to know
        self._sure: array[int] = array("b")  # whether everybody's rhythm is enough to know

    def write(self, who: str, what: int, habit: Habit) -> None:
        """Note a habit that is new or has changed; what it was told of is forgotten."""
        if habit.row < 0:
            self._enter(who, what, habit)
            return
        row, spans = habit.row, habit.spans
        if spans >= OWN_LEAST:
            self._own.add(what)
        self._at[row] = habit.at
        self._spans[row] = spans
        self._total[row] = habit.total
        self._more[row] = log(habit.pieces * spans / habit.former) if spans else 0.0
        self.told[row] = 0

    def erase(self, habits: Iterable[Habit]) -> None:
        """Forget habits."""
        for habit in habits:
            row, habit.row = habit.row, -1
            self.who[row], self.what[row], self._at[row], self.told[row] = "", 0, _NEVER, 0
            self.habits[row] = None
            self._free.append(row)

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
        lasts = np.frombuffer(self._total, dtype=np.float64)[rows]
        lasts += CREDIBILITY * usual
        lasts /= spans + CREDIBILITY
        more = np.frombuffer(self._more, dtype=np.float64)[rows]
        moved = np.flatnonzero(more)
        elasticity = np.frombuffer(self._elasticity, dtype=np.float64)[what[moved]]
        lasts[moved] *= np.exp(elasticity * more[moved])
        lasts += np.frombuffer(self._at, dtype=np.int64)[rows]
        return lasts

    def _enter(self, who: str, what: int, habit: Habit) -> None:
        if self._free:
            habit.row = row = self._free.pop()
            self.who[row], self.what[row], self.habits[row] = who, what, habit
            self.write(who, what, habit)
            return
        habit.row = len(self.who)
        spans = habit.spans
        if spans >= OWN_LEAST:
            self._own.add(what)
        self.who.append(who)
        self.habits.append(habit)
        self.what.append(what)
        self.told.append(0)
        self._at.append(habit.at)
        self._spans.append(spans)
        self._total.append(habit.total)
        self._more.append(log(habit.pieces * spans / habit.former) if spans else 0.0)
