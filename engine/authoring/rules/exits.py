"""Ends that are missing or come too soon: ``exit-on-own-trigger``, ``no-refund-exit``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity
from config.yaml_source import Path
from engine.authoring.compile import Draft
from engine.core.campaign import OrderExit


def check(draft: Draft) -> Iterator[Diagnostic]:
    """``exit_on`` as written; the default of order campaigns has none of these."""
    spec, knowledge = draft.spec, draft.knowledge
    if not spec.exit_on:
        return
    about = knowledge.key.partition(".")[0]
    for number, match in enumerate(spec.exit_on):
        path: Path = ("exit_on", number)
        known = knowledge.event_spec(match.event)
        own = match.event == knowledge.event and match.match == "object"
        if own and match.if_ is None and known is not None and known.object == about != "customer":
            yield draft.problem(
                "exit-on-own-trigger",
                path,
                f"{match.event} of the same {about} is what starts this campaign: "
                "here it ends the journey as it begins, or never comes",
                severity=Severity.WARNING,
                expected=f"{{event: {match.event}, match: customer}} if another {about} is meant",
            )
    events = {match.event for match in spec.exit_on}
    refund, *others = OrderExit
    if spec.purpose == "marketing" and about == "order" and refund not in events:
        missing = [refund, *(event for event in others if event not in events)]
        yield draft.problem(
            "no-refund-exit",
            ("exit_on",),
            "customers who get their money back go on getting this marketing: "
            "an exit_on of your own replaces the one that order campaigns have by themselves",
            key=True,
            severity=Severity.WARNING,
            expected=f"also {', '.join(missing)}",
        )
