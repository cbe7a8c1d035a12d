"""``lagniappe report surveys``: what the answers of a shop's past come to."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli import shop
from tests.cli.shop import START, Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A shop whose customers have answered another tool's surveys."""
    shop.make(tmp_path)
    told = [
        {"id": f"a{number}", "source": "forms", "type": "survey.answered",
         "time": (START + timedelta(days=day)).isoformat(), "customer": {"id": f"c{number}"},
         "data": {"kind": kind, "score": score}}
        for number, (day, kind, score) in enumerate(
            [(0, "nps", 10), (1, "nps", 9), (2, "nps", 3), (-9, "nps", 10), (1, "ces", 6),
             (1, "csat", 7)]
        )
    ]  # fmt: skip
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told))
    cli = Cli(tmp_path)
    cli.ok("ingest", str(tmp_path / "answers.jsonl"), "--backfill")
    return cli


def test_answers_are_summed_by_month_with_their_intervals(cli: Cli) -> None:
    rows = cli.json("report", "surveys")
    told = [(row["campaign"], row["kind"], row["month"], row["answers"], row["value"])
            for row in rows]  # fmt: skip
    assert told == [
        (None, "ces", "2026-03", 1, 6.0),
        (None, "nps", "2026-02", 1, 100.0),
        (None, "nps", "2026-03", 3, 33.33),
    ]  # a score on no scale is none
    assert (rows[0]["low"], rows[0]["high"]) == (None, None)
    assert rows[2]["low"] < rows[2]["value"] < rows[2]["high"]
    assert cli.json("report", "surveys", "--since", "2026-03-01") == [rows[0], rows[2]]
    assert cli.json("report", "surveys", "--campaign", "care") == []
    assert "no survey of care has" in cli.ok("report", "surveys", "--campaign", "care")
    (line, *_) = csv.DictReader(io.StringIO(cli.ok("report", "surveys", "--format", "csv")))
    assert line["value"] == "6.0"
    table = cli.ok("report", "surveys")
    assert "(from outside)" in table
    assert "NPS" in table


def test_no_answers_are_told_in_words(tmp_path: Path) -> None:
    shop.make(tmp_path)
    assert "no survey has been answered" in Cli(tmp_path).ok("report", "surveys")


def test_the_documented_fields_are_the_printed_ones(cli: Cli) -> None:
    document = (Path(__file__).parents[2] / "docs/reference/cli-json.md").read_text()
    for name in cli.json("report", "surveys")[0]:
        assert f"`{name}`" in document
