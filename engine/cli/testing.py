"""``lagniappe test``: play the tests of campaigns, and say what they never reach."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.diagnostic_report import as_github, as_row, as_text
from config.diagnostics import Diagnostic, Position, Severity, nearest
from engine.cli.checking import ReportFormat
from engine.cli.failure import FINDING, WRONG_USAGE, Failure
from engine.cli.output import Column, counted, print_table, say, warn, write, write_json
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.rehearsal.coverage import Coverage
    from engine.rehearsal.run import Report, Result


def play(
    context: typer.Context,
    chosen: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CAMPAIGN]...", help="Ids of campaigns, or files; else all."),
    ] = None,
    name: Annotated[
        str | None, typer.Option("-k", metavar="NAME", help="Only tests with this in their name.")
    ] = None,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="List every step and branch never reached.")
    ] = False,
    fail_under: Annotated[
        float | None,
        typer.Option(metavar="PERCENT", min=0, max=100, help="Fail below this coverage, in all."),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a JUnit report as well.")
    ] = None,
    form: Annotated[
        ReportFormat, typer.Option("--format", help="For people, programs, or GitHub Actions.")
    ] = ReportFormat.TEXT,
) -> None:
    """Play campaigns' tests (campaigns/*.test.yaml) under a virtual clock; send nothing.

    Each test has a database of its own, thrown away after it; the workspace's is not touched. Exit
    code 1 when a test fails or coverage is below --fail-under.
    """
    from engine.rehearsal.junit import as_junit
    from engine.rehearsal.run import run_tests
    from engine.setup import SetupError

    _quiet()
    workspace = session_of(context).workspace
    colour = sys.stdout.isatty() and not session_of(context).environ.get("NO_COLOR")

    def tell(result: Result) -> None:
        if form is ReportFormat.TEXT:
            mark = "ok  " if result.passed else "FAIL"
            style = None if result.passed else "red"
            say(f"{mark}  {result.campaign}: {result.name}", style=style if colour else None)

    try:
        report = run_tests(
            workspace,
            campaigns=_campaigns(workspace, chosen or []),
            name=name,
            on_result=tell,
        )
    except SetupError as error:
        raise Failure(str(error)) from None
    if not report.results and not report.diagnostics:
        if name is not None:
            raise Failure(f'no test has "{name}" in its name', code=WRONG_USAGE)
        raise Failure(
            "there are no tests; write the first in campaigns/NAME.test.yaml, beside the campaign"
        )
    if junit is not None:
        junit.write_text(as_junit(report), encoding="utf-8")
    match form:
        case ReportFormat.TEXT:
            _tell(report, colour=colour, whole=coverage)
        case ReportFormat.JSON:
            write_json(_document(report))
        case ReportFormat.GITHUB:
            write(as_github([*_problems(report), *(_gaps(report) if coverage else [])]))
    below = fail_under is not None and report.percent < fail_under
    if below:
        warn(f"lagniappe: coverage is {report.percent:.1f}%, below {fail_under:g}%")
    if below or not report.passed:
        raise typer.Exit(FINDING)


def _quiet() -> None:
    """What services log while a test is played is no news to anybody."""
    import logging

    import structlog

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def _campaigns(workspace: Path, named: Sequence[str]) -> list[str]:
    """The ids that were named, by themselves or by a file of theirs."""
    if not named:
        return []
    from engine.authoring.loader import CAMPAIGNS, Loader
    from engine.authoring.rehearsals import read_test_files
    from engine.bootstrap import open_templates
    from engine.setup import read_policy

    policy = read_policy(workspace)
    loaded = Loader(workspace, open_templates(workspace, policy)).read()
    drafts = loaded.drafts
    tests = read_test_files(workspace, drafts, policy)
    by_file = {Path(draft.document.file).name: draft.spec.id for draft in drafts}
    by_file |= {Path(file).name: campaign for file, campaign in tests.about.items()}
    known = {draft.spec.id for draft in drafts}
    # Of what cannot be read, only the name of its file is known.
    wrong = {one.at.file for one in (*loaded.diagnostics, *tests.diagnostics)}
    unread = {Path(file).stem: file for file in wrong if file.startswith(f"{CAMPAIGNS}/")}
    found: list[str] = []
    for each in named:
        campaign = each if each in known else by_file.get(Path(each).name)
        unreadable = unread.get(campaign or Path(each).stem)
        if campaign not in known and unreadable is not None:
            raise Failure(f"{unreadable} cannot be used; lagniappe check says why")
        if campaign is None:
            near = nearest(each, {*known, *by_file})
            hint = f"; did you mean {near}?" if near else ""
            raise Failure(f"there is no campaign {each}{hint}", code=WRONG_USAGE)
        found.append(campaign)
    return found


def _problems(report: Report) -> list[Diagnostic]:
    return [*report.diagnostics, *(one for each in report.results for one in each.failures)]


def _tell(report: Report, *, colour: bool, whole: bool) -> None:
    for result in report.results:
        if not result.passed:
            say()
            say(f"{result.campaign}: {result.name}", style="bold" if colour else None)
            write(_without_summary(as_text(result.failures, report.sources, color=colour)))
            for fact in result.happened:
                say(f"  {fact.at:%Y-%m-%d %H:%M}  {fact.text}")
    if report.diagnostics:
        say()
        write(_without_summary(as_text(report.diagnostics, report.sources, color=colour)))
    say()
    _tell_coverage(report, whole=whole)
    failed = sum(not one.passed for one in report.results)
    seconds = sum(one.seconds for one in report.results)
    parts = [f"{len(report.results) - failed} passed"]
    if failed:
        parts.append(f"{failed} failed")
    errors = sum(one.severity is Severity.ERROR for one in report.diagnostics)
    if errors:
        parts.append(counted(errors, "error"))
    say(f"{', '.join(parts)} in {seconds:.1f} s; {report.percent:.0f}% of steps and branches")


def _without_summary(text: str) -> str:
    """Diagnostics without the line that counts them, which stands at the end of all."""
    return "".join(text.splitlines(keepends=True)[:-1])


def _tell_coverage(report: Report, *, whole: bool) -> None:
    columns = (
        Column(title="CAMPAIGN", cell=lambda row: row["campaign"]),
        Column(title="TESTS", cell=lambda row: str(row["tests"]), right=True),
        Column(title="STEPS", cell=lambda row: f"{row['steps_reached']} of {row['steps']}"),
        Column(
            title="BRANCHES", cell=lambda row: f"{row['branches_reached']} of {row['branches']}"
        ),
        Column(title="REACHED", cell=lambda row: f"{row['percent']:.0f}%", right=True),
    )
    print_table([_coverage_row(one) for one in report.coverage], columns)
    if whole:
        for one in report.coverage:
            for never in one.never:
                say(f"  {never.at.file}:{never.at.line}:{never.at.column}: {never.text}")
    say()


def _coverage_row(one: Coverage) -> dict[str, Any]:
    return {
        "campaign": one.campaign,
        "file": one.file,
        "tests": one.tests,
        "steps": one.steps,
        "steps_reached": one.steps_reached,
        "branches": one.branches,
        "branches_reached": one.branches_reached,
        "percent": round(one.percent, 1),
        "never": [_place(never.at) | {"text": never.text} for never in one.never],
    }


def _place(at: Position) -> dict[str, Any]:
    return {"file": at.file, "line": at.line, "column": at.column}


def _document(report: Report) -> dict[str, Any]:
    return {
        "version": 1,
        "passed": sum(one.passed for one in report.results),
        "failed": sum(not one.passed for one in report.results),
        "percent": round(report.percent, 1),
        "tests": [
            {
                "campaign": one.campaign,
                "name": one.name,
                **_place(one.at),
                "passed": one.passed,
                "seconds": round(one.seconds, 3),
                "failures": [as_row(each) for each in one.failures],
                "happened": [{"at": fact.at, "text": fact.text} for fact in one.happened],
            }
            for one in report.results
        ],
        "coverage": [_coverage_row(one) for one in report.coverage],
        "diagnostics": [as_row(one) for one in report.diagnostics],
    }


def _gaps(report: Report) -> list[Diagnostic]:
    """What no test reaches, as warnings at their places."""
    return [
        Diagnostic(code="never-reached", message=never.text, at=never.at, severity=Severity.WARNING)
        for one in report.coverage
        for never in one.never
    ]
