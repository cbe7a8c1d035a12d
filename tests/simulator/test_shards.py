"""However many processes share a simulation, what is told of it is the same, to the letter."""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.core.campaign import Plan
from engine.core.message import Outgoing
from engine.ports.stored import Incoming
from engine.simulator.behaviour import Behaviour
from engine.simulator.memory import Memory
from engine.simulator.preparation import Prepared, Sample, prepare
from engine.simulator.report import document
from engine.simulator.shards import PartFailed, simulate_together
from engine.simulator.simulation import Life, Setup
from engine.simulator.spool import History
from engine.simulator.witness import Account, Witness
from tests.cli import shop
from tests.invariants.life import Told
from tests.invariants.strategies import CAMPAIGNS, PEOPLE, STARTS, ZONES, campaigns, stores
from tests.services.house import STORE, campaign, email, person
from tests.services.test_coupons import CODES, GIVE, THANKS
from tests.simulator import test_nights
from tests.simulator.test_agreement import arrivals_of, bursts, write
from triggers.event import Event
from triggers.event_types import BUILT_IN
from triggers.sources.native import parse_line

Scale = Callable[[int, int], int]
DAY = timedelta(days=1)
START = datetime(2026, 3, 2, 15, tzinfo=UTC)
BEHAVIOUR = Behaviour()


@dataclass(slots=True)
class Result:
    """What one way of going about it came to."""

    report: str
    account: Account | None
    said: list[str] = field(default_factory=list)


def taken_in(workspace: Path, arrivals: Sequence[Incoming], render: int | None = None) -> Prepared:
    """A simulation that has read its history."""
    prepared = prepare(workspace, {}, only=(), drafts=False, changes={}, render=render, seed="1")
    for each in arrivals:
        prepared.add(each.event, each.received_at)
    return prepared


def lived(
    prepared: Prepared,
    setup: Setup,
    workers: int,
    *,
    told: bool = True,
    history: History | None = None,
) -> Result:
    """Live through it in so many processes; ``told``: each message is looked at."""
    said: list[str] = []
    outcome = simulate_together(
        setup,
        history or prepared.history(setup, Sample()),
        prepared.groups,
        lambda now, taken: True,
        workers=workers,
        witness=Witness() if told else None,
        say=said.append,
    )
    frame = prepared.frame(setup, "default")
    assert outcome.complete
    return Result(json.dumps(document(outcome, frame), indent=1), outcome.account, said)


def order(
    number: str, at: datetime, who: str, about: Mapping[str, Any] | None = None, **facts: Any
) -> Incoming:
    """Somebody, about whom that is known too, bought something."""
    customer = {**person(who), **(about or {})}
    told = {
        "id": number, "source": "shop", "type": "order.placed", "time": at.isoformat(),
        "customer": customer, "order": {"id": number, "total": "18", **facts},
    }  # fmt: skip
    event = parse_line(json.dumps(told).encode(), received_at=at, catalog=BUILT_IN)
    assert isinstance(event, Event), event
    return Incoming(event=event, body=b"", received_at=at)


def test_the_report_does_not_depend_on_the_number_of_processes(
    tmp_path: Path, scale: Scale
) -> None:
    seen = {"messages": 0, "shared out": 0}

    @settings(
        max_examples=scale(3, 200), phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(
        store=stores,
        start=st.sampled_from(STARTS),
        written=st.tuples(*(campaigns(name) for name in CAMPAIGNS[:3])),
        zones=st.permutations(ZONES),
        told_in=bursts,
        late=st.booleans(),
        render=st.sampled_from([None, 2]),
    )
    def same(
        store: dict[str, Any],
        start: datetime,
        written: tuple[dict[str, Any], ...],
        zones: list[str],
        told_in: list[tuple[list[Told], timedelta]],
        late: bool,
        render: int | None,
    ) -> None:
        write(tmp_path, store, written)
        arrivals = arrivals_of(start, zones[: len(PEOPLE)], told_in)
        prepared = taken_in(tmp_path, arrivals, render)
        setup = prepared.setup(
            since=arrivals[len(arrivals) // 3].received_at if late else None,
            until=None,
            afterwards=5 * DAY,
            behaviour=BEHAVIOUR,
        )
        alone = lived(prepared, setup, 1, told=render is None)
        for workers in (2, 3):
            together = lived(prepared, setup, workers, told=render is None)
            assert together.report == alone.report
            assert together.account == alone.account
            seen["shared out"] += not together.said
        seen["messages"] += json.loads(alone.report)["messages"]["sent"]

    same()
    assert all(seen.values()), seen


def test_a_night_is_everybodys(tmp_path: Path) -> None:
    test_nights.files_of(tmp_path, STORE)
    prepared = taken_in(tmp_path, test_nights.arrivals())
    setup = prepared.setup(since=None, until=None, afterwards=12 * DAY, behaviour=BEHAVIOUR)
    alone, together = (lived(prepared, setup, workers) for workers in (1, 3))
    assert together.report == alone.report
    assert together.account == alone.account
    assert not together.said
    assert alone.account is not None
    assert any("cup" in one.text for one in alone.account.words.values())


def shared_shop(workspace: Path, **facts: Any) -> Prepared:
    """Eight customers of whom each is welcomed."""
    write(workspace, STORE, (campaign("hello", "order.placed", [email("say", "note")], **facts),))
    days = ((number, START + number // 4 * DAY) for number in range(8))
    return taken_in(workspace, [order(f"o{n}", at, f"c{n}") for n, at in days])


@pytest.mark.parametrize(("limit", "is_shared_out"), [("3/d", False), ("4/d", True)])
def test_a_limit_that_binds_is_found_by_one_process(
    tmp_path: Path, limit: str, is_shared_out: bool
) -> None:
    prepared = shared_shop(tmp_path, volume_limit=limit)
    setup = prepared.setup(since=None, until=None, afterwards=DAY, behaviour=BEHAVIOUR)
    alone, together = (lived(prepared, setup, workers) for workers in (1, 2))
    assert together.report == alone.report
    assert together.said == (
        [] if is_shared_out else ["simulating in one process: hello comes to its volume_limit"]
    )
    stopped = [one["campaign"] for one in json.loads(alone.report)["stopped"]]
    assert stopped == ([] if is_shared_out else ["hello"])


def gift_shop(workspace: Path, *more: Incoming) -> Prepared:
    """Four customers of whom each is given a code."""
    store = {**STORE, "offers": {"thanks": THANKS}}
    gift = campaign("gift", "order.placed", GIVE, purpose="marketing")
    write(workspace, store, (gift,), CODES)
    orders = [order(f"o{n}", START + n * timedelta(hours=1), f"c{n}") for n in range(4)]
    return taken_in(workspace, [*orders, *more])


@pytest.mark.parametrize(("size", "is_shared_out"), [(3, False), (4, True)])
def test_codes_that_run_out_are_given_by_one_process(
    tmp_path: Path, size: int, is_shared_out: bool
) -> None:
    prepared = gift_shop(tmp_path)
    setup = prepared.setup(since=None, until=None, afterwards=DAY, behaviour=BEHAVIOUR)
    setup = replace(setup, pools={"summer": size})
    alone, together = (lived(prepared, setup, workers) for workers in (1, 2))
    assert together.report == alone.report
    assert together.said == (
        []
        if is_shared_out
        else ["simulating in one process: the codes of summer do not suffice for everybody"]
    )


def test_a_code_that_somebody_else_uses_is_told_to_whom_it_was_given(tmp_path: Path) -> None:
    prepared = gift_shop(tmp_path)
    setup = prepared.setup(since=None, until=None, afterwards=DAY)
    life = Life(setup)
    life.live(prepared.history(setup, Sample()), lambda now, taken: True)
    code = next(iter(life.premises.memory.coupons))
    (holder,) = life.premises.memory.coupons.of(code)
    keys = life.premises.memory.identities.of(holder)
    other = next(f"c{n}" for n in range(4) if f"c{n}" not in {each.value for each in keys})
    used = order("o9", START + 2 * DAY, other, discount_codes=[code])
    told = gift_shop(tmp_path, used)
    setup = told.setup(since=None, until=None, afterwards=DAY, behaviour=BEHAVIOUR)
    alone, together = (lived(told, setup, workers) for workers in (1, 4))
    assert together.report == alone.report
    assert together.said == [
        "simulating in one process: one customer's code or referral counts for another's"
    ]
    assert {"offer": "thanks", "status": "redeemed", "coupons": 1} in json.loads(alone.report)[
        "coupons"
    ]


def test_a_stopped_one_tells_of_everybody_until_one_moment(tmp_path: Path) -> None:
    shop.make(tmp_path)
    prepared = prepare(tmp_path, {}, only=(), drafts=False, changes={}, render=1, seed="1")
    for at, told in shop.past():
        event = parse_line(json.dumps(told).encode(), received_at=at, catalog=prepared.catalog)
        assert isinstance(event, Event)
        prepared.add(event)
    setup = prepared.setup(since=None, until=None, afterwards=900 * DAY)
    stopped = simulate_together(
        setup, prepared.history(setup, Sample()), prepared.groups,
        lambda now, taken: taken < 2, workers=2,
    )  # fmt: skip
    history, spool = prepared.history(setup, Sample()), prepared.history(setup, Sample()).spool
    until_then = history.where(lambda number: spool.recorded(number).at <= stopped.reached)
    shorter = replace(setup, until=stopped.reached)
    whole = lived(prepared, shorter, 1, told=False, history=until_then)
    report = document(stopped, prepared.frame(shorter, "default"))
    assert json.loads(whole.report) == {**report, "complete": True}


class Thrifty(Witness):
    """Fails where the collector would run before what came of it is told."""

    def account(self, memory: Memory, plans: Mapping[str, Plan]) -> Account:
        assert not gc.isenabled()
        return super().account(memory, plans)


def test_a_part_never_collects_garbage(tmp_path: Path) -> None:
    prepared = shared_shop(tmp_path)
    setup = prepared.setup(since=None, until=None, afterwards=DAY)
    outcome = simulate_together(
        setup, prepared.history(setup, Sample()), prepared.groups, lambda now, taken: True,
        workers=2, witness=Thrifty(),
    )  # fmt: skip
    assert outcome.complete
    assert gc.isenabled()


class Deadly(Witness):
    """Ends the process that it is in, unless that is the test's own."""

    def __init__(self, end: Callable[[], None]) -> None:
        super().__init__()
        self._end, self._home = end, os.getpid()

    def look(self, outgoing: Outgoing) -> None:
        assert os.getpid() != self._home
        self._end()


def _raise() -> None:
    raise LookupError("of somebody")


@pytest.mark.parametrize(
    ("end", "words"),
    [(lambda: os._exit(9), "ended by itself .exit code 9"), (_raise, "failed: LookupError")],
)
def test_one_that_fails_ends_all(
    tmp_path: Path, end: Callable[[], None], words: str
) -> None:  # fmt: skip
    prepared = shared_shop(tmp_path)
    setup = prepared.setup(since=None, until=None, afterwards=DAY)
    history: History = prepared.history(setup, Sample())
    with pytest.raises(PartFailed, match=words):
        simulate_together(
            setup, history, prepared.groups, lambda now, taken: True,
            workers=3, witness=Deadly(end),
        )  # fmt: skip
    assert not multiprocessing.active_children()
