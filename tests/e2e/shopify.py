"""One order's life as Shopify's webhooks tell it: payloads like the real ones, and their signs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

SECRET = "shpss_of_the_tests"
_PAYLOADS = Path(__file__).resolve().parents[1] / "triggers" / "payloads"
SOAP, CEDAR = 14100000000001, 14100000000002  # the order's two lines


@dataclass(frozen=True)
class Webhook:
    """One delivery; a repeated one has the same event id."""

    topic: str
    event_id: str
    body: bytes
    at: datetime

    def headers(self) -> dict[str, str]:
        """What Shopify sends beside the body."""
        digest = hmac.new(SECRET.encode(), self.body, hashlib.sha256).digest()
        return {
            "Content-Type": "application/json",
            "X-Shopify-Topic": self.topic,
            "X-Shopify-Event-Id": self.event_id,
            "X-Shopify-Shop-Domain": "seifenhaus.myshopify.com",
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        }


def life() -> list[Webhook]:
    """Created, paid (told twice over), sent in two parcels, both delivered, one line refunded."""
    first = {"id": 4100000000001, "line_items": [_line(SOAP)]}
    second = {"id": 4100000000002, "line_items": [_line(CEDAR)]}
    return [
        _order("orders/create", "a", "2026-03-01T10:00:00+01:00", financial_status="pending"),
        _order("orders/paid", "b", "2026-03-01T10:05:00+01:00"),
        _order("orders/updated", "b", "2026-03-01T10:05:00+01:00"),
        _parcel("fulfillments/create", "c", "2026-03-02T08:00:00+01:00", None, **first),
        _parcel("fulfillments/create", "d", "2026-03-02T17:00:00+01:00", None, **second),
        _parcel("fulfillments/update", "e", "2026-03-04T14:30:00+01:00", "delivered", **first),
        _parcel("fulfillments/update", "f", "2026-03-05T11:15:00+01:00", "delivered", **second),
        refund(),
        _order(
            "orders/updated",
            "g",
            "2026-03-06T11:00:05+01:00",
            financial_status="partially_refunded",
            fulfillment_status="fulfilled",
            refunds=[json.loads(refund().body)],
        ),
    ]


def refund() -> Webhook:
    """The second line goes back."""
    body = _payload("shopify_refund_create")
    return Webhook("refunds/create", "g", json.dumps(body).encode(), _time(body["created_at"]))


def full_refund(at: str) -> Webhook:
    """Both lines go back at once."""
    body = _payload("shopify_refund_create") | {"id": 9100000000009}
    body |= {"created_at": at, "processed_at": at}
    template = body["refund_line_items"][0]
    body["refund_line_items"] = [
        template
        | {"id": number, "line_item_id": line, "quantity": quantity,
           "line_item": template["line_item"] | {"id": line}}
        for number, line, quantity in ((1, SOAP, 2), (2, CEDAR, 1))
    ]  # fmt: skip
    return Webhook("refunds/create", "full", json.dumps(body).encode(), _time(at))


def _order(topic: str, event_id: str, at: str, **changed: Any) -> Webhook:
    body = _payload("shopify_order_create") | {"updated_at": at, **changed}
    return Webhook(topic, event_id, json.dumps(body).encode(), _time(at))


def _parcel(topic: str, event_id: str, at: str, status: str | None, **changed: Any) -> Webhook:
    body = _payload("shopify_fulfillment_create")
    body |= {"updated_at": at, "shipment_status": status, **changed}
    if status is None:
        body["created_at"] = at
    return Webhook(topic, event_id, json.dumps(body).encode(), _time(at))


def _line(line_id: int) -> dict[str, Any]:
    [line] = [
        each for each in _payload("shopify_order_create")["line_items"] if each["id"] == line_id
    ]
    assert isinstance(line, dict)
    return line


def _payload(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((_PAYLOADS / f"{name}.json").read_bytes())
    return read


def _time(told: str) -> datetime:
    return datetime.fromisoformat(told)
