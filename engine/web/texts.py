"""``POST /webhooks/twilio``: what customers write back, proven by the provider's signature."""

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

PATH: Final = "/webhooks/{provider}"
MOST: Final = 64 * 1024  # a body of 1,600 characters, percent-encoded, and some forty short fields

log = structlog.get_logger(__name__)


def texts_endpoint(
    services: WebServices, provider: str
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of one provider of ``services.text_readers``."""
    clock, metrics = services.clock, services.metrics

    async def post_text(request: Request) -> Response:
        reader = services.text_readers[provider]
        body = await read_body(request, most=MOST)
        try:
            reading = reader.read(
                request.headers, body, target=signed_target(request), now=clock.now()
            )
        except ReceiptRefused as refusal:
            log.warning("text_refused", provider=provider, reason=refusal.reason)
            challenge = {"WWW-Authenticate": f'Signature realm="{provider}"'}
            return problem(401, refusal.reason, challenge)
        answer: str | None = None
        try:
            if reading.rejected is not None:
                await run_in_threadpool(services.reject, [reading.rejected])
                metrics.events_rejected(1)
                log.warning("text_rejected", provider=provider, reason=reading.rejected.reason)
            elif reading.text is not None:
                answer = await run_in_threadpool(services.reply, reading.text)
        except Exception as error:
            log.error("text_not_stored", provider=provider, error=type(error).__name__)
            return unavailable(NotStored("the database did not store the text"))
        media_type, content = reader.answer(answer)
        return Response(content, media_type=media_type)

    return post_text
