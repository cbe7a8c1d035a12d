"""``/c/{token}``: on to where a message's link leads, with an observation left behind.

The target stands in the signed token, so nobody can make an address of ours lead elsewhere. GET
changes no consent, answer, customer or journey: mail programs and scanners follow links.
"""

from __future__ import annotations

from typing import Final

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from engine.core.machines import fetches_ahead
from engine.links import BadToken
from engine.web.errors import plain_page
from engine.web.health import Endpoint
from engine.web.services import WebServices

PATH: Final = "/c/{token}"
_PURPOSE: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")


def click_endpoint(services: WebServices) -> Endpoint:
    """The endpoint for GET and HEAD."""
    clicks = services.clicks

    async def follow(request: Request) -> Response:
        token: str = request.path_params["token"]
        try:
            target = clicks.target(token)
        except BadToken:
            return plain_page(404, "this link is not valid")
        # After the answer: nobody waits for the database to get where they want to be.
        noting = BackgroundTask(
            clicks.observe,
            token,
            user_agent=request.headers.get("user-agent"),
            machine=_is_machine(request),
        )
        return Response(status_code=302, headers={"Location": target}, background=noting)

    return follow


def _is_machine(request: Request) -> bool:
    """HEAD asks whether a link is alive; people's programs follow it."""
    ahead = any(fetches_ahead(request.headers.get(name, "")) for name in _PURPOSE)
    return request.method == "HEAD" or ahead
