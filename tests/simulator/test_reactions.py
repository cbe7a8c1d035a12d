"""Promise 7 with customers who react: by a behaviour, and as they really did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.core.message import Channel
from engine.simulator.behaviour import SCORES, Behaviour, Manner
from tests.databases import NewDatabase
from tests.invariants.life import Told
from tests.invariants.strategies import CAMPAIGNS, PEOPLE, STARTS, ZONES, campaigns, stores
from tests.services.house import campaign
from tests.services.test_surveys import ASKING
from tests.simulator.both import Watching, by_daemon, by_simulation, differences, remembered
from tests.simulator.test_agreement import arrivals_of, bursts, write

Scale = Callable[[int, int], int]

ASKS = campaign(
    "asks", "order.placed",
    [
        {"id": "nps", "ask_survey": {"kind": "nps", "template": "nps", "channel": "email",
                                     "timeout": "3d"}},
        {"id": "glad", "if": "nps.answered && nps.score >= 9", "send_email": "note"},
        {"id": "read", "if": "nps.opened && !nps.answered", "send_email": "note"},
    ],
    purpose="marketing", entry={"key": "order.id", "re_entry": "always"},
)  # fmt: skip
shares = st.sampled_from([0.7, 1.0, 0.0])
lively = st.builds(
    Manner, open=shares, click=shares, answer=shares, buy=st.sampled_from([0.0, 0.0, 0.4]),
    unsubscribe=st.sampled_from([0.0, 0.3]), complain=st.sampled_from([0.4, 0.0]),
    scores=st.just(SCORES),
)  # fmt: skip


def of_channels(email: Manner, sms: Manner) -> Behaviour:
    channels: dict[Channel, Manner] = {"email": email, "sms": sms, "voice": Manner()}
    return Behaviour(channels=channels)


def buys(behaviour: Behaviour) -> bool:
    return any(manner.buy for manner in behaviour.channels.values())


def test_daemon_and_simulation_agree_on_customers_who_react(
    tmp_path: Path, new_sqlite: NewDatabase, scale: Scale
) -> None:
    database = new_sqlite()
    seen: dict[str, int] = dict.fromkeys(("opened", "clicked", "answered", "complained"), 0)
    lived_again = 0

    @settings(
        max_examples=scale(5, 300),
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(
        store=stores,
        start=st.sampled_from(STARTS),
        written=st.tuples(*(campaigns(name) for name in CAMPAIGNS[:2])),
        zones=st.permutations(ZONES),
        told_in=bursts,
        behaviour=st.builds(of_channels, lively, lively),
    )
    def agree(
        store: dict[str, Any],
        start: datetime,
        written: tuple[dict[str, Any], ...],
        zones: list[str],
        told_in: list[tuple[list[Told], timedelta]],
        behaviour: Behaviour,
    ) -> None:
        nonlocal lived_again
        write(tmp_path, store, (*written, ASKS), ASKING)
        arrivals = arrivals_of(start, zones[: len(PEOPLE)], told_in)
        until = arrivals[-1].received_at + timedelta(days=10)
        lived = by_daemon(
            tmp_path, database, start, arrivals, until, lambda app: Watching(app, behaviour)
        )
        simulated = by_simulation(tmp_path, start, arrivals, until, behaviour)
        assert not differences(lived, simulated), "\n".join(differences(lived, simulated)[:5])
        for _, event_id in lived["verdicts"]:
            kind = event_id.partition(":")[0].removeprefix("message.")
            kind = {"answer": "answered"}.get(kind, kind)
            if kind in seen:
                seen[kind] += 1
        if not buys(behaviour):
            recollection = remembered(database, start)
            again = by_simulation(tmp_path, start, arrivals, until, recollection=recollection)
            assert not differences(lived, again), "\n".join(differences(lived, again)[:5])
            lived_again += len(recollection.done)

    agree()
    assert all(seen.values()), seen
    assert lived_again
