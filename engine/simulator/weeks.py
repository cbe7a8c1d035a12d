"""In which weeks things were, in three bytes each: enough for every day that Python knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

_SIZE: Final = 3
_DAYS: Final = 7


def packed(day: date) -> bytes:
    """The week of a day, which begins on a Monday."""
    return ((day.toordinal() - 1) // _DAYS).to_bytes(_SIZE, "big")  # day 1 was a Monday


def mondays(weeks: bytes) -> Iterator[date]:
    """The first day of each of these weeks."""
    for place in range(0, len(weeks), _SIZE):
        week = int.from_bytes(weeks[place : place + _SIZE], "big")
        yield date.fromordinal(week * _DAYS + 1)
