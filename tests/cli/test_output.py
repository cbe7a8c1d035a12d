"""Rows in every format: complete for programs, safe for spreadsheets and terminals."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cli.output import Column, RowFormat, csv_lines, csv_rows, defused, print_rows, table

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.lists(
    st.text(max_size=5), max_size=3
)  # fmt: skip
ROWS = st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES}), max_size=5)
COLUMNS = (
    Column(title="A", cell=lambda row: str(row["a"])),
    Column(title="B", cell=lambda row: str(row["b"]), wide=True),
)


def printed(
    rows: list[dict[str, Any]], chosen: RowFormat, capsys: pytest.CaptureFixture[str]
) -> str:
    print_rows(rows, chosen, COLUMNS, fields=("a", "b"), empty="nothing here")
    return capsys.readouterr().out


@given(st.text(max_size=40))
def test_no_cell_starts_a_formula(text: str) -> None:
    cell = defused(text)
    assert cell.removeprefix("'") == text or cell == text
    if cell[:1] in ("=", "+", "@", "\t", "\r"):
        pytest.fail(f"{cell!r} is a formula")
    if cell.startswith("-"):
        float(cell)  # a plain negative number computes to itself


@pytest.mark.parametrize(
    "text", ["=1+1", "+15045550199", "-2+3", "@SUM(A1)", "\tx", "\r=1", "-", "-1.2.3", "=cmd|'/c'"]
)
def test_dangerous_cells_are_defused(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "-1.25", "plain", "", "a=b", "'quoted"])
def test_harmless_cells_stay(text: str) -> None:
    assert defused(text) == text


@given(ROWS)
def test_csv_reads_back_row_for_row(rows: list[dict[str, Any]]) -> None:
    text = csv_lines([("a", "b")], guard=False) + csv_rows(rows, ("a", "b"))
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read[0] == ["a", "b"]
    assert len(read) == len(rows) + 1
    assert all(len(line) == 2 for line in read)


def test_json_and_jsonl_hold_the_same_and_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, Any]] = [
        {"a": datetime(2026, 3, 1, 9, tzinfo=UTC), "b": Decimal("12.50"), "c": "not asked for"},
        {"a": "x\x1b[31m\n", "b": {"k": [1, None]}},
    ]
    whole = json.loads(printed(rows, RowFormat.JSON, capsys))
    lines = [json.loads(line) for line in printed(rows, RowFormat.JSONL, capsys).splitlines()]
    assert (
        whole
        == lines
        == [
            {"a": "2026-03-01T09:00:00Z", "b": 12.5},
            {"a": "x\x1b[31m\n", "b": {"k": [1, None]}},
        ]
    )


@pytest.mark.parametrize(("chosen", "nothing"), [
    (RowFormat.JSON, "[]\n"), (RowFormat.JSONL, ""), (RowFormat.CSV, "a,b\r\n"),
    (RowFormat.TABLE, "nothing here\n"),
])  # fmt: skip
def test_no_rows(chosen: RowFormat, nothing: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed([], chosen, capsys) == nothing


@given(st.text(min_size=1, max_size=60))
def test_a_table_never_holds_a_control_character(text: str) -> None:
    made = table([{"a": text, "b": text}], COLUMNS, 60)
    from rich.console import Console

    out = Console(file=io.StringIO(), width=60, color_system=None)
    with out.capture() as captured:
        out.print(made)
    signs = captured.get().replace("\n", "")
    assert not [one for one in signs if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def test_a_piped_table_is_not_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    long = "x" * 300
    out = printed([{"a": "1", "b": long}], RowFormat.TABLE, capsys)
    assert long in out
    assert all(line == line.rstrip() for line in out.splitlines())


def test_at_eighty_columns_the_narrow_columns_stay_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    narrow = "n" * 40
    out = printed([{"a": narrow, "b": "x" * 300}], RowFormat.TABLE, capsys)
    lines = out.splitlines()
    assert len(lines) == 2
    assert narrow in lines[1]
    assert max(len(line) for line in lines) <= 80
