"""A simulation leaves nothing for the cyclic collector, so it can go without."""

from __future__ import annotations

import gc
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.memory import uncollected
from engine.simulator.behaviour import Behaviour
from engine.simulator.preparation import Sample, prepare
from engine.simulator.simulation import Life
from engine.synthetic.shop import Span, events
from triggers.sources.native import Refused, parse_line

LIBRARY = Path(__file__).resolve().parents[2]
BEGIN = datetime(2025, 1, 1, tzinfo=UTC)


def test_what_a_simulation_is_done_with_is_gone() -> None:
    made = prepare(LIBRARY, {}, only=(), drafts=True, changes={}, render=1, seed="1")
    span = Span(customers=25, begin=BEGIN, until=BEGIN + timedelta(days=300))
    for told in events(span):
        line = json.dumps(told).encode()
        event = parse_line(line, received_at=span.until, catalog=made.catalog)
        assert not isinstance(event, Refused)
        made.add(event)
    setup = made.setup(
        since=None, until=None, afterwards=timedelta(days=30), behaviour=Behaviour()
    )  # fmt: skip
    history = made.history(setup, Sample())
    life = Life(setup)
    gc.collect()
    collecting: set[bool] = set()

    def progress(now: datetime, taken: int) -> bool:
        collecting.add(gc.isenabled())
        return True

    with uncollected():
        assert life.live(history, progress)
        left = gc.collect()
    assert collecting == {False}
    assert left < len(history) / 20
    outcome = life.outcome(complete=True)
    assert outcome.figures.sent.total() > len(history) / 2
