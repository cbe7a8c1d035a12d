"""How long an SMS may be, as its first line states: ``{# segments: 1 #}``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity
from config.source_text import SourceText

_STATED = re.compile(r"\s*\{#-?\s*segments:\s*(?P<count>[1-9]\d*)\s*-?#\}")
_MEANT = re.compile(r"\s*\{#-?\s*segments?\b", re.IGNORECASE)
_HOW = "{# segments: 1 #} as the first line"


def hold_to_statement(file: SourceText, segments: int) -> Iterator[Diagnostic]:
    """An SMS against what it states; ``segments`` are those of its rendering for the sample.

    Too long is an error of the file, though the text would go out: each segment is paid for.
    """
    first = file.line(1)
    stated = _STATED.match(first)
    if stated is None and _MEANT.match(first):
        yield Diagnostic(
            code="segments-malformed",
            message="this does not say how many segments the text may take",
            at=file.position(0, len(first)),
            expected=_HOW,
        )
    elif stated is None and segments > 1:
        yield Diagnostic(
            code="segments-unstated",
            message=f"the text takes {segments} segments for the sample customer, "
            "each of them paid for, and does not say that it may",
            at=file.position(0, len(first)),
            severity=Severity.WARNING,
            expected=f"{_HOW.replace('1', str(segments))}, or a shorter text",
        )
    elif stated is not None and segments > int(stated["count"]):
        yield Diagnostic(
            code="segments-exceeded",
            message=f"the text takes {segments} segments for the sample customer, "
            f"and states {stated['count']}",
            at=file.position(*stated.span("count")),
            expected="a shorter text (160 characters of GSM 7 bit, or 70 of others, fit into one), "
            "or the greater number",
        )
