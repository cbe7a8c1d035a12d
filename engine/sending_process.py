"""The process that calls providers: ``python -m engine.sending_process SOCKET PARENT``.

It knows no database and decides nothing. It begins every message that it is given at once, tells
what became of each, and ends as soon as the daemon does.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import pickle
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, cast

import structlog
import uvloop

from engine import memory
from engine.core.message import Channel, Outgoing, SendResult
from engine.logs import configure_logging
from engine.ports import faults
from engine.providers.attempt import attempt, close_all, stopped_midway
from engine.providers.rotating import Rotating
from engine.providers.sending_link import Beginning, Frames, Kind, Recipe, frame, told, unpacked

_log = structlog.get_logger(__name__)

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
# So many seconds answers are gathered: each frame interrupts the daemon's own work.
_GATHER: Final = 0.004


def main() -> None:
    """Send until the daemon says stop, or is gone."""
    descriptor, parent = map(int, sys.argv[1:])
    # A terminal's Ctrl-C and a service manager's SIGTERM go to the daemon, and it drains first.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be followed
        return
    memory.settle()
    with socket.socket(fileno=descriptor) as link, suppress(ConnectionError):
        uvloop.run(_send(link))


async def _send(link: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    _, sending = await loop.create_unix_connection(_Sending, sock=link)
    await sending.ended.wait()


class _Sending(asyncio.Protocol):
    """The daemon's end of the socket, and what it has asked for."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._ending = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._frames = Frames()
        self._providers: Mapping[Channel, Rotating] = {}
        self._calls: set[asyncio.Task[None]] = set()
        self._results: list[SendResult] = []
        self._chores: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def eof_received(self) -> None:
        if not self._ending:
            os._exit(0)  # the daemon is gone: whatever is not begun must not be

    def connection_lost(self, exc: Exception | None) -> None:
        self.eof_received()
        self.ended.set()

    def data_received(self, data: bytes) -> None:
        for kind, value in self._frames.feed(data):
            match kind:
                case Kind.SEND:
                    for outgoing in unpacked(value):
                        call = self._loop.create_task(self._call(outgoing))
                        self._calls.add(call)
                        call.add_done_callback(self._calls.discard)
                case Kind.BEGIN:
                    self._soon(value)
                case Kind.ROTATE:
                    self._rotate(value)
                case Kind.STOP:
                    self._soon(None)
                case _:
                    raise AssertionError(kind)

    def _soon(self, beginning: Beginning | None) -> None:
        work = self._stop() if beginning is None else self._begin(beginning)
        self._chores.add(self._loop.create_task(work))

    async def _begin(self, beginning: Beginning) -> None:
        configure_logging(beginning.log_format, beginning.log_level)
        try:
            faults.arm(faults.read_charges(beginning.faults or ""))
            made = beginning.recipe(clock=_now)
            self._providers = {channel: Rotating(each) for channel, each in made.items()}
            for provider in self._providers.values():
                await provider.open()
        except Exception as error:
            await close_all(self._providers.values())
            self._write(_failed(error))
            self._end()
            return
        self._write(frame(Kind.OPENED))

    def _rotate(self, recipe: Recipe) -> None:
        fresh = recipe(clock=_now)
        for channel, provider in self._providers.items():
            provider.rotate(fresh[channel])

    async def _call(self, outgoing: Outgoing) -> None:
        try:
            result = await attempt(self._providers.get(outgoing.channel), outgoing, _now)
        except asyncio.CancelledError:
            result = stopped_midway(outgoing, _now())
        if not self._results:
            self._loop.call_later(_GATHER, self._tell)
        self._results.append(result)

    def _tell(self) -> None:
        results, self._results = self._results, []
        if results:
            self._write(told(results))

    async def _stop(self) -> None:
        calls = list(self._calls)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        self._tell()
        await close_all(self._providers.values())
        self._end()

    def _write(self, data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(data)

    def _end(self) -> None:
        assert self._transport is not None
        self._ending = True
        self._transport.close()  # once all is written


def _failed(error: Exception) -> bytes:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # not every exception survives it
        error = RuntimeError(type(error).__name__)
    return frame(Kind.FAILED, error)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
