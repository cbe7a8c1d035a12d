"""One type for every problem that a file of the workspace can have."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


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
    """The choice most like ``word``, or None when nothing is near enough to be worth saying."""
    pool = list(choices)
    by_lower = {choice.lower(): choice for choice in reversed(pool)}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None
