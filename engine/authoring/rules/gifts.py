"""Asking the wrong one: ``gift-recipient-asked``.

Whoever has a gift in hand is not the one who ordered it, and the one who ordered it cannot say how
it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from config.diagnostics import Diagnostic, Severity
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of
from engine.ports.rendering import Templates

_FIELD: Final = "order.is_gift"
_ASKS: Final = frozenset({"ask_survey", "ask_review"})
_ASKING: Final = re.compile(r"review|rating|survey|nps|csat|cross_?sell|recommend|replenish")


def check(draft: Draft, templates: Templates) -> Iterator[Diagnostic]:
    """One warning a campaign about an order that asks or sells and never looks at gifts.

    A template that reads ``order.is_gift`` itself counts as looking.
    """
    if draft.knowledge.key.partition(".")[0] != "order":
        return
    if any(_FIELD in condition.source for condition in draft.conditions.values()):
        return
    for step in draft.steps:
        contact = contact_of(step.spec)
        name = contact.template if contact else None
        if step.verb not in _ASKS and not (name and _ASKING.search(name)):
            continue
        info = templates.info(name) if name else None
        if info is not None and _FIELD in info.variables:
            continue
        yield draft.problem(
            "gift-recipient-asked",
            step.verb_path,
            "this asks about an order that may be a gift: somebody else has it in hand",
            key=True,
            severity=Severity.WARNING,
            expected='trigger: filter: "!order.is_gift", or the same as this step\'s if',
        )
        return
