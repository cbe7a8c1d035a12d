"""A simulation that somebody stops is a simulation until then."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

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
