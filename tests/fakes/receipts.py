"""What SendGrid and Twilio post back, signed as they sign it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twilio.request_validator import RequestValidator

from engine.providers import sendgrid_receipts, twilio_signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """One request, ready to be sent: ``target`` is the path with its query."""

    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class SendGridWebhook:
    """An account's signed event webhook, with a key of its own."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def public_key(self) -> str:
        """What the account's settings show."""
        der = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(der).decode()

    def post(self, events: Sequence[Mapping[str, Any]] | bytes, now: datetime) -> Posted:
        """A batch of events; SendGrid ends it with a line break."""
        body = events if isinstance(events, bytes) else json.dumps(events).encode() + b"\r\n"
        stamp = str(int(now.timestamp()))
        signature = self.key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            sendgrid_receipts.SIGNATURE: base64.b64encode(signature).decode(),
            sendgrid_receipts.TIMESTAMP: stamp,
            "Content-Type": "application/json",
        }
        return Posted(target="/receipts/sendgrid", headers=headers, body=body)


def sendgrid_event(
    name: str, message_id: str, at: datetime, number: int = 1, **more: Any
) -> dict[str, Any]:
    """One event of a message of ours."""
    return {
        "email": "ada@example.com", "timestamp": int(at.timestamp()), "event": name,
        "smtp-id": "<x@ismtpd>", "sg_event_id": f"{name}-{message_id}-{number}",
        "sg_message_id": f"simulated-{message_id}.filter0001.1234.0", "category": ["review"],
        "lagniappe_message_id": message_id, "campaign": "review", **more,
    }  # fmt: skip


def twilio_callback(
    message_id: str, status: str, *, token: str, public_url: str, **more: str
) -> Posted:
    """A status callback of a message of ours."""
    fields = {
        "SmsSid": "SM" + "a" * 32, "MessageSid": "SM" + "a" * 32, "SmsStatus": status,
        "MessageStatus": status, "To": "+15045550123", "From": "+15045550100",
        "AccountSid": "ACfake", "ApiVersion": "2010-04-01", **more,
    }  # fmt: skip
    target = f"/receipts/twilio?{urlencode({'message_id': message_id})}"
    signature = RequestValidator(token).compute_signature(public_url + target, fields)
    return Posted(
        target=target,
        headers={
            twilio_signature.SIGNATURE: signature,
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        },
        body=urlencode(fields).encode(),
    )


def twilio_text(
    sid: str, body: str, *, token: str, public_url: str, sender: str = "+15045550123", **more: str
) -> Posted:
    """A customer's text, as Twilio posts it to the number's webhook."""
    fields = {
        "ToCountry": "US", "SmsMessageSid": sid, "NumMedia": "0", "SmsSid": sid,
        "SmsStatus": "received", "Body": body, "FromCountry": "US", "To": "+15045550100",
        "NumSegments": "1", "MessageSid": sid, "AccountSid": "ACfake", "From": sender,
        "ApiVersion": "2010-04-01", **more,
    }  # fmt: skip
    target = "/webhooks/twilio"
    return Posted(
        target=target,
        headers={
            twilio_signature.SIGNATURE: RequestValidator(token).compute_signature(
                public_url + target, fields
            ),
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        },
        body=urlencode(fields).encode(),
    )
