"""Times that cannot be meant: ``zero-delay``, ``goal-too-short``, ``message-after-goal``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity
from config.durations import Duration
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of
from engine.authoring.step_specs import DelayStep


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Delays of no time, and a goal's window that is over before the first message."""
    for step in draft.steps:
        if not isinstance(step.spec, DelayStep):
            continue
        delay = step.spec.delay
        if delay.for_ is not None and delay.for_.is_zero and not (delay.until or delay.days):
            yield draft.problem(
                "zero-delay",
                step.verb_path,
                "this delay is no time at all",
                severity=Severity.WARNING,
            )
    yield from _goal(draft)


def _goal(draft: Draft) -> Iterator[Diagnostic]:
    if draft.spec.goal is None:
        return
    within = draft.spec.goal.within
    waited = 0
    for step in draft.top:
        if isinstance(step.spec, DelayStep) and step.spec.if_ is None:
            waited += step.spec.delay.for_.nominal_seconds if step.spec.delay.for_ else 0
        elif contact_of(step.spec) is not None:
            break
    else:
        return
    if waited < within.nominal_seconds:
        yield from _late(draft, within)
    else:
        yield draft.problem(
            "goal-too-short",
            ("goal", "within"),
            f"the goal counts for {within} from entry, and the first message comes later",
            severity=Severity.WARNING,
        )


def _late(draft: Draft, within: Duration) -> Iterator[Diagnostic]:
    """A message that every way to it delays until the goal cannot count any more."""
    waited = 0.0
    for step in draft.top:
        spec = step.spec
        if contact_of(spec) is not None and waited >= within.nominal_seconds:
            yield draft.problem(
                "message-after-goal",
                step.verb_path,
                f"this goes out when the goal's {within} are over: it can never count for it",
                key=True,
                severity=Severity.WARNING,
                expected="a longer goal: within:, or shorter delays",
            )
            return
        if spec.if_ is not None:
            continue
        if isinstance(spec, DelayStep) and spec.delay.for_ is not None:
            waited += spec.delay.for_.nominal_seconds
