"""The made-up shop: always the same, valid, in order, and with the shapes that it promises."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from statistics import mean
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.synthetic.goods import USED_UP
from engine.synthetic.seasons import HIGHEST, demand
from engine.synthetic.shop import Span, events
from tests.databases import NewDatabase
from tests.services.house import House
from triggers.event_types import BUILT_IN
from triggers.sources.native import Refused, parse_line

BEGIN, UNTIL = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)


@cache
def year() -> tuple[dict[str, Any], ...]:
    return tuple(events(Span(customers=3000, begin=BEGIN, until=UNTIL)))


def placed() -> Iterator[tuple[dict[str, Any], datetime]]:
    """Orders, with when they were placed on their customers' clocks."""
    for event in year():
        if event["type"] == "order.placed":
            zone = ZoneInfo(event["customer"]["timezone"])
            yield event, datetime.fromisoformat(event["time"]).astimezone(zone)


def test_the_same_seed_is_the_same_shop() -> None:
    span = Span(customers=300, begin=BEGIN, until=UNTIL, seed=3)
    other = Span(customers=300, begin=BEGIN, until=UNTIL, seed=4)
    told = [orjson.dumps(one) for one in events(span)]
    assert told == [orjson.dumps(one) for one in events(span)]
    assert told != [orjson.dumps(one) for one in events(other)]


def test_events_are_sorted_distinct_and_within_the_span() -> None:
    times = [event["time"] for event in year()]
    assert times == sorted(times)
    assert times[0] >= "2025-01-01"
    assert times[-1] < "2026-01-01"
    assert len({(one["source"], one["id"]) for one in year()}) == len(year())


def test_every_event_is_valid() -> None:
    for event in year():
        line = orjson.dumps(event)
        parsed = parse_line(line, received_at=UNTIL, catalog=BUILT_IN)
        assert not isinstance(parsed, Refused), parsed


def test_the_engine_takes_them_all(new_sqlite: NewDatabase, tmp_path: Path) -> None:
    house = House(tmp_path, new_sqlite(), start=UNTIL)
    few = list(islice(year(), 400))
    house.tell_all(few)
    logged = [house.events(kind) for kind in sorted({one["type"] for one in few})]
    assert sum(map(len, logged)) == len(few)
    assert {one.state for each in logged for one in each} == {"processed"}
    assert all(one.customer_id for each in logged for one in each)
    orders = sum(one["type"] == "order.placed" for one in few)
    assert house.rows("SELECT count(*) FROM orders") == [(orders,)]
    house.close()


def test_the_year_has_its_seasons() -> None:
    months = Counter(at.month for _, at in placed())
    joined = Counter(
        datetime.fromisoformat(one["time"]).month
        for one in year()
        if one["type"] == "customer.created"
    )
    assert joined[12] > 1.4 * joined[2]
    assert months[12] > 1.4 * months[8]
    gifts = Counter(event["order"]["is_gift"] for event, at in placed() if at.month == 12)
    others = Counter(event["order"]["is_gift"] for event, at in placed() if at.month == 5)
    assert gifts[True] / gifts[False] > 2 * others[True] / others[False]


def test_the_week_and_the_day_have_theirs() -> None:
    days = Counter(at.weekday() for _, at in placed())
    assert days[6] > 1.1 * days[4]
    hours = Counter(at.hour for _, at in placed())
    assert hours[20] > 1.2 * hours[10] > 1.2 * hours[7]
    assert sum(hours[hour] for hour in range(1, 6)) < 0.03 * sum(hours.values())


def test_what_is_used_up_is_bought_again_in_its_own_time() -> None:
    bought: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for event, at in placed():
        first = event["order"]["lines"][0]["product_id"]
        bought[event["customer"]["id"], first].append(at)
    gaps: dict[str, list[float]] = defaultdict(list)
    for (_, product), moments in bought.items():
        if len(moments) >= 3:
            gaps[product] += [(b - a) / timedelta(days=1) for a, b in pairwise(moments)]
    for good in USED_UP:
        if good.lasts is not None and good.lasts <= 60:
            assert mean(gaps[good.id]) == pytest.approx(good.lasts, rel=0.12), good.id


def test_life_is_mixed() -> None:
    kinds = Counter(one["type"] for one in year())
    orders = kinds["order.placed"]
    assert 0.01 < kinds["order.cancelled"] / orders < 0.03
    assert 0.03 < kinds["order.delayed"] / orders < 0.09
    assert 0.03 < kinds["order.refunded"] / orders < 0.08
    assert 0.02 < kinds["ticket.opened"] / orders < 0.08
    for kind in ("order.lost", "review.submitted", "customer.unsubscribed", "ticket.rated"):
        assert kinds[kind] > 0, kind
    people = [one["customer"] for one in year() if one["type"] == "customer.created"]
    assert len({one["country"] for one in people}) == 7
    assert len({one["timezone"] for one in people}) == 9
    consents = Counter(one.get("consent", {}).get("email", {}).get("status") for one in people)
    assert consents["subscribed"] > consents[None] > consents["pending"] > 0


def test_demand_keeps_below_its_bound() -> None:
    days = [datetime(2024, 1, 1, tzinfo=UTC).date() + timedelta(days=day) for day in range(800)]
    assert all(0 < demand(day) <= HIGHEST for day in days)
    usual = mean(demand(day) for day in days[:731])
    assert usual == pytest.approx(1.05, abs=0.1)


def test_the_command_writes_a_file_or_to_the_pipe(tmp_path: Path) -> None:
    path = tmp_path / "shop.jsonl"
    args = ["synthesize", "--customers", "20", "--seed", "5"]
    told = CliRunner().invoke(app, [*args, "--out", str(path)])
    assert told.exit_code == 0, told.output
    lines = path.read_bytes().splitlines()
    assert f"{len(lines):,} events" in told.stderr
    piped = CliRunner().invoke(app, [*args, "--events", "10"])
    assert piped.stdout_bytes.splitlines() == lines[:10]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--from", "spring"], "spring is no day"),
        (["--from", "2026-01-01"], "until must be later"),
        (["--customers", "0"], "customers"),
    ],
)
def test_wrong_usage(args: list[str], problem: str) -> None:
    told = CliRunner().invoke(app, ["synthesize", *args])
    assert told.exit_code == 2
    assert problem in told.stderr
