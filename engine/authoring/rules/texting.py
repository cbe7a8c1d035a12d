"""Marketing by text: ``sms-without-consent``, ``sms-without-quiet-hours``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from typing import Final

from config.diagnostics import Diagnostic, Severity
from config.limits import QuietHours
from config.policy import Policy
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of
from engine.authoring.layout import Placed

_CONSENT: Final = "customer.sms_consent"
_TCPA: Final = "47 CFR 64.1200(c)(1)"
# 47 CFR 64.1200(c)(1): no solicitation before 8 in the morning or after 9 in the evening.
_NIGHT: Final = (time(21), time(8))


def check(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    """Texts to people who never agreed to any, and texts at night. One warning of each kind."""
    texts = [step for step in draft.steps if _is_text(step)]
    if draft.spec.purpose != "marketing" or not texts:
        return
    unasked = [step for step in texts if not _asks_consent(draft, step)]
    if unasked:
        yield draft.problem(
            "sms-without-consent",
            unasked[0].verb_path,
            "nothing asks whether the customer agreed to texts: "
            "for all who did not, this step is dropped without another way to reach them",
            key=True,
            severity=Severity.WARNING,
            expected=f"if: {_CONSENT}, or a branch over it (47 CFR 64.1200(a)(2))",
        )
    hours = policy.quiet_hours.sms
    if hours is None or not _covers_night(hours):
        told = "has no quiet hours" if hours is None else "lets texts through at night"
        yield draft.problem(
            "sms-without-quiet-hours",
            texts[0].verb_path,
            f"config/store.yaml {told}, and this is marketing by text",
            key=True,
            severity=Severity.WARNING,
            expected=f'quiet_hours: sms: {{from: "21:00", until: "08:00"}} or longer; see {_TCPA}',
        )


def _is_text(step: Placed) -> bool:
    contact = contact_of(step.spec)
    return contact is not None and contact.channel == "sms"


def _asks_consent(draft: Draft, step: Placed) -> bool:
    """Whether a condition of the entry, of the step or of an arm around it names the consent."""
    for path, condition in draft.conditions.items():
        if _CONSENT not in condition.names:
            continue
        if path[0] != "steps" or path == (*step.path, "if"):
            return True
        if "branch" in path and step.path[: len(path) - 1] == path[:-1]:
            return True
        # An arm's condition also decides who comes to the arms below it.
        if "branch" in path and step.path[: len(path) - 2] == path[:-2]:
            return True
    return False


def _covers_night(hours: QuietHours) -> bool:
    start, end = _NIGHT
    spans_midnight = hours.start > hours.until
    return spans_midnight and hours.start <= start and hours.until >= end
