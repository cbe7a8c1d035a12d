"""``POST /receipts/{provider}``: what became of messages, proven by the provider's signature."""

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
from engine.web.body import MEGABYTE, read_body
from engine.web.errors import as_json, problem
from engine.web.services import WebServices

PATH: Final = "/receipts/{provider}"
MOST: Final = 5 * MEGABYTE

log = structlog.get_logger(__name__)


def receipts_endpoint(services: WebServices) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of every provider in ``services.readers``."""
    readers, clock, metrics = services.readers, services.clock, services.metrics

    async def post_receipts(request: Request) -> Response:
        name = request.path_params["provider"]
        reader = readers.get(name)
        if reader is None:
            return problem(404, f"receipts are read from {', '.join(readers)}")
        body = await read_body(request, most=MOST)
        try:
            reading = reader.read(
                request.headers, body, target=signed_target(request), now=clock.now()
            )
        except ReceiptRefused as refusal:
            log.warning("receipts_refused", provider=name, reason=refusal.reason)
            return problem(401, refusal.reason, {"WWW-Authenticate": f'Signature realm="{name}"'})
        try:
            if reading.rejected is not None:
                await run_in_threadpool(services.reject, [reading.rejected])
                metrics.events_rejected(1)
                log.warning("receipts_rejected", provider=name, reason=reading.rejected.reason)
                return as_json({"accepted": 0, "rejected": 1, "reason": reading.rejected.reason})
            taken = await run_in_threadpool(services.receive, reading.receipts)
        except Exception as error:
            log.error("receipts_not_stored", provider=name, error=type(error).__name__)
            return unavailable(NotStored("the database did not store the receipts"))
        return as_json({"accepted": taken, "rejected": 0})

    return post_receipts


def signed_target(request: Request) -> str:
    """Path and query exactly as they were sent: signatures cover them byte by byte."""
    raw: bytes = request.scope.get("raw_path") or request.url.path.encode()
    query: bytes = request.scope["query_string"]
    target = raw + b"?" + query if query else raw
    return target.decode("latin-1")
