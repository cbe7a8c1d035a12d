"""Shopify's own payloads, in every order: one order, one state, the same transitions."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from datetime import UTC, datetime
from pathlib import Path

from engine.core.transition import Transition
from tests.core.shop_life import rows, run
from triggers.event import Event
from triggers.sources import SOURCES

SECRET = "shpss_test"
PAYLOADS = Path(__file__).parent.parent / "triggers" / "payloads"
TOLD = [
    ("orders/create", "shopify_order_create"),
    ("fulfillments/create", "shopify_fulfillment_create"),
    ("fulfillments/update", "shopify_fulfillment_update"),
    ("refunds/create", "shopify_refund_create"),
    ("orders/updated", "shopify_order_updated"),
    ("disputes/create", "shopify_dispute_create"),
    ("customers/update", "shopify_customer_update"),
]


def _read(topic: str, name: str) -> Event:
    body = (PAYLOADS / f"{name}.json").read_bytes()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Event-Id": name,
    }
    received_at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    reading = SOURCES["shopify"].read(headers, body, secrets=[SECRET], received_at=received_at)
    (event,) = reading.events
    return event


def test_webhooks_doubled_and_in_any_order_end_alike() -> None:
    events = [_read(topic, name) for topic, name in TOLD]
    world, transitions = run(events)
    expected = rows(world)
    happened = _of_the_order(transitions)
    assert {"order.placed", "order.shipped", "order.refunded", "order.disputed"} <= {
        one.type for one in transitions
    }
    chance = random.Random(1)
    for _ in range(300):
        doubled = events * 2
        chance.shuffle(doubled)
        again, others = run(doubled)
        assert rows(again) == expected
        assert _of_the_order(others) == happened


def _of_the_order(transitions: list[Transition]) -> set[tuple[str, datetime]]:
    return {(one.id, one.time) for one in transitions if one.type.startswith("order.")}


def test_a_test_order_is_known_but_does_not_count() -> None:
    guest = _read("orders/create", "shopify_order_guest")
    world, transitions = run([guest])
    (order,) = world.orders.values()
    assert order.is_test
    assert order.lines
    assert "order.placed" in {one.type for one in transitions}
    assert world.customer.orders_count == 0
    assert world.customer.total_spent == 0
    assert world.customer.last_order_at is None
