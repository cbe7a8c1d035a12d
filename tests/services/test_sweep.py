"""Schedules: every customer once an occurrence, on the right clock, whatever comes between."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.core import ids
from engine.core.journey import enrol_by_schedule
from engine.services import fired, sweep
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, MINUTE, START, House, campaign, email

TAG = {"id": "mark", "update_customer": {"add_tags": ["seen"]}}


def schedule(cron: str = "0 9 * * *", zone: str = "customer", **trigger: Any) -> dict[str, Any]:
    return {"schedule": {"cron": cron, "timezone": zone}, "segment": "true", **trigger}


def on_schedule(cron: str = "0 9 * * *", zone: str = "customer", **more: Any) -> dict[str, Any]:
    return campaign("look", schedule(cron, zone), more.pop("steps", [TAG]), **more)


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[arg-type, misc]


def settle(house: House, zones: dict[str, str | None]) -> None:
    """Make customers known, each with their zone."""
    house.tell_all([
        house.event("customer.created", key, customer={"timezone": zone} if zone else {})
        for key, zone in zones.items()
    ])  # fmt: skip
    house.sweep()


def entries(house: House, keys: Iterable[str]) -> dict[str, list[datetime]]:
    return {key: sorted(one.entered_at for one in house.journeys(key)) for key in keys}


def keep_looking(house: House, until: datetime, every: Any = HOUR) -> None:
    while house.clock.now() < until:
        house.sweep(min(until, house.clock.now() + every))


def test_a_fixed_zone_fires_for_all_at_once(new_house: NewHouse) -> None:
    house = new_house(on_schedule(zone="Europe/Vienna"), start=at(2026, 3, 27, 12))
    everyone = {"tyo": "Asia/Tokyo", "chi": "America/Chicago", "none": None}
    settle(house, everyone)
    keep_looking(house, at(2026, 3, 30, 12))
    # the clock in Vienna goes forward on the 29th
    fires = [at(2026, 3, 28, 8), at(2026, 3, 29, 7), at(2026, 3, 30, 7)]
    assert entries(house, everyone) == dict.fromkeys(everyone, fires)
    assert house.sweep() == 0


def test_each_zone_fires_on_its_own_clock_and_the_store_speaks_for_those_without(
    new_house: NewHouse,
) -> None:
    house = new_house(on_schedule("30 2 * * *"), start=at(2026, 3, 7, 0))
    everyone = {"tyo": "Asia/Tokyo", "ch1": "America/Chicago", "none": None, "utc": "UTC"}
    settle(house, everyone)
    keep_looking(house, at(2026, 3, 9, 0))
    # in Chicago 02:30 is left out on the 8th: the first instant after the gap counts
    chicago = [at(2026, 3, 7, 8, 30), at(2026, 3, 8, 8)]
    assert entries(house, everyone) == {
        "tyo": [at(2026, 3, 7, 17, 30), at(2026, 3, 8, 17, 30)],
        "ch1": chicago, "none": chicago,
        "utc": [at(2026, 3, 7, 2, 30), at(2026, 3, 8, 2, 30)],
    }  # fmt: skip


def test_an_hour_that_comes_twice_fires_once(new_house: NewHouse) -> None:
    house = new_house(on_schedule("30 1 * * *"), start=at(2026, 10, 31, 12))
    settle(house, {"chi": "America/Chicago"})
    keep_looking(house, at(2026, 11, 2, 12), 15 * MINUTE)
    assert entries(house, ["chi"]) == {"chi": [at(2026, 11, 1, 6, 30), at(2026, 11, 2, 7, 30)]}


def test_the_first_look_fires_nothing_of_the_past(new_house: NewHouse) -> None:
    house = new_house(on_schedule("0 * * * *"))
    house.tell("customer.created")
    house.clock.advance_to(START + 90 * MINUTE)
    assert house.sweep() == 0
    house.tell("customer.created", "ben", customer={"timezone": "Asia/Kolkata"})
    assert house.sweep(START + 95 * MINUTE) == 0  # a new zone begins to be looked at
    assert house.sweep(START + 2 * HOUR) == 1  # a full hour in Chicago, not in Kolkata
    assert house.sweep(START + 2 * HOUR + 30 * MINUTE) == 1


def test_a_missed_fire_is_made_up_for_a_day_and_only_the_latest(new_house: NewHouse) -> None:
    house = new_house(on_schedule("0 9,12 * * *", "UTC"), start=at(2026, 3, 2, 8))
    settle(house, {"ada": None})
    house.sweep(at(2026, 3, 5, 13))
    assert entries(house, ["ada"]) == {"ada": [at(2026, 3, 5, 12)]}
    house.put(on_schedule("0 9 * * 1", "UTC"))
    house.reload()
    assert house.sweep(at(2026, 3, 10, 9, 1)) == 0  # more than a day too late: let go
    assert house.sweep(at(2026, 3, 17, 9)) == 1  # exactly a day late
    assert entries(house, ["ada"])["ada"][1:] == [at(2026, 3, 16, 9)]


def test_a_sweep_cut_short_goes_on_where_it_stopped(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = new_house(on_schedule("0 9 * * *", "UTC"), start=at(2026, 3, 2, 8))
    everyone = [f"c{number}" for number in range(8)]
    settle(house, dict.fromkeys(everyone))
    monkeypatch.setattr(sweep, "PAGE", 3)
    real, asked = enrol_by_schedule, 0

    def breaks(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 5:
            raise RuntimeError("the process ends in the middle of the second page")
        return real(*args)

    monkeypatch.setattr(fired, "enrol_by_schedule", breaks)
    with pytest.raises(RuntimeError):
        house.sweep(at(2026, 3, 2, 9))
    assert house.rows("SELECT count(*) FROM journeys") == [(3,)]
    house.restart()
    assert house.sweep(at(2026, 3, 2, 9, 30)) == 5
    assert entries(house, everyone) == {key: [at(2026, 3, 2, 9)] for key in everyone}
    assert house.sweep() == 0


def test_one_campaign_that_fails_does_not_keep_others_from_their_turn(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = campaign("zeal", schedule(zone="UTC"), [TAG])
    house = new_house(on_schedule(zone="UTC"), good, start=at(2026, 3, 2, 8))
    settle(house, {"ada": None})
    real = enrol_by_schedule

    def breaks(world: Any, plan: Any, *args: Any) -> Any:
        if plan.id == "look":
            raise RuntimeError("a fault of this campaign")
        return real(world, plan, *args)

    monkeypatch.setattr(fired, "enrol_by_schedule", breaks)
    with pytest.raises(RuntimeError):
        house.sweep(at(2026, 3, 2, 9))
    assert [one.campaign for one in house.journeys()] == ["zeal"]


def test_whoever_moves_between_two_fires_enters_once_a_day(new_house: NewHouse) -> None:
    entry = {"key": "customer.id", "re_entry": "always"}
    house = new_house(on_schedule(entry=entry), start=at(2026, 3, 2, 12))
    zones: dict[str, str | None] = {"ada": "Asia/Tokyo", "stay": "America/Los_Angeles"}
    settle(house, zones)
    house.sweep(at(2026, 3, 3, 0))  # nine in the morning of the 3rd in Tokyo
    house.run(HOUR)
    house.tell("customer.updated", "ada", customer={"timezone": "America/Los_Angeles"})
    keep_looking(house, at(2026, 3, 4, 23))  # the 3rd and 4th in Los Angeles
    assert entries(house, zones) == {
        "ada": [at(2026, 3, 3, 0), at(2026, 3, 4, 17)],
        "stay": [at(2026, 3, 2, 17), at(2026, 3, 3, 17), at(2026, 3, 4, 17)],
    }
    keys = [one.entry_key for one in house.journeys("ada")]
    assert [key.rpartition(":")[0][-13:] for key in sorted(keys)] == [
        "2026-03-03T09", "2026-03-04T09"
    ]  # fmt: skip


def test_a_look_hands_over_nothing_of_those_who_do_not_enter(new_house: NewHouse) -> None:
    """Their messages and steps come in the order that all others keep, looked at or not."""
    nobody = schedule("0 15 * * *", "UTC", segment="customer.orders_count > 5")
    none = campaign("none", nobody, [TAG])
    note = campaign("note", "order.placed", [email()], purpose="marketing", exit_on=[])
    quiet = {"quiet_hours": {"email": {"from": "00:00", "until": "09:00"}}}
    house = new_house(none, note, store=quiet, start=at(2026, 3, 2, 7))
    house.tell("order.placed", order=1)
    house.app.worker.sweep.run(house.clock.now())
    assert house.message().send_at == at(2026, 3, 2, 15)
    house.clock.advance_to(at(2026, 3, 2, 15))
    assert house.app.worker.sweep.run(house.clock.now()) == 1
    assert house.message().status == "scheduled"
    house.app.worker.quiesce()
    assert house.message().status == "sent"


def test_re_entry_after_some_time_counts_from_the_last_entry(new_house: NewHouse) -> None:
    entry = {"key": "customer.id", "re_entry": {"after": "3d"}}
    house = new_house(on_schedule(entry=entry), start=at(2026, 3, 6, 8))
    settle(house, {"vie": "Europe/Vienna"})
    keep_looking(house, at(2026, 3, 14, 12), 8 * HOUR)
    assert entries(house, ["vie"]) == {"vie": [at(2026, 3, day, 8) for day in (7, 10, 13)]}


def test_pages_reach_everyone_of_a_zone(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "PAGE", 2)
    house = new_house(on_schedule(), start=at(2026, 3, 2, 16))
    tokyo, others = [f"t{n}" for n in range(6)], [f"o{n}" for n in range(3)]
    settle(house, dict.fromkeys(tokyo, "Asia/Tokyo") | dict.fromkeys(others))
    assert house.sweep(at(2026, 3, 3, 0, 10)) == 6
    assert all(len(house.journeys(key)) == 1 for key in tokyo)
    assert not any(house.journeys(key) for key in others)


def test_the_segment_decides_and_the_filter_too(new_house: NewHouse) -> None:
    trigger = schedule(segment="customer.orders_count >= 1", filter="'vip' in customer.tags")
    house = new_house(campaign("look", trigger, [TAG]))
    house.tell("order.placed", "both", order=1, customer={"tags": ["vip"]})
    house.tell("order.placed", "plain", order=2)
    house.sweep()
    house.tell("customer.created", "none", customer={"tags": ["vip"]})
    house.sweep(START + DAY)
    assert {key: len(house.journeys(key)) for key in ("both", "plain", "none")} == {
        "both": 1, "plain": 0, "none": 0
    }  # fmt: skip


def test_the_holdout_is_the_share_that_the_hash_says(new_house: NewHouse) -> None:
    house = new_house(on_schedule(zone="UTC", holdout="30%", steps=[email(template="text_")]),
                      templates={"text_/subject.txt": "s", "text_/body.txt": "t",
                                 "text_/body.html": "<html><body>t</body></html>"})  # fmt: skip
    everyone = [f"c{number}" for number in range(120)]
    settle(house, dict.fromkeys(everyone))
    house.sweep(START + DAY)
    states = dict(house.rows("SELECT customer_id, status FROM journeys"))
    held = {customer for customer, status in states.items() if status == "holdout"}
    assert held == {each for each in states if ids.share("look", "holdout", each) < 30}
    assert len(states) == 120
    assert 20 <= len(held) <= 52
    assert len(house.received) == 120 - len(held)


def test_a_brake_in_the_middle_leaves_the_rest_for_later(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "PAGE", 4)
    one = on_schedule("0 9 * * *", "UTC", volume_limit="5/d", steps=[email()])
    house = new_house(one, start=at(2026, 3, 2, 8))
    everyone = [f"c{number}" for number in range(11)]
    settle(house, dict.fromkeys(everyone))
    house.sweep(at(2026, 3, 2, 9))
    assert len(house.received) == 5
    assert house.holds() == {"look": "volume_limit"}
    assert house.sweep() == 0
    house.run(at(2026, 3, 3, 0))
    house.app.storage.resume("look", house.clock.now())
    house.sweep()
    assert len(house.received) == 10
    house.run(at(2026, 3, 4, 0))
    house.app.storage.resume("look", house.clock.now())
    house.sweep()
    of_the_2nd = [each for each in house.messages() if "2026-03-02" in each.entry_key]
    assert len(of_the_2nd) == len({each.customer_id for each in of_the_2nd}) == 11
