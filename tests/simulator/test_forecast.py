"""What `lagniappe why` foretells is what then happens if nothing else does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.bootstrap import App, build
from engine.cli.lookup import question
from engine.core.decision import DecisionKind
from engine.fast_forward import live_through
from engine.ports.clock import VirtualClock
from engine.ports.stored import Incoming
from engine.providers.immediate import ImmediateSender
from engine.services.forecast import forecast
from engine.services.history import case_of
from tests.databases import NewDatabase
from tests.invariants.life import Told
from tests.invariants.shop import empty
from tests.invariants.strategies import CAMPAIGNS, PEOPLE, STARTS, ZONES, campaigns, stores
from tests.simulator.both import KEY
from tests.simulator.test_agreement import Scale, arrivals_of, bursts, incoming, write
from tests.simulator.test_programs_agree import CAMPAIGNS as REWARDING
from tests.simulator.test_programs_agree import RULES

AHEAD = timedelta(days=12)
_LOOK = timedelta(hours=1)  # under a virtual clock, how often it is asked what has arrived
_UNTOLD = {DecisionKind.WAITED, DecisionKind.MESSAGE, DecisionKind.DEFERRED, DecisionKind.ASSIGNED}
Happening = tuple[str, str, str, str, str]  # customer, campaign, step, kind, code
Course = list[tuple[Happening, datetime]]


def foretold_and_lived(
    workspace: Path, database: str, start: datetime, arrivals: Sequence[Incoming]
) -> tuple[Course, Course]:
    """What was foretold of everybody after the last event, and what came of them, left alone."""
    empty(database)
    clock = VirtualClock(start)
    app = build(
        workspace,
        {"LAGNIAPPE_DATABASE_URL": database, **KEY},
        clock=clock,
        make_sender=lambda providers: ImmediateSender(
            providers, max_in_flight=10_000, clock=clock.now
        ),
    )
    try:
        app.sender.start()
        begin = arrivals[-1].received_at + timedelta(minutes=1)
        live_through(app, clock, arrivals, begin)
        people = sorted(_everybody(app))
        foretold = [each for person in people for each in _foretold(app, person)]
        live_through(app, clock, [], begin + AHEAD)
        lived = [
            ((person, one.campaign, one.step, one.kind.value, one.code), one.at)
            for person in people
            for one in app.history.timeline(person).decisions
            if one.kind not in _UNTOLD and begin < one.at
        ]
        return foretold, lived
    finally:
        app.sender.stop()
        app.close()


def _everybody(app: App) -> set[str]:
    found = [app.history.find_customers(f"shop:shop{person}") for person in PEOPLE]
    return {one.id for each in found for one in each}


def _foretold(app: App, customer: str) -> Course:
    asked = question(app)
    case = case_of(app.history, app.storage, customer, asked.now, asked.rules.look_back)
    ahead = forecast(case, asked, steps=5000, horizon=AHEAD)
    assert ahead.ended != "steps"
    return [
        ((customer, one.campaign, one.step, one.kind, one.code), one.at)
        for one in ahead.coming
        if one.kind not in ("arrived", "waits", "waited") and one.at > asked.now
    ]


def with_parcels(arrivals: Sequence[Incoming]) -> list[Incoming]:
    """The same, and the first order of everybody is on its way, who may have none."""
    at = arrivals[-1].received_at
    return [*arrivals, *(incoming(at, _shipped(person, at)) for person in PEOPLE)]


def _shipped(person: int, at: datetime) -> dict[str, Any]:
    parcel = {"id": "p1", "status": "shipped"}
    return {
        "id": f"shipped{person}", "source": "shop", "type": "order.updated", "time": at.isoformat(),
        "order": {"id": f"o{person}-1", "fulfilments": [parcel]},
    }  # fmt: skip


def unlike(foretold: Course, lived: Course) -> list[str]:
    """Where they differ by more than the time after which it is looked who has a parcel."""
    missing = []
    rest = sorted(lived)
    for what, at in sorted(foretold):
        same = [one for one in rest if one[0] == what and abs(one[1] - at) <= _LOOK]
        if same:
            rest.remove(same[0])
        else:
            missing.append(f"only foretold: {at} {what}")
    return missing + [f"only lived: {at} {what}" for what, at in rest]


def test_what_is_foretold_happens(tmp_path: Path, new_sqlite: NewDatabase, scale: Scale) -> None:
    database = new_sqlite()
    seen = set[str]()

    @settings(
        max_examples=scale(8, 300), phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(
        store=stores,
        start=st.sampled_from(STARTS),
        written=st.tuples(*(campaigns(name) for name in CAMPAIGNS)),
        zones=st.permutations(ZONES),
        told_in=bursts,
        assumed=st.sampled_from(["none", "2d", "5d"]),
    )
    def agree(
        store: dict[str, Any],
        start: datetime,
        written: tuple[dict[str, Any], ...],
        zones: list[str],
        told_in: list[tuple[list[Told], timedelta]],
        assumed: str,
    ) -> None:
        for each in written:
            each.pop("volume_limit", None)  # taken for granted to have room
        write(tmp_path, {**store, "delivery": {"assume_delivered_after": assumed}}, written)
        arrivals = with_parcels(arrivals_of(start, zones[: len(PEOPLE)], told_in))
        foretold, lived = foretold_and_lived(tmp_path, database, start, arrivals)
        assert not unlike(foretold, lived), "\n".join(unlike(foretold, lived)[:5])
        seen.update(what[3] for what, _ in lived)

    agree()
    assert {"sent", "dropped", "entered", "completed", "timed_out"} <= seen


def test_rewards_that_are_foretold_are_given(
    tmp_path: Path, new_sqlite: NewDatabase, scale: Scale
) -> None:
    database = new_sqlite()
    write(tmp_path, {**RULES, "delivery": {"assume_delivered_after": "3d"}}, REWARDING)
    seen = set[str]()

    @settings(
        max_examples=scale(6, 300), phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(start=st.sampled_from(STARTS), zones=st.permutations(ZONES), told_in=bursts)
    def agree(
        start: datetime, zones: list[str], told_in: list[tuple[list[Told], timedelta]]
    ) -> None:
        arrivals = with_parcels(arrivals_of(start, zones[: len(PEOPLE)], told_in))
        foretold, lived = foretold_and_lived(tmp_path, database, start, arrivals)
        assert not unlike(foretold, lived), "\n".join(unlike(foretold, lived)[:5])
        seen.update(what[1] for what, _ in lived)

    agree()
    assert {"share", "soon"} <= seen
