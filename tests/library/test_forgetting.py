"""What a simulation forgets makes no difference to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from engine.core.campaign import Plan
from engine.core.guards import GuardRules
from engine.core.world import Journey
from engine.simulator import simulation
from engine.simulator.behaviour import Behaviour
from engine.simulator.forgetting import Forgetting
from engine.simulator.memory import Memory
from engine.simulator.person import Person
from engine.simulator.preparation import Sample, prepare
from engine.simulator.simulation import Life, simulate
from engine.synthetic.shop import Span, events
from triggers.event import Event
from triggers.sources.native import parse_line

HERE = Path(__file__).parents[2]
SPAN = Span(customers=25, begin=datetime(2025, 1, 1, tzinfo=UTC),
            until=datetime(2025, 11, 1, tzinfo=UTC))  # fmt: skip


def test_what_has_been_over_for_months_changes_nothing_any_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for part in ("campaigns", "config", "message_templates"):
        copytree(HERE / part, tmp_path / part, ignore=ignore_patterns("*.py", "__pycache__"))
    asking = tmp_path / "campaigns" / "how-to.yaml"  # after its end, by what it was begun
    told = asking.read_text()
    asking.write_text(told.replace("within: 60d}", "within: 60d, if: trigger.type != null}"))
    assert asking.read_text() != told
    made = prepare(tmp_path, {}, only=(), drafts=True, changes={}, render=1, seed="1")
    for one in events(SPAN):
        event = parse_line(json.dumps(one).encode(), received_at=SPAN.until, catalog=made.catalog)
        assert isinstance(event, Event)
        made.add(event)
    setup = made.setup(since=None, until=None, afterwards=timedelta(days=30), behaviour=Behaviour())
    history = made.history(setup, Sample())
    gone: list[str] = []
    let_go: list[datetime] = []

    def watched(
        memory: Memory,
        rules: GuardRules,
        plans: Mapping[tuple[str, str], Plan],
        count: Callable[[Journey], None],
        got: Callable[[Person, datetime], None],
        expected: Callable[[], Collection[str]],
        begin: datetime,
    ) -> Forgetting:
        def gone_and(journey: Journey) -> None:
            gone.append(journey.id)
            count(journey)

        def let_go_and(person: Person, at: datetime) -> None:
            let_go.append(at)
            got(person, at)

        return Forgetting(memory, rules, plans, gone_and, let_go_and, expected, begin, many=100)

    monkeypatch.setattr(simulation, "Forgetting", watched)
    forgetful, mindful = (
        simulate(setup, history, lambda now, taken: True, remembers=remembers)
        for remembers in (False, True)
    )
    hasty = Life(setup)

    def at_once(now: datetime, taken: int) -> bool:
        hasty.use_time(lambda: True)
        return True

    whenever = hasty.outcome(hasty.live(history, at_once))
    assert forgetful.figures == mindful.figures == whenever.figures
    assert mindful.figures.sent.total() > 100
    assert mindful.figures.goals["how-to", "treated"] > 0
    assert len(gone) > 100
    assert len(let_go) > 100
