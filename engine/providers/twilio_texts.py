"""Text messages that customers send to a number of Twilio's, and the answers given to them.

https://www.twilio.com/docs/messaging/guides/webhook-request
https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
https://www.twilio.com/docs/messaging/twiml

Twilio posts a form and reads the answer as TwiML; an empty ``<Response/>`` sends nothing. Where its
Advanced Opt-Out took a message for a keyword of its own, the form says so in ``OptOutType`` and
Twilio has answered already.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from twilio.twiml.messaging_response import MessagingResponse

from engine.core.texts import InboundText, Intent
from engine.ports.providers import TextReading
from engine.providers.twilio_signature import TwilioSignature
from triggers.event import Rejected

MEDIA_TYPE: Final = "application/xml"
LONGEST: Final = 2000  # characters kept; Twilio's own limit for a body is 1,600
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}")
_SID: Final = re.compile(r"[A-Za-z0-9]{2,64}")
_ASKED: Final[Mapping[str, Intent]] = {
    "STOP": Intent.STOP,
    "START": Intent.START,
    "HELP": Intent.HELP,
}


class TwilioTexts:
    """Reads what Twilio posts for an incoming message; see ``TwilioSignature``."""

    name = "twilio"

    def __init__(self, auth_tokens: Sequence[str], public_url: str) -> None:
        self._signature = TwilioSignature(auth_tokens, public_url)

    def read(
        self, headers: Mapping[str, str], body: bytes, *, target: str, now: datetime
    ) -> TextReading:
        """See ``engine.ports.providers.TextReader``."""
        fields = self._signature.form(headers, body, target=target)
        sid, sender = fields.get("MessageSid") or fields.get("SmsSid"), fields.get("From", "")
        if not sid or not _SID.fullmatch(sid):
            return _rejected(None, "the form has no MessageSid", fields, now)
        if not _E164.fullmatch(sender):
            # A short code, a name, or a channel such as "whatsapp:+1…".
            return _rejected(sid, "it does not come from a telephone number", fields, now)
        text = fields.get("Body", "").replace("\x00", "\N{REPLACEMENT CHARACTER}")
        media = fields.get("NumMedia", "0")
        return TextReading(
            text=InboundText(
                provider=self.name,
                id=sid,
                sender=sender,
                recipient=fields.get("To", ""),
                text=text[:LONGEST],
                at=now,
                media=int(media) if media.isascii() and media.isdecimal() and len(media) < 4 else 0,
                asked=_ASKED.get(fields.get("OptOutType", "").upper()),
            )
        )

    def answer(self, text: str | None) -> tuple[str, bytes]:
        """TwiML that sends ``text`` back; None sends nothing."""
        response = MessagingResponse()
        if text is not None:
            response.message(text)
        return MEDIA_TYPE, str(response).encode()


def _rejected(
    sid: str | None, reason: str, fields: Mapping[str, str], now: datetime
) -> TextReading:
    raw = json.dumps(dict(fields), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return TextReading(
        rejected=Rejected(source="twilio", id=sid, reason=reason, body=raw, received_at=now)
    )
