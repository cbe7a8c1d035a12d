"""How often one customer is asked: ``survey-throttle``, ``unknown-review-site``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity, nearest
from config.policy import Policy
from config.reviews import OWN_SITE
from engine.authoring.compile import Draft
from engine.authoring.spec import AfterSpec
from engine.authoring.step_specs import AskReviewStep


def check(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    """Surveys without a throttle, or with one that swallows the campaign's own re-entries."""
    yield from _sites(draft, policy)
    asks = [step for step in draft.steps if step.verb == "ask_survey"]
    if draft.spec.purpose != "marketing" or not asks:
        return
    gap = policy.surveys.min_gap
    entry = draft.spec.entry
    if gap is None:
        yield draft.problem(
            "survey-throttle",
            asks[0].verb_path,
            "a customer who orders often is asked as often: config/store.yaml has no throttle",
            key=True,
            severity=Severity.WARNING,
            expected="surveys: {min_gap: 30d} in config/store.yaml",
        )
    elif entry is not None and isinstance(entry.re_entry, AfterSpec):
        after = entry.re_entry.after
        if after.nominal_seconds < gap.nominal_seconds:
            yield draft.problem(
                "survey-throttle",
                ("entry", "re_entry", "after"),
                f"whoever enters again after {after} is not asked: "
                f"config/store.yaml keeps {gap} between two surveys",
                severity=Severity.WARNING,
                expected=f"re_entry: {{after: {gap}}} or longer, or a shorter surveys: min_gap",
            )


def _sites(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    known = {*policy.reviews.sites, OWN_SITE}
    for step in draft.steps:
        site = step.spec.ask_review.site if isinstance(step.spec, AskReviewStep) else None
        if site is not None and site not in known:
            yield draft.problem(
                "unknown-review-site",
                (*step.verb_path, "site"),
                f'config/store.yaml has no review site "{site}"',
                expected=f"one of {', '.join(sorted(known))}",
                suggestion=nearest(site, known),
            )
