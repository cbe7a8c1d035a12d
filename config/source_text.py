"""The characters of one file, addressed by offset and by line and column."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from config.diagnostics import Position

_LINE_BREAK = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class SourceText:
    """A file's text; offsets and columns count Unicode code points."""

    file: str
    text: str
    lines: tuple[str, ...] = field(init=False)
    _starts: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        starts, lines, at = [0], [], 0
        for found in _LINE_BREAK.finditer(self.text):
            lines.append(self.text[at : found.start()])
            at = found.end()
            starts.append(at)
        lines.append(self.text[at:])
        object.__setattr__(self, "lines", tuple(lines))
        object.__setattr__(self, "_starts", tuple(starts))

    def line(self, number: int) -> str:
        """The text of line ``number`` (from 1) without its line break; empty past the end."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""

    def start_of(self, number: int) -> int:
        """The offset of the first character of line ``number`` (from 1)."""
        return self._starts[number - 1]

    def line_number(self, offset: int) -> int:
        """The line (from 1) that holds ``offset``."""
        return bisect_right(self._starts, max(0, min(offset, len(self.text))))

    def position(self, start: int, end: int | None = None) -> Position:
        """The place of ``start``, and up to ``end`` (exclusive) as far as it is on that line."""
        start = max(0, min(start, len(self.text)))
        number = self.line_number(start)
        first = self._starts[number - 1]
        width = len(self.lines[number - 1])
        column = min(start - first, width) + 1
        end_column = None
        if end is not None and end > start:
            # An end on a later line means that the span covers the rest of this one.
            end_column = max(column + 1, min(end - first, len(self.lines[number - 1].rstrip())) + 1)
        return Position(file=self.file, line=number, column=column, end_column=end_column)
