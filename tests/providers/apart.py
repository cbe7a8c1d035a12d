"""Senders that call from a process of their own, for tests; small, for that process imports it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from engine.core.message import Channel, Outgoing, SendResult
from engine.ports.providers import Provider
from engine.providers.process_sender import ProcessSender
from engine.providers.sending_link import Beginning
from tests.providers.messages import clock as still


class Broken:
    """A provider that cannot be opened or closed, or that raises."""

    name = "broken"
    channel: Channel = "email"

    def __init__(self, *, opens: bool, closes: bool = True) -> None:
        self._opens = opens
        self._closes = closes

    async def open(self) -> None:
        if not self._opens:
            raise OSError("no such file")

    async def close(self) -> None:
        if not self._closes:
            raise OSError("no such file")

    async def send(self, outgoing: Outgoing) -> SendResult:
        raise KeyError(outgoing.to)


def given(
    providers: Mapping[Channel, Provider], *, clock: Callable[[], datetime]
) -> Mapping[Channel, Provider]:
    """A recipe for finished providers."""
    return providers


def apart(providers: Mapping[Channel, Provider], **options: Any) -> ProcessSender:
    """A sender whose process gets copies of these."""
    beginning = Beginning(recipe=partial(given, providers), log_format="json", log_level="info")
    return ProcessSender(beginning, **{"max_in_flight": 20, "clock": still, **options})


def stand_by() -> None:
    """Be a daemon that does nothing but have such a process, and tell which one."""
    sender = apart({})
    sender.start()
    sys.stdout.write(f"{sender.pid}\n")
    sys.stdout.flush()
    sys.stdin.read()
