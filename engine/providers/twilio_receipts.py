"""Twilio's status callbacks for messages.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
https://www.twilio.com/docs/usage/security#validating-requests

Each is a form. The signature, HMAC-SHA1 with the account's token, covers the address that Twilio
called and the form's fields; Twilio's own library verifies it. Behind a proxy the address is not
the one that arrives here: it is ``PUBLIC_URL`` and what follows it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from twilio.request_validator import RequestValidator

from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.ports.providers import ReceiptReading, ReceiptRefused
from engine.providers.classing import plain_reason
from triggers.event import Rejected

SIGNATURE: Final = "X-Twilio-Signature"

# https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
KINDS: Final[Mapping[str, ReceiptKind]] = {
    "accepted": ReceiptKind.QUEUED,
    "scheduled": ReceiptKind.QUEUED,
    "queued": ReceiptKind.QUEUED,
    "sending": ReceiptKind.QUEUED,
    "sent": ReceiptKind.SENT,
    "delivered": ReceiptKind.DELIVERED,
    "read": ReceiptKind.DELIVERED,
    "undelivered": ReceiptKind.BOUNCED,
    "failed": ReceiptKind.FAILED,
    "canceled": ReceiptKind.FAILED,
}
# Codes that say something of the number itself, https://www.twilio.com/docs/api/errors
_VERDICTS: Final[Mapping[str, Verdict]] = {
    "21610": Verdict.STOPPED,  # the recipient has replied STOP
    "21211": Verdict.DEAD,  # not a valid phone number
    "21614": Verdict.DEAD,  # not a mobile number
    "30005": Verdict.DEAD,  # unknown destination handset
    "30006": Verdict.DEAD,  # landline or unreachable carrier
}


class _Form(dict[str, list[str]]):
    """A form as Twilio's validator reads it."""

    def getlist(self, name: str) -> list[str]:
        """Every value of a field."""
        return self[name]


class TwilioReceipts:
    """Reads what Twilio posts. ``public_url`` is how Twilio reaches this installation.

    Several tokens serve a rotation; without one nothing is accepted.
    """

    name = "twilio"

    def __init__(self, auth_tokens: Sequence[str], public_url: str) -> None:
        self._validators = [RequestValidator(token) for token in auth_tokens if token]
        self._public_url = public_url.rstrip("/")

    def read(
        self, headers: Mapping[str, str], body: bytes, *, target: str, now: datetime
    ) -> ReceiptReading:
        """See ``engine.ports.providers.ReceiptReader``; ``headers`` ignore case."""
        if not self._validators:
            raise ReceiptRefused("LAGNIAPPE_TWILIO_AUTH_TOKEN is not set, so nothing is accepted")
        signature = headers.get(SIGNATURE)
        if signature is None:
            raise ReceiptRefused(f"header {SIGNATURE} is missing")
        try:
            form = _Form(
                parse_qs(
                    body.decode("ascii"),
                    keep_blank_values=True,
                    errors="strict",
                    max_num_fields=200,
                )
            )
        except ValueError:
            raise ReceiptRefused("the body is not a form, so its signature cannot match") from None
        proven = False
        for validator in self._validators:
            proven |= validator.validate(self._public_url + target, form, signature)
        if not proven:
            raise ReceiptRefused(
                f"{SIGNATURE} does not match LAGNIAPPE_PUBLIC_URL with this path and query, the"
                " form, and the token set"
            )
        return _reading(form, target, now)


def _reading(form: _Form, target: str, now: datetime) -> ReceiptReading:
    fields = {name: values[0] for name, values in form.items()}
    message_id = parse_qs(urlsplit(target).query).get("message_id", [""])[0]
    sid = fields.get("MessageSid") or fields.get("SmsSid")
    status = fields.get("MessageStatus") or fields.get("SmsStatus")
    if not message_id or "\x00" in message_id:
        return ReceiptReading(foreign=1)
    raw = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    if not sid or not status:
        reason = "the form has no MessageSid and MessageStatus"
        rejected = Rejected(source="twilio", id=None, reason=reason, body=raw, received_at=now)
        return ReceiptReading(rejected=rejected)
    private = [value for name in ("To", "From") if (value := fields.get(name))]
    receipt = status_receipt(
        message_id,
        sid=sid,
        status=status,
        error_code=fields.get("ErrorCode") or None,
        reason=plain_reason(fields["ErrorMessage"], private) if "ErrorMessage" in fields else None,
        at=now,
        raw=raw,
    )
    return ReceiptReading(receipts=[receipt])


def status_receipt(
    message_id: str,
    *,
    sid: str,
    status: str,
    error_code: str | None,
    reason: str | None,
    at: datetime,
    raw: str,
    looked_up: bool = False,
) -> Receipt:
    """A message's status as a receipt. Callbacks carry no time of their own: ``at`` is now."""
    kind = KINDS.get(status, ReceiptKind.OTHER)
    is_failure = kind in (ReceiptKind.BOUNCED, ReceiptKind.FAILED)
    verdict = _VERDICTS.get(error_code or "", Verdict.NOTHING) if is_failure else Verdict.NOTHING
    return Receipt(
        provider="twilio",
        id=f"{sid}:{status}:{error_code}" if error_code else f"{sid}:{status}",
        kind=kind,
        message_id=message_id,
        at=at,
        provider_message_id=sid,
        error_code=error_code,
        reason=reason,
        verdict=verdict,
        looked_up=looked_up,
        raw=raw,
    )
