"""Email through SendGrid's Web API v3, ``POST /v3/mail/send``.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send

The body is built by SendGrid's own library; only its transport, which opens a connection per call,
is not used.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sendgrid.helpers import mail as helpers

from engine.core.message import Channel, Outgoing
from engine.providers.classing import Answer
from engine.providers.http import Accepted, HttpProvider, Refusal, Request, Timeouts

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
        body = json.dumps(mail_body(outgoing), ensure_ascii=False, separators=(",", ":"))
        return Request(
            path="/v3/mail/send", body=body.encode("utf-8"), content_type="application/json"
        )

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
    mail = helpers.Mail()
    mail.from_email = helpers.From(outgoing.sender, outgoing.sender_name)
    person = helpers.Personalization()
    person.add_to(helpers.To(outgoing.to, outgoing.to_name))
    mail.add_personalization(person)
    if content.subject is not None:
        mail.subject = content.subject
    # Text first: SendGrid refuses them the other way round.
    mail.add_content(helpers.Content("text/plain", content.text))
    if content.html:
        mail.add_content(helpers.Content("text/html", content.html))
    mail.add_category(helpers.Category(outgoing.campaign))
    mail.add_custom_arg(helpers.CustomArg("lagniappe_message_id", outgoing.message_id))
    mail.add_custom_arg(helpers.CustomArg("campaign", outgoing.campaign))
    if outgoing.reply_to is not None:
        mail.reply_to = helpers.ReplyTo(outgoing.reply_to)
    if outgoing.unsubscribe_url is not None:
        # RFC 8058, section 3.1: both, and the link an https one.
        link = f"<{outgoing.unsubscribe_url}>"
        mail.add_header(helpers.Header("List-Unsubscribe", link))
        one_click = "List-Unsubscribe=One-Click"
        mail.add_header(helpers.Header("List-Unsubscribe-Post", one_click))
    mail.tracking_settings = _tracking()
    body: dict[str, Any] = mail.get()
    return body


def _tracking() -> helpers.TrackingSettings:
    """Every switch is set, so that no account default can change a message.

    Opens are reported by SendGrid. Clicks are not tracked there: it would rewrite the links, and
    the engine signs its own. Subscription tracking would add a second unsubscribe link that the
    engine knows nothing of; Google Analytics would add parameters to the links.
    """
    tracking = helpers.TrackingSettings()
    tracking.click_tracking = helpers.ClickTracking(enable=False, enable_text=False)
    tracking.open_tracking = helpers.OpenTracking(enable=True)
    tracking.subscription_tracking = helpers.SubscriptionTracking(enable=False)
    tracking.ganalytics = helpers.Ganalytics(enable=False)
    return tracking
