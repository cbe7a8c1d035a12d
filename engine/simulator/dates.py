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

from engine.programs.intervals import CREDIBILITY, OWN_LEAST, Habit, Rhythm

_SLACK: Final = 1_000_000.0  # microseconds by which the rough date may be wrong
_NEVER: Final = -(2**62)


class Dates:
    """A table of customers' habits. A row is one customer's of one product."""

    def __init__(self) -> None:
        self.who: list[str] = []
        self.what: array[int] = array("i")
        self.told: array[int] = array("b")
        self._at: array[int] = array("q")
        self._spans: array[int] = array("i")
        self._total: array[float] = array("d")
        self._more: array[float] = array("d")  # log of the pieces bought last over the usual
        self._free: list[int] = []
        self._usual: array[float] = array("d")
        self._elasticity: array[float] = array("d")
        self._sure: array[int] = array("b")  # whether everybody's rhythm is enough to know

    def write(self, who: str, what: int, habit: Habit) -> None:
        """Note a habit that is new or has changed; what it was told of is forgotten."""
        row = habit.row
        if row < 0:
            row = habit.row = self._row(who, what)
        self._at[row] = habit.at
        self._spans[row] = habit.spans
        self._total[row] = habit.total
        self._more[row] = log(habit.pieces * habit.spans / habit.former) if habit.spans else 0.0
        self.told[row] = 0

    def erase(self, habits: Iterable[Habit]) -> None:
        """Forget habits."""
        for habit in habits:
            row, habit.row = habit.row, -1
            self.who[row], self.what[row], self._at[row], self.told[row] = "", 0, _NEVER, 0
            self._free.append(row)

    def learn(self, products: Iterable[int], rhythms: Mapping[int, Rhythm], least: int) -> None:
        """Note how products are bought again."""
        top = max(products, default=-1) + 1 - len(self._usual)
        if top > 0:
            self._usual.extend([float("nan")] * top)
            self._elasticity.extend([0.0] * top)
            self._sure.extend([0] * top)
        for product in products:
            rhythm = rhythms.get(product)
            self._usual[product] = float("nan") if rhythm is None else rhythm.usual
            if rhythm is not None:
                self._elasticity[product] = rhythm.elasticity
                self._sure[product] = rhythm.intervals >= least and rhythm.is_for_use
            else:
                self._sure[product] = 0

    def look(self, begin: int, until: int, end: int) -> tuple[list[int], list[int]]:
        """Rows that were not told and may be used up from ``begin`` to ``until``, and rows that
        were told and may be used up at a time that is not from ``begin`` to ``end``."""
        if not len(self._at):
            return [], []
        known = np.frombuffer(self._sure, dtype=np.int8)
        what = np.frombuffer(self.what, dtype=np.int32)
        spans = np.frombuffer(self._spans, dtype=np.int32)
        told = np.frombuffer(self.told, dtype=np.int8) != 0
        date = self._rough(what, spans)
        sure = (known[what] != 0) | (spans >= OWN_LEAST)
        near = sure & ~told & (date >= begin - _SLACK) & (date <= until + _SLACK)
        kept = sure & (date > begin + _SLACK) & (date < end - _SLACK)
        return np.flatnonzero(near).tolist(), np.flatnonzero(told & ~kept).tolist()

    def _rough(self, what: NDArray[np.int32], spans: NDArray[np.int32]) -> NDArray[np.float64]:
        usual = np.frombuffer(self._usual, dtype=np.float64)[what]
        elasticity = np.frombuffer(self._elasticity, dtype=np.float64)[what]
        total = np.frombuffer(self._total, dtype=np.float64)
        more = np.frombuffer(self._more, dtype=np.float64)
        at = np.frombuffer(self._at, dtype=np.int64)
        mixed = (total + CREDIBILITY * usual) / (spans + CREDIBILITY)
        date: NDArray[np.float64] = at + mixed * np.exp(elasticity * more)
        return date

    def _row(self, who: str, what: int) -> int:
        if self._free:
            row = self._free.pop()
            self.who[row], self.what[row] = who, what
            return row
        self.who.append(who)
        self.what.append(what)
        self.told.append(0)
        self._at.append(0)
        self._spans.append(0)
        self._total.append(0.0)
        self._more.append(0.0)
        return len(self.who) - 1
