"""What campaigns need of ``config/store.yaml``: ``unknown-topic``, ``no-sms-sender``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity, nearest
from config.policy import Policy
from engine.authoring.compile import Draft
from engine.authoring.step_specs import SendSmsStep


def lint_policy(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    """Topics that customers can choose, and a sender for texts.

    No sender is one warning a campaign, since all its texts fail alike.
    """
    yield from _topic(draft, policy)
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


def _topic(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    topic = draft.spec.topic
    if topic is None:
        return
    if topic not in policy.topics:
        known = ", ".join(policy.topics)
        yield draft.problem(
            "unknown-topic",
            ("topic",),
            f'config/store.yaml has no topic "{topic}"',
            expected=f"one of {known}" if known else "topics: in config/store.yaml",
            suggestion=nearest(topic, policy.topics),
        )
    elif draft.spec.purpose == "transactional":
        yield draft.problem(
            "transactional-topic",
            ("topic",),
            "topics are for marketing: no customer can decline this",
            key=True,
            severity=Severity.WARNING,
            expected="no topic, or purpose: marketing",
        )
