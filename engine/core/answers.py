"""The book of survey answers, as conditions and templates read it.

A record's key is the message that asked, or the event of an answer from outside; ``at`` is when
the answer that holds was given.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from engine.core.book import Record
from engine.core.survey import SurveyKind
from engine.core.world import World

ANSWERS: Final = "answers"


def latest_score(world: World, kind: SurveyKind) -> int | None:
    """The customer's newest score of a kind; None when there is none."""
    answers = _answers(world)
    if not answers:
        return None
    told = [record for record in answers if record.data.get("kind") == kind]
    newest = max(told, key=_when, default=None)
    return None if newest is None else int(newest.data["score"])


def last_answer_at(world: World) -> datetime | None:
    """When the customer last answered a survey of any kind."""
    return max((record.at for record in _answers(world)), default=None)


def _answers(world: World) -> Sequence[Record]:
    return world.book(ANSWERS)


def _when(record: Record) -> tuple[datetime, str]:
    return record.at, record.key
