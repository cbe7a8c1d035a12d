"""uvicorn inside our own process: a thread with an event loop, no signal handlers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from engine.web.protocol import BoundedHttp

GRACE: Final = 10  # seconds for requests under way when the server stops
KEEP_ALIVE: Final = 75  # seconds; longer than the usual proxy's, which then closes first
CONNECTIONS: Final = 2000
BACKLOG: Final = 2048
PROXIES: Final = ("127.0.0.1", "::1")  # whose X-Forwarded headers count

log = structlog.get_logger(__name__)


class CannotListen(Exception):
    """The address is taken, or not this machine's."""


class _Uvicorn(uvicorn.Server):
    """The daemon handles signals itself."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the process's handlers alone."""
        yield


class Server:
    """One HTTP server. ``port`` 0 lets the system choose; ``port`` then tells which.

    ``behind_proxy`` believes X-Forwarded headers that come from this machine.
    """

    def __init__(
        self,
        app: ASGIApp,
        host: str,
        port: int,
        *,
        behind_proxy: bool = False,
        grace: int = GRACE,
    ) -> None:
        self._host = host
        self._port = port
        self._grace = grace
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                http=BoundedHttp,
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=behind_proxy,
                forwarded_allow_ips=list(PROXIES),
                timeout_keep_alive=KEEP_ALIVE,
                timeout_graceful_shutdown=grace,
                limit_concurrency=CONNECTIONS,
                backlog=BACKLOG,
            )
        )
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port listened on."""
        return self._port

    def listen(self) -> None:
        """Take the address, before anything is served. Raises CannotListen."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        taken = socket.socket(family, socket.SOCK_STREAM)
        try:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            taken.bind((self._host, self._port))
            taken.listen(BACKLOG)
        except (OSError, UnicodeError) as error:
            taken.close()
            why = error.strerror if isinstance(error, OSError) else "not a host name"
            raise CannotListen(f"cannot listen on {self._host}:{self._port}: {why}") from error
        self._socket = taken
        self._port = taken.getsockname()[1]

    async def serve(self) -> None:
        """Serve in this event loop until ``request_stop``. Raises CannotListen."""
        if self._socket is None:
            self.listen()
        assert self._socket is not None
        await self._uvicorn.serve(sockets=[self._socket])

    def request_stop(self) -> None:
        """Ask the server to stop taking connections and finish; returns at once."""
        self._uvicorn.should_exit = True

    def start(self) -> None:
        """Serve in a thread of its own; the address is listened on when this returns.

        Raises CannotListen.
        """
        self.listen()
        self._thread = threading.Thread(target=self._run, name="web")
        self._thread.start()

    def stop(self) -> None:
        """Finish the requests under way, for ``grace`` seconds at most, and return when done."""
        self.request_stop()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self.serve())
        except Exception:
            log.exception("web_server_failed")
            raise
