"""Working hours as the shop writes them: ``Mon-Fri 09:00-17:00, Sat 10:00-14:00``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from config.diagnostics import nearest

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LONG: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NUMBER: Final = {
    **{name.lower(): number for number, name in enumerate(_DAYS)},
    **{name.lower(): number for number, name in enumerate(_LONG)},
}
_PART: Final = re.compile(
    r"([A-Za-z]+)(?:\s*-\s*([A-Za-z]+))?\s+(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})", re.ASCII
)
_DAY: Final = 24 * 60
_EXAMPLE: Final = "Mon-Fri 09:00-17:00"


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """``spans``: for each day of the week (0 = Monday) its (start, end) in minutes of the day.

    Spans of a day are in order and do not touch; some day has one.
    """

    text: str
    spans: tuple[tuple[tuple[int, int], ...], ...]

    def __str__(self) -> str:
        return self.text


def parse_hours(text: str) -> WorkingHours:
    """The hours that ``text`` names, parts divided by commas. Raises ValueError that helps."""
    spans: list[list[tuple[int, int]]] = [[] for _ in _DAYS]
    for part in text.split(","):
        found = _PART.fullmatch(part.strip())
        if found is None:
            raise ValueError(f'"{part.strip()}" names no hours; write them as in {_EXAMPLE}')
        first, last = _day(found[1]), _day(found[2] or found[1])
        start, end = _minute(found[3], found[4]), _minute(found[5], found[6])
        if start >= end:
            raise ValueError(
                f'"{part.strip()}" ends before it begins; write hours past midnight as two parts, '
                "as in Fri 20:00-24:00, Sat 00:00-02:00"
            )
        for offset in range((last - first) % 7 + 1):
            spans[(first + offset) % 7].append((start, end))
    return WorkingHours(text, tuple(_joined(one) for one in spans))


def _day(word: str) -> int:
    number = _NUMBER.get(word.lower())
    if number is None:
        near = nearest(word.title(), _DAYS)
        hint = f"; did you mean {near}?" if near else ""
        raise ValueError(f'"{word}" is no day of the week{hint}; write Mon, Tue, … Sun')
    return number


def _minute(hour: str, minute: str) -> int:
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > _DAY:
        raise ValueError(f"{hour}:{minute} is not a time of day")
    return total


def _joined(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _hours(value: Any) -> WorkingHours:
    if isinstance(value, WorkingHours):
        return value
    if not isinstance(value, str):
        raise ValueError(f"write it as text, as in {_EXAMPLE}")
    return parse_hours(value)


HoursField = Annotated[
    WorkingHours,
    BeforeValidator(_hours),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": [_EXAMPLE]}),
]
