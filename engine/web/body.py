"""Reading a request's body within bounds of size and time."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MEGABYTE: Final = 1024 * 1024
SECONDS: Final = 30.0  # for a body to arrive

# What is left of the body must not be read as the next request.
_CLOSE: Final = {"Connection": "close"}


async def read_body(request: Request, *, most: int, seconds: float = SECONDS) -> bytes:
    """The whole body.

    Raises HTTPException: 413 as soon as more than ``most`` bytes are announced or have come, 408
    when it is not there in time. Raises ClientDisconnect when the client went away.
    """
    told = request.headers.get("content-length")
    if told is not None and told.isdecimal() and (len(told) > 15 or int(told) > most):
        raise _too_large(most)
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, most)
    except TimeoutError:
        message = f"the body did not arrive within {seconds:g} seconds"
        raise HTTPException(408, message, _CLOSE) from None


async def _read(request: Request, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > most:
            raise _too_large(most)
        if not message.get("more_body", False):
            return b"".join([*parts, part]) if parts else part
        parts.append(part)


def _too_large(most: int) -> HTTPException:
    size = f"{most // MEGABYTE} MB" if most >= MEGABYTE else f"{most // 1024} KB"
    return HTTPException(413, f"the body is larger than {size}", _CLOSE)
