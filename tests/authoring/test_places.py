"""A mistake in a condition is told at its own characters, however the condition is written."""

from __future__ import annotations

import pytest

from tests.authoring.campaigns import simple
from tests.authoring.workspace import problems_of

STYLES = {
    "plain": "order.total > 20 && order.totl > 5",
    "plain over lines": "order.total > 20 &&\n      order.totl > 5",
    "single quotes": "'customer.name == ''Ann'' && order.totl > 5'",
    "double quotes": '"customer.name == \\"Ann\\" && \\u006frder.totl > 5"',
    "folded": ">-\n      order.total > 20 &&\n      order.totl > 5",
    "literal": "|\n      order.total > 20 &&\n\n      order.totl > 5",
    "bang": "!(order.totl > 5)",
    "spaced": "order.total > 20 && order . totl > 5",
    "wide": "\"customer.name == '\U0001f375日本' && order.totl > 5\"",
}


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_place_of_a_misspelt_name(style: str, line_end: str) -> None:
    text = simple("x").replace("steps:", f"profile_filter: {STYLES[style]}\nsteps:")
    source = text.replace("\n", line_end)
    (told,) = problems_of(source, "x.yaml")
    assert told.code == "unknown-field"
    assert told.suggestion == "order.total"
    line = source.split(line_end)[told.at.line - 1]
    written = line[told.at.column - 1 : (told.at.end_column or 0) - 1]
    assert written.replace(" ", "").replace("\\u006f", "o") == "order.totl"


def test_every_condition_of_a_campaign_is_looked_at() -> None:
    bad = "custmer.name == 'x'"
    text = simple("x").replace(
        "trigger: order.placed", f"trigger: {{event: order.placed, filter: {bad}}}"
    )
    head = text.partition("steps:\n")[0]
    text = (
        f"{head}profile_filter: {bad}\nhold_while: {bad}\n"
        f"exit_on: [{{event: order.paid, if: {bad}}}]\n"
        f"goal: {{event: order.paid, within: 9d, if: {bad}}}\nsteps:\n"
        f"  - if: {bad}\n    delay: 1d\n"
        f"  - wait_for: {{event: order.paid, if: {bad}, timeout: 1d}}\n"
        f"  - wait_for: {{until: {bad}, timeout: 1d}}\n"
        f"  - branch: [{{if: {bad}, steps: [{{if: {bad}, exit: }}]}}]\n"
        f"  - split:\n      a: {{weight: 50, steps: [{{if: {bad}, exit: }}]}}\n"
        "      b: {weight: 50, steps: []}\n"
    )
    told = problems_of(text, "x.yaml")
    assert [one.code for one in told] == ["unknown-field"] * text.count(bad)
    assert len({(one.at.line, one.at.column) for one in told}) == text.count(bad)
    lines = text.split("\n")
    for one in told:
        assert lines[one.at.line - 1][one.at.column - 1 :].startswith("custmer.name")
