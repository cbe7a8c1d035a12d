"""uvicorn's HTTP protocol, with bounds on a request's head.

httptools collects a head of any length for any time; a reverse proxy would stop that, but this
server must also stand without one.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_BYTES: Final = 64 * 1024
HEAD_SECONDS: Final = 15.0
MOST_AT_ONCE: Final = 256 * 1024  # what an event loop reads at once, and may hold body as well


class HeadTooLongError(Exception):
    """uvicorn answers 400 to whatever is raised while it reads a head."""


class BoundedHttp(HttpToolsProtocol):
    """Refuses a head that is too long, and hangs up on one that is too slow."""

    _in_head = False
    _head_bytes = 0
    _last_bytes = 0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Give the first request its time."""
        super().connection_made(transport)
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the timer go with the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, counting those of a head that goes on and on."""
        self._last_bytes = len(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES + MOST_AT_ONCE:
                self._refuse()
                return
        super().data_received(data)

    def on_message_begin(self) -> None:
        """A head begins, with the connection or after the message before."""
        super().on_message_begin()
        self._in_head = True
        if self._head_timer is None:
            self._start_timer()

    def on_headers_complete(self) -> None:
        """The head is whole; what follows is body, or the next request. Raises HeadTooLongError."""
        may_be_long = self._head_bytes + self._last_bytes > HEAD_BYTES
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        if may_be_long:
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > HEAD_BYTES:
                raise HeadTooLongError
        super().on_headers_complete()

    def _start_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _refuse(self) -> None:
        text = b"The request's head is larger than 64 KB.\n"
        self.transport.write(
            STATUS_LINE[431]
            + b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n" % len(text)
            + b"connection: close\r\n\r\n"
            + text
        )
        self.transport.close()
