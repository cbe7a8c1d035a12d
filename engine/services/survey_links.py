"""The links of a message that asks for a score: one for each score, and one for none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.core.campaign import Plan
from engine.core.message import Message
from engine.core.survey import ANSWERABLE
from engine.core.verbs import AskSurvey
from engine.links import Links, Question
from engine.programs.scales import survey_values


def survey_root(
    plan: Plan | None, message: Message, links: Links, locale: str | None, now: datetime
) -> Mapping[str, Any] | None:
    """The template root ``survey`` of a message; None when its step asks for no score."""
    index = None if plan is None else plan.step_index.get(message.step)
    step = None if plan is None or index is None else plan.steps[index]
    if not isinstance(step, AskSurvey):
        return None
    kind, expires = step.kind, now + ANSWERABLE
    return survey_values(
        kind, locale, lambda score: links.survey(message.id, Question(kind, score), expires)
    )
