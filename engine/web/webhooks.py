"""``POST /webhooks/{platform}``: what platforms tell, proven by their signature."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from pydantic import SecretStr
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from config.settings import PREFIX, Settings
from engine.ports.stored import Incoming
from engine.services.inbox import NotStored, Overloaded
from engine.web.api import unavailable
from engine.web.body import MEGABYTE, read_body
from engine.web.errors import as_json, problem
from engine.web.services import WebServices
from triggers.sources import configured
from triggers.sources.native import serialize
from triggers.sources.signatures import SignatureError

PATH: Final = "/webhooks/{platform}"
MOST: Final = 5 * MEGABYTE

log = structlog.get_logger(__name__)


def webhook_endpoint(services: WebServices) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of every platform in ``triggers.sources``."""
    inbox, clock, metrics = services.inbox, services.clock, services.metrics
    sources = configured(services.settings())

    async def post_webhook(request: Request) -> Response:
        platform = request.path_params["platform"]
        source = sources.get(platform)
        if source is None:
            return problem(404, f"webhooks are read from {', '.join(sources)}")
        secrets = _secrets(services.settings(), platform)
        if not secrets:
            return _refuse(platform, f"{_setting(platform)} is not set, so nothing is accepted")
        body = await read_body(request, most=MOST)
        try:
            reading = source.read(request.headers, body, secrets=secrets, received_at=clock.now())
        except SignatureError as error:
            return _refuse(platform, error.reason)
        if reading.rejected is not None:
            try:
                await run_in_threadpool(services.reject, [reading.rejected])
            except Exception as error:
                log.error("webhook_not_stored", platform=platform, error=type(error).__name__)
                return unavailable(NotStored("the database did not store the webhook"))
            metrics.events_rejected(1)
            # The reason is the source's own words; it may quote a topic but no customer.
            log.warning("webhook_rejected", platform=platform, reason=reading.rejected.reason)
            return as_json({"accepted": 0, "rejected": 1, "reason": reading.rejected.reason})
        now = clock.now()
        incoming = [
            Incoming(event=event, body=serialize(event), received_at=now)
            for event in reading.events
        ]
        try:
            await inbox.accept(incoming)
        except (Overloaded, NotStored) as error:
            return unavailable(error)
        return as_json({"accepted": len(incoming), "rejected": 0})

    return post_webhook


def _refuse(platform: str, reason: str) -> Response:
    log.warning("webhook_refused", platform=platform, reason=reason)
    return problem(401, reason, {"WWW-Authenticate": f'Signature realm="{platform}"'})


def _secrets(settings: Settings, platform: str) -> tuple[str, ...]:
    held: Sequence[SecretStr] = getattr(settings, f"{platform}_secret")
    return tuple(secret.get_secret_value() for secret in held)


def _setting(platform: str) -> str:
    return f"{PREFIX}{platform.upper()}_SECRET"
