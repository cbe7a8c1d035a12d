"""``lagniappe customers recommend``: what and why."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.programs.baskets import STRENGTH
from tests.cli import shop
from tests.cli.shop import DAY, END, Cli, event


def bought(key: str, number: int, at: datetime, *products: str) -> dict[str, Any]:
    told = event("order.placed", at, key, number)
    told["order"]["lines"] = [
        {"id": one, "product_id": one, "title": one.title(), "quantity": 1, "price": "9"}
        for one in products
    ]
    return told


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A shop in which pots go with filters, and eve has a pot and drinks coffee."""
    shop.make(tmp_path)
    told = [bought(f"c{n}", 100 + n, END - 50 * DAY, "pot", "filter") for n in range(6)]
    told += [bought(f"o{n}", 200 + n, END - 50 * DAY, f"other{n}") for n in range(20)]
    told += [
        bought("eve", 300 + n, END - (65 - 20 * n) * DAY, "coffee", "pot"[: 3 * (n == 3)] or "bag")
        for n in range(4)
    ]
    found = Cli(tmp_path)
    found.ok("ingest", "-", "--backfill", stdin="\n".join(json.dumps(one) for one in told))
    return found


def test_before_the_first_night_it_says_so(cli: Cli) -> None:
    told = cli.ok("customers", "recommend", "eve@example.com")
    assert "nothing has been computed yet" in told


def test_it_tells_what_and_why(cli: Cli) -> None:
    shown = cli.ok("customers", "recommend", "eve@example.com", "--refresh")
    assert "bought together with Pot" in shown
    assert "recency 5" in shown
    rows = cli.json("customers", "recommend", "eve@example.com")
    first = rows[0]
    assert (first["kind"], first["product_id"], first["because"]) == ("together", "filter", "Pot")
    assert first["cases"] == 6
    assert first["lift"] == pytest.approx((6 + STRENGTH) / (6 * 7 / 30 + STRENGTH), abs=0.001)
    refill = next(row for row in rows if row["product_id"] == "coffee")
    assert refill["kind"] == "replenish"
    assert refill["date"].startswith(f"{END + 15 * DAY:%Y-%m-%d}")


def test_a_customer_without_anything_gets_what_most_buy(cli: Cli) -> None:
    cli.ok("customers", "recommend", "o1@example.com", "--refresh")
    rows = cli.json("customers", "recommend", "o1@example.com")
    assert {row["kind"] for row in rows} == {"popular"}
    assert {row["product_id"] for row in rows} == {"pot", "filter"}
