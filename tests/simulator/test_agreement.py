"""Promise 7: the daemon under a virtual clock and a simulation decide alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.ports.stored import Incoming
from tests.databases import NewDatabase
from tests.invariants.life import Teller, Told, told
from tests.invariants.strategies import CAMPAIGNS, PEOPLE, STARTS, ZONES, campaigns, stores
from tests.services.house import TEMPLATES
from tests.simulator.both import by_daemon, by_simulation, differences
from triggers.event import Event
from triggers.event_types import BUILT_IN
from triggers.sources.native import parse_line, serialize

Scale = Callable[[int, int], int]
_EVENTS = "version: 1\nevents:\n  shop.pinged: {}\n"
_MINUTE = timedelta(minutes=1)

bursts = st.lists(
    st.tuples(
        st.lists(told, min_size=1, max_size=4),
        st.sampled_from([timedelta(minutes=5), timedelta(hours=6), timedelta(days=1)]),
    ),
    min_size=2,
    max_size=10,
)


def write(
    workspace: Path,
    store: dict[str, Any],
    written: tuple[dict[str, Any], ...],
    templates: Mapping[str, str] = TEMPLATES,
) -> None:
    """The files of a shop, and no other campaigns."""
    files = {f"message_templates/{name}": content for name, content in templates.items()}
    files |= {"config/store.yaml": json.dumps(store), "config/events.yaml": _EVENTS}
    files |= {f"campaigns/{each['id']}.yaml": json.dumps(each) for each in written}
    for file in (workspace / "campaigns").glob("*"):
        file.unlink()
    for name, content in files.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def arrivals_of(
    start: datetime, zones: list[str], told_in: list[tuple[list[Told], timedelta]]
) -> list[Incoming]:
    """What comes in when; the late and the early clocks of the tellers included."""
    teller, now = Teller(), start + _MINUTE
    found = [(now, each) for each in teller.everyone(now, zones)]
    for burst, pause in told_in:
        found += [(now, teller.write(one, now)) for one in burst]
        now += pause
    return [incoming(at, each) for at, each in found]


def incoming(at: datetime, told_so: dict[str, Any]) -> Incoming:
    event = parse_line(json.dumps(told_so).encode(), received_at=at, catalog=BUILT_IN)
    assert isinstance(event, Event), event
    return Incoming(event=event, body=serialize(event), received_at=at)


def test_daemon_and_simulation_agree(tmp_path: Path, new_sqlite: NewDatabase, scale: Scale) -> None:
    database = new_sqlite()
    seen = {"messages": 0, "journeys": 0}

    @settings(
        max_examples=scale(6, 300),
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(
        store=stores,
        start=st.sampled_from(STARTS),
        written=st.tuples(*(campaigns(name) for name in CAMPAIGNS[:3])),
        zones=st.permutations(ZONES),
        told_in=bursts,
    )
    def agree(
        store: dict[str, Any],
        start: datetime,
        written: tuple[dict[str, Any], ...],
        zones: list[str],
        told_in: list[tuple[list[Told], timedelta]],
    ) -> None:
        write(tmp_path, store, written)
        arrivals = arrivals_of(start, zones[: len(PEOPLE)], told_in)
        until = arrivals[-1].received_at + timedelta(days=5)
        lived = by_daemon(tmp_path, database, start, arrivals, until)
        simulated = by_simulation(tmp_path, start, arrivals, until)
        assert not differences(lived, simulated), "\n".join(differences(lived, simulated)[:5])
        for part in seen:
            seen[part] += len(lived[part])

    agree()
    assert all(seen.values()), seen
