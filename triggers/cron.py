"""Checks a cron line field by field, so that a mistake is told in plain words.

The language is the classic five fields of crontab(5) as cronsim reads it, with names for months
and weekdays, lists, ranges and steps, and ``L`` (last day), ``LW`` (last working day), ``5L``
(last Friday) and ``1#2`` (second Monday). As in Debian's cron, day-of-month and day-of-week must
both match when either begins with ``*``; otherwise one of them is enough.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from datetime import datetime

from cronsim import CronSim, CronSimError

_NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()  # names for the numbers from low on

    def number(self, text: str) -> int:
        """The number that ``text`` writes or names; ValueError says what was expected."""
        if text in self.words:
            return self.low + self.words.index(text)
        if re.fullmatch(r"[0-9]{1,4}", text):
            number = int(text)
            if self.low <= number <= self.high:
                return number
        raise ValueError(f"{self.name} must be {self._expected()}, got {text}{self._hint(text)}")

    def _expected(self) -> str:
        names = f" or {self.words[0]}-{self.words[-1]}" if self.words else ""
        return f"{self.low}-{self.high}{names}"

    def _hint(self, text: str) -> str:
        if text == "?":
            return '; write "*" for any'
        if near := difflib.get_close_matches(text[:3], self.words, n=1, cutoff=0.6):
            return f"; did you mean {near[0]}?"
        return ""

    def check(self, text: str) -> None:
        """Checks one whole field.

        :raises ValueError: with the field's name, what was expected and what was found.
        """
        for term in text.split(","):
            if not term:
                raise ValueError(f'{self.name} "{text}" has an empty place between its commas')
            self._check_term(term)

    def _check_term(self, term: str) -> None:
        base, slash, step = term.partition("/")
        if slash and not re.fullmatch(r"0*[1-9][0-9]{0,3}", step):
            raise ValueError(
                f'{self.name} "{term}" needs a step of 1 or more after the slash, got "{step}"'
            )
        if base == "*" or (not slash and self._is_special(base)):
            return
        first, dash, last = base.partition("-")
        if not dash:
            self.number(first)
        elif self.number(first) > self.number(last):
            raise ValueError(
                f"{self.name} range {base} runs backwards; write {first}-{self.high},{self.low}-"
                f"{last} if it should wrap around"
            )

    def _is_special(self, term: str) -> bool:
        if self.name == "day-of-month":
            return term in ("L", "LW")
        if self.name == "day-of-week":
            if match := re.fullmatch(r"([0-9])L", term):
                self.number(match[1])
                return True
            day, hash_, nth = term.partition("#")
            if hash_:
                self.number(day)
                if nth not in ("1", "2", "3", "4", "5"):
                    raise ValueError(f'{self.name} "{term}" needs 1-5 after the #, got "{nth}"')
                return True
        return False


_FIELDS = (
    _Field(name="minute", low=0, high=59),
    _Field(name="hour", low=0, high=23),
    _Field(name="day-of-month", low=1, high=31),
    _Field(
        name="month",
        low=1,
        high=12,
        words=(
            *("JAN", "FEB", "MAR", "APR", "MAY", "JUN"),
            *("JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
        ),
    ),
    _Field(
        name="day-of-week",
        low=0,
        high=7,  # 0 and 7 are both Sunday
        words=("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
    ),
)
_SHAPE = 'a cron line has 5 fields: minute, hour, day-of-month, month, day-of-week ("0 9 * * MON")'


def parse_cron(text: str) -> str:
    """The cron line ``text`` in its plain form: five fields in capitals, single spaces.

    :raises ValueError: in plain words, naming the field, when it is no cron line or can never
        fire.
    """
    fields = text.upper().split()
    if len(fields) == 1 and fields[0].startswith("@"):
        nickname = fields[0].lower()
        near = difflib.get_close_matches(nickname, _NICKNAMES, n=1)
        hint = f'; for {near[0]} write "{_NICKNAMES[near[0]]}"' if near else ""
        raise ValueError(f"{nickname} is not understood: {_SHAPE}{hint}")
    if len(fields) != len(_FIELDS):
        hint = "; a field for seconds is not supported" if len(fields) == 6 else ""
        raise ValueError(f"{_SHAPE}, got {len(fields)}{hint}")
    for field, value in zip(_FIELDS, fields, strict=True):
        field.check(value)
    plain = " ".join(fields)
    try:
        next(CronSim(plain, datetime(2000, 1, 1)))  # noqa: DTZ001 - a calendar, not an instant
    except (CronSimError, StopIteration) as error:
        raise ValueError(
            f'"{plain}" never fires: no month {fields[3]} has a day {fields[2]} that fits'
        ) from error
    return plain
