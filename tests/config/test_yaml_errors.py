"""Golden cases: each ``err/NAME.yaml`` is refused with exactly the words in ``err/NAME.out``."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.diagnostic_report import as_text
from config.yaml_source import SourceError, load

CASES = sorted((Path(__file__).parent / "err").glob("*.yaml"))


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 50


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_error_is_told_in_plain_words(case: Path) -> None:
    raw = case.read_bytes()
    with pytest.raises(SourceError) as caught:
        load(raw, case.name)
    sources = {case.name: raw.decode("utf-8", "replace")}
    told = as_text(caught.value.diagnostics, sources)
    assert told == case.with_suffix(".out").read_text(encoding="utf-8")
