"""Diagnostics as people and programs read them: text, JSON, GitHub annotations."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from config.diagnostics import Diagnostic, Severity

_RED, _YELLOW, _CYAN, _BOLD, _RESET = "\033[31m", "\033[33m", "\033[36m", "\033[1m", "\033[0m"
_TAB_WIDTH = 4
_MAX_LINE = 200  # characters of a source line that are shown
_Paint = Callable[[str, str], str]


def in_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """By file, line and column; those of one place stay in the order they were found."""
    return sorted(diagnostics, key=lambda d: (d.at.file, d.at.line, d.at.column))


def as_text(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], *, color: bool = False
) -> str:
    """For a terminal: place, message and code, the source line with a caret, and a summary.

    ``sources`` holds the texts of the files by the name that diagnostics give. Nothing of a
    message or a source line reaches the terminal as a control character.
    """
    paint = _paint if color else _plain
    found = in_order(diagnostics)
    lines: list[str] = []
    split: dict[str, list[str]] = {}
    for one in found:
        at = one.at
        if at.file not in split:
            text = sources.get(at.file, "").removeprefix("\ufeff")
            split[at.file] = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        tone = _RED if one.severity is Severity.ERROR else _YELLOW
        place = paint(f"{visible(at.file)}:{at.line}:{at.column}:", _BOLD)
        kind = paint(f"{one.severity.value}:", tone)
        lines.append(f"{place} {kind} {visible(one.message)} [{one.code}]")
        if 1 <= at.line <= len(split[at.file]) and split[at.file][at.line - 1].strip():
            lines += _excerpt(split[at.file][at.line - 1], one, paint, tone)
        if one.expected is not None:
            lines.append(f"  {paint('expected:', _CYAN)} {visible(one.expected)}")
        if one.suggestion is not None:
            lines.append(f"  {paint('did you mean', _CYAN)} {visible(one.suggestion)}?")
    lines.append(_summary(found))
    return "\n".join(lines) + "\n"


def as_json(diagnostics: Iterable[Diagnostic]) -> str:
    """One JSON object, stable for scripts.

    ``{"version": 1, "errors": 2, "warnings": 0, "diagnostics": [...]}``, where each diagnostic has
    ``file, line, column, end_column, severity, code, message, path, expected, suggestion``; the
    last two and ``end_column`` (exclusive) may be null, ``path`` may be empty. Lines and columns
    count from 1.
    """
    found = in_order(diagnostics)
    rows = [as_row(one) for one in found]
    errors, warnings = _counts(found)
    report = {"version": 1, "errors": errors, "warnings": warnings, "diagnostics": rows}
    return json.dumps(report, indent=2) + "\n"


def as_row(one: Diagnostic) -> dict[str, str | int | None]:
    """One diagnostic with its fields as ``as_json`` names them."""
    return {
        "file": one.at.file,
        "line": one.at.line,
        "column": one.at.column,
        "end_column": one.at.end_column,
        "severity": one.severity.value,
        "code": one.code,
        "message": one.message,
        "path": one.path,
        "expected": one.expected,
        "suggestion": one.suggestion,
    }


def as_github(diagnostics: Iterable[Diagnostic]) -> str:
    """GitHub Actions workflow commands, one annotation a line.

    Escapes as GitHub's toolkit documents them: ``%``, CR and LF in the message; also ``:`` and
    ``,`` in properties. ``endColumn`` is inclusive there.
    """
    lines = []
    for one in in_order(diagnostics):
        text = one.message
        if one.expected is not None:
            text += f"\nexpected: {one.expected}"
        if one.suggestion is not None:
            text += f"\ndid you mean {one.suggestion}?"
        properties = {"file": one.at.file, "line": str(one.at.line), "col": str(one.at.column)}
        if one.at.end_column is not None:
            properties["endColumn"] = str(max(one.at.column, one.at.end_column - 1))
        properties["title"] = one.code
        listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
        lines.append(f"::{one.severity.value} {listed}::{_data(text)}")
    return "".join(f"{line}\n" for line in lines)


def visible(text: str) -> str:
    """``text`` with every control, format and surrogate character written out as ``\\uXXXX``."""
    return "".join(
        character
        if unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
        else f"\\u{ord(character):04x}"
        for character in text
    )


def _excerpt(line: str, one: Diagnostic, paint: _Paint, tone: str) -> list[str]:
    """The source line and its caret; both are cut alike around a column far to the right."""
    start = min(one.at.column - 1, len(line))
    end = start + 1 if one.at.end_column is None else min(one.at.end_column - 1, len(line))
    first = 0 if start < _MAX_LINE - 40 else start - 40
    last = min(len(line), first + _MAX_LINE)
    end = min(max(end, start + 1), max(last, start + 1))
    shown = _expanded(line[first:last])
    before = _width(_expanded(line[first:start]))
    under = max(1, _width(_expanded(line[start:end])))
    number = str(one.at.line)
    margin = " " * len(number)
    caret = paint("^" + "~" * (under - 1), tone)
    return [f"  {number} | {shown.rstrip()}", f"  {margin} | {' ' * before}{caret}"]


def _expanded(text: str) -> str:
    return visible(text.replace("\t", " " * _TAB_WIDTH))


def _width(text: str) -> int:
    """Terminal cells: wide characters take two, combining marks none (Unicode UAX 11)."""
    cells = 0
    for character in text:
        if unicodedata.combining(character):
            continue
        cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells


def _counts(found: list[Diagnostic]) -> tuple[int, int]:
    errors = sum(one.severity is Severity.ERROR for one in found)
    return errors, len(found) - errors


def _summary(found: list[Diagnostic]) -> str:
    if not found:
        return "no problems found"
    errors, warnings = _counts(found)
    files = len({one.at.file for one in found})
    parts = [
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    ]
    return f"{' and '.join(parts)} in {files} file{'' if files == 1 else 's'}"


def _paint(text: str, tone: str) -> str:
    return f"{tone}{text}{_RESET}"


def _plain(text: str, tone: str) -> str:
    return text


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
