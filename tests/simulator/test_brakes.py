"""A campaign that brakes itself while several processes share a simulation."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.ports.stored import Incoming
from engine.services import sweep
from engine.simulator import meetings, sleepers, turns
from engine.simulator.behaviour import Behaviour
from engine.simulator.preparation import Prepared, Sample
from engine.simulator.report import document
from engine.simulator.shards import simulate_together
from tests.services.house import STORE, campaign, email
from tests.simulator.test_agreement import write
from tests.simulator.test_shards import Scale, lived, order, taken_in

DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 15, tzinfo=UTC)
# Three of them at one time of the day for much of the year, and two that nobody shares.
ZONES = ("Europe/Berlin", "Europe/Paris", "Africa/Lagos", "America/Chicago", "Asia/Tokyo")
TWO = [email("first"), {"id": "wait", "delay": "1d"}, email("second")]
AT_ONCE = [email("first"), email("second")]
STAMPED = [email("first"), {"id": "stamp", "update_customer": {"add_tags": ["written"]}}]


def daily(name: str, steps: Sequence[Any] = TWO, hour: int = 10, **more: Any) -> dict[str, Any]:
    """Everybody who has bought something gets it every day, at that hour of their own."""
    trigger = {
        "schedule": {"cron": f"0 {hour} * * *", "timezone": "customer"},
        "segment": "customer.orders_count > 0",
    }
    entry = {"key": "customer.id", "re_entry": "never"}
    return campaign(name, trigger, steps, entry=entry, **more)


def birthday(name: str, steps: Sequence[Any] = TWO, **more: Any) -> dict[str, Any]:
    """Everybody who has one gets it in the morning."""
    trigger = {"date": "customer.birthday", "at": "10:00"}
    return campaign(name, trigger, steps, **more)


def until_ten(name: str, **more: Any) -> dict[str, Any]:
    """Everybody who buys something gets it on a morning after that."""
    steps = [{"id": "wait", "delay": {"for": "1d", "until": "10:00"}}, *STAMPED]
    return campaign(name, "order.placed", steps, **more)


def shop(
    workspace: Path,
    campaigns: Sequence[dict[str, Any]],
    zones: Sequence[str],
    apart: timedelta = timedelta(),
    **facts: Any,
) -> Prepared:
    """A customer for each of the zones, who buys something ``apart`` from the one before."""
    write(workspace, STORE, tuple(campaigns))
    return taken_in(
        workspace,
        [
            bought(number, zone, START + number * apart, **facts)
            for number, zone in enumerate(zones)
        ],
    )


def bought(number: int, zone: str, at: datetime, **facts: Any) -> Incoming:
    """Who lives in this zone has bought something."""
    return order(f"o{number}", at, f"c{number}", about={"timezone": zone, **facts})


def the_same(
    prepared: Prepared, workers: Sequence[int] = (2, 3), afterwards: timedelta = 4 * DAY
) -> tuple[dict[str, Any], list[str]]:
    """What one process tells, having seen that several tell the same; and what those said."""
    setup = prepared.setup(since=None, until=None, afterwards=afterwards, behaviour=Behaviour())
    alone, said = lived(prepared, setup, 1), list[str]()
    for several in workers:
        together = lived(prepared, setup, several)
        assert together.report == alone.report
        assert together.account == alone.account
        said += together.said
    report: dict[str, Any] = json.loads(alone.report)
    return report, said


def stopped(report: Mapping[str, Any]) -> list[str]:
    return [one["campaign"] for one in report["stopped"]]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep decides three customers at a time."""
    for module in (sweep, sleepers, turns, meetings):
        monkeypatch.setattr(module, "PAGE", 3)


@pytest.mark.usefixtures("small_pages")
def test_who_gets_the_last_message_does_not_depend_on_the_number_of_processes(
    tmp_path: Path, scale: Scale
) -> None:
    seen = {"braked": 0, "shared out": 0}

    @settings(
        max_examples=scale(2, 300), phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(
        zones=st.lists(st.sampled_from(ZONES), min_size=3, max_size=14),
        limits=st.tuples(st.integers(1, 6), st.integers(1, 4)),
        unit=st.sampled_from("hd"),
        steps=st.sampled_from([TWO, TWO, STAMPED, STAMPED, AT_ONCE]),
        hour=st.sampled_from([10, 10, 11]),
        on_order=st.booleans(),
        holdout=st.sampled_from([{}, {"holdout": "30%"}]),
        apart=st.sampled_from([timedelta(), timedelta(hours=5)]),
    )
    def same(
        zones: list[str],
        limits: tuple[int, int],
        unit: str,
        steps: list[Any],
        hour: int,
        on_order: bool,
        holdout: dict[str, Any],
        apart: timedelta,
    ) -> None:
        care = f"{limits[1]}/d"
        campaigns = [
            daily("back", steps, volume_limit=f"{limits[0]}/{unit}", **holdout),
            until_ten("care", volume_limit=care)
            if on_order
            else daily("care", hour=hour, volume_limit=care),
            daily("news", STAMPED, hour=hour),
        ]
        report, said = the_same(shop(tmp_path, campaigns, zones, apart))
        seen["braked"] += bool(stopped(report))
        seen["shared out"] += not said

    same()
    assert all(seen.values()), seen


BERLIN, CHICAGO = ZONES[0], ZONES[3]
SPREAD = [*[BERLIN] * 6, *[CHICAGO] * 6]


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("zones", "written"),
    [
        ([BERLIN] * 12, daily("one", STAMPED, volume_limit="7/d")),
        ([BERLIN] * 12, daily("one", STAMPED, volume_limit="3/h", holdout="40%")),
        (SPREAD, daily("one", STAMPED, volume_limit="6/d")),  # the first customer of a fire
        (SPREAD, daily("one", TWO, volume_limit="13/d")),  # in later steps
        ([BERLIN] * 12, until_ten("one", volume_limit="5/d")),
        ([BERLIN, ZONES[1]] * 6, until_ten("one", volume_limit="11/d")),
        ([BERLIN] * 12, birthday("one", volume_limit="5/d")),
    ],
)  # fmt: skip
def test_parts_find_the_message_too_many_together(
    tmp_path: Path, zones: list[str], written: dict[str, Any]
) -> None:
    prepared = shop(tmp_path, [written], zones, birthday="1980-03-04")
    report, said = the_same(prepared, workers=(3,))
    assert not said
    (brake,) = report["stopped"]
    assert brake["campaign"] == "one"
    assert report["messages"]["sent"] >= 3


def test_several_campaigns_brake_at_one_moment(tmp_path: Path) -> None:
    names = ("one", "three", "two")
    campaigns = [daily(name, STAMPED, volume_limit=f"{len(name)}/d") for name in names]
    report, said = the_same(shop(tmp_path, [*campaigns, until_ten("zero")], [BERLIN] * 9))
    assert not said
    assert stopped(report) == [*names]


def test_a_limit_that_nobody_comes_to_stops_nothing(tmp_path: Path) -> None:
    report, said = the_same(shop(tmp_path, [daily("one", volume_limit="24/d")], [BERLIN] * 12))
    assert not said
    assert not stopped(report)
    assert report["messages"]["sent"] == 4 * 12 + 3 * 12


def test_a_message_too_many_at_no_common_moment_is_found_by_one_process(tmp_path: Path) -> None:
    at_once = campaign("one", "order.placed", STAMPED, volume_limit="8/d")
    prepared = shop(tmp_path, [at_once], [BERLIN] * 12, timedelta(minutes=1))
    report, said = the_same(prepared, workers=(2,))
    assert said == ["simulating in one process: one comes to its volume_limit"]
    assert stopped(report) == ["one"]


@pytest.mark.parametrize("words", [1, 4, 9, 16, 25])
def test_who_is_stopped_while_parts_wait_tells_of_everybody_until_one_moment(
    tmp_path: Path, words: int
) -> None:
    campaigns = [daily("one", volume_limit="9/d"), daily("two", STAMPED, volume_limit="2/h")]
    prepared = shop(tmp_path, campaigns, SPREAD, timedelta(hours=3))
    setup = prepared.setup(since=None, until=None, afterwards=4 * DAY, behaviour=Behaviour())
    heard = count(1)
    ended = simulate_together(
        setup,
        prepared.history(setup, Sample()),
        prepared.groups,
        lambda now, taken: next(heard) < words,
        workers=3,
    )
    assert not multiprocessing.active_children()
    history = prepared.history(setup, Sample())
    until_then = history.where(lambda each: history.spool.recorded(each).at <= ended.reached)
    shorter = replace(setup, until=ended.reached)
    whole = lived(prepared, shorter, 1, told=False, history=until_then)
    report = document(ended, prepared.frame(shorter, "default"))
    assert json.loads(whole.report) == {**report, "complete": True}
