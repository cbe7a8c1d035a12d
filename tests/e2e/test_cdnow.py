"""Every purchase of a real shop goes in once, whatever happens on the way."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from tests.datasets import cdnow
from tests.e2e.processes import environment, lagniappe, start
from tests.e2e.shop import campaign, make_workspace, write_events

Scale = Callable[[int, int], int]
CUSTOMERS = 23_570


def purchases(customers: int) -> list[dict[str, Any]]:
    """The purchases of the first so many customers, numbered as they stand in the file."""
    events: list[dict[str, Any]] = []
    seen: set[str] = set()
    for number, purchase in enumerate(cdnow(), 1):
        seen.add(purchase.customer)
        if len(seen) > customers:
            break
        events.append(
            {
                "id": f"p{number}",
                "source": "cdnow",
                "type": "order.placed",
                "time": f"{purchase.day.isoformat()}T12:00:00Z",
                "customer": {"id": purchase.customer},
                "order": {
                    "id": str(number),
                    "total": str(purchase.total),
                    "currency": "USD",
                    "placed_at": f"{purchase.day.isoformat()}T12:00:00Z",
                },
            }
        )
    return events


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace whose one campaign looks at every order and enrols none: they are too old."""
    thanks = campaign(
        "thanks", "  - send_email: note", trigger="{event: order.placed, max_age: 3d}"
    )
    return make_workspace(tmp_path / "shop", [thanks])


def contents(url: str) -> dict[str, Any]:
    """What the database holds, so that two of them can be compared."""
    engine = create_engine(url)
    with engine.connect() as connection:
        customers = connection.execute(
            text("SELECT id, orders_count, total_spent, first_order_at, last_order_at"
                 " FROM customers ORDER BY id")
        ).all()  # fmt: skip
        orders = connection.execute(
            text("SELECT id, customer_id, total, placed_at FROM orders ORDER BY id")
        ).all()
        events = connection.execute(
            text("SELECT id, state, customer_id FROM events ORDER BY id")
        ).all()
    engine.dispose()
    return {"customers": customers, "orders": orders, "events": events}


def check_counts(held: dict[str, Any], events: Sequence[dict[str, Any]]) -> None:
    """Every customer and every order once, and the money adds up."""
    assert len(held["customers"]) == len({event["customer"]["id"] for event in events})
    assert [row.id for row in held["orders"]] == sorted(
        f"cdnow:{event['order']['id']}" for event in events
    )
    assert [row.id for row in held["events"]] == sorted(event["id"] for event in events)
    assert {row.state for row in held["events"]} == {1}
    assert sum(row.orders_count for row in held["customers"]) == len(events)
    cents = sum(round(float(event["order"]["total"]) * 100) for event in events)
    assert sum(row.total_spent for row in held["customers"]) == cents * 100


def test_every_purchase_goes_in_once(
    workspace: Path,
    database_url: str,
    tmp_path: Path,
    scale: Scale,
    record_property: Callable[[str, object], None],
) -> None:
    events = purchases(scale(400, CUSTOMERS))
    file = write_events(tmp_path / "cdnow.jsonl", events)
    environ = environment(database_url)
    began = time.monotonic()
    done = lagniappe("ingest", str(file), workspace=workspace, environ=environ)
    record_property("seconds", round(time.monotonic() - began, 1))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{len(events):,} new" in done.stdout
    first = contents(database_url)
    check_counts(first, events)
    assert len(events) == 69_659 or len(first["customers"]) < CUSTOMERS
    again = lagniappe("ingest", str(file), workspace=workspace, environ=environ)
    assert "0 new" in again.stdout
    assert contents(database_url) == first


def test_the_order_of_the_file_changes_nothing(
    workspace: Path, new_database: Callable[[], str], tmp_path: Path, scale: Scale
) -> None:
    events = purchases(scale(150, CUSTOMERS))
    held = []
    for number in range(2):
        url = new_database()
        file = write_events(tmp_path / f"{number}.jsonl", events)
        done = lagniappe("ingest", str(file), workspace=workspace, environ=environment(url))
        assert done.returncode == 0, done.stderr
        held.append(contents(url))
        random.Random(7).shuffle(events)
    assert held[0] == held[1]


def test_a_killed_ingest_goes_on(
    workspace: Path, database_url: str, tmp_path: Path, scale: Scale
) -> None:
    events = purchases(scale(400, CUSTOMERS))
    file = write_events(tmp_path / "cdnow.jsonl", events)
    environ = environment(database_url)
    chance = random.Random(len(events))
    engine = create_engine(database_url)
    stored: list[int] = []
    for _ in range(scale(3, 20)):
        process = start("ingest", str(file), workspace=workspace, environ=environ)
        before = stored[-1] if stored else 0
        most = before + chance.randrange(1, max(2, len(events) // scale(3, 15)))
        while process.poll() is None:
            with engine.connect() as connection:
                count = connection.execute(text("SELECT count(*) FROM events")).scalar_one()
            if count >= most:
                break
            time.sleep(chance.uniform(0, 0.01))
        process.kill()
        process.wait()
        with engine.connect() as connection:
            stored.append(connection.execute(text("SELECT count(*) FROM events")).scalar_one())
    engine.dispose()
    assert stored == sorted(stored)
    assert 0 < stored[0] < len(events), "the first kill came in the middle"
    done = lagniappe("ingest", str(file), workspace=workspace, environ=environ)
    assert done.returncode == 0, done.stderr
    check_counts(contents(database_url), events)
