"""Checks that a webhook comes from the platform: constant-time, nothing secret in any error."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from triggers.sources.reading import header

ZENDESK_TOLERANCE = timedelta(minutes=5)


class SignatureError(Exception):
    """The webhook is not proven to come from the platform. ``reason`` is safe to log and show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def verify_shopify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Check ``X-Shopify-Hmac-Sha256``: base64 of HMAC-SHA256 over the raw body.

    Source: shopify.dev, "Deliver webhooks through HTTPS". Raises SignatureError.
    """
    signature = _signature(headers, "X-Shopify-Hmac-Sha256", secrets)
    if not _matches(signature, body, secrets):
        raise SignatureError("X-Shopify-Hmac-Sha256 does not match the body and any secret set")


def verify_zendesk(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: datetime
) -> None:
    """Check ``X-Zendesk-Webhook-Signature``: base64 of HMAC-SHA256 over timestamp and body.

    A timestamp more than ZENDESK_TOLERANCE from ``now`` is refused, so that a recorded request
    cannot be played again. Source: developer.zendesk.com, "Verifying webhook authenticity".
    Raises SignatureError.
    """
    signature = _signature(headers, "X-Zendesk-Webhook-Signature", secrets)
    name = "X-Zendesk-Webhook-Signature-Timestamp"
    stamp = header(headers, name)
    if stamp is None:
        raise SignatureError(f"header {name} is missing")
    if not _matches(signature, stamp.encode("utf-8", "surrogatepass") + body, secrets):
        raise SignatureError(
            "X-Zendesk-Webhook-Signature does not match timestamp, body and any secret set"
        )
    try:
        signed_at = datetime.fromisoformat(stamp)
    except ValueError:
        raise SignatureError(f"{name} is not a time") from None
    if signed_at.tzinfo is None:
        raise SignatureError(f"{name} has no offset")
    if abs(now - signed_at) > ZENDESK_TOLERANCE:
        raise SignatureError(f"{name} is more than 5 minutes from this server's clock")


def _signature(headers: Mapping[str, str], name: str, secrets: Sequence[str]) -> bytes:
    if not any(secrets):
        raise SignatureError("no webhook secret is set for this source, so nothing is accepted")
    signature = header(headers, name)
    if signature is None:
        raise SignatureError(f"header {name} is missing")
    return signature.encode("utf-8", "surrogatepass")


def _matches(signature: bytes, signed: bytes, secrets: Sequence[str]) -> bool:
    found = False
    for secret in secrets:
        if secret:  # an empty key would let anyone sign
            digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
            # Compared as text: base64 decoders overlook trailing bits.
            found |= hmac.compare_digest(base64.b64encode(digest), signature)
    return found
