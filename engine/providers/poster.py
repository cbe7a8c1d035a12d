"""``call_webhook``'s own provider: one POST of JSON to the shop's system."""

from __future__ import annotations

import httpx

from engine.ports.storage import DueCall

_TIMEOUT = httpx.Timeout(10.0, connect=5.0)


class HttpPoster:
    """Posts JSON. Redirects are not followed: an address that moved is the author's to mend."""

    def __init__(self) -> None:
        self._client = httpx.Client(timeout=_TIMEOUT, follow_redirects=False, trust_env=False)

    def post(self, call: DueCall) -> str | None:
        """None when it was taken (2xx), else why not. ``Idempotency-Key`` lets receivers dedupe."""
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": call.id,
            "User-Agent": "Lagniappe",
        }
        try:
            answer = self._client.post(call.url, content=call.body, headers=headers)
        except httpx.HTTPError as error:
            return f"no answer: {type(error).__name__}"
        except (httpx.InvalidURL, ValueError):
            return "the address is not valid"
        return None if answer.is_success else f"answered {answer.status_code}"
