"""Signed webhooks as the platforms send them; the payloads stand in ``payloads/``."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from triggers.sources import SOURCES
from triggers.sources.reading import Reading
from triggers.sources.stripe import Stripe

SECRET = "shpss_test"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
_PAYLOADS = Path(__file__).parent / "payloads"

Send = Callable[..., Reading]


@pytest.fixture
def payload() -> Callable[[str], bytes]:
    return lambda name: (_PAYLOADS / f"{name}.json").read_bytes()


@pytest.fixture(scope="session")
def shopify() -> Send:
    def send(topic: str | None, body: bytes, **headers: str) -> Reading:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
        sent = {
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Shop-Domain": "seifenhaus.myshopify.com",
            **{f"X-Shopify-{name.replace('_', '-')}": value for name, value in headers.items()},
        }
        if topic is not None:
            sent["X-Shopify-Topic"] = topic
        return SOURCES["shopify"].read(sent, body, secrets=[SECRET], received_at=NOW)

    return send


@pytest.fixture(scope="session")
def zendesk() -> Send:
    def send(body: bytes, **headers: str) -> Reading:
        stamp = "2026-03-10T11:59:30Z"
        digest = hmac.new(SECRET.encode(), stamp.encode() + body, hashlib.sha256).digest()
        sent = {
            "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
            "X-Zendesk-Webhook-Signature-Timestamp": stamp,
            **{f"X-Zendesk-{name.replace('_', '-')}": value for name, value in headers.items()},
        }
        return SOURCES["zendesk"].read(sent, body, secrets=[SECRET], received_at=NOW)

    return send


@pytest.fixture(scope="session")
def woocommerce() -> Send:
    def send(topic: str | None, body: bytes, **headers: str) -> Reading:
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
        sent = {
            "x-wc-webhook-signature": base64.b64encode(digest).decode(),
            "X-WC-Webhook-Source": "https://seifenhaus.example/",
            **{f"X-WC-Webhook-{name.replace('_', '-')}": value for name, value in headers.items()},
        }
        if topic is not None:
            sent["X-WC-Webhook-Topic"] = topic
        return SOURCES["woocommerce"].read(sent, body, secrets=[SECRET], received_at=NOW)

    return send


@pytest.fixture(scope="session")
def stripe() -> Send:
    def send(body: bytes, **settings: str | None) -> Reading:
        stamp = str(int(NOW.timestamp()))
        signed = stamp.encode() + b"." + body
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        headers = {"stripe-signature": f"t={stamp},v1={digest},v0=aa"}
        given = {name: value for name, value in settings.items() if value is not None}
        source = Stripe(**given)
        return source.read(headers, body, secrets=[SECRET], received_at=NOW)

    return send
