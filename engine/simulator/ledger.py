"""Who looks on while a simulation runs: told of everything that is committed, and of nothing else.

The database would keep these rows; a simulation only counts them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.core.keeping import Keeping
from engine.core.message import Message, SendResult
from engine.core.world import World
from engine.ports.stored import Processed


class Ledger(Protocol):
    """Takes note of what was decided. What it is given it must not change."""

    @property
    def keeping(self) -> Keeping:
        """What it takes note of; of the rest it need not be told."""
        ...

    def decided(self, world: World) -> None:
        """Decisions about one customer were committed; ``world.changes`` names them."""

    def processed(self, source: str, event_id: str, done: Processed) -> None:
        """An event was processed."""

    def sent(self, message: Message, result: SendResult) -> None:
        """A provider took a message."""

    def held(self, campaign: str, reason: str, at: datetime) -> None:
        """A campaign has stopped itself."""
