"""SendGrid's signed event webhook.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features

A request holds a JSON array of events of the whole account. The signature, ECDSA over P-256 and
SHA-256, covers the timestamp header and the raw body; SendGrid's own library verifies it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sendgrid.helpers.eventwebhook import EventWebhook

from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.ports.providers import ReceiptReading, ReceiptRefused
from engine.providers.classing import plain_reason
from triggers.event import Rejected

SIGNATURE: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
TOLERANCE: Final = timedelta(minutes=10)  # SendGrid names none; a replay could do no harm besides

_KINDS: Final[Mapping[str, ReceiptKind]] = {
    "processed": ReceiptKind.QUEUED,
    "deferred": ReceiptKind.DEFERRED,
    "delivered": ReceiptKind.DELIVERED,
    "bounce": ReceiptKind.BOUNCED,
    "dropped": ReceiptKind.DROPPED,
    "open": ReceiptKind.OPENED,
    "click": ReceiptKind.CLICKED,
    "spamreport": ReceiptKind.COMPLAINED,
    "unsubscribe": ReceiptKind.UNSUBSCRIBED,
    "group_unsubscribe": ReceiptKind.UNSUBSCRIBED,
}
# Why SendGrid drops, where that says something of the address ("dropped" in the reference above).
_DROPS: Final[Mapping[str, Verdict]] = {
    "bounced address": Verdict.DEAD,
    "invalid": Verdict.DEAD,
    "unsubscribed address": Verdict.UNWANTED,
    "spam reporting address": Verdict.REPORTED,
}


class SendGridReceipts:
    """Reads what SendGrid posts. ``public_keys``: base64 of the DER, as its console shows them.

    Several keys serve a rotation; without one nothing is accepted. Raises ``ValueError`` for a key
    that is none.
    """

    name = "sendgrid"

    def __init__(self, public_keys: Sequence[str]) -> None:
        self._verifiers = [_verifier(key) for key in public_keys]

    def read(
        self, headers: Mapping[str, str], body: bytes, *, target: str, now: datetime
    ) -> ReceiptReading:
        """See ``engine.ports.providers.ReceiptReader``; ``headers`` ignore case."""
        self._verify(headers, body, now)
        try:
            events = json.loads(body)
            if not isinstance(events, list) or not all(isinstance(one, dict) for one in events):
                raise ValueError("no array of objects")
        except (ValueError, RecursionError):
            return ReceiptReading(
                rejected=Rejected(
                    source="sendgrid",
                    id=None,
                    reason="the body is not a JSON array of events",
                    body=body.decode("utf-8", "replace"),
                    received_at=now,
                )
            )
        receipts = [one for event in events if (one := _receipt(event, now)) is not None]
        return ReceiptReading(receipts=receipts, foreign=len(events) - len(receipts))

    def _verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        if not self._verifiers:
            raise ReceiptRefused(
                "LAGNIAPPE_SENDGRID_WEBHOOK_PUBLIC_KEY is not set, so nothing is accepted"
            )
        signature, stamp = headers.get(SIGNATURE), headers.get(TIMESTAMP)
        for name, value in ((SIGNATURE, signature), (TIMESTAMP, stamp)):
            if value is None:
                raise ReceiptRefused(f"header {name} is missing")
        assert signature is not None
        assert stamp is not None
        if not _proves(self._verifiers, signature, stamp, body):
            raise ReceiptRefused(f"{SIGNATURE} does not match timestamp, body and any key set")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 11):
            raise ReceiptRefused(f"{TIMESTAMP} is not a Unix time")
        if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > TOLERANCE:
            raise ReceiptRefused(f"{TIMESTAMP} is more than 10 minutes from this server's clock")


def _verifier(public_key: str) -> EventWebhook:
    try:
        base64.b64decode(public_key, validate=True)
        return EventWebhook(public_key)
    except Exception:
        raise ValueError(
            "LAGNIAPPE_SENDGRID_WEBHOOK_PUBLIC_KEY is not a verification key as SendGrid shows it"
        ) from None


def _proves(verifiers: Sequence[EventWebhook], signature: str, stamp: str, body: bytes) -> bool:
    try:
        # The library's decoder overlooks stray characters and trailing bits.
        raw = base64.b64decode(signature, validate=True)
        if base64.b64encode(raw).decode() != signature:
            return False
        payload = body.decode("utf-8")
    except (ValueError, binascii.Error):
        return False
    proven = False
    for verifier in verifiers:
        proven |= verifier.verify_signature(payload, signature, stamp)
    return proven


def _receipt(event: dict[str, Any], now: datetime) -> Receipt | None:
    """One event of ours; None for a message that other software sent through the account."""
    message_id, key = event.get("lagniappe_message_id"), event.get("sg_event_id")
    if not isinstance(message_id, str) or not message_id or "\x00" in message_id:
        return None
    name = event.get("event")
    kind = _KINDS.get(name, ReceiptKind.OTHER) if isinstance(name, str) else ReceiptKind.OTHER
    stamp = event.get("timestamp")
    is_time = isinstance(stamp, int) and 0 <= stamp < 1 << 36
    provider_id = _text(event, "sg_message_id")
    raw = json.dumps(event, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    reason = _text(event, "reason") or _text(event, "response")
    private = [value for name in ("email", "ip") if (value := _text(event, name))]
    return Receipt(
        provider="sendgrid",
        # One without an id of its own is known by what it says.
        id=key if isinstance(key, str) and key else f"{name}:{stamp}:{_text(event, 'url') or ''}",
        kind=kind,
        message_id=message_id,
        at=datetime.fromtimestamp(stamp, UTC) if is_time and stamp is not None else now,
        # The first part is the X-Message-Id that the hand-over was answered with.
        provider_message_id=provider_id.partition(".")[0] if provider_id else None,
        error_code=_text(event, "status"),
        reason=plain_reason(reason, private) if reason else None,
        url=_text(event, "url"),
        user_agent=_text(event, "useragent"),
        machine=event.get("sg_machine_open") is True,
        verdict=_verdict(kind, event),
        raw=raw,
    )


def _verdict(kind: ReceiptKind, event: dict[str, Any]) -> Verdict:
    """A bounce of type "blocked" is of the moment (a full mailbox, a block list): no verdict."""
    if kind is ReceiptKind.BOUNCED:
        return Verdict.NOTHING if event.get("type") == "blocked" else Verdict.DEAD
    if kind is ReceiptKind.DROPPED:
        return _DROPS.get((_text(event, "reason") or "").lower(), Verdict.NOTHING)
    if kind is ReceiptKind.COMPLAINED:
        return Verdict.REPORTED
    if kind is ReceiptKind.UNSUBSCRIBED:
        return Verdict.UNWANTED
    return Verdict.NOTHING


def _text(event: dict[str, Any], name: str) -> str | None:
    value = event.get(name)
    return value.replace("\x00", "")[:2000] if isinstance(value, str) and value else None
