"""Errors as answers: JSON for programs, a plain page for people, never a traceback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

# What these paths begin with is followed by a token.
PUBLIC: Final = ("/u/", "/c/", "/s/", "/r/", "/v/")
_CODES: Final[Mapping[int, str]] = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    415: "unsupported_media_type",
    500: "internal_error",
    503: "unavailable",
}
_STARLETTES_OWN: Final[Mapping[int, str]] = {
    404: "there is nothing at this address",
    405: "this address does not take that method",
}


def as_json(
    content: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer; lone surrogates are escaped, so that any text can be told."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return Response(body, status, headers, media_type="application/json")


def problem(
    status: int, message: str, headers: Mapping[str, str] | None = None, **more: Any
) -> Response:
    """``{"error": {"code", "message"}}`` and whatever else belongs to the answer."""
    error = {"code": _CODES.get(status, "error"), "message": message}
    return as_json({"error": error, **more}, status, headers)


async def answer_http_error(request: Request, error: Exception) -> Response:
    """The handler of HTTPException, the router's own 404 and 405 included."""
    assert isinstance(error, HTTPException)  # it is registered for that alone
    message = str(error.detail)
    if message == HTTPStatus(error.status_code).phrase:
        message = _STARLETTES_OWN.get(error.status_code, message)
    if is_public(request.url.path):
        return plain_page(error.status_code, message, error.headers)
    return problem(error.status_code, message, error.headers)


def is_public(path: str) -> bool:
    """Whether people, rather than programs, come to this path."""
    return path.startswith(PUBLIC)


def plain_page(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """A sentence for a person; for what goes wrong before a real page can be made."""
    sentence = message[:1].upper() + message[1:]
    return Response(f"{sentence}.\n", status, headers, media_type="text/plain")
