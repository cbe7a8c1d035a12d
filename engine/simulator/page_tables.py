"""Tables of a report's page; on a telephone each row of a wide one becomes a card."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

Row = Mapping[str, Any]
Cell = str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. ``right`` for numbers; ``wide`` takes a line of its own on a card.

    What is nothing (None, no text, 0) is left out of a card.
    """

    title: str
    cell: Callable[[Row], Cell]
    right: bool = True
    wide: bool = False


def table(rows: Iterable[Row], columns: Sequence[Column], *, cards: bool = False) -> str:
    """The whole table, whose first column names its rows; nothing without rows."""
    body = "".join(_row(row, columns) for row in rows)
    if not body:
        return ""
    head = "".join(
        f'<th role="columnheader" scope="col"{_marks(one)}>{escape(one.title)}</th>'
        for one in columns
    )
    kind = ' class="cards"' if cards else ""
    # Rows that are laid out as cards are no longer rows to a screen reader unless they say so.
    return (
        f'<table role="table"{kind}><thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )


def folded(summary: str, content: str) -> str:
    """Something that is there for who asks; nothing when there is nothing."""
    if not content:
        return ""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


def number(title: str, key: str) -> Column:
    """A column of counts."""
    return Column(title=title, cell=lambda row: row[key])


def text(title: str, key: str) -> Column:
    """A column of words."""
    return Column(title=title, cell=lambda row: row[key], right=False)


def _row(row: Row, columns: Sequence[Column]) -> str:
    first, *others = columns
    cells = [f'<th role="rowheader" scope="row"{_marks(first)}>{_shown(first.cell(row))}</th>']
    for one in others:
        value, label = one.cell(row), escape(one.title)
        marks = _marks(one, empty=not value)
        cells.append(f'<td role="cell" data-l="{label}"{marks}>{_shown(value)}</td>')
    return f'<tr role="row">{"".join(cells)}</tr>'


def _marks(column: Column, *, empty: bool = False) -> str:
    names = [
        name
        for name, is_so in (("n", column.right), ("w", column.wide), ("o", empty))
        if is_so
    ]  # fmt: skip
    return f' class="{" ".join(names)}"' if names else ""


def _shown(value: Cell) -> str:
    return f"{value:,}" if isinstance(value, int) else escape(value or "")
