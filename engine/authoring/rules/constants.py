"""Conditions that come out the same whatever the values: ``never-true``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity
from config.yaml_source import Path
from engine.authoring.compile import Draft
from engine.core.evaluate import Activation, evaluate
from engine.core.expression import Condition, compile_condition
from engine.core.vocabulary import Vocabulary

_NOTHING = Vocabulary(fields={})
_CONSEQUENCES: dict[Path, str] = {
    ("trigger", "filter"): "nobody ever enters",
    ("trigger", "segment"): "nobody ever enters",
    ("profile_filter",): "nobody ever enters",
    ("hold_while",): "the journey never waits",
    ("goal", "if"): "the goal is never reached",
}


def constant(condition: Condition) -> bool | None:
    """What the condition always is; None when it depends on values."""
    if not condition.names:
        return evaluate(condition, Activation({})).met
    for clause in condition.clauses:
        if not clause.names:
            alone = compile_condition(clause.source, _NOTHING)
            if not evaluate(alone, Activation({})).met:
                return False
    return None


def check(draft: Draft) -> Iterator[Diagnostic]:
    """A warning for each condition that can never be met."""
    for path, condition in draft.conditions.items():
        if constant(condition) is False:
            yield draft.problem(
                "never-true",
                path,
                f"this condition is never true: {_consequence(path)}",
                severity=Severity.WARNING,
            )


def _consequence(path: Path) -> str:
    if path in _CONSEQUENCES:
        return _CONSEQUENCES[path]
    if path[0] == "exit_on":
        return "the event never ends the journey"
    if "wait_for" in path[-2:]:
        return "the wait always times out"
    if len(path) > 2 and path[-3] == "branch":
        return "the arm is never taken"
    return "the step never runs"
