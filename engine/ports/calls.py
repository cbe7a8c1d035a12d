"""What ``call_webhook`` needs of whoever makes the calls."""

from __future__ import annotations

from typing import Protocol

from engine.ports.stored import DueCall


class CallRefused(Exception):
    """A call that was not made and never will be; ``reason`` is a code of ``core.reasons``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Poster(Protocol):
    """Makes a POST."""

    def post(self, call: DueCall) -> str | None:
        """None when it was taken, else why not, in plain words.

        :raises CallRefused: it must not be made.
        """
        ...
