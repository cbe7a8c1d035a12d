"""The flat plan is the tree that the author wrote: what leads where, and what came before."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engine.authoring.layout import count, flat, lay_out
from engine.authoring.step_specs import StepSpec

_STEPS: TypeAdapter[tuple[StepSpec, ...]] = TypeAdapter(tuple[StepSpec, ...])
_DELAY: dict[str, Any] = {"delay": "1d"}


def _branch(lists: list[list[Any]], has_else: bool) -> dict[str, Any]:
    arms: list[dict[str, Any]] = [{"if": "true", "steps": steps} for steps in lists]
    if has_else:
        del arms[-1]["if"]
        arms[-1]["else"] = None
    return {"branch": arms}


def _split(lists: list[list[Any]]) -> dict[str, Any]:
    names = "abcd"[: len(lists)]
    weights = [1] * (len(lists) - 1) + [101 - len(lists)]
    variants = zip(names, weights, lists, strict=True)
    return {"split": {name: {"weight": weight, "steps": one} for name, weight, one in variants}}


def _lists(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    steps = st.lists(children, max_size=3)
    return st.one_of(
        st.builds(_branch, st.lists(steps, min_size=1, max_size=3), st.booleans()),
        st.builds(_split, st.lists(steps, min_size=2, max_size=3)),
    )


TREES = st.lists(st.recursive(st.just(_DELAY), _lists, max_leaves=12), min_size=1, max_size=4)


@given(TREES)
def test_ways_through_the_plan(tree: list[Any]) -> None:
    specs = _STEPS.validate_python(tree)
    placed = list(flat(lay_out(specs)))
    total = count(specs)
    assert [step.index for step in placed] == list(range(total))
    assert len({step.id for step in placed}) == total
    reached: list[set[str]] = [set() for _ in range(total + 1)]
    for step in placed:
        ways = {step.next, *(block.target for block in step.blocks)}
        if step.verb == "split":
            ways = {block.target for block in step.blocks}
        for way in ways:
            assert step.index < way <= total
            reached[way] |= {step.id} | reached[step.index]
    for step in placed:
        assert step.before == reached[step.index]
    assert reached[total] == {step.id for step in placed}


@given(TREES)
def test_paths_and_ids_name_the_place(tree: list[Any]) -> None:
    for step in flat(lay_out(_STEPS.validate_python(tree))):
        found: Any = {"steps": tree}
        for part in step.path:
            found = found[part]
        assert step.verb in found
        numbers = [int(number) - 1 for number in step.id.split("_")[1:]]
        assert numbers[-1] == step.path[-1]
        assert len(numbers) == 2 * (sum(part == "steps" for part in step.path)) - 1
