"""What campaigns need of ``config/store.yaml``: ``no-sms-sender``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity
from config.policy import Policy
from engine.authoring.compile import Draft
from engine.authoring.step_specs import SendSmsStep


def lint_policy(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    """A text needs a sender; one warning a campaign, since all its texts fail alike."""
    if policy.senders.sms is not None:
        return
    for step in draft.steps:
        if isinstance(step.spec, SendSmsStep):
            yield draft.problem(
                "no-sms-sender",
                step.verb_path,
                "no text can be sent: config/store.yaml names no sender for SMS",
                key=True,
                severity=Severity.WARNING,
                expected="senders: sms: from: in config/store.yaml",
            )
            return
