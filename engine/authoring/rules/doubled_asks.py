"""Two campaigns that ask the same customer the same thing at the same moment: ``asked-twice``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.diagnostics import Diagnostic, Severity
from engine.authoring.compile import Draft
from engine.authoring.layout import Placed
from engine.authoring.rules.asking_everyone import asks_for_reviews
from engine.authoring.step_specs import AskSurveyStep
from engine.core.campaign import CampaignStatus


def check(drafts: Sequence[Draft]) -> Iterator[Diagnostic]:
    """A warning at the later file's request; entry filters of their own may keep them apart."""
    first: dict[tuple[str, str], Draft] = {}
    for draft in sorted(drafts, key=lambda one: one.document.file):
        event, spec = draft.knowledge.event, draft.spec
        if event is None or spec.status is not CampaignStatus.LIVE or spec.trigger.filter:
            continue
        told: set[str] = set()
        for step in draft.steps:
            what = _asked(step)
            if what is None or what in told:
                continue
            told.add(what)
            other = first.setdefault((event, what), draft)
            if other is not draft:
                yield draft.problem(
                    "asked-twice",
                    step.verb_path,
                    f"{other.spec.id} asks the same customers for the same ({what}) "
                    f"after the same {event}",
                    key=True,
                    severity=Severity.WARNING,
                    expected="one of the two, or a trigger filter that keeps them apart",
                )


def _asked(step: Placed) -> str | None:
    if isinstance(step.spec, AskSurveyStep):
        return step.spec.ask_survey.kind
    if step.verb == "ask_referral":
        return "a referral"
    return "reviews" if asks_for_reviews(step) else None
