"""Where each step stands in the plan: its index, its id, what follows, and what came before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from config.yaml_source import Path
from engine.authoring.step_specs import (
    VERBS,
    BranchStep,
    ElseSpec,
    SplitStep,
    StepSpec,
)

MAX_STEPS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The steps of one arm, at ``path``; ``target`` is the index that the arm leads to."""

    path: Path
    steps: tuple[Placed, ...]
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One step in its place.

    ``before`` holds the ids of the steps that a journey may have taken when it comes here: those
    above it in its list and in the lists around it, with all that is inside them, but nothing of
    the other arms.
    """

    spec: StepSpec
    path: Path
    index: int
    id: str
    next: int
    before: frozenset[str]
    blocks: tuple[Block, ...] = ()

    @property
    def verb(self) -> str:
        """The step's verb, which is also the key of what it does."""
        return next(verb for verb in VERBS if verb in type(self.spec).model_fields)

    @property
    def verb_path(self) -> Path:
        """Where what it does is written."""
        return (*self.path, self.verb)


def count(steps: Iterable[StepSpec]) -> int:
    """How many steps these are, with all those inside them."""
    return sum(1 + sum(count(body) for _, body in _bodies(step)) for step in steps)


def lay_out(steps: Sequence[StepSpec]) -> tuple[Placed, ...]:
    """The steps of a campaign, those inside a step standing right behind it.

    A step without an id is called by its place, counted from 1: ``step_3_1_2`` is the second step
    in the first arm of the third step.
    """
    return _block(steps, ("steps",), "step", 0, count(steps), frozenset())


def flat(steps: Iterable[Placed]) -> Iterator[Placed]:
    """These steps and all those inside them, by index."""
    for step in steps:
        yield step
        for block in step.blocks:
            yield from flat(block.steps)


def _block(
    steps: Sequence[StepSpec],
    path: Path,
    place: str,
    start: int,
    after: int,
    before: frozenset[str],
) -> tuple[Placed, ...]:
    placed: list[Placed] = []
    index = start
    for number, spec in enumerate(steps):
        here = (*path, number)
        name = f"{place}_{number + 1}"
        step_id = spec.id or name
        beyond = index + count((spec,))
        following = beyond if number < len(steps) - 1 else after
        known = before | {step_id}
        blocks: list[Block] = []
        inner = index + 1
        for arm, (where, body) in enumerate(_bodies(spec)):
            inside = _block(body, (*here, *where), f"{name}_{arm + 1}", inner, following, known)
            target = inner if body else following
            blocks.append(Block(path=(*here, *where), steps=inside, target=target))
            inner += count(body)
        step = Placed(
            spec=spec,
            path=here,
            index=index,
            id=step_id,
            next=following,
            before=before,
            blocks=tuple(blocks),
        )
        placed.append(step)
        before = before | {one.id for one in flat((step,))}
        index = beyond
    return tuple(placed)


def _bodies(step: StepSpec) -> Iterator[tuple[Path, tuple[StepSpec, ...]]]:
    """The lists of steps inside a step, each with its path from there."""
    if isinstance(step, BranchStep):
        for number, arm in enumerate(step.branch):
            if isinstance(arm, ElseSpec):
                below: Path = ("else", "steps") if arm.else_ is not None else ("steps",)
                yield ("branch", number, *below), arm.body
            else:
                yield ("branch", number, "steps"), arm.steps
    elif isinstance(step, SplitStep):
        for name, variant in step.split.items():
            yield ("split", name, "steps"), variant.steps
