"""A report as JUnit XML, which CI systems show.

Elements and attributes as the common schema has them (github.com/testmoapp/junitxml describes what
is read where): one ``testsuite`` a campaign, one ``testcase`` a test, ``failure`` for what was not
as expected, one ``error`` for a file that could not be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from xml.sax.saxutils import escape, quoteattr

from config.diagnostic_report import as_text, visible
from config.diagnostics import Diagnostic, Position, Severity
from engine.rehearsal.run import Report, Result


def as_junit(report: Report) -> str:
    """The report as one XML document."""
    broken: dict[str, list[Diagnostic]] = {}  # CI systems merge cases of one name
    for each in report.diagnostics:
        if each.severity is Severity.ERROR:
            broken.setdefault(each.at.file, []).append(each)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    counts = _counts(report.results, len(broken))
    lines.append(_tag("testsuites", name="lagniappe", **counts) + ">")
    for campaign, group in groupby(report.results, key=lambda one: one.campaign):
        results = list(group)
        lines.append("  " + _tag("testsuite", name=campaign, **_counts(results, 0)) + ">")
        for one in results:
            failures = one.failures
            lines += _case(report, campaign, one.name, one.at, one.seconds, "failure", failures)
        lines.append("  </testsuite>")
    if broken:
        lines.append("  " + _tag("testsuite", name="files", **_counts((), len(broken))) + ">")
        for file, problems in broken.items():
            lines += _case(report, "files", file, problems[0].at, 0.0, "error", problems)
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _case(
    report: Report,
    suite: str,
    name: str,
    at: Position,
    seconds: float,
    kind: str,
    problems: Sequence[Diagnostic],
) -> list[str]:
    head = "    " + _tag(
        "testcase", classname=suite, name=name, file=at.file, line=at.line, time=f"{seconds:.3f}"
    )
    if not problems:
        return [f"{head}/>"]
    opened = _tag(kind, type=problems[0].code, message=problems[0].message)
    told = escape(as_text(problems, report.sources))
    return [f"{head}>", f"      {opened}>{told}</{kind}>", "    </testcase>"]


def _counts(results: Sequence[Result], errors: int) -> dict[str, str | int]:
    return {
        "tests": len(results) + errors,
        "failures": sum(not one.passed for one in results),
        "errors": errors,
        "time": f"{sum(one.seconds for one in results):.3f}",
    }


def _tag(element: str, /, **attributes: str | int) -> str:
    """The beginning of an element, still without its closing bracket."""
    told = " ".join(f"{name}={quoteattr(visible(str(text)))}" for name, text in attributes.items())
    return f"<{element} {told}"
