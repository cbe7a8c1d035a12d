"""A comparison of two versions for people: tables in the terminal, Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.cli.output import Column, Row, counted, print_table, say, short, tell
from engine.simulator.sentences import day

_NAMED: Final = 5  # customers
_WIDE: Final = ("edit", "because", "then")  # columns that give way
_Cells = Sequence[tuple[str, bool, Any]]  # title, whether a number, cell


def show(document: Mapping[str, Any]) -> None:
    """Print what a change comes to."""
    say()
    tell(_title(document))
    for line in _sentences(document):
        tell(line)
    for title, rows, cells in _tables(document):
        say()
        say(title, style="bold")
        print_table(rows, [
            Column(title=name.upper(), cell=cell, right=number, wide=name in _WIDE)
            for name, number, cell in cells
        ])  # fmt: skip
    for line in _faults(document):
        say()
        tell(line)
    for one in document["rewordings"]:
        if one["example"]:
            say()
            say(_reworded(one), style="bold")
            for line in one["example"]:
                say(line, style={"+": "green", "-": "red"}.get(line[:1]))
    _verdicts(document)


def markdown(document: Mapping[str, Any]) -> str:
    """The same as Markdown, as a comment of a pull request shows it."""
    parts = [f"### {_title(document)}", *_sentences(document)]
    for title, rows, cells in _tables(document):
        lines = [
            [name for name, _, _ in cells],
            ["---:" if number else "---" for _, number, _ in cells],
            *([_escaped(cell(row)) for _, _, cell in cells] for row in rows),
        ]
        parts += [f"**{title}**", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    parts += _faults(document)
    for one in document["rewordings"]:
        if one["example"]:
            lines_of_it = "\n".join(one["example"])
            summary = f"<details><summary>{_reworded(one)}</summary>"
            parts += [summary, f"~~~~diff\n{lines_of_it}\n~~~~", "</details>"]
    for one in document["thresholds"]:
        mark, values = "❌" if one["failed"] else "✅", (one["before"], one["after"])
        former, now = (f"{each:,f}" for each in values)
        parts.append(f"{mark} `{one['threshold']}`: {former} before, {now} after")
    return "\n\n".join(parts) + "\n"


def _title(document: Mapping[str, Any]) -> str:
    return (f"{document['before']} against {document['after']}, "
            f"{day(document['since'].date())} to {day(document['until'].date())}")  # fmt: skip


def _sentences(document: Mapping[str, Any]) -> list[str]:
    if document["equal"]:
        return ["The two versions are equal."]
    total, pressure = document["total"], document["pressure"]
    counts = ", ".join(
        f"{total[part]:,} {word}"
        for part, word in (
            ("added", "added"), ("removed", "removed"), ("moved", "moved"),
            ("changed", "with other words"),
        )
    )  # fmt: skip
    lines = [f"{total['before']:,} messages before, {total['after']:,} after: {counts}"]
    if total["cost_before"] or total["cost_after"]:
        lines.append(f"{total['cost_before']} {document['currency']} before, "
                     f"{total['cost_after']} after")  # fmt: skip
    more, fewer = pressure["customers_with_more"], pressure["customers_with_fewer"]
    if more or fewer:
        named = ", ".join(
            f"{short(one['customer'])} {one['before']} → {one['after']}"
            for one in pressure["most_changed"][:_NAMED]
        )
        lines.append(f"{counted(more, 'customer')} would get more, {fewer:,} fewer ({named})")
    if document["gone"]:
        lines.append(f"no longer there, or broken: {', '.join(document['gone'])}")
    return lines


def _tables(document: Mapping[str, Any]) -> list[tuple[str, Sequence[Row], _Cells]]:
    found: list[tuple[str, Sequence[Row], _Cells]] = [
        ("By campaign and channel", document["changes"], _CHANGES),
        ("Each edit alone, and all together", _alone(document), _edit_cells(document)),
        ("Added, and why not before", document["added_because"], _BECAUSE),
        ("Removed, and why", document["removed_because"], _BECAUSE),
        ("Withheld, and why", document["withheld"], _WITHHELD),
        ("Journeys that live now", document["live_journeys"] or (), _JOURNEYS),
    ]
    return [each for each in found if each[1]]


def _edit_cells(document: Mapping[str, Any]) -> _Cells:
    """Cost as well, where prices are known."""
    total = document["total"]
    priced = total["cost_before"] or total["cost_after"]
    return (*_EDITS, _of_edit("cost")) if priced else _EDITS


def _alone(document: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = list(document["edits"])
    if rows:
        total = document["total"]
        rows.append({
            "edit": "all together",
            "fault": None,
            "alone": {
                **total,
                "withheld": total["withheld_after"] - total["withheld_before"],
            },
        })  # fmt: skip
    return rows


def _verdicts(document: Mapping[str, Any]) -> None:
    if document["thresholds"]:
        say()
    for one in document["thresholds"]:
        word = "crossed" if one["failed"] else "kept"
        say(f"{word}: {one['threshold']}", style="red" if one["failed"] else "green")


def _faults(document: Mapping[str, Any]) -> list[str]:
    """Why some edits cannot be tried alone."""
    return [
        f"{one['edit']} cannot be tried alone: {one['fault']}"
        for one in document["edits"]
        if one["fault"] is not None
    ]


def _reworded(one: Mapping[str, Any]) -> str:
    return (f"{one['template']}, {one['channel']} of {one['campaign']}: other words in "
            f"{counted(one['messages'], 'message')}, for instance")  # fmt: skip


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|").replace("\n", " ")


def _number(key: str) -> tuple[str, bool, Any]:
    return key, True, lambda row: f"{row[key]:,}"


def _of_edit(key: str) -> tuple[str, bool, Any]:
    def cell(row: Row) -> str:
        if row["alone"] is None:
            return "-"
        return (
            f"{row['alone'][key]:+,}" if key in ("withheld", "cost") else f"{row['alone'][key]:,}"
        )

    return key, True, cell


def _shift(row: Row) -> str:
    hours = row["moved_by_hours"]
    if hours is None:
        return ""
    return f"{hours:+g} h" if abs(hours) < 48 else f"{hours / 24:+.3g} d"


_CAMPAIGN: Final = ("campaign", False, lambda row: row["campaign"])
_TEXT: Final = ("because", False, lambda row: row["text"])
_CHANGES: Final[_Cells] = (
    _CAMPAIGN,
    ("channel", False, lambda row: row["channel"]),
    *(_number(key) for key in ("before", "after", "added", "removed", "moved")),
    ("by", True, _shift),
    _number("changed"),
)
_EDITS: Final[_Cells] = (
    ("edit", False, lambda row: row["edit"]),
    *(_of_edit(key) for key in ("added", "removed", "moved", "changed", "withheld")),
)
_BECAUSE: Final[_Cells] = (_CAMPAIGN, _number("messages"), _TEXT)
_WITHHELD: Final[_Cells] = (_CAMPAIGN, _number("before"), _number("after"), _TEXT)
_JOURNEYS: Final[_Cells] = (
    _CAMPAIGN,
    _number("journeys"),
    ("step", False, lambda row: row["step"]),
    ("then", False, lambda row: row["text"]),
)
