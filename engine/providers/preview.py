"""The default provider: takes every message and sends nothing; nothing leaves the machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from engine.core.message import Channel, Outcome, Outgoing, SendResult


class Preview:
    """Accepts at once. What would have been sent is read from the message log."""

    name = "preview"

    def __init__(self, channel: Channel, *, clock: Callable[[], datetime]) -> None:
        self.channel: Channel = channel
        self._clock = clock

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Accepted, always; the provider's id is ``preview-`` and the message's own."""
        return SendResult(
            message_id=outgoing.message_id,
            outcome=Outcome.ACCEPTED,
            at=self._clock(),
            provider_message_id=f"preview-{outgoing.message_id}",
        )
