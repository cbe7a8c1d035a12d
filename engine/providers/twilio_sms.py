"""SMS through Twilio's REST API, ``POST /2010-04-01/Accounts/{sid}/Messages.json``.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, urlencode

from engine.core.message import Channel, Outgoing
from engine.providers.classing import Answer
from engine.providers.http import Accepted, HttpProvider, Refusal, Request
from engine.providers.twilio_codes import verdict_of
from engine.providers.wire import Timeouts

BASE_URL = "https://api.twilio.com"

_MESSAGING_SERVICE = re.compile(r"MG[0-9a-f]{32}")


class TwilioSms(HttpProvider):
    """Sends one SMS a call. Accepted is 201, its id the ``sid``.

    ``public_url`` is where Twilio reaches this installation; without one it is not asked to
    report. The callback names our message id, so that a report settles a message whose
    ``sid`` was never seen. ``currency`` (ISO 4217): a price in another one is left out.
    """

    name = "twilio"
    channel: Channel = "sms"
    resource = "Messages"

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        clock: Callable[[], datetime],
        base_url: str = BASE_URL,
        public_url: str | None = None,
        currency: str | None = None,
        max_in_flight: int = 100,
        timeouts: Timeouts | None = None,
    ) -> None:
        credentials = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode("ascii")
        super().__init__(
            base_url=base_url,
            headers={"Authorization": f"Basic {credentials}", "Accept": "application/json"},
            secrets=[auth_token, credentials],
            clock=clock,
            max_in_flight=max_in_flight,
            timeouts=timeouts or Timeouts(),
        )
        self._path = f"/2010-04-01/Accounts/{quote(account_sid, safe='')}/{self.resource}.json"
        self._public_url = public_url.rstrip("/") if public_url else None
        self._currency = currency

    def request(self, outgoing: Outgoing) -> Request:
        """Raises ``ValueError`` for text that is not Unicode (a lone surrogate)."""
        return Request(
            path=self._path,
            body=urlencode(message_form(outgoing, self._public_url)).encode("ascii"),
            content_type="application/x-www-form-urlencoded",
        )

    def accepted(self, answer: Answer) -> Accepted:
        """The ``sid``, and the price where it is known already (it mostly comes later)."""
        message = _object(answer.body)
        sid = message.get("sid")
        return Accepted(
            provider_message_id=sid if isinstance(sid, str) and sid else None,
            cost=self._cost(message),
        )

    def refusal(self, answer: Answer) -> Refusal:
        """``{"code", "message", "more_info", "status"}``; the code is kept: 21610, 21211, …

        https://www.twilio.com/docs/api/errors
        """
        error = _object(answer.body)
        code, message = error.get("code"), error.get("message")
        error_code = str(code) if isinstance(code, int) else None
        return Refusal(
            error_code=error_code,
            verdict=verdict_of(error_code),
            reason=message if isinstance(message, str) else None,
        )

    def _cost(self, message: dict[str, Any]) -> Decimal | None:
        price, unit = message.get("price"), message.get("price_unit")
        if not isinstance(price, str) or self._currency not in (None, unit):
            return None
        try:
            cost = abs(Decimal(price))  # Twilio writes what it charged as a negative number
        except InvalidOperation:
            return None
        return cost if cost.is_finite() else None


def message_form(outgoing: Outgoing, public_url: str | None) -> dict[str, str]:
    """The form's fields; the sender is a messaging service's id or a number or name."""
    service = _MESSAGING_SERVICE.fullmatch(outgoing.sender) is not None
    form = {
        "To": outgoing.to,
        "MessagingServiceSid" if service else "From": outgoing.sender,
        "Body": outgoing.content.text,
    }
    if public_url is not None:
        query = urlencode({"message_id": outgoing.message_id})
        form["StatusCallback"] = f"{public_url}/receipts/twilio?{query}"
    return form


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
