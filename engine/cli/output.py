"""What commands print: rows in four formats, plain text, and nothing raw from the data.

Machine formats (``json``, ``jsonl``, ``csv``) hold every field, never cut or coloured. Tables are
for people: cut to the terminal's width when there is one, as wide as they need to be when piped.
"""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.diagnostic_report import visible

Row = Mapping[str, Any]

_GAP = 2  # blanks between two columns
_PIPED_WIDTH = 100_000  # nothing is cut or wrapped for a program that reads along
# OWASP, "CSV injection": a spreadsheet takes a cell that begins so for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TONES = {
    "sent": "green", "delivered": "green", "live": "green", "ok": "green", "goal": "green",
    "scheduled": "cyan", "sending": "cyan", "waiting": "cyan",
    "skipped": "yellow", "cancelled": "yellow", "held": "yellow", "paused": "yellow",
    "warn": "yellow", "unknown": "magenta", "draft": "dim",
    "failed": "red", "bounced": "red", "fail": "red", "broken": "red", "rejected": "red",
}  # fmt: skip


class RowFormat(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table: its title, the cell of a row, and how it gives way.

    ``wide`` columns share what room is left and are cut with an ellipsis; the others keep all
    their characters.
    """

    title: str
    cell: Callable[[Row], str]
    wide: bool = False
    right: bool = False
    tone: bool = False  # coloured by its own word


def console(*, error: bool = False) -> Console:
    """The terminal, or the pipe, as it is now. No markup, no highlighting: data is only text."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else _PIPED_WIDTH
    return Console(
        file=stream, width=width, markup=False, highlight=False, emoji=False, soft_wrap=False
    )


def say(text: str = "", *, style: str | None = None) -> None:
    """Print lines for people; control characters in them are written out."""
    out = console()
    for line in text.split("\n"):
        out.print(Text(visible(line), style=style or ""), soft_wrap=True)


def tell(text: str, *, style: str | None = None, indent: str = "") -> None:
    """Print a sentence, as wide as the terminal, in lines that end between words.

    ``indent`` stands before its further lines.
    """
    for line in textwrap.wrap(
        text, console().width, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    ):  # fmt: skip
        say(line, style=style)


def print_table(rows: Iterable[Row], columns: Sequence[Column]) -> None:
    """Print rows as a table that fits the terminal."""
    show_table(table(rows, columns))


def show_table(made: Table) -> None:
    """Print a table; without the blanks at the ends of its lines when it goes into a pipe."""
    out = console()
    # Rich would squeeze every column of a table that is too wide; ours keep what they were given.
    out.width = max(out.width, sum((one.width or 0) + _GAP for one in made.columns))
    if out.is_terminal:
        out.print(made, soft_wrap=False, crop=False)
        return
    with out.capture() as captured:
        out.print(made)
    write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))


def warn(text: str) -> None:
    """One line on standard error."""
    err = console(error=True)
    for line in text.split("\n"):
        err.print(Text(visible(line)), soft_wrap=True)


def write(text: str) -> None:
    """Text for programs, exactly as it is; a name that is not Unicode is escaped."""
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode())


def write_json(data: object) -> None:
    """One JSON document, indented."""
    write(json.dumps(plain(data), indent=2, ensure_ascii=False) + "\n")


def print_rows(
    rows: Sequence[Row],
    chosen: RowFormat,
    columns: Sequence[Column],
    *,
    fields: Sequence[str],
    empty: str,
    note: str | None = None,
) -> None:
    """Print rows; ``fields`` names the fields of the machine formats in their order.

    ``empty`` is what people read when there are none, ``note`` a line below their table.
    """
    match chosen:
        case RowFormat.JSON:
            write_json([_ordered(row, fields) for row in rows])
        case RowFormat.JSONL:
            write("".join(json_line(row, fields) for row in rows))
        case RowFormat.CSV:
            write(csv_lines([fields], guard=False) + csv_rows(rows, fields))
        case RowFormat.TABLE:
            if not rows:
                say(empty)
                return
            print_table(rows, columns)
            if note:
                say(note, style="dim")


def json_line(row: Row, fields: Sequence[str]) -> str:
    """One row as one line of JSON."""
    return json.dumps(plain(_ordered(row, fields)), ensure_ascii=False) + "\n"


def csv_rows(rows: Iterable[Row], fields: Sequence[str]) -> str:
    """Rows as CSV without header; lists and mappings are JSON in their cell."""
    return csv_lines([[_csv_cell(row.get(field)) for field in fields] for row in rows])


def csv_lines(lines: Iterable[Sequence[str]], *, guard: bool = True) -> str:
    """CSV as RFC 4180 writes it; cells that a spreadsheet would compute are defused."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    for cells in lines:
        writer.writerow([defused(cell) if guard else cell for cell in cells])
    return buffer.getvalue()


def defused(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before a leading sign.

    A plain number keeps its sign; it computes to nothing but itself.
    """
    if not cell.startswith(_FORMULA) or _is_number(cell):
        return cell
    return f"'{cell}"


def table(rows: Iterable[Row], columns: Sequence[Column], width: int | None = None) -> Table:
    """A table without borders: a title line, then a line a row.

    At most ``width`` cells wide (the terminal's unless given), except when the narrow columns
    alone are wider.
    """
    width = console().width if width is None else width
    cells = [[visible(column.cell(row)) for column in columns] for row in rows]
    widths = _fitted(columns, cells, width)
    made = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    for column, room in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.right else "left"
        made.add_column(
            column.title, justify=justify, no_wrap=True, overflow="ellipsis", width=room
        )
    for line in cells:
        made.add_row(
            *(
                Text(cell, style=_TONES.get(cell.split(" ")[0], "") if column.tone else "")
                for column, cell in zip(columns, line, strict=True)
            )
        )
    return made


def _fitted(columns: Sequence[Column], cells: Sequence[Sequence[str]], width: int) -> list[int]:
    """The widths of columns: narrow ones as they need, the rest shared evenly by the wide ones."""
    wanted = [
        max([len(column.title), *(cell_len(line[index]) for line in cells)])
        for index, column in enumerate(columns)
    ]
    wide = [index for index, column in enumerate(columns) if column.wide]
    room = width - sum(wanted) + sum(wanted[index] for index in wide) - _GAP * len(columns) + _GAP
    for left, index in enumerate(sorted(wide, key=lambda index: wanted[index])):
        share = max(len(columns[index].title), room // (len(wide) - left))
        wanted[index] = min(wanted[index], share)
        room -= wanted[index]
    return wanted


def plain(data: object) -> Any:
    """Values as JSON has them: times in RFC 3339 with Z, money as a number of its digits."""
    match data:
        case datetime():
            return data.isoformat().replace("+00:00", "Z")
        case date():
            return data.isoformat()
        case Decimal():
            return int(data) if data == data.to_integral_value() else float(data)
        case StrEnum():
            return data.value
        case Mapping():
            return {str(key): plain(value) for key, value in data.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(value) for value in data]
        case _:
            return data


def local(moment: datetime | None, zone: tzinfo) -> str:
    """A time for a table, on the shop's clock, to the minute."""
    return "" if moment is None else f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def counted(count: int, word: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def short(identifier: str) -> str:
    """The first part of an id, enough to name it by."""
    return identifier[:8]


def _ordered(row: Row, fields: Sequence[str]) -> dict[str, Any]:
    return {field: row.get(field) for field in fields}


def _csv_cell(value: object) -> str:
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _is_number(cell: str) -> bool:
    body = cell.strip("\t\r")
    if body != cell or not body[1:].replace(".", "", 1).isascii():
        return False
    return body[0] == "-" and body[1:].replace(".", "", 1).isdigit()
