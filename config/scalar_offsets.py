"""From a character of a YAML scalar's value back to its place in the file.

A condition's error is told as a line and column of the *value*; its author sees the *file*, where
quotes, escapes, folds and indentation stand between the two. The walk follows YAML 1.2 chapters
7.3 (flow scalars) and 8.1 (block scalars).
"""

from __future__ import annotations

import re
from enum import StrEnum


class Style(StrEnum):
    """How a node is written."""

    PLAIN = "plain"
    SINGLE = "single"
    DOUBLE = "double"
    LITERAL = "literal"
    FOLDED = "folded"
    SEQUENCE = "sequence"
    MAPPING = "mapping"


_FOLD = re.compile(r"[ \t]*(?:\r\n|\n|\r)[ \t]*(?:(?:\r\n|\n|\r)[ \t]*)*")
_BREAK = re.compile(r"\r\n|\n|\r")
_ESCAPED_BREAK = re.compile(r"\\(?:\r\n|\n|\r)[ \t]*")
_ESCAPE_LENGTH = {"x": 4, "u": 6, "U": 10}


def value_offsets(text: str, start: int, end: int, style: Style, value: str) -> list[int]:
    """For each character of ``value``, and for its end, the offset in ``text``.

    ``start`` and ``end`` span the scalar as written, quotes and block header included. The list
    has ``len(value) + 1`` entries and never decreases; it is exact for plain, quoted and literal
    scalars and follows folds as well as a fold can be followed.
    """
    if style in (Style.LITERAL, Style.FOLDED):
        offsets = _block(text, start, end, value)
    elif style is Style.PLAIN:
        offsets = _flow(text, start, end, style)
    else:
        offsets = _flow(text, start + 1, end - 1, style)
    limit = max(start, min(end, len(text)))
    offsets = [min(at, limit) for at in offsets[: len(value) + 1]]
    last = offsets[-1] if offsets else start
    return offsets + [last] * (len(value) + 1 - len(offsets))


def _flow(text: str, at: int, end: int, style: Style) -> list[int]:
    offsets: list[int] = []
    while at < end:
        fold = _FOLD.match(text, at, end)
        if fold:
            breaks = len(_BREAK.findall(fold.group()))
            offsets.extend([at] * max(1, breaks - 1))
            at = fold.end()
            continue
        step = 1
        if style is Style.SINGLE and text.startswith("''", at):
            step = 2
        elif style is Style.DOUBLE and text[at] == "\\":
            skipped = _ESCAPED_BREAK.match(text, at, end)
            if skipped:
                at = skipped.end()
                continue
            step = _ESCAPE_LENGTH.get(text[at + 1 : at + 2], 2)
        offsets.append(at)
        at += step
    offsets.append(end)
    return offsets


def _block(text: str, start: int, end: int, value: str) -> list[int]:
    header = _BREAK.search(text, start, end)
    if header is None:
        return [start]
    indent = _block_indent(text[start : header.start()], text[header.end() : end], text, start)
    at = _skip_indent(text, header.end(), end, indent)
    offsets: list[int] = []
    for character in value:
        found = _BREAK.match(text, at, end)
        if found is None:
            offsets.append(at)
            at = min(at + 1, end)
        elif character in " \n":
            offsets.append(at)
            at = _skip_indent(text, found.end(), end, indent)
        else:  # more breaks in the file than in the folded value
            while found is not None:
                at = _skip_indent(text, found.end(), end, indent)
                found = _BREAK.match(text, at, end)
            offsets.append(at)
            at = min(at + 1, end)
    offsets.append(at)
    return offsets


def _block_indent(header: str, body: str, text: str, start: int) -> int:
    explicit = re.search(r"[1-9]", header.split("#")[0])
    if explicit:
        line_start = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
        line = text[line_start:start]
        return len(line) - len(line.lstrip(" ")) + int(explicit.group())
    for line in _BREAK.split(body):
        if line.strip(" "):
            return len(line) - len(line.lstrip(" "))
    return 0


def _skip_indent(text: str, at: int, end: int, indent: int) -> int:
    stop = min(at + indent, end)
    while at < stop and text[at] == " ":
        at += 1
    return at
