"""Checks that a webhook comes from the platform: constant-time, nothing secret in any error."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from triggers.sources.reading import header

ZENDESK_TOLERANCE = timedelta(minutes=5)
STRIPE_TOLERANCE = timedelta(minutes=5)  # as Stripe's own libraries have it


class SignatureError(Exception):
    """The webhook is not proven to come from the platform. ``reason`` is safe to log and show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def verify_shopify(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Check ``X-Shopify-Hmac-Sha256``: base64 of HMAC-SHA256 over the raw body.

    Source: shopify.dev, "Deliver webhooks through HTTPS". Raises SignatureError.
    """
    _verify_body(headers, "X-Shopify-Hmac-Sha256", body, secrets)


def verify_woocommerce(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Check ``X-WC-Webhook-Signature``: base64 of HMAC-SHA256 over the raw body.

    Source: WooCommerce REST API documentation, "Webhooks". Raises SignatureError.
    """
    _verify_body(headers, "X-WC-Webhook-Signature", body, secrets)


def verify_judgeme(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Check ``JUDGEME-HMAC-SHA256``: the hexadecimal HMAC-SHA256 of the raw body.

    A server in between may call it ``X-Judgeme-Hmac-SHA256``. Source: judge.me/help, "Verifying
    Webhooks from Judge.me". Raises SignatureError.
    """
    name = "JUDGEME-HMAC-SHA256"
    if header(headers, name) is None and header(headers, "X-Judgeme-Hmac-SHA256") is not None:
        name = "X-Judgeme-Hmac-SHA256"
    if not _matches_hex([_signature(headers, name, secrets)], body, secrets):
        raise SignatureError(f"{name} does not match the body and any secret set")


def verify_carrier(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Check ``X-Lagniappe-Signature``: ``sha256=`` and the hexadecimal HMAC-SHA256 of the raw body.

    The shape is the one of "X-Hub-Signature-256", which most tools can make. Raises SignatureError.
    """
    name = "X-Lagniappe-Signature"
    signature = _signature(headers, name, secrets)
    if not _matches_hex([signature.removeprefix(b"sha256=")], body, secrets):
        raise SignatureError(f"{name} does not match the body and any secret set")


def verify_stripe(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: datetime
) -> None:
    """Check ``Stripe-Signature``: ``t=<seconds>,v1=<hex HMAC-SHA256 over "<t>.<body>">``.

    During a rotation Stripe sends one ``v1`` for each secret; other schemes (``v0``) prove nothing.
    A time more than STRIPE_TOLERANCE from ``now`` is refused, so that a recorded request cannot be
    played again; Stripe signs each retry anew. Source: docs.stripe.com, "Verify webhook signatures
    manually". Raises SignatureError.
    """
    name = "Stripe-Signature"
    signature = _signature(headers, name, secrets)
    parts = [part.strip().partition(b"=") for part in signature.split(b",")]
    stamps = [value for key, _, value in parts if key == b"t"]
    signatures = [value for key, _, value in parts if key == b"v1"]
    if len(stamps) != 1 or not stamps[0].isdigit() or len(stamps[0]) > 11:
        raise SignatureError(f"{name} has no time t=")
    if not signatures:
        raise SignatureError(f"{name} has no signature v1=")
    if not _matches_hex(signatures, stamps[0] + b"." + body, secrets):
        raise SignatureError(f"{name} does not match time, body and any secret set")
    if abs(now - datetime.fromtimestamp(int(stamps[0]), UTC)) > STRIPE_TOLERANCE:
        raise SignatureError(f"{name} is more than 5 minutes from this server's clock")


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


def _verify_body(
    headers: Mapping[str, str], name: str, body: bytes, secrets: Sequence[str]
) -> None:
    if not _matches(_signature(headers, name, secrets), body, secrets):
        raise SignatureError(f"{name} does not match the body and any secret set")


def _matches(signature: bytes, signed: bytes, secrets: Sequence[str]) -> bool:
    found = False
    for secret in secrets:
        if secret:  # an empty key would let anyone sign
            digest = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
            # Compared as text: base64 decoders overlook trailing bits.
            found |= hmac.compare_digest(base64.b64encode(digest), signature)
    return found


def _matches_hex(signatures: Sequence[bytes], signed: bytes, secrets: Sequence[str]) -> bool:
    found = False
    for secret in secrets:
        if secret:
            digest = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest().encode()
            for signature in signatures:
                found |= hmac.compare_digest(digest, signature)
    return found
