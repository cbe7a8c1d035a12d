from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from config.diagnostic_report import as_github, as_json, as_text
from config.diagnostics import Diagnostic, Position, Severity

TEXT = st.text(max_size=40)


@st.composite
def diagnostics(draw: st.DrawFn) -> Diagnostic:
    column = draw(st.integers(1, 300))
    return Diagnostic(
        code="some-code",
        message=draw(TEXT),
        at=Position(
            file=draw(st.sampled_from(["a.yaml", "b.yaml"])),
            line=draw(st.integers(1, 4)),
            column=column,
            end_column=draw(st.none() | st.integers(column + 1, 400)),
        ),
        severity=draw(st.sampled_from(Severity)),
        expected=draw(st.none() | TEXT),
        suggestion=draw(st.none() | TEXT),
    )


def one(message: str = "wrong", **more: object) -> Diagnostic:
    at = Position(file="a.yaml", line=1, column=4, end_column=6)
    return Diagnostic(code="a-code", message=message, at=at, **more)  # type: ignore[arg-type]


def test_text_shows_the_line_and_the_place() -> None:
    told = as_text([one(expected="x", suggestion="y")], {"a.yaml": "é: zz\n"})
    assert told == (
        "a.yaml:1:4: error: wrong [a-code]\n"
        "  1 | é: zz\n"
        "    |    ^~\n"
        "  expected: x\n"
        "  did you mean y?\n"
        "1 error in 1 file\n"
    )


def test_wide_characters_and_tabs_do_not_shift_the_caret() -> None:
    for line, spaces in [("日本\tzz", 8), ("e\u0301\tzz", 5)]:
        told = as_text([one()], {"a.yaml": line}).split("\n")
        assert told[2] == "    | " + " " * spaces + "^~"


def test_a_long_line_is_shown_around_the_place() -> None:
    at = Position(file="a.yaml", line=1, column=5001, end_column=5004)
    told = as_text(
        [Diagnostic(code="c", message="m", at=at)], {"a.yaml": "x" * 5000 + "BAD" + "y" * 5000}
    ).split("\n")
    caret = told[2].index("^")
    assert told[1][caret : caret + 3] == "BAD"
    assert len(told[1]) < 250


def test_colour_is_only_there_when_wanted() -> None:
    assert "\033[" in as_text([one()], {}, color=True)
    assert "\033[" not in as_text([one()], {})


@given(st.lists(diagnostics(), max_size=5), st.text(max_size=300))
def test_no_control_character_reaches_the_terminal(found: list[Diagnostic], source: str) -> None:
    told = as_text(found, {"a.yaml": source, "b.yaml": "\x1b[31m" + source})
    assert not any(
        unicodedata.category(character) in ("Cc", "Cf", "Cs")
        for character in told.replace("\n", "")
    )
    summary = told.splitlines()[-1]
    assert ("no problems" in summary) == (not found)


@given(st.lists(diagnostics(), max_size=6))
def test_json_holds_everything_in_the_order_of_the_files(found: list[Diagnostic]) -> None:
    report = json.loads(as_json(found))
    places = [(row["file"], row["line"], row["column"]) for row in report["diagnostics"]]
    assert places == sorted(places)
    assert len(places) == len(found) == report["errors"] + report["warnings"]
    assert {row["message"] for row in report["diagnostics"]} == {one.message for one in found}


@given(st.lists(diagnostics(), max_size=5))
def test_github_gets_one_line_for_each(found: list[Diagnostic]) -> None:
    told = as_github(found)
    assert told.count("\n") == len(found)
    assert "\r" not in told


def test_github_escapes_as_its_toolkit_does() -> None:
    at = Position(file="a,b:c.yaml", line=2, column=3, end_column=6)
    told = as_github([Diagnostic(code="x", message="50% of\n::error::", at=at)])
    assert told == (
        "::error file=a%2Cb%3Ac.yaml,line=2,col=3,endColumn=5,title=x::50%25 of%0A::error::\n"
    )
