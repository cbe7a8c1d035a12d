"""A policy with changes on top of it, and what is said when they are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.durations import Duration
from engine.cli.starter import copy_starter
from engine.setup import SetupError, read_policy
from tests.docs.pages import ROOT


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    copy_starter(ROOT, tmp_path)
    return tmp_path


def test_a_change_is_all_that_changes(workspace: Path) -> None:
    before = read_policy(workspace)
    assert read_policy(workspace, {}) == before
    after = read_policy(workspace, {"min_gap": "3d"})
    assert after.min_gap == Duration(days=3) != before.min_gap
    assert after.model_copy(update={"min_gap": before.min_gap}) == before


def test_an_entry_of_a_list_is_named_by_its_number(workspace: Path) -> None:
    caps = read_policy(workspace).caps
    assert caps[0].count != 9
    (first, *others) = read_policy(workspace, {"caps.0.count": "9"}).caps
    assert (first.count, first.per, others) == (9, caps[0].per, list(caps[1:]))


def test_what_is_not_there_yet_is_made(workspace: Path) -> None:
    assert "late" not in read_policy(workspace).calls.queues
    changed = read_policy(workspace, {"calls.queues.late.hours": "Mon-Fri 09:00-17:00"})
    assert "late" in changed.calls.queues


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("min_ga", "3d", ('unknown field "min_ga"', "did you mean min_gap?", '"min_ga": "3d"')),
        ("min_gap", "soon", ("soon is not a duration", "with min_gap: soon")),
        ("quiet_hours.emai.from", "08:00", ('unknown field "emai"', "did you mean email?")),
        ("caps.7.count", "1", ('"caps" should be a list',)),
        ("caps", "[{channel: any", ("the { opened here is not closed", "caps:1:2")),
    ],
)
def test_a_wrong_change_is_shown_where_it_would_stand(
    workspace: Path, place: str, value: str, told: tuple[str, ...]
) -> None:
    with pytest.raises(SetupError) as caught:
        read_policy(workspace, {place: value})
    for words in told:
        assert words in str(caught.value)


def test_what_is_wrong_without_the_change_is_told_in_its_file(workspace: Path) -> None:
    file = workspace / "config/store.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "\nmin_gapp: 3d\n", encoding="utf-8")
    with pytest.raises(SetupError, match=r"^config/store.yaml:\d+:1: error: unknown field"):
        read_policy(workspace, {"min_gap": "3d"})
