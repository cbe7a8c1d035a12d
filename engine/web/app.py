"""The web application: every route, from services that are given."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engine.ports import calling
from engine.web import (
    api,
    clicks,
    openapi,
    public,
    receipts,
    referrals,
    reviews,
    surveys,
    texts,
    voice,
    webhooks,
)
from engine.web.errors import answer_http_error, as_json
from engine.web.gateway import Gateway, Rescue
from engine.web.health import Endpoint, alive, metrics_endpoint, ready_endpoint
from engine.web.services import WebServices
from triggers.sources import SOURCES


class _Application(FastAPI):
    """FastAPI behind the gateway, which answers the busiest address itself."""

    def __init__(
        self, *, routes: Sequence[Route], paths: Collection[str], direct: Mapping[str, Endpoint]
    ) -> None:
        super().__init__(
            title="Lagniappe",
            version=_version(),
            routes=list(routes),
            # Interactive documentation is left out: its scripts come from somebody else's server.
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            exception_handlers={HTTPException: answer_http_error},
            middleware=[Middleware(Rescue)],
        )
        self._gateway = Gateway(super().__call__, paths=paths, direct=direct)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        await self._gateway(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The document that ``/openapi.json`` serves."""
        return openapi.document(self.version)


def create_app(services: WebServices) -> FastAPI:
    """The application over ``services``, which the caller starts and stops."""
    post_events = api.events_endpoint(services)
    routes = [
        Route(api.PATH, post_events, methods=["POST"]),
        *(
            Route(
                texts.PATH.format(provider=name),
                texts.texts_endpoint(services, name),
                methods=["POST"],
            )
            for name in services.text_readers
        ),
        Route(calling.PATH, voice.voice_endpoint(services), methods=["POST"]),
        Route(webhooks.PATH, webhooks.webhook_endpoint(services), methods=["POST"]),
        Route(receipts.PATH, receipts.receipts_endpoint(services), methods=["POST"]),
        Route(public.PATH, public.unsubscribe_endpoint(services), methods=["GET", "POST"]),
        Route(surveys.PATH, surveys.survey_endpoint(services), methods=["GET", "POST"]),
        Route(referrals.PATH, referrals.referral_endpoint(services), methods=["GET", "POST"]),
        Route(reviews.PATH, reviews.review_endpoint(services), methods=["GET", "POST"]),
        Route(clicks.PATH, clicks.click_endpoint(services), methods=["GET"]),
        Route("/healthz", alive, methods=["GET"]),
        Route("/readyz", ready_endpoint(services), methods=["GET"]),
        Route("/metrics", metrics_endpoint(services), methods=["GET"]),
        Route("/openapi.json", _openapi, methods=["GET"]),
    ]
    paths = {route.path for route in routes if "{" not in route.path}
    paths |= {webhooks.PATH.format(platform=name) for name in SOURCES}
    paths |= {receipts.PATH.format(provider=name) for name in services.readers}
    return _Application(routes=routes, paths=paths, direct={api.PATH: post_events})


async def _openapi(request: Request) -> Response:
    return as_json(openapi.document(_version()))


def _version() -> str:
    try:
        return version("lagniappe")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"
