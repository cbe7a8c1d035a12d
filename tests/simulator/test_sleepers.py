"""Customers who are left out of a schedule's look are those whom it would not have enrolled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.campaign import DateTrigger, Plan
from engine.core.customer import Customer
from engine.core.world import World
from engine.ports.stored import ALL_ZONES, Incoming, Merge, Occurrence
from engine.services.fired import Fired
from engine.simulator import sleepers
from engine.simulator.memory import Memory, Noted
from engine.simulator.sleepers import Sleepers
from engine.simulator.unit import MemoryUnit
from engine.simulator.unmet import Outlook
from tests.core.shop import RULES, T0
from tests.databases import NewDatabase
from tests.services.house import STORE, campaign, email, person
from tests.simulator.both import by_daemon, by_simulation, differences
from tests.simulator.customers_at_random import (
    ZONES,
    Silent,
    clauses,
    consents,
    customers,
    plans,
    records,
)
from tests.simulator.test_agreement import incoming, write

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
DAY = timedelta(days=1)
SEGMENTS = (
    "customer.days_since_order >= 5 && customer.days_since_order <= 9 && customer.email_consent",
    "customer.days_since_order == 7",
    "customer.orders_count >= 2 && customer.days_since_order > 3",
    "customer.days_since_order < 4 && customer.total_spent >= 150",
    "customer.days_since_first_order >= 6 || customer.orders_count == 0",
    "!customer.sms_consent && customer.open_tickets == 0 && 4 <= customer.days_since_first_order",
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
            told["customer"]["attributes"] = {"since": f"2024-03-{8 + who:02}"}
            if who == 6:
                told["customer"]["consent"] = {}
            found.append((at, told))
    at = START + 8 * DAY
    found.append((at, {"id": "yes", "source": "shop", "type": "customer.subscribed",
                       "time": at.isoformat(), "customer": person("c6")}))  # fmt: skip
    return [incoming(at, told) for at, told in sorted(found, key=lambda one: one[0])]


@pytest.mark.parametrize(
    ("re_entry", "cron"),
    [("always", "0 9 * * *"), ({"after": "6d"}, "0 9 * * *"), ("never", "15 */12 * * *")],
)
def test_nobody_is_overlooked(
    tmp_path: Path, new_sqlite: NewDatabase, re_entry: Any, cron: str
) -> None:
    written = tuple(
        scheduled(number, segment, re_entry, cron) for number, segment in enumerate(SEGMENTS)
    )
    date = {"date": "customer.attributes.since", "at": "08:30", "filter": "customer.email_consent"}
    entry = {"key": "customer.id", "re_entry": "always"}
    written += (campaign("look-date", date, [email("day")], purpose="marketing", entry=entry),)
    write(tmp_path, STORE, written)
    until = START + 25 * DAY
    lived = by_daemon(tmp_path, new_sqlite(), START, orders(), until)
    simulated = by_simulation(tmp_path, START, orders(), until)
    assert not differences(lived, simulated), "\n".join(differences(lived, simulated)[:5])
    entered = {row["campaign"] for row in lived["journeys"].values()}
    assert entered == {each["id"] for each in written}


IDS = tuple(f"c-{number}" for number in range(6))


@st.composite
def changes(draw: st.DrawFn) -> Callable[[Memory], None]:
    """Something that happens to somebody, as it is committed."""
    customer_id = draw(st.sampled_from(IDS))
    kind = draw(st.sampled_from(["row", "row", "row", "record", "consent", "merge"]))
    row, record = draw(customers(customer_id)), draw(records)
    consent, other = draw(consents), draw(st.sampled_from(IDS))

    def commit(memory: Memory) -> None:
        person = memory.people.get(customer_id)
        if kind == "merge":
            if person is not None and other != customer_id and other in memory.people:
                merge = Merge(survivor=other, merged=customer_id, at=T0)
                memory.commit(Noted(merges=(merge,)))
            return
        world = World(customer=row if person is None else person.customer, is_new=person is None)
        if kind == "row":
            world.customer = row
            world.changes.customer = True
        elif kind == "record":
            world.write(record)
        else:
            world.changes.consents += (consent,)
        memory.commit(Noted(worlds=[world]))

    return commit


@st.composite
def dates(draw: st.DrawFn, name: str) -> Plan:
    """A campaign that a date of the customer begins."""
    field = draw(st.sampled_from(["customer.attributes.since", "customer.last_order_at"]))
    trigger = DateTrigger(field=field, offset_days=draw(st.integers(-1, 1)), at=time(9))
    return replace(draw(plans(name, st.sampled_from(["true", "customer.email_consent"]))),
                   trigger=trigger)  # fmt: skip


@given(
    campaigns=st.tuples(plans("look-0", clauses), plans("look-1", clauses), dates("look-2")),
    people=st.tuples(*(customers(each) for each in IDS)),
    happens=st.lists(
        st.tuples(st.sampled_from([1, 24, 49, 365 * 24]), st.lists(changes(), max_size=2)),
        max_size=6,
    ),
    page=st.integers(1, 3),
)
def test_those_in_line_are_all_whom_a_look_at_everybody_would_find(
    campaigns: tuple[Plan, ...],
    people: tuple[Customer, ...],
    happens: list[tuple[int, list[Callable[[Memory], None]]]],
    page: int,
) -> None:
    memory = Memory(Silent())
    memory.commit(Noted(worlds=[World(customer=each, is_new=True) for each in people]))
    index, now = Sleepers(memory, RULES), T0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sleepers, "PAGE", page)
        for hours, committed in [(0, []), *happens]:
            now += timedelta(hours=hours)
            for commit in committed:
                commit(memory)
            for plan in campaigns:
                of_all = [] if isinstance(plan.trigger, DateTrigger) else [ALL_ZONES]
                for zone in (*ZONES, *of_all):
                    fire = Occurrence(
                        campaign=plan.id, zone=zone, key=f"{now:%Y-%m-%d}", at=now, cursor="",
                        done=False,
                    )  # fmt: skip
                    assert looked_up(index, plan, fire, memory, page) == sorted(
                        each
                        for each, person in memory.people.items()
                        if zone in (ALL_ZONES, person.customer.zone)
                        and Fired.of(plan, fire.key, now).is_for(person.customer, RULES)
                        and Outlook(plan).sleep(person, memory, now, RULES) is None
                    )


def looked_up(
    index: Sleepers, plan: Plan, fire: Occurrence, memory: Memory, page: int
) -> list[str]:
    """Everybody whom a fire finds, page by page."""
    fired = Fired.of(plan, fire.key, fire.at)
    found: list[str] = []
    while part := index.likely(MemoryUnit(memory), fired, fire, fire.at):
        assert len(part) <= page
        assert part[0] > fire.cursor
        found += part
        fire = replace(fire, cursor=part[-1])
    return found
