"""Around every request: an id, security headers, the log line, the last catch of errors."""

from __future__ import annotations

import itertools
import secrets
import traceback
from collections.abc import Collection, Mapping
from time import perf_counter
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.web.errors import answer_http_error, is_public, plain_page, problem
from engine.web.health import Endpoint

_ID: Final = "lagniappe.request"
_HEADERS: Final = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]
_NOT_INDEXED: Final = (b"x-robots-tag", b"noindex, nofollow, noarchive")
_NOTHING_LOADS: Final = (
    b"content-security-policy",
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)

log = structlog.get_logger(__name__)


class Gateway:
    """The outermost layer; pure ASGI, because it runs for thousands of events a second.

    POSTs to the paths of ``direct`` go straight to their endpoint: FastAPI's own layers and its
    router would cost as much as reading the event does.

    What went well is counted (``/metrics``) and logged at debug level only; refusals are logged at
    info, failures at error level. No query, body, address or token is ever logged.
    """

    def __init__(
        self, app: ASGIApp, *, paths: Collection[str], direct: Mapping[str, Endpoint]
    ) -> None:
        self._app = app
        self._paths = frozenset(paths)
        self._direct = direct
        self._prefix = secrets.token_hex(4)
        self._numbers = itertools.count(1)
        # Bound once: to bind at each request would cost more than all else here.
        self._log = log.bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        request_id = scope[_ID] = f"{self._prefix}-{next(self._numbers):x}"
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message["headers"]
                headers = [*given, *_HEADERS, (b"x-request-id", request_id.encode())]
                if not any(name == b"content-security-policy" for name, _ in given):
                    headers.append(_NOTHING_LOADS)
                if is_public(scope["path"]):
                    headers.append(_NOT_INDEXED)
                message = {**message, "headers": headers}
            await send(message)

        endpoint = self._direct.get(scope["path"]) if scope["method"] == "POST" else None
        try:
            if endpoint is None:
                await self._app(scope, receive, send_on)
            else:
                response = await _respond(endpoint, Request(scope, receive))
                await response(scope, receive, send_on)
        except ClientDisconnect:
            return
        tell = self._log.info if status >= 400 else self._log.debug
        tell(
            "request",
            request=request_id,
            method=scope["method"],
            path=self._told(scope["path"]),
            status=status,
            ms=round((perf_counter() - started) * 1000, 1),
        )

    def _told(self, path: str) -> str:
        """The path for the log: a token is left out, and so is whatever a stranger makes up."""
        if is_public(path):
            return f"{path[:3]}…"
        return path if path in self._paths else "(unknown)"


class Rescue:
    """Inside FastAPI's layers: turns an unexpected error into an answer before they see it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        is_answered = False

        async def send_on(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except ClientDisconnect:
            return
        except Exception as error:
            response = _failed(scope, error)
            if is_answered:
                raise  # half an answer is out: the server must cut the connection
            await response(scope, receive, send)


async def _respond(endpoint: Endpoint, request: Request) -> Response:
    try:
        return await endpoint(request)
    except HTTPException as error:
        return await answer_http_error(request, error)
    except ClientDisconnect:
        raise
    except Exception as error:
        return _failed(request.scope, error)


def _failed(scope: Scope, error: Exception) -> Response:
    """A 500 that says where to look.

    The text of an unexpected error may quote anything, a customer's address for instance; its
    class and its place must do for the log.
    """
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    log.error(
        "request_failed",
        request=scope[_ID],
        error=type(error).__name__,
        at=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
    answer = plain_page if is_public(scope["path"]) else problem
    return answer(500, f"something went wrong here; the log has it under {scope[_ID]}")
