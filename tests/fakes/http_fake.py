"""The server that the fakes share: real HTTP on loopback, in a thread of its own."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import json
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How to answer one request that the API would have taken.

    ``status`` ``None``: as the API does. ``delay`` in seconds before the answer. ``hang``:
    take the message and never answer. ``close``: break the connection before the answer or
    in the middle of its body. ``accept``: whether the message counts as taken; left out, it
    does unless the status says otherwise.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    delay: float = 0.0
    hang: bool = False
    close: Literal["before_answer", "mid_answer"] | None = None
    accept: bool | None = None


AS_DOCUMENTED = Behaviour()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the API makes of a request: its answer and, if it understood it, the message."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    message_id: str | None = None
    to: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came in; ``accepted``: the customer would have got the message."""

    message_id: str | None
    to: str | None
    status: int
    accepted: bool
    headers: Mapping[str, str]
    fields: Mapping[str, Any]


class FakeApi(abc.ABC):
    """A provider's API on loopback. Use it in ``with``; ``received`` holds every request.

    ``record``: a file that gets one JSON line for each request, written before the answer
    leaves, so that it counts what was taken even when the caller is killed meanwhile.
    """

    name: str

    def __init__(
        self,
        *,
        port: int = 0,
        record: Path | None = None,
        default: Behaviour = AS_DOCUMENTED,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.received: list[Received] = []
        self.default = default
        self._port = port
        self._record = record
        self._tls = tls
        self._script: deque[Behaviour] = deque()
        self._file: IO[str] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name=f"fake {self.name}", daemon=True)
        self._started = threading.Event()
        self._failure: BaseException | None = None

    @abc.abstractmethod
    def judge(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        """The API's own answer to a request; header names are lower case."""

    @property
    def base_url(self) -> str:
        """What a provider is given as its base URL."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def next(self, *behaviours: Behaviour) -> None:
        """Behave so at the next requests, one after another, then by ``default`` again."""
        self._script.extend(behaviours)

    def accepted(self) -> list[Received]:
        """The requests whose message was taken."""
        return [received for received in self.received if received.accepted]

    def __enter__(self) -> Self:
        if self._record is not None:
            self._file = self._record.open("a", encoding="utf-8")
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        if self._file is not None:
            self._file.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        runner = web.ServerRunner(web.Server(self._handle))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port, ssl_context=self._tls, backlog=1024)
        await site.start()
        self._port = runner.addresses[0][1]
        self._started.set()
        await self._stopping.wait()
        with contextlib.suppress(asyncio.TimeoutError):
            await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        received = {name.lower(): value for name, value in request.headers.items()}
        verdict = self.judge(request.method, request.path, received, body)
        behaviour = AS_DOCUMENTED
        if 200 <= verdict.status < 300:
            behaviour = self._script.popleft() if self._script else self.default
        self._keep(verdict, behaviour, received)
        if behaviour.delay:
            await self._pause(behaviour.delay)
        if behaviour.hang:
            await self._stopping.wait()
        answer = verdict.body if behaviour.body is None else behaviour.body
        status = verdict.status if behaviour.status is None else behaviour.status
        headers = {**verdict.headers, **behaviour.headers}
        response: web.StreamResponse = web.Response(status=status, headers=headers, body=answer)
        if behaviour.close == "mid_answer":
            response = web.StreamResponse(status=status, headers=headers)
            response.content_length = len(answer) + 100
            await response.prepare(request)
            await response.write(answer)
        if behaviour.hang or behaviour.close is not None:
            self._cut(request)
        return response

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def _keep(self, verdict: Verdict, behaviour: Behaviour, headers: Mapping[str, str]) -> None:
        status = verdict.status if behaviour.status is None else behaviour.status
        accepted = 200 <= verdict.status < 300 and (
            200 <= status < 300 if behaviour.accept is None else behaviour.accept
        )
        received = Received(
            message_id=verdict.message_id,
            to=verdict.to,
            status=status,
            accepted=accepted,
            headers=headers,
            fields=verdict.fields,
        )
        self.received.append(received)
        if self._file is not None:
            line = {
                "api": self.name,
                "message_id": received.message_id,
                "to": received.to,
                "status": status,
                "accepted": accepted,
            }
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    @staticmethod
    def _cut(request: web.BaseRequest) -> None:
        if request.transport is not None:
            request.transport.close()
