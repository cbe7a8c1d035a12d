"""What tells campaigns and steps apart: ``id-not-file-name``, ``missing-step-id``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from config.diagnostics import Diagnostic, Severity
from engine.authoring.compile import Draft


def check(draft: Draft) -> Iterator[Diagnostic]:
    """A campaign is best called like its file; journeys move over by the ids of their steps."""
    stem = PurePosixPath(draft.document.file).stem
    if stem != draft.spec.id:
        yield draft.problem(
            "id-not-file-name",
            ("id",),
            f'the campaign is called "{draft.spec.id}" and its file "{stem}"',
            severity=Severity.WARNING,
            expected="the same name for both",
        )
    if draft.spec.in_flight != "migrate":
        return
    for step in draft.steps:
        if step.spec.id is None:
            yield draft.problem(
                "missing-step-id",
                (*step.path, step.verb),
                "with in_flight: migrate this step needs an id: "
                "by it journeys that stand here find their place in the next revision",
                key=True,
                expected="id: and a word",
            )
