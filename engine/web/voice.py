"""``POST /webhooks/twilio/voice``: what people do in a call, proven by the provider's signature."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.ports.providers import ReceiptRefused
from engine.services.inbox import NotStored
from engine.web.api import unavailable
from engine.web.body import read_body
from engine.web.errors import problem
from engine.web.receipts import signed_target
from engine.web.services import WebServices

MOST: Final = 64 * 1024  # a form of some forty short fields

log = structlog.get_logger(__name__)


def voice_endpoint(services: WebServices) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint over ``services.call_reader`` and ``services.turn``."""

    async def post_turn(request: Request) -> Response:
        reader = services.call_reader()
        body = await read_body(request, most=MOST)
        try:
            turn = reader.read(request.headers, body, target=signed_target(request))
        except ReceiptRefused as refusal:
            log.warning("turn_refused", reason=refusal.reason)
            return problem(401, refusal.reason, {"WWW-Authenticate": 'Signature realm="twilio"'})
        try:
            reply = await run_in_threadpool(services.turn, turn)
        except Exception as error:
            log.error("turn_not_stored", error=type(error).__name__)
            return unavailable(NotStored("the database did not store what was pressed"))
        media_type, content = reader.answer(reply)
        return Response(content, media_type=media_type)

    return post_turn
