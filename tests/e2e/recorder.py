"""A provider that takes everything and remembers it; several workers may share one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.core.message import Channel, Outcome, Outgoing, SendResult


class Recorder:
    """``sent``: every message handed over, in the order in which they came.

    ``busy``: how many of the next it does not take, to be told again later.
    """

    name = "recorder"

    def __init__(self, channel: Channel, clock: Callable[[], datetime]) -> None:
        self.channel = channel
        self.sent: list[Outgoing] = []
        self.busy = 0
        self._clock = clock

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Take it, or be busy."""
        if self.busy:
            self.busy -= 1
            return SendResult(
                message_id=outgoing.message_id, outcome=Outcome.RETRY, at=self._clock()
            )
        self.sent.append(outgoing)
        return SendResult(
            message_id=outgoing.message_id, outcome=Outcome.ACCEPTED, at=self._clock()
        )
