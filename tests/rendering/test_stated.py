"""An SMS is held to the number of segments that it states."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.diagnostics import Diagnostic, Severity
from config.source_text import SourceText
from engine.rendering.stated import hold_to_statement
from tests.rendering.conftest import Write

ONE, TWO = "x" * 160, "x" * 161


def found(write: Write, **texts: str) -> list[Diagnostic]:
    files = {name.replace("_", ".") + ".txt": text for name, text in texts.items()}
    info = write("t", files).info("t")
    assert info is not None
    return list(info.diagnostics)


@pytest.mark.parametrize(
    "text",
    [
        ONE,
        f"{{# segments: 1 #}}\n{ONE}",
        f"{{# segments: 2 #}}\n{TWO}",
        f"{{#- segments:2 -#}}{TWO}",
        f"{{# a note #}}\n{ONE}",
    ],
)
def test_what_keeps_its_word_is_let_alone(write: Write, text: str) -> None:
    assert found(write, sms=text) == []


@pytest.mark.parametrize(
    ("text", "code", "severity", "column"),
    [
        (TWO, "segments-unstated", Severity.WARNING, 1),
        (f"{{# a note #}}\n{TWO}", "segments-unstated", Severity.WARNING, 1),
        (f"{{# segments: 1 #}}\n{TWO}", "segments-exceeded", Severity.ERROR, 14),
        ("{# segments: 1 #}\n" + "ж" * 71, "segments-exceeded", Severity.ERROR, 14),
        (f"{{# segments: 0 #}}\n{ONE}", "segments-malformed", Severity.ERROR, 1),
        (f"{{# segments: one #}}\n{ONE}", "segments-malformed", Severity.ERROR, 1),
        (f"{{# Segment 1 #}}\n{ONE}", "segments-malformed", Severity.ERROR, 1),
    ],
)
def test_what_does_not_is_found(
    write: Write, text: str, code: str, severity: Severity, column: int
) -> None:
    (problem,) = found(write, sms=text)
    assert (problem.code, problem.severity) == (code, severity)
    assert (problem.at.line, problem.at.column) == (1, column)
    assert problem.at.file == "message_templates/t/sms.txt"


def test_each_language_is_held_to_its_own(write: Write) -> None:
    (problem,) = found(write, sms=f"{{# segments: 1 #}}{ONE}", sms_de=f"{{# segments: 1 #}}{TWO}")
    assert problem.at.file == "message_templates/t/sms.de.txt"


def test_the_statement_is_not_sent_and_a_text_that_breaks_it_still_is(write: Write) -> None:
    templates = write("t", {"sms.txt": f"{{# segments: 1 #}}\n{TWO}"})
    content = templates.render("t", "sms", "en", {})
    assert (content.text, content.segments) == (TWO, 2)


@given(stated=st.integers(1, 20), taken=st.integers(1, 20))
def test_exactly_what_takes_more_than_stated_is_found(stated: int, taken: int) -> None:
    file = SourceText("sms.txt", f"{{# segments: {stated} #}}\nHello")
    assert bool(list(hold_to_statement(file, taken))) is (taken > stated)
