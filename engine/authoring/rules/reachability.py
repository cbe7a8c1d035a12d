"""Steps and arms that no journey can come to: ``unreachable-step``, ``unreachable-arm``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity
from engine.authoring.compile import Draft
from engine.authoring.layout import Placed
from engine.authoring.rules.constants import constant
from engine.authoring.step_specs import BranchStep, ElseSpec, ExitStep, SplitStep


def check(draft: Draft) -> Iterator[Diagnostic]:
    """What stands behind the end of every journey, and arms behind one that is always taken."""
    yield from _list(draft, draft.top)


def _list(draft: Draft, steps: tuple[Placed, ...]) -> Iterator[Diagnostic]:
    ended: Placed | None = None
    told = False
    for step in steps:
        if ended is not None and not told:
            line = draft.document.position(ended.path).line
            yield draft.problem(
                "unreachable-step",
                step.path,
                f"this step can never run: the {ended.verb} at line {line} ends every journey",
                severity=Severity.WARNING,
            )
            told = True
        if isinstance(step.spec, BranchStep):
            yield from _arms(draft, step, step.spec)
        for block in step.blocks:
            yield from _list(draft, block.steps)
        if ended is None and _ends(draft, step):
            ended = step


def _arms(draft: Draft, step: Placed, spec: BranchStep) -> Iterator[Diagnostic]:
    taken: str | None = None
    for number, arm in enumerate(spec.branch):
        path = (*step.verb_path, number)
        if taken is not None:
            yield draft.problem(
                "unreachable-arm",
                path,
                f"this arm can never be taken: it comes after {taken}",
                severity=Severity.ERROR if taken == "else" else Severity.WARNING,
                expected="else as the last arm" if taken == "else" else None,
            )
            continue
        if isinstance(arm, ElseSpec):
            taken = "else"
        elif _is_always(draft, (*path, "if")):
            taken = "an arm that is always taken"


def _ends(draft: Draft, step: Placed) -> bool:
    """Whether every journey that comes to the step ends in it."""
    if step.spec.if_ is not None and not _is_always(draft, (*step.path, "if")):
        return False
    if isinstance(step.spec, ExitStep):
        return True
    if isinstance(step.spec, BranchStep):
        last = step.spec.branch[-1]
        whole = isinstance(last, ElseSpec) or _is_always(
            draft, (*step.verb_path, len(step.spec.branch) - 1, "if")
        )
    else:
        whole = isinstance(step.spec, SplitStep)
    return whole and all(any(_ends(draft, one) for one in block.steps) for block in step.blocks)


def _is_always(draft: Draft, path: tuple[str | int, ...]) -> bool:
    condition = draft.conditions.get(path)
    return condition is not None and constant(condition) is True
