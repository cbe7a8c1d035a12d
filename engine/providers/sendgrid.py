"""Email through SendGrid's Web API v3, ``POST /v3/mail/send``.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send

SendGrid's own library is not used for it: its builder takes as long as the whole of the rest of a
hand-over, and its transport opens a connection per call. The tests compare with what it builds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import orjson

from engine.core.message import Channel, Outgoing
from engine.providers.classing import Answer
from engine.providers.header_text import header_line
from engine.providers.http import Accepted, HttpProvider, Refusal, Request
from engine.providers.wire import Timeouts

BASE_URL = "https://api.sendgrid.com"


class SendGrid(HttpProvider):
    """Sends one email a call. Accepted is 202, its id the ``X-Message-Id`` header."""

    name = "sendgrid"
    channel: Channel = "email"

    def __init__(
        self,
        *,
        api_key: str,
        clock: Callable[[], datetime],
        base_url: str = BASE_URL,
        max_in_flight: int = 200,
        timeouts: Timeouts | None = None,
    ) -> None:
        super().__init__(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}", "Accept": "application/json"},
            secrets=[api_key],
            clock=clock,
            max_in_flight=max_in_flight,
            timeouts=timeouts or Timeouts(),
        )

    def request(self, outgoing: Outgoing) -> Request:
        """Raises ``ValueError`` for text that is not Unicode (a lone surrogate)."""
        try:
            body = orjson.dumps(mail_body(outgoing))
        except orjson.JSONEncodeError as error:
            raise ValueError("the message is not Unicode") from error
        return Request(path="/v3/mail/send", body=body, content_type="application/json")

    def accepted(self, answer: Answer) -> Accepted:
        """The id; event webhooks carry it as the first part of ``sg_message_id``."""
        return Accepted(provider_message_id=answer.headers.get("x-message-id") or None)

    def refusal(self, answer: Answer) -> Refusal:
        """The first of ``{"errors": [{"message", "field", "help"}]}``; there are no codes.

        https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/errors
        """
        try:
            error = json.loads(answer.body)["errors"][0]
            message, field = error["message"], error.get("field")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return Refusal()
        if not isinstance(message, str):
            return Refusal()
        return Refusal(reason=f"{field}: {message}" if isinstance(field, str) else message)

    def wait_hint(self, answer: Answer, now: datetime) -> float | None:
        """``Retry-After``, else ``X-RateLimit-Reset``, a Unix time, which SendGrid sends on 429.

        https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/rate-limits
        """
        hint = super().wait_hint(answer, now)
        reset = answer.headers.get("x-ratelimit-reset", "")
        if hint is None and reset.isascii() and reset.isdigit() and len(reset) <= 11:
            return max(0.0, int(reset) - now.timestamp())
        return hint


def mail_body(outgoing: Outgoing) -> dict[str, Any]:
    """The request's body. ``custom_args`` come back in every event webhook."""
    content = outgoing.content
    # Text first: SendGrid refuses them the other way round.
    parts = [{"type": "text/plain", "value": content.text}]
    if content.html:
        parts.append({"type": "text/html", "value": content.html})
    body: dict[str, Any] = {
        "from": _party(outgoing.sender, outgoing.sender_name),
        "personalizations": [{"to": [_party(outgoing.to, outgoing.to_name)]}],
        "content": parts,
        "categories": [outgoing.campaign],
        "custom_args": {
            "lagniappe_message_id": outgoing.message_id,
            "campaign": outgoing.campaign,
        },
        "tracking_settings": _TRACKED if outgoing.provider_clicks else _UNTRACKED,
    }
    if content.subject is not None:
        body["subject"] = header_line(content.subject)
    if outgoing.reply_to is not None:
        body["reply_to"] = {"email": outgoing.reply_to}
    if outgoing.unsubscribe_url is not None:
        # RFC 8058, section 3.1: both, and the link an https one.
        body["headers"] = {
            "List-Unsubscribe": f"<{outgoing.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return body


def _party(address: str, name: str | None) -> dict[str, str]:
    shown = header_line(name) if name else ""
    return {"email": address, "name": shown} if shown else {"email": address}


# Every switch is set, so that no account default can change a message. Opens are reported by
# SendGrid, and clicks where policy wants it so; the text part's addresses stay as people read them.
# Subscription tracking would add a second unsubscribe link that the engine knows nothing of; Google
# Analytics would add parameters to the links.
_TRACKED: Final = {
    "click_tracking": {"enable": True, "enable_text": False},
    "open_tracking": {"enable": True},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}
_UNTRACKED: Final = {**_TRACKED, "click_tracking": {"enable": False, "enable_text": False}}
