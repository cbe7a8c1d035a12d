"""Surveys: what is asked, on which scale, and what counts as an answer.

CSAT asks for satisfaction with something, 1 to 5; NPS how likely the customer is to recommend the
shop, 0 to 10 (F. Reichheld, "The One Number You Need to Grow", HBR, December 2003); CES how easy
the shop made it, 1 to 7 (CES 2.0, CEB, 2013).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final, Literal, TypeGuard

SurveyKind = Literal["csat", "nps", "ces"]

ANSWERED: Final = "survey.answered"
ANSWERABLE: Final = timedelta(days=90)  # how long a survey's link is good, from when it was made
LONGEST_COMMENT: Final = 2000  # characters; the rest is cut off

SCALES: Final[Mapping[SurveyKind, range]] = {
    "csat": range(1, 6),
    "nps": range(11),
    "ces": range(1, 8),
}

# "9", "9!", "9 great", "9/10": a number that is not part of a time, an amount or another word.
_SCORE: Final = re.compile(r"(\d{1,2})(?:\s*/\s*(\d{1,2}))?(?![\w%€$£°]|[.,:/-]\d)(.*)", re.DOTALL)
_KEYCAP: Final = str.maketrans("", "", "\ufe0f\u20e3")
_LEADING: Final = " \t\r\n.,;:!-–—/)*"
_KEPT: Final = "\n"


def is_kind(value: object) -> TypeGuard[SurveyKind]:
    """Whether this names a kind of survey."""
    return isinstance(value, str) and value in SCALES


def is_on_scale(kind: SurveyKind, score: object) -> bool:
    """Whether ``score`` is a number that this kind of survey offers."""
    return isinstance(score, int) and not isinstance(score, bool) and score in SCALES[kind]


def answer_of(kind: SurveyKind, digits: str) -> int | None:
    """The score that was typed on a telephone's keypad; None when it is not on the scale."""
    if not re.fullmatch(r"[0-9]{1,2}", digits):
        return None
    score = int(digits)
    return score if is_on_scale(kind, score) else None


def answer_in(kind: SurveyKind, text: str) -> tuple[int, str | None] | None:
    """The score with which a text message begins, and what else it says; None when it is no answer.

    "9", "10!", "9 great service" and "4/5" are answers, "9am", "9.50", "2:30" and what is not on
    the scale are not.
    """
    plain = unicodedata.normalize("NFKC", text.translate(_KEYCAP)).strip()
    found = _SCORE.match(plain)
    if found is None:
        return None
    digits, best, rest = found.groups()
    score = answer_of(kind, digits) if digits.isascii() else None
    if score is None or (best is not None and int(best) != SCALES[kind][-1]):
        return None
    return score, comment_of(rest.lstrip(_LEADING))


def comment_of(text: str | None) -> str | None:
    """A comment as it is kept: without control characters, not too long; None when it is empty."""
    if text is None:
        return None
    told = text.replace("\r\n", "\n").replace("\r", "\n")
    told = "".join(
        char for char in told if char in _KEPT or unicodedata.category(char) not in ("Cc", "Cs")
    )
    return told.strip()[:LONGEST_COMMENT].strip() or None


def score_told(data: Mapping[str, Any]) -> tuple[SurveyKind, int] | None:
    """Kind and score of a ``survey.answered`` event; None when they make no sense."""
    kind, score = data.get("kind"), data.get("score")
    if is_kind(kind) and isinstance(score, int) and is_on_scale(kind, score):
        return kind, score
    return None
