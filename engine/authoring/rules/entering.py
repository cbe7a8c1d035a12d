"""Who enters: ``whole-holdout``, ``transactional-holdout``, ``re-entry-without-effect``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity
from engine.authoring.compile import Draft
from engine.authoring.spec import AfterSpec


def check(draft: Draft) -> Iterator[Diagnostic]:
    """Holdouts that withhold what should be sent, and a re-entry rule that never applies."""
    spec = draft.spec
    if spec.holdout is not None and spec.holdout >= 100:
        yield draft.problem(
            "whole-holdout",
            ("holdout",),
            "every customer is held out: nobody gets anything",
            severity=Severity.WARNING,
            expected="a share such as 10%, or status: paused",
        )
    elif spec.holdout and spec.purpose == "transactional":
        yield draft.problem(
            "transactional-holdout",
            ("holdout",),
            "these customers do not get a message that they need",
            severity=Severity.WARNING,
            expected="no holdout, or purpose: marketing",
        )
    after = spec.entry is not None and isinstance(spec.entry.re_entry, AfterSpec)
    by_time = draft.knowledge.event is None and not after
    if by_time and draft.document.has(("entry", "re_entry")):
        yield draft.problem(
            "re-entry-without-effect",
            ("entry", "re_entry"),
            "each occurrence is an entry of its own, so re_entry keeps nobody out",
            severity=Severity.WARNING,
            expected="re_entry: {after: 180d}, or a segment that says who is due and no re_entry",
        )
