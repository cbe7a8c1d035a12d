"""The list of mistakes fits the code as it is; making them is ``make mutations``' business."""

from __future__ import annotations

import ast

import pytest

from tests.invariants.mutate import BEGIN, END, PAGE, ROOT, places
from tests.invariants.mutations import MUTATIONS, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.breaks)
def test_each_can_be_made_in_one_place_and_gives_python(mutation: Mutation) -> None:
    assert places(mutation) == 1
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    ast.parse(text.replace(mutation.old, mutation.new))
    for tests in mutation.tests:
        assert (ROOT / tests.split()[0].partition("::")[0]).exists(), tests


def test_the_page_shows_each_of_them_noticed() -> None:
    shown = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    for each in MUTATIONS:
        assert f"| {each.promise} | {each.breaks} | `{each.file}` | `" in shown, each.breaks
    assert "**nothing**" not in shown
