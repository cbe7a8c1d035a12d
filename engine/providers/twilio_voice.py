"""Calls through Twilio's REST API, ``POST /2010-04-01/Accounts/{sid}/Calls.json``.

https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from engine.core.message import Channel, Outgoing
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.ports.calling import CallReply, CallTurn
from engine.ports.providers import ReceiptReading
from engine.providers.http import Request
from engine.providers.twilio_codes import verdict_of
from engine.providers.twilio_signature import TwilioSignature
from engine.providers.twilio_sms import TwilioSms
from engine.providers.twilio_texts import MEDIA_TYPE
from engine.providers.twilio_twiml import answering, opening
from triggers.event import Rejected

NAME: Final = "twilio_voice"
_LONGEST: Final = 4000  # characters of the Twiml parameter
_EVENTS: Final = ("initiated", "ringing", "answered", "completed")
# https://www.twilio.com/docs/voice/api/call-resource#call-status-values
KINDS: Final[Mapping[str, ReceiptKind]] = {
    "queued": ReceiptKind.QUEUED,
    "initiated": ReceiptKind.QUEUED,
    "ringing": ReceiptKind.SENT,
    "in-progress": ReceiptKind.DELIVERED,
    "completed": ReceiptKind.DELIVERED,
    "busy": ReceiptKind.FAILED,
    "no-answer": ReceiptKind.FAILED,
    "failed": ReceiptKind.FAILED,
    "canceled": ReceiptKind.FAILED,
}
_WHY: Final[Mapping[str, str]] = {
    "busy": "the line was busy",
    "no-answer": "nobody answered",
    "failed": "the call could not be connected",
    "canceled": "the call was cancelled",
}


class TwilioVoice(TwilioSms):
    """Places one call a hand-over; what is said goes with it (``twilio_twiml``).

    Accepted is 201, its id the ``sid``: the call is queued. What became of it comes as receipts.
    """

    name = NAME
    channel: Channel = "voice"
    resource = "Calls"

    def request(self, outgoing: Outgoing) -> Request:
        """Raises ``ValueError`` for words that are too many, or not Unicode."""
        twiml = opening(outgoing, self._public_url)
        if len(twiml) > _LONGEST:
            raise ValueError("what is said is too long for one call")
        form: list[tuple[str, str]] = [
            ("To", outgoing.to),
            ("From", outgoing.sender),
            ("Twiml", twiml),
        ]
        if self._public_url is not None:
            query = urlencode({"message_id": outgoing.message_id})
            form.append(("StatusCallback", f"{self._public_url}/receipts/{NAME}?{query}"))
            form += [("StatusCallbackEvent", event) for event in _EVENTS]
        return Request(
            path=self._path,
            body=urlencode(form, quote_via=quote).encode("ascii"),
            content_type="application/x-www-form-urlencoded",
        )


class TwilioVoiceReceipts:
    """Reads the status callbacks of calls that we placed; see ``TwilioSignature``."""

    name = NAME

    def __init__(self, auth_tokens: Sequence[str], public_url: str) -> None:
        self._signature = TwilioSignature(auth_tokens, public_url)

    def read(
        self, headers: Mapping[str, str], body: bytes, *, target: str, now: datetime
    ) -> ReceiptReading:
        """See ``engine.ports.providers.ReceiptReader``; ``headers`` ignore case."""
        fields = self._signature.form(headers, body, target=target)
        message_id = _query(target).get("message_id", "")
        if not message_id or "\x00" in message_id:
            return ReceiptReading(foreign=1)
        raw = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        sid, status = fields.get("CallSid"), fields.get("CallStatus")
        if not sid or not status:
            reason = "the form has no CallSid and CallStatus"
            rejected = Rejected(source=NAME, id=None, reason=reason, body=raw, received_at=now)
            return ReceiptReading(rejected=rejected)
        receipt = call_receipt(
            message_id, sid=sid, status=status, error_code=fields.get("ErrorCode"), at=now, raw=raw
        )
        return ReceiptReading(receipts=[receipt])


def call_receipt(
    message_id: str,
    *,
    sid: str,
    status: str,
    error_code: str | None,
    at: datetime,
    raw: str,
    looked_up: bool = False,
) -> Receipt:
    """A call's status as a receipt."""
    kind = KINDS.get(status, ReceiptKind.OTHER)
    failed = kind is ReceiptKind.FAILED
    code = error_code or (status.replace("-", "_") if failed else None)
    return Receipt(
        provider=NAME,
        id=f"{sid}:{status}",
        kind=kind,
        message_id=message_id,
        at=at,
        provider_message_id=sid,
        error_code=code,
        reason=_WHY.get(status),
        verdict=verdict_of(code) if failed else Verdict.NOTHING,
        looked_up=looked_up,
        raw=raw,
    )


class TwilioTurns:
    """Reads what Twilio posts in the middle of a call, and answers in TwiML."""

    def __init__(self, auth_tokens: Sequence[str], public_url: str) -> None:
        self._signature = TwilioSignature(auth_tokens, public_url)
        self._public_url = public_url.rstrip("/")

    def read(self, headers: Mapping[str, str], body: bytes, *, target: str) -> CallTurn:
        """See ``engine.ports.calling.CallReader``."""
        fields = self._signature.form(headers, body, target=target)
        seconds = fields.get("DialCallDuration", "")
        return CallTurn(
            call_id=fields.get("CallSid", ""),
            caller=fields.get("From", ""),
            called=fields.get("To", ""),
            digits=fields.get("Digits", ""),
            query=_query(target),
            seconds=int(seconds) if seconds.isdecimal() and len(seconds) < 8 else None,
            answered=fields.get("DialCallStatus") in ("completed", "answered"),
        )

    def answer(self, reply: CallReply) -> tuple[str, bytes]:
        """TwiML."""
        return MEDIA_TYPE, answering(reply, self._public_url).encode()


def _query(target: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
