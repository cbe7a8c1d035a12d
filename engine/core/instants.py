"""Moments as whole microseconds since the epoch, for what is kept in large numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch, exactly."""
    return (moment - _EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    """The moment so many microseconds after the epoch."""
    return _EPOCH + timedelta(microseconds=at)
