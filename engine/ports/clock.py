"""Time, as the services ask for it; virtual in tests, demos and the simulator."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant."""

    def now(self) -> datetime:
        """An aware UTC datetime."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands until it is moved, and never goes back."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Where the clock stands."""
        return self._now

    def advance_to(self, moment: datetime) -> None:
        """Move the clock on; raises ``ValueError`` when ``moment`` lies before it."""
        if moment < self._now:
            raise ValueError(f"a clock cannot go back from {self._now} to {moment}")
        self._now = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
