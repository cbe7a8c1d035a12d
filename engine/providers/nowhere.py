"""The hand-over of a process that sends nothing."""

from __future__ import annotations

from collections.abc import Sequence

from engine.core.message import Channel, Outgoing, SendResult


class NoHandover:
    """For commands that decide but must not send: what they schedule waits for the daemon."""

    def start(self) -> None:
        """Nothing to start."""

    def submit(self, outgoings: Sequence[Outgoing]) -> None:
        """There is never room, so nothing comes."""
        if outgoings:
            raise RuntimeError("this process sends nothing")

    def collect(self) -> list[SendResult]:
        """Never anything."""
        return []

    def free(self) -> int:
        """No slot."""
        return 0

    def room(self, channel: Channel, sender: str) -> int:
        """No room."""
        return 0

    def is_ready(self) -> bool:
        """As ready as it will be."""
        return True

    def wait(self, timeout: float) -> None:
        """Nothing will come."""

    def drain(self, timeout: float) -> list[SendResult]:
        """Nothing is under way."""
        return []

    def stop(self) -> None:
        """Nothing to stop."""
