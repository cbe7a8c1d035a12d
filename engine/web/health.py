"""``/healthz``, ``/readyz`` and ``/metrics``, for whoever watches the process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from engine.web.errors import as_json
from engine.web.services import Check, WebServices
from engine.web.tokens import Tokens

SECONDS: Final = 5.0  # a readiness check that takes longer is an answer in itself

log = structlog.get_logger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


async def alive(request: Request) -> Response:
    """``/healthz``: this process answers. Says nothing of what it depends on."""
    return as_json({"status": "ok"})


def ready_endpoint(services: WebServices, *, seconds: float = SECONDS) -> Endpoint:
    """``/readyz``: 200 when every check passes, else 503 with the reasons."""

    async def ready(request: Request) -> Response:
        try:
            async with asyncio.timeout(seconds):
                checks = await asyncio.to_thread(services.readiness)
        except TimeoutError:
            reason = f"the checks took longer than {seconds:g} seconds"
            checks = [Check(name="checks", ok=False, reason=reason)]
        except Exception as error:
            log.error("readiness_failed", error=type(error).__name__)
            checks = [Check(name="checks", ok=False, reason=type(error).__name__)]
        return _told(checks)

    return ready


def _told(checks: Sequence[Check]) -> Response:
    passed = all(check.ok for check in checks)
    told = {
        "status": "ready" if passed else "not_ready",
        "checks": {
            check.name: {"ok": True} if check.ok else {"ok": False, "reason": check.reason}
            for check in checks
        },
    }
    return as_json(told, 200 if passed else 503)


def metrics_endpoint(services: WebServices) -> Endpoint:
    """``/metrics`` in Prometheus's text format.

    Where others than this machine can reach it, it asks for the API token: how many messages a
    shop sends is nobody else's business.
    """
    tokens = Tokens(lambda: services.settings().api_token)
    is_exposed = services.settings().exposed

    async def metrics(request: Request) -> Response:
        if is_exposed and (refusal := tokens.refuse(request)) is not None:
            return refusal
        return Response(
            generate_latest(services.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    return metrics
