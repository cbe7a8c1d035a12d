"""Moments as whole microseconds since the epoch, for what is kept in large numbers, and as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    """The moment so many microseconds after the epoch."""
    return _EPOCH + _MICROSECOND * at


def text_of(moment: datetime) -> str:
    """RFC 3339 text of an aware moment.

    Many decisions are about the same few moments: the beginning of a day, ten o'clock.
    """
    return _text_of(moment) if moment.tzinfo is UTC else moment.isoformat()


@lru_cache(maxsize=4096)  # of UTC alone, because equal moments of other zones read otherwise
def _text_of(moment: datetime) -> str:
    return moment.isoformat()
