"""Time as a team counts it: only while it is at work.

Hours, minutes and seconds pass while the team is at work. A day is a working day: one after
Tuesday 15:00 is Wednesday 15:00, one after Friday 15:00 is Monday 15:00 for those who rest on the
weekend. What begins outside of working hours begins when they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.durations import Duration
from config.working_hours import WorkingHours


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Whose clock it is."""

    hours: WorkingHours
    zone: ZoneInfo

    def is_at_work(self, at: datetime) -> bool:
        """Whether the team works at this instant."""
        return any(start <= at < end for start, end in self._spans(_day_of(at, self.zone)))

    def add(self, at: datetime, span: Duration) -> datetime:
        """``span`` of working time after ``at``: its days, then its seconds."""
        moment = self._opening(at)
        for _ in range(span.days):
            moment = self._same_time_next_day(moment)
        return self._pass(moment, span.seconds)

    def _opening(self, at: datetime) -> datetime:
        """The first working moment that is not before ``at``."""
        for start, end in self._from(at):
            if at < end:
                return max(at, start)
        raise AssertionError("some day of the week has working hours")

    def _same_time_next_day(self, at: datetime) -> datetime:
        """The same time on the next working day; the nearest working time of that day."""
        local = at.astimezone(self.zone)
        day = local.date() + timedelta(days=1)
        while not (spans := self._spans(day)):
            day += timedelta(days=1)
        wanted = _instant(day, time(local.hour, local.minute, local.second), self.zone)
        for start, end in spans:
            if wanted <= end:
                return max(wanted, start)
        return spans[-1][1]

    def _pass(self, at: datetime, seconds: int) -> datetime:
        left = timedelta(seconds=seconds)
        for start, end in self._from(at):
            begin = max(at, start)
            if begin > end:
                continue
            if begin + left <= end:
                return begin + left
            left -= end - begin
        raise AssertionError("some day of the week has working hours")

    def _from(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = _day_of(at, self.zone)
        while True:
            yield from self._spans(day)
            day += timedelta(days=1)

    def _spans(self, day: date) -> list[tuple[datetime, datetime]]:
        found = []
        for start, end in self.hours.spans[day.weekday()]:
            begin, close = _minute(day, start, self.zone), _minute(day, end, self.zone)
            if begin < close:  # a change to summer time may take a short span away
                found.append((begin, close))
        return found


def _day_of(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _minute(day: date, minute: int, zone: ZoneInfo) -> datetime:
    extra, minute = divmod(minute, 24 * 60)
    return _instant(day + timedelta(days=extra), time(minute // 60, minute % 60), zone)


def _instant(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)
