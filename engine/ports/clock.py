"""Time, as the services ask for it; virtual in tests, demos and the simulator."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant."""

    def now(self) -> datetime:
        """An aware UTC datetime."""
        ...
