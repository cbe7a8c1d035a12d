"""A provider as light as can be: ``python -m benchmarks.provider FOLDER`` answers over TLS.

Each POST is answered with 202 and an ``X-Message-Id`` after 80 ms, on connections that are kept
alive. Prints its port once it listens; ends when its input does. ``FOLDER`` gets its certificate.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import uvloop

from tests.fakes.certificates import Authority

DELAY: Final = 0.08  # seconds
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


class _Connection(asyncio.Protocol):
    """One request after the other; what their bodies say is not looked at."""

    taken = 0

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._head = b""
        self._missing = 0  # bytes of the body that have not come yet
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not derive from it

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._take(len(data))
            return
        self._head += data
        end = self._head.find(_END)
        if end < 0:
            return
        length = _LENGTH.search(self._head, 0, end)
        self._missing = int(length[1]) if length else 0
        came, self._head = len(self._head) - end - len(_END), b""
        self._take(came)

    def _take(self, size: int) -> None:
        self._missing -= size
        if self._missing == 0:
            self._loop.call_later(DELAY, self._answer)

    def _answer(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        _Connection.taken += 1
        head = f"HTTP/1.1 202 Accepted\r\nX-Message-Id: m{self.taken}\r\nContent-Length: 0\r\n\r\n"
        self._transport.write(head.encode())


async def _serve(folder: Path) -> None:
    loop = asyncio.get_running_loop()
    context = Authority(folder).server()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, ssl=context, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


@dataclass(frozen=True, slots=True)
class RunningProvider:
    """Where it listens. ``environ`` makes a new process trust it."""

    url: str
    environ: dict[str, str]


@contextmanager
def running_provider() -> Iterator[RunningProvider]:
    """The provider in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="lagniappe-bench-") as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.provider", folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline())
            # Of the file OpenSSL reads the certificates only, and the key is for loopback alone.
            trusted = {"SSL_CERT_FILE": os.fspath(Path(folder) / "loopback.pem")}
            yield RunningProvider(f"https://127.0.0.1:{port}", trusted)
        finally:
            process.stdin.close()
            process.wait()
            process.stdout.close()


if __name__ == "__main__":
    uvloop.run(_serve(Path(sys.argv[1])))
