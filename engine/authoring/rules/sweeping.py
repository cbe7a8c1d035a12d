"""Everybody at once: ``unbounded-sweep``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity
from engine.authoring.compile import Draft
from engine.authoring.rules.constants import constant
from engine.authoring.spec import ScheduleTriggerSpec


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Marketing to all customers on a schedule, with nothing that bounds how many."""
    spec = draft.spec
    segment = draft.conditions.get(("trigger", "segment"))
    is_swept = isinstance(spec.trigger, ScheduleTriggerSpec) and segment is not None
    if not is_swept or spec.purpose != "marketing" or spec.volume_limit is not None:
        return
    if segment is not None and constant(segment) is True and spec.trigger.filter is None:
        yield draft.problem(
            "unbounded-sweep",
            ("trigger", "segment"),
            "each time this writes to every customer there is, however many",
            severity=Severity.WARNING,
            expected="a segment that says who is due, and a volume_limit such as 500/d",
        )
