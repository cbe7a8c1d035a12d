"""One type for every problem that a file of the workspace can have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile


class Severity(StrEnum):
    """An error stops the campaign; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a file; line and column count from 1, as editors show them."""

    file: str  # path relative to the workspace
    line: int
    column: int
    end_column: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem: what, where, what was expected, the nearest right word."""

    code: str  # stable kebab-case name of the rule, for instance "unknown-field"
    message: str
    at: Position
    severity: Severity = Severity.ERROR
    path: str = ""  # field path, for instance "steps[2].send_email.template"
    expected: str | None = None
    suggestion: str | None = None


def nearest(word: str, choices: Iterable[str]) -> str | None:
    """The choice most like ``word``, or None when nothing is near enough to be worth saying.

    Of nearly equal ones that which begins like ``word``: slips come late in a word (W. E. Winkler,
    "String Comparator Metrics", 1990), so ``order.payed`` means paid rather than placed.
    """
    pool = list(choices)
    by_lower = {choice.lower(): choice for choice in reversed(pool)}
    asked = word.lower()
    found = difflib.get_close_matches(asked, by_lower, n=5, cutoff=0.6)

    def likeness(choice: str) -> float:
        alike = [one == other for one, other in zip(asked, choice, strict=False)]
        start = len(list(takewhile(bool, alike))) / max(len(asked), 1)
        return difflib.SequenceMatcher(None, choice, asked).ratio() + 0.2 * start

    return by_lower[max(found, key=likeness)] if found else None
