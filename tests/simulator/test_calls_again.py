"""What really came of calls happens again when people are asked for them again."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.services.call_desk import listed_calls
from engine.storage import migrate
from tests.cli.shop import Cli
from tests.services.house import DAY, HOUR, START, TEMPLATES, House, campaign, email

STORE = {"calls": {"queues": {"support": {
    "hours": "Mon-Fri 09:00-17:00", "retry": {"attempts": 2, "after": "4h"},
}}}}  # fmt: skip
CALL = {"id": "call", "assign_call": {"queue": "support", "script": "check", "timeout": "7d"}}
THEN = {"branch": [
    {"if": "call.completed && call.outcome == 'well' && call.note == 'laughed'",
     "steps": [email("glad")]},
    {"if": "call.no_answer", "steps": [email("missed")]},
    {"if": "call.timed_out", "steps": [email("late")]},
]}  # fmt: skip
CHECK = campaign("check", "order.delivered", [CALL, THEN], exit_on=["order.refunded"])
END = START + 20 * DAY
SPAN = ("--from", START.isoformat(), "--until", END.isoformat())


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that asked for calls: held, tried in vain, withdrawn, and never made; and of two who
    turned out to be one, for two, of which the later was held."""
    workspace = tmp_path_factory.mktemp("calls")
    url = f"sqlite:///{workspace}/lagniappe.db"
    migrate.upgrade(url)
    templates = TEMPLATES | {"check/script.txt": "Is all well?"}
    house = House(workspace, url, CHECK, store=STORE, templates=templates)
    for key in ("held", "vain", "gone", "never"):
        house.tell("order.delivered", key, order=f"{key}-1")
    tasks = {
        each.task.order_id: each.task.id for each in listed_calls(house.app.storage)
    }  # fmt: skip
    no_phone = {"phone": None}
    house.tell("order.delivered", "work", order="work-1",
               customer={"email": "job@example.com", **no_phone})  # fmt: skip
    house.tell("order.delivered", "work", order="work-2", source="other", customer=no_phone)
    (merged,) = (
        each for each in listed_calls(house.app.storage) if each.task.order_id == "other:work-2"
    )
    house.run(HOUR)
    house.tell("customer.updated", "work", customer=no_phone)
    (moved,) = listed_calls(house.app.storage, merged.task.id)
    assert moved.customer_id != merged.customer_id
    house.run(4 * HOUR)
    house.app.calls.complete(merged.task.id, "well", "laughed", "ann")
    house.app.calls.complete(tasks["shop:held-1"], "well", "laughed", "ann")
    house.app.calls.no_answer(tasks["shop:vain-1"], None, "ann")
    house.tell("order.refunded", "gone", order="gone-1")
    house.run(2 * DAY)
    house.app.calls.no_answer(tasks["shop:vain-1"], "rang twice", "ann")
    house.run(END - house.clock.now())
    house.close()
    return workspace


def sent(cli: Cli) -> list[tuple[str, str]]:
    rows = cli.json("log")
    return sorted((row["step"], row["sent_at"]) for row in rows if row["sent_at"])


def simulated(cli: Cli, *args: str) -> dict[str, Any]:
    told = cli.json("simulate", *args)
    assert isinstance(told, dict)
    return told


def by_hour(rows: list[tuple[str, str]]) -> Counter[str]:
    return Counter(at[:10] for _, at in rows)


def test_the_journeys_go_on_as_they_did(lived: Path) -> None:
    cli = Cli(lived, END)
    really = sent(cli)
    assert sorted(step for step, _ in really) == ["glad", "glad", "late", "late", "missed"]
    told = simulated(cli, *SPAN)
    (row,) = told["campaigns"]
    assert (row["entered"], row["sent"], row["exited"]) == (6, 5, 1)
    assert {each["day"]: each["email"] for each in told["days"] if each["email"]} == by_hour(really)
    assert told["reactions"] == [
        {"campaign": "check", "reaction": "call", "messages": 3, "as_recorded": 3}
    ]
    shown = " ".join(cli.ok("simulate", *SPAN).split())
    assert "of the calls asked for 3 came to what they really did" in shown
    assert "of the messages" not in shown


def test_a_later_call_is_held_as_long_after_as_it_really_was(lived: Path) -> None:
    cli = Cli(lived, END)
    path = lived / "campaigns/check.yaml"
    before = path.read_text(encoding="utf-8")
    later = json.loads(before)
    later["steps"].insert(0, {"id": "first", "delay": "1d"})
    try:
        path.write_text(json.dumps(later), encoding="utf-8")
        told = simulated(cli, *SPAN)
    finally:
        path.write_text(before, encoding="utf-8")
    moved = {
        (START + timedelta(days=days)).date().isoformat(): count
        for days, count in ((1, 2), (3, 1), (8, 2))
    }  # fmt: skip
    assert {each["day"]: each["email"] for each in told["days"] if each["email"]} == moved


def test_in_parts_it_is_the_same(lived: Path) -> None:
    cli = Cli(lived, END)
    assert simulated(cli, *SPAN, "--workers", "2") == simulated(cli, *SPAN, "--workers", "1")
