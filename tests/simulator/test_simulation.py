"""A simulation that somebody stops is one until then; what it does not tell it need not note."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from engine.core.decision import DecisionKind
from engine.core.keeping import EVERYTHING
from engine.core.world import World
from engine.simulator import simulation
from engine.simulator.behaviour import Behaviour
from engine.simulator.figures import Tally
from engine.simulator.preparation import Prepared, Sample, prepare
from engine.simulator.simulation import simulate
from tests.cli import shop
from triggers.event import Event
from triggers.sources.native import parse_line


def prepared(workspace: Path) -> Prepared:
    shop.make(workspace)
    made = prepare(
        workspace, {}, only=(), drafts=False, changes={}, render=1, seed="1"
    )  # fmt: skip
    for at, told in shop.past():
        event = parse_line(json.dumps(told).encode(), received_at=at, catalog=made.catalog)
        assert isinstance(event, Event)
        made.add(event)
    return made


def test_the_first_half_of_a_stopped_one_is_the_whole_of_a_shorter_one(tmp_path: Path) -> None:
    made = prepared(tmp_path)
    setup = made.setup(since=None, until=None, afterwards=timedelta(days=30))
    history = made.history(setup, Sample())
    stop_at = shop.START + timedelta(days=10)

    def until_then(now: datetime, taken: int) -> bool:
        return now < stop_at

    stopped = simulate(setup, history, until_then)
    assert not stopped.complete
    shorter = made.setup(since=None, until=stopped.reached, afterwards=timedelta())
    whole = simulate(
        shorter,
        [each for each in history if each.at <= stopped.reached],
        lambda now, taken: True,
    )
    assert whole.complete
    assert whole.figures == stopped.figures
    assert whole.figures.sent.total() > 0


def test_few_messages_of_a_template_are_rendered(tmp_path: Path) -> None:
    made = prepared(tmp_path)
    setup = made.setup(since=None, until=None, afterwards=timedelta(days=30))
    outcome = simulate(setup, made.history(setup, Sample()), lambda now, taken: True)
    assert {one.campaign for one in outcome.samples} == {"thanks", "review"}
    assert all(one.text for one in outcome.samples)


class Thorough(Tally):
    """Is told of everything, with its reasons, and counts no more of it."""

    def __init__(self, zone: tzinfo) -> None:
        self.kinds: set[DecisionKind] = set()
        self.keeping = EVERYTHING
        super().__init__(zone)

    def decided(self, world: World) -> None:
        told = world.changes.decisions
        self.kinds.update(each.kind for each in told)
        counted = Tally.keeping.decisions
        world.changes.decisions = [each for each in told if each.kind in counted]
        super().decided(world)


def test_what_nobody_reads_changes_nothing_that_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = prepared(tmp_path)
    behaviour = Behaviour()
    setup = made.setup(since=None, until=None, afterwards=timedelta(days=30), behaviour=behaviour)
    history = made.history(setup, Sample())
    usual = simulate(setup, history, lambda now, taken: True)
    thorough: list[Thorough] = []

    def tally(zone: tzinfo) -> Thorough:
        thorough.append(Thorough(zone))
        return thorough[-1]

    monkeypatch.setattr(simulation, "Tally", tally)
    assert simulate(setup, history, lambda now, taken: True).figures == usual.figures
    assert usual.figures.observed.total() > 0
    assert DecisionKind.SENT in thorough[0].kinds
