"""Which steps and branches of a campaign the tests have reached, and which never.

A step is reached when it has been taken. A branch is each other way that a journey can go: past an
``if`` that is not met, into each arm and variant, on by what was waited for and by the time-out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from config.diagnostics import Position
from config.yaml_source import Path
from engine.authoring.compile import Draft
from engine.authoring.layout import Placed
from engine.core.campaign import Plan
from engine.core.decision import Decision, DecisionKind
from engine.core.verbs import AskReview, AskSurvey, AssignCall, Branch, Exit, Split, Step, WaitFor

_UNTAKEN = frozenset(
    {DecisionKind.ENTERED, DecisionKind.HELD, DecisionKind.RELEASED, DecisionKind.EXITED,
     DecisionKind.CANCELLED, DecisionKind.TOO_LATE, DecisionKind.MIGRATED}
)  # fmt: skip
TAKEN = "taken"
_UNMET, _CAME, _TIMED_OUT = "if not met", "came", "timed out"
Touch = tuple[str, str]  # a step's id, and how a journey went there


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """Something that no test has reached."""

    at: Position
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of one campaign was reached; ``never`` in the order of the file."""

    campaign: str
    file: str
    tests: int
    steps: int
    steps_reached: int
    branches: int
    branches_reached: int
    never: tuple[Never, ...]

    @property
    def percent(self) -> float:
        """Steps and branches together; of a campaign without tests 0."""
        whole = self.steps + self.branches
        return 100.0 * (self.steps_reached + self.branches_reached) / whole


def touches(plan: Plan, decisions: Iterable[Decision]) -> set[Touch]:
    """What these decisions of a campaign's journeys have reached."""
    found: set[Touch] = set()
    for one in decisions:
        index = plan.step_index.get(one.step)
        if index is not None:
            found.update((one.step, way) for way in _ways(plan.steps[index], one))
    return found


def _ways(step: Step, one: Decision) -> Iterator[str]:
    kind = one.kind
    if kind is DecisionKind.STEP_SKIPPED and one.code == "if" and step.condition is not None:
        yield _UNMET
        return
    if kind in _UNTAKEN and not (
        isinstance(step, Exit) and kind is DecisionKind.EXITED and one.code == step.reason
    ):
        return
    yield TAKEN
    match kind:
        case DecisionKind.BRANCHED | DecisionKind.ASSIGNED:
            yield one.code
        case DecisionKind.WOKE:
            yield _CAME
        case DecisionKind.TIMED_OUT:
            yield _TIMED_OUT


def cover(draft: Draft, reached: set[Touch], tests: int) -> Coverage:
    """Holds what was reached against all that there is."""
    assert draft.plan is not None
    never: list[Never] = []
    counts = {TAKEN: [0, 0], "": [0, 0]}
    for placed, step in zip(draft.steps, draft.plan.steps, strict=True):
        for way, path, text in _all_ways(placed, step):
            count = counts[TAKEN if way == TAKEN else ""]
            count[0] += 1
            if (step.id, way) in reached:
                count[1] += 1
            elif way == TAKEN or (step.id, TAKEN) in reached:
                # Of a step that is never taken nothing more need be told.
                never.append(Never(at=draft.document.position(path), text=text))
    return Coverage(
        campaign=draft.spec.id,
        file=draft.document.file,
        tests=tests,
        steps=counts[TAKEN][0],
        steps_reached=counts[TAKEN][1],
        branches=counts[""][0],
        branches_reached=counts[""][1],
        never=tuple(sorted(never, key=lambda one: (one.at.line, one.at.column))),
    )


def _all_ways(placed: Placed, step: Step) -> Iterator[tuple[str, Path, str]]:
    """Every way of a step: its name, its place in the file, and what to say if none took it."""
    verb, name = placed.verb_path, f"step {step.id}"
    yield TAKEN, placed.path, f"{name} is never taken"
    if step.condition is not None:
        yield _UNMET, (*placed.path, "if"), f"the if of {name} is always met"
    match step:
        case Branch():
            for number in range(len(step.arms)):
                text = f"arm {number + 1} of {name} is never taken"
                yield f"arm_{number + 1}", (*verb, number), text
            if step.arms[-1].condition is not None:
                yield "no_arm", placed.path, f"some arm of {name} is always taken"
        case Split():
            for variant in step.variants:
                text = f"variant {variant.name} of {name} is never taken"
                yield variant.name, (*verb, variant.name), text
        case WaitFor() | AskSurvey():
            yield _CAME, verb, f"what {name} waits for never comes"
            yield _TIMED_OUT, verb, f"{name} never times out"
        case AskReview() | AssignCall() if step.timeout is not None:
            yield _CAME, verb, f"what {name} waits for never comes"
            yield _TIMED_OUT, verb, f"{name} never times out"
