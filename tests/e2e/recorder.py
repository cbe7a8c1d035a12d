"""A provider that takes everything and remembers it; several workers may share one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.core.message import Channel, Outcome, Outgoing, SendResult


class Recorder:
    """``sent``: every message handed over, in the order in which they came."""

    name = "recorder"

    def __init__(self, channel: Channel, clock: Callable[[], datetime]) -> None:
        self.channel = channel
        self.sent: list[Outgoing] = []
        self._clock = clock

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Take it."""
        self.sent.append(outgoing)
        return SendResult(
            message_id=outgoing.message_id, outcome=Outcome.ACCEPTED, at=self._clock()
        )
