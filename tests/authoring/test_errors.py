"""Golden cases: each ``err/NAME.yaml`` is told exactly as in ``err/NAME.out``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from config.diagnostic_report import as_text
from tests.authoring.workspace import problems_of

CASES = sorted((Path(__file__).parent / "err").glob("*.yaml"))


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 60


def test_every_case_says_what_is_told() -> None:
    outs = {path.stem for path in (Path(__file__).parent / "err").glob("*.out")}
    assert outs == {case.stem for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_problem_is_told_in_plain_words(case: Path) -> None:
    source = case.read_bytes()
    found = problems_of(source, case.name)
    assert found
    told = as_text(found, {case.name: source.decode("utf-8")})
    if os.environ.get("WRITE_GOLDEN"):
        case.with_suffix(".out").write_text(told, encoding="utf-8")
    assert told == case.with_suffix(".out").read_text(encoding="utf-8")
