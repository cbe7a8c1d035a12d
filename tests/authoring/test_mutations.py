"""Damaged campaigns give diagnostics or a plan that holds together, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from config.diagnostic_report import as_github, as_json, as_text
from config.diagnostics import Diagnostic, Severity
from config.yaml_source import SourceError, load
from engine.authoring.compile import Draft, compile_campaign
from engine.authoring.lint import lint, lint_together
from engine.core.campaign import Plan
from engine.core.verbs import Branch, Split
from tests.authoring.campaigns import GOOD
from tests.authoring.mutations import damaged
from tests.authoring.workspace import CATALOG, TEMPLATES

FILE = "campaigns/damaged.yaml"


def _hold_together(plan: Plan) -> None:
    count = len(plan.steps)
    assert count > 0
    assert [step.index for step in plan.steps] == list(range(count))
    assert plan.step_index == {step.id: step.index for step in plan.steps}
    assert len(plan.step_index) == count
    asked = (plan.filter, plan.profile_filter, plan.hold_while, *(s.condition for s in plan.steps))
    assert all(one.names <= plan.reads for one in asked if one is not None)
    for step in plan.steps:
        ways = [step.next]
        if isinstance(step, Branch):
            ways += [arm.target for arm in step.arms]
        elif isinstance(step, Split):
            ways += [variant.target for variant in step.variants]
            assert sum(variant.weight for variant in step.variants) == 100
        assert all(step.index < way <= count for way in ways)


def _tell(found: tuple[Diagnostic, ...], source: str) -> None:
    lines = source.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for one in found:
        assert one.at.file == FILE
        assert 1 <= one.at.line <= len(lines)
        assert 1 <= one.at.column <= len(lines[one.at.line - 1]) + 1
        assert one.message.strip()
        assert "Unable to extract" not in one.message
    as_text(found, {FILE: source})
    as_json(found)
    as_github(found)


def _draft(source: str) -> Draft | tuple[Diagnostic, ...]:
    try:
        return compile_campaign(load(source, FILE), CATALOG)
    except SourceError as error:
        return error.diagnostics


def test_damage_is_told(scale: Callable[[int, int], int]) -> None:
    sources = list(GOOD.values())
    outcomes = {"unreadable": 0, "faulty": 0, "plan": 0}
    for seed in range(scale(300, 10_000)):
        random = Random(seed)
        source = damaged(random.choice(sources), random)
        draft = _draft(source)
        if not isinstance(draft, Draft):
            assert draft, f"seed {seed}: no problem is told"
            _tell(draft, source)
            outcomes["unreadable"] += 1
            continue
        found = (*draft.diagnostics, *lint(draft, TEMPLATES), *lint_together([draft]))
        _tell(found, source)
        if draft.plan is None:
            assert any(one.severity is Severity.ERROR for one in draft.diagnostics)
            outcomes["faulty"] += 1
        else:
            _hold_together(draft.plan)
            outcomes["plan"] += 1
    assert min(outcomes.values()) > 5, outcomes
