"""Webhooks come doubled and in any order; what they leave behind is always the same."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engine_room import let_time_pass, rows, running, served
from tests.e2e.shop import campaign, make_workspace
from tests.e2e.shopify import SECRET, Webhook, full_refund, life

Scale = Callable[[int, int], int]
NewDatabase = Callable[[], str]

ALL_TOLD = datetime(2026, 3, 6, 12, tzinfo=UTC)
DAY = timedelta(days=1)

_WAIT_AND_SEND = "  - delay: 7d\n  - id: ask\n    send_email: note"
CAMPAIGNS = [
    campaign("placed", _WAIT_AND_SEND, purpose="marketing"),
    campaign("paid", _WAIT_AND_SEND, trigger="{event: order.paid}"),
    campaign("delivered", "  - id: first\n    send_email: note\n" + _WAIT_AND_SEND,
             trigger="{event: order.delivered, filter: order.total > 20}", purpose="marketing"),
    campaign("refunded", _WAIT_AND_SEND, trigger="{event: order.refunded}"),
    campaign("until-refund", _WAIT_AND_SEND, trigger="{event: order.delivered}",
             more="exit_on: [order.refunded]"),
    campaign("until-parcel", "  - {id: parcel, wait_for: {event: order.delivered, timeout: 30d}}\n"
             "  - delay: 9d\n  - send_email: note"),
]  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Campaigns that wait for, end on, and are triggered by, what an order goes through."""
    return make_workspace(tmp_path / "shop", CAMPAIGNS)


def deliver(
    workspace: Path, url: str, webhooks: Sequence[Webhook], *, at: datetime = ALL_TOLD, batch: int
) -> dict[str, Any]:
    """Deliver all at one instant through the web, work, and look at what is there."""
    with running(workspace, url, at, shopify_secret=SECRET) as (app, _):
        app.worker.batch = batch
        with served(app) as client:
            for webhook in webhooks:
                answer = client.post(
                    "/webhooks/shopify", content=webhook.body, headers=webhook.headers()
                )
                assert answer.status_code == 200, answer.text
                if batch == 1:
                    app.worker.quiesce()
        app.worker.quiesce()
    return left_behind(url)


def left_behind(url: str) -> dict[str, Any]:
    """Orders, lines, customers, live journeys, and the messages still to send."""
    journeys = rows(url, "journeys", without=frozenset({"id", "customer_id"}))
    messages = rows(url, "messages", without=frozenset({"id", "journey_id", "customer_id"}))
    return {
        "orders": rows(url, "orders", without=frozenset({"customer_id"})),
        "lines": rows(url, "order_lines"),
        "customers": rows(url, "customers", without=frozenset({"id"})),
        "consents": rows(url, "consents"),
        "journeys": [row for row in journeys if row["status"] == "live"],
        "messages": [row for row in messages if row["status"] == "scheduled"],
        # Told early, the refund keeps this one from entering; told late, it ends it.
        "entered": sorted(row["campaign"] for row in journeys if row["campaign"] != "until-refund"),
        "sent": sorted(row["campaign"] for row in messages if row["status"] == "sent"),
    }


def shuffled(number: int) -> list[Webhook]:
    """Every webhook twice, in an order of chance."""
    webhooks = life() * 2
    random.Random(number).shuffle(webhooks)
    return webhooks


def test_doubled_and_shuffled_webhooks_leave_the_same_behind(
    workspace: Path, new_database: NewDatabase, scale: Scale
) -> None:
    in_order = deliver(workspace, new_database(), life(), batch=500)
    assert [row["known"] for row in in_order["orders"]] == [True]
    assert len(in_order["lines"]) == 2
    assert [row["orders_count"] for row in in_order["customers"]] == [1]
    # One refund was told by two webhooks, "paid" as well: each has entered once.
    assert in_order["entered"] == sorted(
        ["placed", "paid", "delivered", "refunded", "until-parcel"]
    )
    live = [row["campaign"] for row in in_order["journeys"]]
    assert live == ["delivered", "paid", "placed", "refunded", "until-parcel"]
    for number in range(scale(12, 500)):
        batch = (500, 1, 7)[number % 3]
        assert deliver(workspace, new_database(), shuffled(number), batch=batch) == in_order, number


def test_webhooks_told_as_things_happen(
    workspace: Path, new_database: NewDatabase, scale: Scale
) -> None:
    """Each at its own time, doubled; late ones change nothing."""
    held = []
    for number in range(scale(3, 40)):
        url = new_database()
        at = datetime(2026, 3, 1, 8, tzinfo=UTC)
        with (
            running(workspace, url, at, shopify_secret=SECRET) as (app, clock),
            served(app) as client,
        ):
            for webhook in life():
                let_time_pass(app, clock, webhook.at.astimezone(UTC) + timedelta(seconds=1))
                for told in [webhook] * (1 + number):
                    client.post("/webhooks/shopify", content=told.body, headers=told.headers())
                app.worker.quiesce()
            let_time_pass(app, clock, ALL_TOLD)
            again = shuffled(number)
            for webhook in again if number else ():
                client.post("/webhooks/shopify", content=webhook.body, headers=webhook.headers())
            let_time_pass(app, clock, ALL_TOLD + 20 * DAY)
        held.append(left_behind(url))
    assert held[0]["sent"] == sorted(
        ["placed", "paid", "delivered", "delivered", "refunded", "until-parcel"]
    )
    assert all(each == held[0] for each in held)


def test_a_refund_during_a_delay_ends_the_journey_at_once(
    workspace: Path, database_url: str
) -> None:
    created, paid, *_ = life()
    at = datetime(2026, 3, 1, 9, 10, tzinfo=UTC)
    with running(workspace, database_url, at, shopify_secret=SECRET) as (app, clock):
        with served(app) as client:

            def tell(webhook: Webhook) -> None:
                client.post("/webhooks/shopify", content=webhook.body, headers=webhook.headers())
                app.worker.quiesce()

            tell(created)
            tell(paid)
            before = rows(database_url, "journeys")
            assert {row["campaign"]: row["status"] for row in before} == {
                "placed": "live", "paid": "live", "until-parcel": "live",
            }  # fmt: skip
            let_time_pass(app, clock, at + 2 * DAY)
            tell(full_refund("2026-03-03T10:00:00+01:00"))
        after = {row["campaign"]: row for row in rows(database_url, "journeys")}
        # An order's marketing ends with the order, and not when its delay is over.
        assert after["placed"]["status"] == "exited"
        assert after["placed"]["reason"] == "order.refunded"
        assert after["placed"]["ended_at"] == int((at + 2 * DAY).timestamp() * 1_000_000)
        let_time_pass(app, clock, at + 10 * DAY)
    messages = rows(database_url, "messages")
    assert "placed" not in {row["campaign"] for row in messages}
