"""HTTP/1.1 as far as a hand-over needs it: one host, small POSTs, kept-alive connections.

A general client (aiohttp) takes longer over a call than deciding on a message does: request and
answer objects, cookies, redirects, hooks, and a task for each body. Here a call is one write and
one parser; the parser is llhttp, as in aiohttp.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

import aiohappyeyeballs
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from engine.providers.classing import Answer

MAX_ANSWER: Final = 64 * 1024  # bytes; answers run to a few hundred, the rest is not read
# Below the idle limit of servers in front of such APIs (60 s and more), so that it is this
# side that lets an idle connection go: a request written into one that the server is just
# closing would end in doubt.
_IDLE: Final = 15.0  # seconds
_MAX_HEAD: Final = 64 * 1024  # bytes
_NEXT_ADDRESS: Final = 0.25  # seconds until another is tried beside it: RFC 8305, section 8
_RESOLVED: Final = 10.0  # seconds for which a host's addresses are taken to be the same


class Broken(Exception):
    """The connection ended, or the peer spoke no HTTP, before the answer was whole."""


class Unconnected(Exception):
    """No connection could be made, so nothing was written; its cause tells why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds: until connected (with DNS and TLS), and for the whole call."""

    connect: float = 10.0
    total: float = 30.0


class Wire:
    """Connections to one origin, as many at once as calls; an unused one is kept for a while.

    TLS is verified; proxies and credentials from the environment are not looked at. All methods
    belong to one running loop. Raises ``ValueError`` for a header that would be more than one.
    """

    def __init__(
        self, base_url: str, *, max_in_flight: int, timeouts: Timeouts, headers: Mapping[str, str]
    ) -> None:
        parts = urlsplit(base_url)
        self._host = parts.hostname or ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (80 if self._tls is None else 443)
        self._timeouts = timeouts
        told = {"Host": parts.netloc, "Accept-Encoding": "identity", "User-Agent": "lagniappe"}
        self._root = parts.path
        self._headers = _head_lines({**told, **headers})
        self._heads: dict[tuple[str, str], bytes] = {}
        self._room = asyncio.Semaphore(max_in_flight)
        self._idle: deque[_Connection] = deque()  # the one used last stands last
        self._busy: set[_Connection] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._addresses: asyncio.Task[list[aiohappyeyeballs.AddrInfoType]] | None = None
        self._addresses_until = 0.0

    async def post(self, path: str, *, body: bytes, content_type: str) -> Answer:
        """POST once; redirects are not followed, and nothing is ever written a second time.

        Raises ``Unconnected`` when nothing was written, and when something may have been
        ``TimeoutError`` or ``Broken``.
        """
        head = self._heads.get((path, content_type)) or self._head(path, content_type)
        async with self._room:
            loop = asyncio.get_running_loop()
            began = loop.time()
            connection = self._take() or await self._connect()
            self._busy.add(connection)
            left = self._timeouts.total - (loop.time() - began)
            timer = loop.call_later(left, connection.give_up)
            try:
                return await connection.call(b"%b%d\r\n\r\n%b" % (head, len(body), body))
            finally:
                timer.cancel()
                self._busy.discard(connection)
                self._keep(connection)

    async def close(self) -> None:
        """Close every connection; calls under way end as broken."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in [*self._idle, *self._busy]:
            connection.abort()
        self._idle.clear()

    def _head(self, path: str, content_type: str) -> bytes:
        if not path.isascii() or not path.isprintable() or " " in path:
            raise ValueError("a path is printable ASCII")
        line = f"POST {self._root}{path} HTTP/1.1\r\n".encode()
        head = line + self._headers + _head_lines({"Content-Type": content_type})
        return self._heads.setdefault((path, content_type), head + b"Content-Length: ")

    def _take(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable and connection.idle < _IDLE:
                return connection
            connection.abort()
        return None

    def _keep(self, connection: _Connection) -> None:
        if not connection.is_usable:
            connection.abort()
            return
        self._idle.append(connection)
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(_IDLE, self._let_go)

    def _let_go(self) -> None:
        """Close what has been idle for long, and look again while there is something idle."""
        self._sweep = None
        while self._idle and (not self._idle[0].is_usable or self._idle[0].idle >= _IDLE):
            self._idle.popleft().abort()
        if self._idle:
            wait = max(0.1, _IDLE - self._idle[0].idle)
            self._sweep = asyncio.get_running_loop().call_later(wait, self._let_go)

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(min(self._timeouts.connect, self._timeouts.total)):
                plug = await aiohappyeyeballs.start_connection(
                    await self._resolved(), happy_eyeballs_delay=_NEXT_ADDRESS, loop=loop
                )
                try:
                    _, connection = await loop.create_connection(
                        _Connection,
                        sock=plug,
                        ssl=self._tls,
                        server_hostname=None if self._tls is None else self._host,
                    )
                except BaseException:
                    plug.close()
                    raise
        except (OSError, TimeoutError, ValueError) as error:
            raise Unconnected from error
        return connection

    async def _resolved(self) -> list[aiohappyeyeballs.AddrInfoType]:
        """The host's addresses; hundreds of connections made at once ask for them once."""
        now = asyncio.get_running_loop().time()
        task = self._addresses
        if task is None or now >= self._addresses_until or (task.done() and _failed(task)):
            task = self._addresses = asyncio.create_task(self._resolve())
            self._addresses_until = now + _RESOLVED
        return await asyncio.shield(task)

    async def _resolve(self) -> list[aiohappyeyeballs.AddrInfoType]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        return list[aiohappyeyeballs.AddrInfoType](found)


class _Connection(asyncio.Protocol):
    """One connection, and the one call on it. httptools calls the methods ``on_…``."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0  # of the head until it is complete, then of the body
        self._in_body = False
        self._since = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether another call can be made on it."""
        transport = self._transport
        return transport is not None and not transport.is_closing() and self._answer is None

    @property
    def idle(self) -> float:
        """Seconds since the last call ended."""
        return self._loop.time() - self._since

    def call(self, request: bytes) -> asyncio.Future[Answer]:
        """Write a request; what comes back."""
        assert self._transport is not None
        self._answer = self._loop.create_future()
        self._begin()
        self._transport.write(request)
        return self._answer

    def give_up(self) -> None:
        """The time for the answer is over."""
        self._fail(TimeoutError())

    def abort(self) -> None:
        """Close at once."""
        self._fail(Broken("the connection was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not derive from it

    def data_received(self, data: bytes) -> None:
        if self._answer is None:  # nobody asked
            self.abort()
            return
        if not self._in_body:
            self._size += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(Broken(type(error).__name__))
            return
        if not self._in_body and self._size > _MAX_HEAD:
            self._fail(Broken("the head has no end"))

    def eof_received(self) -> None:
        if self._in_body and not {"content-length", "transfer-encoding"} & self._headers.keys():
            self._finish(keep=False)  # RFC 9112, section 6.3: such a body ends with the connection

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(Broken("the connection was lost"))

    def on_message_begin(self) -> None:
        if self._answer is None:  # nobody asked
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1").strip())

    def on_headers_complete(self) -> None:
        self._in_body, self._size = True, 0

    def on_body(self, body: bytes) -> None:
        self._body.append(body[: MAX_ANSWER - self._size])
        self._size += len(body)
        if self._size >= MAX_ANSWER:
            self._finish(keep=False)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:  # "continue", "early hints": the answer follows
            self._begin()
        else:
            self._finish(keep=self._parser.should_keep_alive())

    def _begin(self) -> None:
        self._headers, self._body, self._size, self._in_body = {}, [], 0, False

    def _finish(self, *, keep: bool) -> None:
        answer, self._answer = self._answer, None
        self._since = self._loop.time()
        if answer is not None and not answer.done():
            status = self._parser.get_status_code()
            body = b"".join(self._body)
            answer.set_result(Answer(status=status, headers=self._headers, body=body))
        if not keep:
            self.abort()

    def _fail(self, error: Exception) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)
        if self._transport is not None:
            self._transport.abort()


def _head_lines(headers: Mapping[str, str]) -> bytes:
    for name, value in headers.items():
        if not f"{name}{value}".isprintable():
            raise ValueError(f"the header {name} holds what no header may hold")
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")


def _failed(task: asyncio.Task[list[aiohappyeyeballs.AddrInfoType]]) -> bool:
    return task.cancelled() or task.exception() is not None
