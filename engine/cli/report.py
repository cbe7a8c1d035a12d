"""``lagniappe report``: what came of it, in figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.failure import Program
from engine.cli.moments import moment
from engine.cli.output import Column, Row, RowFormat, print_rows
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.insights.satisfaction import Answer
    from engine.ports.stored import BookLine

app = typer.Typer(cls=Program, no_args_is_help=True)

FIELDS = ("campaign", "kind", "month", "answers", "value", "low", "high")


@app.callback()
def report() -> None:
    """Figures over time."""


@app.command()
def surveys(
    context: typer.Context,
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="ID", help="Of this campaign alone.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="From then on: 2026-03-01, 90d.")
    ] = None,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """CSAT (%), NPS and CES (mean) by campaign and month, with their 95% intervals."""
    from engine.core.answers import ANSWERS
    from engine.insights.satisfaction import summaries

    with session_of(context).records() as records:
        zone = records.zone
        start = moment(since, records.clock.now(), zone)
        told = [
            one
            for one in _answers(records.storage.book(ANSWERS), start)
            if campaign is None or one.campaign == campaign
        ]
    rows = [
        {
            "campaign": one.campaign,
            "kind": one.kind,
            "month": one.month,
            "answers": one.estimate.answers,
            "value": _rounded(one.estimate.value),
            "low": _rounded(one.estimate.low),
            "high": _rounded(one.estimate.high),
        }
        for one in summaries(told, zone)
    ]
    columns = (
        Column(title="CAMPAIGN", cell=lambda row: row["campaign"] or "(from outside)"),
        Column(title="SURVEY", cell=lambda row: row["kind"].upper()),
        Column(title="MONTH", cell=lambda row: row["month"]),
        Column(title="ANSWERS", cell=lambda row: str(row["answers"]), right=True),
        Column(title="SCORE", cell=lambda row: _shown(row, "value"), right=True),
        Column(title="95% BETWEEN", cell=_interval, right=True),
    )
    of = f" of {campaign}" if campaign is not None else ""
    print_rows(rows, chosen, columns, fields=FIELDS, empty=f"no survey{of} has been answered")


def _answers(lines: Sequence[BookLine], since: datetime | None) -> Iterator[Answer]:
    from engine.insights.satisfaction import Answer

    for line in lines:
        at, data = line.record.at, line.record.data
        if since is None or at >= since:
            yield Answer(
                kind=data["kind"], score=data["score"], at=at, campaign=data.get("campaign")
            )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _shown(row: Row, name: str) -> str:
    value = row[name]
    return f"{value:.2f}" if row["kind"] == "ces" else f"{value:.0f}"


def _interval(row: Row) -> str:
    return "-" if row["low"] is None else f"{_shown(row, 'low')} and {_shown(row, 'high')}"
