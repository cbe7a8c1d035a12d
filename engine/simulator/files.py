"""A simulation's report as files: a page, a document, and a table for each part."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from engine.simulator.page import page
from engine.simulator.report import Document

_TABLES: Final = ("campaigns", "sent", "days", "hours", "weeks", "withheld", "deferred", "exits",
                  "entries", "reactions", "coupons", "senders")  # fmt: skip
# OWASP, "CSV injection": a spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def write_files(report: Document, folder: Path) -> list[Path]:
    """Write everything into ``folder``, which is made; the files. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "report.html", folder / "report.json"]
    written[0].write_text(page(report), encoding="utf-8")
    written[1].write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    tables: dict[str, Sequence[Mapping[str, Any]]] = {name: report[name] for name in _TABLES}
    tables["pools"] = [
        {key: value for key, value in row.items() if key != "campaigns"} for row in report["pools"]
    ]
    for name in ("customers_by_messages", "customers_by_loudest_week", "busiest"):
        tables[name] = report["pressure"][name]
    for name, rows in tables.items():
        if rows:
            written.append(folder / f"{name}.csv")
            _write_csv(written[-1], rows)
    return written


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({key: _cell(value) for key, value in row.items()})


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
