"""``lagniappe check`` and ``lagniappe schema``: the workspace's files, and their grammar."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.diagnostic_report import as_github, as_json, as_text
from engine.cli.failure import FINDING
from engine.cli.output import write
from engine.cli.session import session_of

if TYPE_CHECKING:
    from config.policy import Policy
    from engine.authoring.check import Report
    from engine.ports.rendering import Templates


class ReportFormat(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def check(
    context: typer.Context,
    chosen: Annotated[
        ReportFormat, typer.Option("--format", help="For people, programs, or GitHub Actions.")
    ] = ReportFormat.TEXT,
) -> None:
    """Check campaigns, templates and config/store.yaml: every problem, each at its place.

    Exit code 1 when there is an error; warnings alone are no failure.
    """
    report = report_of(session_of(context).workspace)
    match chosen:
        case ReportFormat.TEXT:
            colour = sys.stdout.isatty() and not session_of(context).environ.get("NO_COLOR")
            write(as_text(report.diagnostics, report.sources, color=colour))
        case ReportFormat.JSON:
            write(as_json(report.diagnostics))
        case ReportFormat.GITHUB:
            write(as_github(report.diagnostics))
    if report.has_errors:
        raise typer.Exit(FINDING)


def schema(
    tests: Annotated[
        bool, typer.Option("--tests", help="Of files of tests (*.test.yaml) instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of campaign files, for editors."""
    from engine.authoring.schema import schema_text, schema_text_of_tests

    write(schema_text_of_tests() if tests else schema_text())


def report_of(workspace: Path) -> Report:
    """Every problem of a workspace's files."""
    from engine.authoring.check import check as check_workspace

    return check_workspace(workspace, open_templates)


def open_templates(workspace: Path, policy: Policy | None) -> Templates:
    """The templates, as far as a faulty policy lets them be judged."""
    from engine.rendering.sample import SAMPLE_SHOP
    from engine.rendering.templates import MessageTemplates
    from engine.rendering.values import shop_context

    return MessageTemplates(
        workspace / "message_templates",
        shop=SAMPLE_SHOP if policy is None else shop_context(policy),
        default_locale="en" if policy is None else policy.locale.split("-")[0],
        tags=None if policy is None else policy.link_tags,
    )
