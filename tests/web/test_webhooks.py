"""Platforms' webhooks: proven, durable, and kept even when not understood."""

import asyncio
import base64
import hashlib
import hmac
from pathlib import Path

import httpx
import pytest
import structlog
from sqlalchemy import select

from engine.storage import tables
from engine.storage.database import Database
from engine.storage.store import SqlStorage
from tests.web.site import NOW, Site
from triggers.sources import SOURCES
from triggers.sources.native import deserialize

SECRET = "shpss_of_the_tests"
ENVIRONMENT = {
    "LAGNIAPPE_SHOPIFY_SECRET": f"{SECRET},an-older-secret",
    **{f"LAGNIAPPE_{name.upper()}_SECRET": SECRET for name in SOURCES if name != "shopify"},
}
ORDER = (Path(__file__).parents[1] / "triggers/payloads/shopify_order_create.json").read_bytes()


def signed(body: bytes, topic: str = "orders/create", secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {
        "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        "X-Shopify-Topic": topic,
        "X-Shopify-Event-Id": "event-1",
        "Content-Type": "application/json",
    }


def post(
    body: bytes, headers: dict[str, str], *, site: Site | None = None, platform: str = "shopify"
) -> httpx.Response:
    async def run() -> httpx.Response:
        async with (site or Site(environment=ENVIRONMENT)).client() as client:
            return await client.post(f"/webhooks/{platform}", content=body, headers=headers)

    return asyncio.run(run())


@pytest.mark.parametrize("secret", [SECRET, "an-older-secret"])
def test_a_proven_webhook_is_taken(secret: str) -> None:
    site = Site(environment=ENVIRONMENT)
    answer = post(ORDER, signed(ORDER, secret=secret), site=site)
    assert answer.status_code == 200
    assert answer.json() == {"accepted": 1, "rejected": 0}
    (taken,) = site.storage.accepted
    assert deserialize(taken.stored()).type == "order.placed"
    assert taken.event.source == "shopify"
    assert taken.received_at == NOW


@pytest.mark.parametrize("platform", SOURCES)
@pytest.mark.parametrize("environment", [ENVIRONMENT, {}])
def test_an_unproven_webhook_is_never_taken(platform: str, environment: dict[str, str]) -> None:
    site = Site(environment=environment)
    wrong = signed(ORDER, secret="a-guess")
    zendesk = {
        "X-Zendesk-Webhook-Signature": wrong["X-Shopify-Hmac-Sha256"],
        "X-Zendesk-Webhook-Signature-Timestamp": NOW.isoformat(),
        "X-WC-Webhook-Signature": wrong["X-Shopify-Hmac-Sha256"],
        "Stripe-Signature": f"t={int(NOW.timestamp())},v1={'0' * 64}",
        "X-Lagniappe-Signature": "0" * 64,
    }
    with structlog.testing.capture_logs() as logs:
        for headers in ({}, wrong | zendesk):
            site = Site(environment=environment)
            answer = post(ORDER, headers, site=site, platform=platform)
            assert answer.status_code == 401
            assert answer.json()["error"]["message"]
            assert not site.storage.accepted
            assert not site.storage.rejected
            if not environment:
                setting = f"LAGNIAPPE_{platform.upper()}_SECRET is not set"
                assert setting in answer.json()["error"]["message"]
            assert SECRET not in answer.text
    refusals = [entry for entry in logs if entry["event"] == "webhook_refused"]
    assert [entry["platform"] for entry in refusals] == [platform, platform]
    assert SECRET not in str(logs)


def test_an_empty_secret_signs_nothing() -> None:
    empty = Site(environment={"LAGNIAPPE_SHOPIFY_SECRET": " , "})
    assert post(ORDER, signed(ORDER, secret=""), site=empty).status_code == 401


@pytest.mark.parametrize(
    ("body", "topic", "says"),
    [
        (b"not json", "orders/create", "not a JSON object"),
        (ORDER, "carts/update", "not one that Lagniappe reads"),
        (b'{"id": 1, "created_at": "yesterday"}', "orders/create", "time"),
    ],
)
def test_what_is_proven_but_not_understood_is_kept(body: bytes, topic: str, says: str) -> None:
    site = Site(environment=ENVIRONMENT)
    answer = post(body, signed(body, topic), site=site)
    assert answer.status_code == 200
    assert says in answer.json()["reason"]
    (kept,) = site.storage.rejected
    assert kept.body == body.decode()
    assert says in kept.reason
    assert not site.storage.accepted


def test_nothing_is_answered_with_200_that_is_not_stored() -> None:
    for body in (ORDER, b"not json"):
        site = Site(environment=ENVIRONMENT)
        site.storage.fail_with = OSError("no space left on device")
        assert post(body, signed(body), site=site).status_code == 503


def test_a_repeated_webhook_is_one_event_and_a_rejected_one_is_listed(database_url: str) -> None:
    database = Database(database_url)
    storage = SqlStorage(database)
    for body in (ORDER, ORDER, b"not json", b"not json"):
        site = Site(environment=ENVIRONMENT, database=storage)
        assert post(body, signed(body), site=site).status_code == 200
    with database.reading() as connection:
        rows = connection.execute(select(tables.events.c.source, tables.events.c.type)).all()
    database.close()
    assert sorted(map(tuple, rows)) == [("shopify", "order.placed"), ("shopify", "rejected")]


def test_woocommerces_ping_is_answered_with_200_and_stores_nothing() -> None:
    site = Site(environment=ENVIRONMENT)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = post(b"webhook_id=7", form, site=site, platform="woocommerce")
    assert (answer.status_code, answer.json()) == (200, {"accepted": 0, "rejected": 0})
    assert not site.storage.accepted
    assert not site.storage.rejected
    assert post(b"webhook_id=7", form, site=Site(), platform="woocommerce").status_code == 401
    site = Site(environment=ENVIRONMENT)
    assert post(b"webhook_id=7", form, site=site, platform="shopify").status_code == 401
