"""The same input gives the same decisions, whatever the batch size."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.engine_room import let_time_pass, rows, running, tell
from tests.e2e.recorder import Recorder
from tests.e2e.shop import campaign, make_workspace, order_placed

NewDatabase = Callable[[], str]
Scale = Callable[[int, int], int]

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
CAMPAIGNS = [
    campaign("welcome", "  - {id: hello, send_email: note}\n  - delay: 2h\n"
             "  - {id: more, send_email: note}", purpose="marketing", more="priority: 60"),
    campaign("split", "  - id: halves\n    split:\n"
             "      a: {weight: 50, steps: [{id: now_a, send_email: note}]}\n"
             "      b: {weight: 50, steps: [{delay: 3h}, {id: later_b, send_email: note}]}",
             more="holdout: 20%"),
    campaign("late", "  - {id: came, wait_for: {event: order.delivered, timeout: 5h}}\n"
             "  - {id: tag, update_customer: {add_tags: [waited]}}\n"
             "  - {id: ask, send_email: note}",
             purpose="marketing", more="exit_on: [order.cancelled]"),
]  # fmt: skip


def story(customers: int) -> list[tuple[datetime, list[dict[str, Any]]]]:
    """Bursts of events: addresses are shared, orders named by several, some told twice."""
    chance = random.Random(11)
    bursts: list[tuple[datetime, list[dict[str, Any]]]] = []
    for hour in range(8):
        at = START + hour * HOUR
        burst: list[dict[str, Any]] = []
        for _ in range(customers // 4):
            number = chance.randrange(customers)
            kind = chance.choice(["placed", "placed", "delivered", "cancelled", "opt-out"])
            event = order_placed(number, at - chance.randrange(50) * timedelta(minutes=1))
            event["customer"]["email"] = f"household{number // 2}@example.com"
            event["customer"]["email_verified"] = False
            if kind == "opt-out":
                del event["order"]
                event["customer"]["consent"] = {"email": {"status": "unsubscribed"}}
                event |= {"id": f"out-{number}-{hour}", "type": "customer.updated"}
            elif kind != "placed":
                event |= {"id": f"{kind}-{number}", "type": f"order.{kind}"}
            burst.append(event)
        bursts.append((at, burst))
    return bursts


def live_through(workspace: Path, url: str, batch: int, customers: int) -> dict[str, Any]:
    """All that came of the story with this batch size."""
    provider = Recorder("email", lambda: START)
    with running(workspace, url, START, provider=provider, max_in_flight=10_000) as (app, clock):
        app.worker.batch = batch
        for at, burst in story(customers):
            let_time_pass(app, clock, at)
            tell(app, burst)
            app.worker.quiesce()
        let_time_pass(app, clock, START + 48 * HOUR)
    decisions: dict[str, list[str]] = {}
    for row in sorted(rows(url, "decisions"), key=lambda row: int(row["seq"])):
        decisions.setdefault(row["journey_id"], []).append(row["entries"][1:-1])
    seldom = frozenset({"owner"})
    return {
        "decisions": {key: ",".join(entries) for key, entries in decisions.items()},
        "verdicts": [
            (row["source"], row["id"], row["verdicts"], row["customer_id"])
            for row in rows(url, "events")
        ],
        "journeys": rows(url, "journeys"),
        "messages": rows(url, "messages", without=seldom),
        "customers": rows(url, "customers"),
        "consents": rows(url, "consents"),
        "contents": {outgoing.message_id: outgoing for outgoing in provider.sent},
    }


def test_batch_size_changes_nothing(
    tmp_path: Path, new_database: NewDatabase, scale: Scale
) -> None:
    workspace = make_workspace(
        tmp_path / "shop", CAMPAIGNS, caps="[{channel: any, purpose: marketing, count: 2, per: 7d}]"
    )
    customers = scale(40, 400)
    whole = live_through(workspace, new_database(), 500, customers)
    statuses = {(row["status"], row["reason"]) for row in whole["messages"]}
    assert {("sent", None), ("skipped", "cap"), ("skipped", "no_consent")} <= statuses
    assert {row["status"] for row in whole["journeys"]} >= {"completed", "exited", "holdout"}
    for batch in (1, 7):
        other = live_through(workspace, new_database(), batch, customers)
        for part, held in whole.items():
            assert other[part] == held, (batch, part)
