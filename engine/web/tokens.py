"""Bearer tokens (RFC 6750) of those who may send events."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from engine.web.errors import problem

_CHALLENGE = 'Bearer realm="lagniappe"'


class Tokens:
    """The tokens valid now, several while they are being changed; asked for at each request."""

    def __init__(self, tokens: Callable[[], Sequence[SecretStr]]) -> None:
        self._held = tokens

    def refuse(self, request: Request) -> Response | None:
        """Why this request may not pass, as an answer; None when it may."""
        tokens = [token.get_secret_value().encode() for token in self._held()]
        if not tokens:
            return problem(
                403,
                "LAGNIAPPE_API_TOKEN is not set on this server, so nobody may use this address;"
                " set it and send it as Authorization: Bearer TOKEN",
            )
        header = request.headers.get("authorization")
        scheme, _, given = (header or "").partition(" ")
        if scheme.lower() != "bearer":
            return problem(
                401,
                "send the API token as Authorization: Bearer TOKEN",
                {"WWW-Authenticate": _CHALLENGE},
            )
        sent = given.strip().encode("utf-8", "surrogateescape")
        # Every token is compared, so that time tells nothing of which came close.
        if sum(hmac.compare_digest(sent, token) for token in tokens):
            return None
        return problem(
            401,
            "this is not an API token of this server",
            {"WWW-Authenticate": f'{_CHALLENGE}, error="invalid_token"'},
        )
