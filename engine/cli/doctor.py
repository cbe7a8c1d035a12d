"""``lagniappe doctor``: what is wrong with a set-up, and how to mend it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.failure import FINDING
from engine.cli.output import counted, say, show_table, write_json
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.cli.examination import Finding

_TONES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


class DoctorFormat(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"


def doctor(
    context: typer.Context,
    chosen: Annotated[DoctorFormat, typer.Option("--format")] = DoctorFormat.TEXT,
) -> None:
    """Look over settings, database, files, keys, clock and disk; say how to mend what is wrong.

    Changes nothing. Exit code 1 when something fails; warnings alone are no failure.
    """
    from engine.cli.examination import Examination, State

    session = session_of(context)
    findings = Examination(session.workspace, session.environ).findings()
    if chosen is DoctorFormat.JSON:
        write_json({"version": 1, "findings": [_row(one) for one in findings]})
    else:
        _print(findings)
    if any(one.state is State.FAIL for one in findings):
        raise typer.Exit(FINDING)


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "check": finding.check,
        "state": finding.state.value,
        "message": finding.told,
        "mend": finding.mend,
    }


def _print(findings: Sequence[Finding]) -> None:
    from rich.table import Table
    from rich.text import Text

    from config.diagnostic_report import visible

    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for one in findings:
        told = Text(visible(one.told))
        if one.mend:
            told.append(f"\n→ {visible(one.mend)}", style="bold")
        made.add_row(Text(one.state.value, style=_TONES[one.state.value]), Text(one.check), told)
    show_table(made)
    states = [one.state.value for one in findings]
    warnings, failures = states.count("warn"), states.count("fail")
    say(f"{states.count('ok')} ok, {counted(warnings, 'warning')}, {counted(failures, 'failure')}")
