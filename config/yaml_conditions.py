"""Unquoted conditions with a leading ``!``: taken as the author meant them.

``filter: !order.is_gift`` is how anyone would write it, and to YAML it is a tag without a value.
The values of such lines are put in quotes before libyaml reads the text, and offsets are mapped
back, so nobody notices.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from config.source_text import SourceText

_BANG = re.compile(
    r"""^(?P<lead>\ *(?:-\ +)*)(?P<key>(?:[A-Za-z_][\w.-]*|"[^"]*"|'[^']*'):\ +)?
        (?P<value>!(?![!<]).*)$""",
    re.VERBOSE,
)
_STRUCTURE = re.compile(r"^\s*(?:- |-$|[\w.-]+:(?:\s|$))")


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A value of the file, from ``start`` to ``end`` (exclusive), in code points."""

    start: int
    end: int


def leading_bangs(source: SourceText) -> tuple[Span, ...]:
    """Where lines hold ``key: !…`` or ``- !…``; some may lie inside block text."""
    spans = []
    for number, line in enumerate(source.lines, start=1):
        found = _BANG.match(line) if "!" in line else None
        if found is None or not (found["key"] or found["lead"].strip()):
            continue
        indent = len(found["lead"]) if found["key"] else found["lead"].rfind("-")
        last, width = number, len(without_comment(line[found.start("value") :]))
        for below in range(number + 1, len(source.lines) + 1):
            more = source.line(below)
            if not more.strip() or len(more) - len(more.lstrip(" ")) <= indent:
                break
            if _STRUCTURE.match(more):  # a tag on a mapping or list, not a condition
                last = 0
                break
            last, width = below, len(without_comment(more))
        if last:
            start = source.start_of(number) + found.start("value")
            first = start if last == number else source.start_of(last)
            spans.append(Span(start, first + width))
    return tuple(spans)


def without_comment(line: str) -> str:
    """``line`` up to a `` #`` that stands outside quotes, without trailing spaces."""
    quote = ""
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at].rstrip()
    return line.rstrip()


def ends_inside_quotes(text: str) -> bool:
    """Whether a quoted part of ``text`` is still open at its end."""
    quote = ""
    for character in text:
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
    return quote != ""


class Quoted:
    """A text with some spans put in single quotes, and the way back to the original offsets."""

    def __init__(self, text: str, spans: Iterable[Span]) -> None:
        pieces, at = [], 0
        self._inserted: list[int] = []  # offsets, in the quoted text, of added characters
        length = 0
        self.spans = tuple(sorted(spans))
        for span in self.spans:
            before = text[at : span.start]
            value = text[span.start : span.end]
            self._inserted.append(length + len(before))
            length += len(before) + 1
            for offset, character in enumerate(value):
                if character == "'":
                    self._inserted.append(length + offset)
                    length += 1
            length += len(value) + 1
            self._inserted.append(length - 1)
            pieces += [before, "'", value.replace("'", "''"), "'"]
            at = span.end
        pieces.append(text[at:])
        self.text = "".join(pieces)

    def original(self, offset: int) -> int:
        """The offset in the original text of ``offset`` in the quoted one."""
        return offset - bisect_right(self._inserted, offset - 1)
