"""Customers who are left out of a schedule's look are those whom it would not have enrolled."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.ports.storage import Incoming
from tests.databases import NewDatabase
from tests.services.house import STORE, campaign, email, person
from tests.simulator.both import by_daemon, by_simulation, differences
from tests.simulator.test_agreement import incoming, write

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
DAY = timedelta(days=1)
SEGMENTS = (
    "customer.days_since_order >= 5 && customer.days_since_order <= 9 && customer.email_consent",
    "customer.days_since_order == 7",
    "customer.orders_count >= 2 && customer.days_since_order > 3",
    "customer.days_since_order < 4 && customer.total_spent >= 150",
    "customer.days_since_first_order >= 6 || customer.orders_count == 0",
)


def scheduled(number: int, segment: str, re_entry: Any, cron: str) -> dict[str, Any]:
    trigger = {"schedule": {"cron": cron, "timezone": "customer"}, "segment": segment}
    return campaign(
        f"look-{number}", trigger, [email(f"s{number}")], purpose="marketing",
        entry={"key": "customer.id", "re_entry": re_entry},
    )  # fmt: skip


def orders() -> list[Incoming]:
    """Seven customers who buy in rhythms of their own; the last agrees to email only later."""
    found = []
    for who in range(7):
        key = f"c{who}"
        for number in range(1 + who % 4):
            at = START + timedelta(hours=13 * who + 1) + number * (who + 2) * DAY
            told: dict[str, Any] = {
                "id": f"{key}-{number}", "source": "shop", "type": "order.placed",
                "time": at.isoformat(), "customer": person(key),
                "order": {"id": f"{key}-{number}", "total": "80.00", "currency": "USD"},
            }  # fmt: skip
            if who == 6:
                told["customer"] = {**person(key), "consent": {}}
            found.append((at, told))
    at = START + 8 * DAY
    found.append((at, {"id": "yes", "source": "shop", "type": "customer.subscribed",
                       "time": at.isoformat(), "customer": person("c6")}))  # fmt: skip
    return [incoming(at, told) for at, told in sorted(found, key=lambda one: one[0])]


@pytest.mark.parametrize(
    ("re_entry", "cron"),
    [("always", "0 9 * * *"), ({"after": "6d"}, "0 9 * * *"), ("never", "15 */6 * * *")],
)
def test_nobody_is_overlooked(
    tmp_path: Path, new_sqlite: NewDatabase, re_entry: Any, cron: str
) -> None:
    written = tuple(
        scheduled(number, segment, re_entry, cron) for number, segment in enumerate(SEGMENTS)
    )
    write(tmp_path, STORE, written)
    until = START + 25 * DAY
    lived = by_daemon(tmp_path, new_sqlite(), START, orders(), until)
    simulated = by_simulation(tmp_path, START, orders(), until)
    assert not differences(lived, simulated), "\n".join(differences(lived, simulated)[:5])
    entered = {row["campaign"] for row in lived["journeys"].values()}
    assert entered == {each["id"] for each in written}
