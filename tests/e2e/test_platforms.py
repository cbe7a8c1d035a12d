"""WooCommerce's and Stripe's webhooks through the whole application, on both databases."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engine_room import Client, rows, running, served
from tests.e2e.shop import campaign, make_workspace

NewDatabase = Callable[[], str]
SECRET = "a-secret-of-the-tests"
AT = datetime(2026, 3, 9, 12, tzinfo=UTC)
PAYLOADS = Path(__file__).resolve().parents[1] / "triggers" / "payloads"
_STEPS = "  - delay: 60d\n  - send_email: note"
CAMPAIGNS = [
    campaign(name, _STEPS, trigger=f"{{event: order.{name}}}")
    for name in ("placed", "paid", "refunded", "disputed")
] + [campaign("parcel", _STEPS, trigger="{event: order.shipped}")]

WOOCOMMERCE = [
    ("order.created", "woocommerce_order_created"),
    ("order.updated", "woocommerce_order_processing"),
    ("order.updated", "woocommerce_order_completed"),
    ("order.updated", "woocommerce_order_refunded"),
    ("customer.updated", "woocommerce_customer_updated"),
]
STRIPE = [
    ("", "stripe_checkout_completed"),
    ("", "stripe_payment_succeeded"),
    ("", "stripe_charge_refunded"),
    ("", "stripe_refund_created"),
    ("", "stripe_dispute_created"),
    ("", "stripe_dispute_closed"),
]
ENTERED = {
    "woocommerce": ["paid", "parcel", "placed", "refunded"],
    "stripe": ["disputed", "paid", "placed", "refunded"],
}


def post(client: Client, platform: str, topic: str, body: bytes) -> dict[str, Any]:
    """One webhook, signed by the platform."""
    if platform == "woocommerce":
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).digest()
        headers = {
            "X-WC-Webhook-Topic": topic,
            "X-WC-Webhook-Signature": base64.b64encode(digest).decode(),
        }
    else:
        stamp = str(int(AT.timestamp()))
        signed = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256)
        headers = {"Stripe-Signature": f"t={stamp},v1={signed.hexdigest()}"}
    answer = client.post(f"/webhooks/{platform}", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def deliver(
    folder: Path, url: str, platform: str, told: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Deliver these one by one, and look at what they leave behind."""
    settings: Any = {f"{platform}_secret": SECRET}
    with running(folder, url, AT, **settings) as (app, _), served(app) as client:
        for topic, name in told:
            body = (PAYLOADS / f"{name}.json").read_bytes()
            assert post(client, platform, topic, body)["rejected"] == 0
            app.worker.quiesce()
    return {
        "orders": rows(url, "orders", without=frozenset({"customer_id"})),
        "lines": rows(url, "order_lines"),
        "entered": sorted(row["campaign"] for row in rows(url, "journeys")),
    }


@pytest.mark.parametrize(("platform", "told"), [("woocommerce", WOOCOMMERCE), ("stripe", STRIPE)])
def test_doubled_and_shuffled_webhooks_leave_one_order(
    tmp_path: Path, new_database: NewDatabase, platform: str, told: list[tuple[str, str]]
) -> None:
    folder = make_workspace(tmp_path / "shop", CAMPAIGNS)
    in_order = deliver(folder, new_database(), platform, told)
    assert len(in_order["orders"]) == 1
    # Each once: two parcels of one order are one entry.
    assert in_order["entered"] == ENTERED[platform]
    for seed in range(3):
        doubled = told * 2
        random.Random(seed).shuffle(doubled)
        assert deliver(folder, new_database(), platform, doubled) == in_order


@pytest.mark.parametrize("platform", ["woocommerce", "stripe"])
def test_what_is_not_understood_is_listed_and_what_is_unproven_is_not_taken(
    tmp_path: Path, database_url: str, platform: str
) -> None:
    folder = make_workspace(tmp_path / "shop", CAMPAIGNS)
    settings: Any = {f"{platform}_secret": SECRET}
    with running(folder, database_url, AT, **settings) as (app, _), served(app) as client:
        body = json.dumps({"id": "evt_1", "type": "product.updated"}).encode()
        assert post(client, platform, "product.updated", body)["rejected"] == 1
        answer = client.post(f"/webhooks/{platform}", content=body)
        assert answer.status_code == 401
        assert SECRET not in answer.text
        app.worker.quiesce()
    [kept] = rows(database_url, "events")
    assert (kept["source"], kept["type"], kept["state"]) == (platform, "rejected", 2)
    assert "product.updated" in kept["reason"]
