"""Hashes of what was seen once and may come again, in an eighth of the room of a set."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import numpy as np

_FRESH: Final = 16_384  # marks that are kept as they come until they are sorted in
_MANY: Final = 16  # that are sooner looked for together than one by one


class Marks:
    """64-bit hashes; of a million one in 30 million is another's too."""

    __slots__ = ("_fresh", "_sorted")

    def __init__(self) -> None:
        self._fresh: set[int] = set()
        self._sorted: array[int] = array("q")

    def add(self, mark: int) -> None:
        """Keep one."""
        self._fresh.add(mark)
        if len(self._fresh) == _FRESH:
            fresh = np.fromiter(self._fresh, np.int64, _FRESH)
            fresh.sort()
            every = np.concatenate((np.frombuffer(self._sorted, np.int64), fresh))
            every.sort(kind="stable")  # which merges two that are sorted
            self._sorted = array("q", every.tobytes())
            self._fresh.clear()

    def __contains__(self, mark: int) -> bool:
        if mark in self._fresh:
            return True
        place = bisect_left(self._sorted, mark)
        return place < len(self._sorted) and self._sorted[place] == mark

    def among(self, marks: Sequence[int]) -> set[int]:
        """Those of these marks that are kept."""
        if len(marks) < _MANY:
            return {mark for mark in marks if mark in self}
        found = self._fresh.intersection(marks)
        if self._sorted:
            every, asked = np.frombuffer(self._sorted, np.int64), np.array(marks, np.int64)
            asked.sort()  # so that each is near the last one
            places = every.searchsorted(asked)
            places[places == len(every)] = 0
            found.update(asked[every[places] == asked].tolist())
        return found
