"""Lengths of time, rates and percentages as campaigns write them: ``1d12h``, ``2000/d``, ``10%``.

Hours, minutes and seconds are exact. Days and weeks are calendar days on somebody's clock, which
last 23 to 25 hours across a change to or from summer time, so a duration keeps both parts and has
no order: whether ``1d`` is longer than ``24h`` depends on the day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_SECONDS = {"h": 3600, "m": 60, "s": 1}
_SPANS = {unit: timedelta(seconds=length) for unit, length in _SECONDS.items()}
_SPANS["d"] = timedelta(days=1)
_DAYS = {"w": 7, "d": 1}
_PART = re.compile(r"(\d+)([wdhms])", re.ASCII)
_DURATION = re.compile(r"(?:\d+w)?(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?")
_WORDY = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)", re.ASCII)
_LONGEST = 3660  # days: ten years; beyond it a date calculation could overflow
_UNIT_OF = {
    **dict.fromkeys(("weeks", "week", "wks", "wk"), "w"),
    **dict.fromkeys(("days", "day"), "d"),
    **dict.fromkeys(("hours", "hour", "hrs", "hr"), "h"),
    **dict.fromkeys(("minutes", "minute", "mins", "min"), "m"),
    **dict.fromkeys(("seconds", "second", "secs", "sec"), "s"),
}
_UNITS = "w, d, h, m or s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """``days`` on the calendar and then ``seconds`` exactly; both parts have the same sign.

    ``nominal`` follows: its length with days of 24 hours, for bounds and display, not for due
    times.
    """

    days: int = 0
    seconds: int = 0
    nominal: timedelta = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.days * self.seconds < 0:
            raise ValueError("the parts of a duration have the same sign")
        object.__setattr__(self, "nominal", timedelta(days=self.days, seconds=self.seconds))

    def __str__(self) -> str:
        sign = "-" if self.days < 0 or self.seconds < 0 else ""
        rest = abs(self.seconds)
        text = f"{abs(self.days)}d" if self.days else ""
        for unit, length in _SECONDS.items():
            count, rest = divmod(rest, length)
            text += f"{count}{unit}" if count else ""
        return f"{sign}{text or '0s'}"

    @property
    def is_zero(self) -> bool:
        """Whether it is no time at all."""
        return not (self.days or self.seconds)

    @property
    def nominal_seconds(self) -> int:
        """``nominal`` in seconds."""
        return self.days * 86_400 + self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most ``count`` in each span of one unit: ``s``, ``m``, ``h`` or ``d``."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}/{self.unit}"

    @property
    def per(self) -> Duration:
        """The span that the count is for."""
        return Duration(days=1) if self.unit == "d" else Duration(seconds=_SECONDS[self.unit])

    @property
    def span(self) -> timedelta:
        """``per`` with a day of 24 hours."""
        return _SPANS[self.unit]


def parse(text: str, *, negative: bool = False) -> Duration:
    """``3d``, ``1d12h``, ``90m``; with ``negative`` also ``-7d``. Raises ValueError that helps."""
    body = text.strip()
    sign = 1
    if body.startswith(("-", "+")):
        if body[0] == "-" and not negative:
            raise ValueError(f"{text} is negative; write it without the minus sign")
        sign = -1 if body[0] == "-" else 1
        body = body[1:]
    if not body or not body.isascii() or not _DURATION.fullmatch(body):
        raise ValueError(_why_not_duration(text, body))
    days = seconds = 0
    for count, unit in _PART.findall(body):
        if len(count) > 9:
            raise ValueError(_too_long(text))
        days += int(count) * _DAYS.get(unit, 0)
        seconds += int(count) * _SECONDS.get(unit, 0)
    if days + seconds / 86_400 > _LONGEST:
        raise ValueError(_too_long(text))
    return Duration(days=sign * days, seconds=sign * seconds)


def _too_long(text: str) -> str:
    return f"{_short(text)} is too long; the longest duration is {_LONGEST}d"


def _why_not_duration(text: str, body: str) -> str:
    if not body:
        return f"a number and a unit ({_UNITS}) are missing, as in 3d"
    if re.fullmatch(r"\d{1,9}", body, re.ASCII):
        return f"{body} has no unit; write {body}d, {body}h or {body}m"
    wordy = _WORDY.fullmatch(body)
    if wordy:
        count, word = wordy[1], wordy[2].lower()
        if word in ("month", "months", "mo", "year", "years", "y", "yr", "yrs"):
            days = round(float(count[:9]) * (30 if word.startswith("mo") else 365))
            return f"months and years vary in length; write days, for instance {days}d"
        unit = _UNIT_OF.get(word) or (word if word in "wdhms" and len(word) == 1 else None)
        if unit and "." in count:
            return f"{text} is not a whole number; write it in smaller units, as in 1h30m"
        if unit:
            return f"{text} is not a duration; did you mean {count}{unit}?"
    squeezed = "".join(body.split()).lower()
    if squeezed != body and squeezed and _DURATION.fullmatch(squeezed):
        return f"{text} is not a duration; did you mean {squeezed}?"
    parts = _PART.findall(squeezed)
    if parts and "".join(count + unit for count, unit in parts) == squeezed:
        return f"{_short(text)}: write each unit once, largest first, as in 1w2d3h"
    return f"{_short(text)} is not a duration; write a number and a unit ({_UNITS}), as in 3d"


def parse_rate(text: str) -> Rate:
    """``2000/d``: a whole number above zero and s, m, h or d. Raises ValueError that helps."""
    found = re.fullmatch(r"(\d{1,9})\s*/\s*([A-Za-z]+)", text.strip(), re.ASCII)
    if not found:
        number = text.strip()
        hint = "write a number and a unit (s, m, h or d), as in 2000/d"
        if re.fullmatch(r"\d{1,9}", number, re.ASCII):
            hint = f"write {number}/d, {number}/h or {number}/s"
        raise ValueError(f"{_short(text)} is not a rate; {hint}")
    count, word = int(found[1]), found[2].lower()
    unit = _UNIT_OF.get(word, word)
    if unit not in ("s", "m", "h", "d"):
        raise ValueError(f"{_short(text)}: a rate is per s, m, h or d, as in 2000/d")
    if unit != found[2]:
        raise ValueError(f"{_short(text)} is not a rate; did you mean {count}/{unit}?")
    if count == 0:
        raise ValueError(f"{text} allows nothing; write a number above zero")
    return Rate(count=count, unit=unit)


def parse_percent(text: str) -> Decimal:
    """``10%`` or ``2.5%`` as a Decimal from 0 to 100. Raises ValueError that helps."""
    body = text.strip()
    found = re.fullmatch(r"(\d{1,3}(?:\.\d{1,4})?)\s*%", body, re.ASCII)
    if not found:
        if re.fullmatch(r"\d{1,3}(?:\.\d{1,4})?", body, re.ASCII):
            raise ValueError(f"{body} has no percent sign; did you mean {body}%?")
        raise ValueError(f"{_short(text)} is not a percentage; write 0% to 100%, as in 10%")
    share = Decimal(found[1])
    if share > 100:
        raise ValueError(f"{body} is over 100%")
    return share


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def _duration(value: Any) -> Duration:
    return value if isinstance(value, Duration) else parse(_text(value, "3d"))


def _signed_duration(value: Any) -> Duration:
    return value if isinstance(value, Duration) else parse(_text(value, "-7d"), negative=True)


def _rate(value: Any) -> Rate:
    return value if isinstance(value, Rate) else parse_rate(_text(value, "2000/d"))


def _percent(value: Any) -> Decimal:
    return value if isinstance(value, Decimal) else parse_percent(_text(value, "10%"))


def _text(value: Any, example: str) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if value is None:
        raise ValueError(f"it has no value; write one, as in {example}")
    if not isinstance(value, str):
        raise ValueError(f"write it as text, as in {example}")
    return value


def _schema(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


_AS_TEXT = PlainSerializer(str, return_type=str)
_PARTS = r"(?=\d)(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?$"
DurationField = Annotated[
    Duration,
    BeforeValidator(_duration),
    _AS_TEXT,
    _schema("^" + _PARTS, "3d", "1d12h", "90m"),
]
SignedDurationField = Annotated[
    Duration, BeforeValidator(_signed_duration), _AS_TEXT, _schema("^[-+]?" + _PARTS, "-7d", "3d")
]
RateField = Annotated[Rate, BeforeValidator(_rate), _AS_TEXT, _schema(r"^\d+/[smhd]$", "2000/d")]
PercentField = Annotated[
    Decimal,
    BeforeValidator(_percent),
    PlainSerializer(lambda share: f"{share}%", return_type=str),
    _schema(r"^\d{1,3}(\.\d{1,4})?%$", "10%"),
]
