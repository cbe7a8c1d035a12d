"""Invitations among messages about an order: ``referral-in-transactional``.

To ask somebody to bring customers is advertising, whatever else the message is about: 16 CFR 316.3
(the primary purpose of a message under CAN-SPAM), Directive 2002/58/EC, article 13. It needs a
consent, which only ``purpose: marketing`` asks for.
"""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic
from engine.authoring.compile import Draft


def check(draft: Draft) -> Iterator[Diagnostic]:
    """One error for each invitation in a transactional campaign."""
    if draft.spec.purpose != "transactional":
        return
    for step in draft.steps:
        if step.verb == "ask_referral":
            yield draft.problem(
                "referral-in-transactional",
                step.verb_path,
                "an invitation to bring friends is advertising and needs consent "
                "(CAN-SPAM, 16 CFR 316.3; Directive 2002/58/EC, art. 13)",
                key=True,
                expected="purpose: marketing",
            )
