"""Twilio's status callbacks for messages.

https://www.twilio.com/docs/messaging/guides/track-outbound-message-status

Each is a form, proven by its signature (``engine.providers.twilio_signature``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.ports.providers import ReceiptReading
from engine.providers.classing import plain_reason
from engine.providers.twilio_codes import verdict_of
from engine.providers.twilio_signature import TwilioSignature
from triggers.event import Rejected

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


class TwilioReceipts:
    """Reads what Twilio posts. ``public_url`` is how Twilio reaches this installation.

    Several tokens serve a rotation; without one nothing is accepted.
    """

    name = "twilio"

    def __init__(self, auth_tokens: Sequence[str], public_url: str) -> None:
        self._signature = TwilioSignature(auth_tokens, public_url)

    def read(
        self, headers: Mapping[str, str], body: bytes, *, target: str, now: datetime
    ) -> ReceiptReading:
        """See ``engine.ports.providers.ReceiptReader``; ``headers`` ignore case."""
        form = self._signature.form(headers, body, target=target)
        return _reading(form, target, now)


def _reading(fields: dict[str, str], target: str, now: datetime) -> ReceiptReading:
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
    verdict = verdict_of(error_code) if is_failure else Verdict.NOTHING
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
