"""Calls through Twilio's REST API, ``POST /2010-04-01/Accounts/{sid}/Calls.json``.

https://www.twilio.com/docs/voice/api/call-resource. Who or what takes a call is found out as in
https://www.twilio.com/docs/voice/answering-machine-detection: ``Enable`` tells as soon as it is
known, ``DetectMessageEnd`` after a machine's greeting. What is said begins only then, and
``AnsweredBy`` comes with the request for it and with the report of the call's end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from engine.core.message import Channel, Outgoing
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.ports.calling import PATH, CallReply, CallTurn
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
_EVENTS: Final[tuple[str, ...]] = ("initiated", "ringing", "answered", "completed")
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
_MACHINES: Final = ("machine", "fax")  # what ``AnsweredBy`` begins with
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
        form: list[tuple[str, str]] = [("To", outgoing.to), ("From", outgoing.sender)]
        on_machine = None if outgoing.call is None else outgoing.call.on_machine
        told, events = {"message_id": outgoing.message_id}, _EVENTS
        if on_machine == "hang_up" and self._public_url is not None:
            form.append(("Url", f"{self._public_url}{PATH}?{urlencode(_begins(outgoing))}"))
            form.append(("MachineDetection", "Enable"))
            told["on_machine"] = on_machine
            # That somebody has answered says nothing yet.
            events = tuple(event for event in _EVENTS if event != "answered")
        else:
            form.append(("Twiml", twiml))
            if on_machine == "speak":
                form.append(("MachineDetection", "DetectMessageEnd"))
        if self._public_url is not None:
            callback = f"{self._public_url}/receipts/{NAME}?{urlencode(told)}"
            form.append(("StatusCallback", callback))
            form += [("StatusCallbackEvent", event) for event in events]
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
            message_id,
            sid=sid,
            status=status,
            error_code=fields.get("ErrorCode"),
            at=now,
            raw=raw,
            by_machine=is_machine(fields.get("AnsweredBy")),
            hangs_up=_query(target).get("on_machine") == "hang_up",
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
    by_machine: bool = False,
    hangs_up: bool = False,
) -> Receipt:
    """A call's status as a receipt. A call that hung up on an answering machine has failed."""
    kind, why = KINDS.get(status, ReceiptKind.OTHER), _WHY.get(status)
    code = error_code
    if by_machine and kind is ReceiptKind.DELIVERED:
        why = "an answering machine took the call"
        if hangs_up:
            kind, code = ReceiptKind.FAILED, "machine"
    failed = kind is ReceiptKind.FAILED
    if failed and not code:
        code = status.replace("-", "_")
    return Receipt(
        provider=NAME,
        id=f"{sid}:{status}",
        kind=kind,
        message_id=message_id,
        at=at,
        provider_message_id=sid,
        error_code=code,
        reason=why,
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
            machine=is_machine(fields.get("AnsweredBy")),
        )

    def answer(self, reply: CallReply) -> tuple[str, bytes]:
        """TwiML."""
        return MEDIA_TYPE, answering(reply, self._public_url).encode()


def is_machine(answered_by: str | None) -> bool:
    """Whether ``AnsweredBy`` says so; what is ``unknown`` may be a person."""
    return (answered_by or "").startswith(_MACHINES)


def _begins(outgoing: Outgoing) -> dict[str, str]:
    """What is said first, asked for when it is known who answers; the words stay with us."""
    call = outgoing.call
    told = {
        "message_id": outgoing.message_id,
        "opening": "1",
        "language": outgoing.content.language or "",
        "kind": "" if call is None or call.survey is None else call.survey,
        "transfer": "1" if call is not None and call.transfer else "",
        "recording": "" if call is None or call.recording is None else call.recording,
    }
    return {name: value for name, value in told.items() if value}


def _query(target: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
