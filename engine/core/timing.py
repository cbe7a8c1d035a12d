"""When things happen on a customer's clock: durations, delays, quiet hours, lateness.

Instants go in aware and come out in UTC. ``h``, ``m`` and ``s`` are exact; ``d`` and ``w`` are
calendar days on the customer's clock. A local time inside a DST gap means the first instant after
the gap, one inside a fold its first occurrence (``resolve_local``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.durations import Duration
from triggers.wall_clock import agree, day_exists, offset_change, resolve_local

__all__ = [
    "NoCommonHour",
    "QuietHours",
    "add",
    "delay_until",
    "is_too_late",
    "quiet_until",
    "resolve_local",
]

# Clocks repeat daily; the rest is room for a clock change or a day that a calendar leaves out.
_SEARCH = timedelta(days=3)


def add(start: datetime, duration: Duration, zone: ZoneInfo) -> datetime:
    """``start`` plus ``duration``: first the calendar days (same wall time), then exact seconds.

    Unless the duration is negative, the result is never earlier than ``start``. A duration
    without days is exact, whatever the clock does meanwhile.

    :raises OverflowError: when the result lies outside the years 1 to 9999.
    """
    moment = start if start.tzinfo is UTC else start.astimezone(UTC)
    days = duration.days
    if days:
        if agree(moment, days, zone):
            return moment + duration.nominal
        wall = moment.astimezone(zone) + timedelta(days=days)
        moment = resolve_local(wall.date(), wall.time(), zone)
    return moment + timedelta(seconds=duration.seconds) if duration.seconds else moment


def delay_until(
    start: datetime,
    *,
    for_: Duration | None,
    until: time | None,
    days: frozenset[int] | None,
    zone: ZoneInfo,
) -> datetime:
    """When a ``delay`` step that begins at ``start`` is over.

    ``for_`` is added first. Then comes the first instant, at or after that, at which the clock in
    ``zone`` shows ``until`` on one of the weekdays ``days`` (0 is Monday). Each local time counts
    once a day: in a fold only its first occurrence, in a gap the first instant after it (a gap
    over midnight so ends on the next day). A day that the zone's calendar leaves out is passed
    over. With ``days`` but no ``until`` an allowed day leaves the time as it is, and any other
    moves it to the same local time of the first allowed day.

    :raises ValueError: when ``days`` is empty or holds anything but 0 to 6.
    """
    if days is not None and (not days or not days <= frozenset(range(7))):
        raise ValueError(f"days must be weekdays from 0 (Monday) to 6 (Sunday), got {set(days)}")
    earliest = start.astimezone(UTC) if for_ is None else add(start, for_, zone)
    local = earliest.astimezone(zone)
    if until is None and (days is None or local.weekday() in days):
        return earliest
    at = local.time() if until is None else until
    day = local.date()
    while True:
        if days is None or day.weekday() in days:
            moment = resolve_local(day, at, zone)
            if moment >= earliest and day_exists(day, zone):
                return moment
        day += timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """The local hours without marketing: from ``start`` up to, not including, ``end``.

    ``end`` before ``start`` crosses midnight; ``start == end`` means never quiet.
    """

    start: time
    end: time

    def covers(self, local: time) -> bool:
        """Whether a clock that shows ``local`` shows a quiet hour."""
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


class NoCommonHour(Exception):
    """The customer may be in zones so far apart that some clock always shows a quiet hour."""


def quiet_until(moment: datetime, quiet: QuietHours, zones: Sequence[ZoneInfo]) -> datetime | None:
    """When a message that is ready at ``moment`` may go out; ``None`` when it may go at once.

    ``zones`` are all the zones in which the customer may be. What counts is what each clock shows
    at the instant, so an hour shown twice is quiet twice, and a quiet end inside a gap is the
    instant after the gap. The answer is the earliest instant, at or after ``moment``, that is not
    quiet in any of the zones.

    :raises NoCommonHour: zones far apart may have no waking hour in common; there is none within
        three days, in which every clock has gone round, whatever it is changed by meanwhile.
    :raises ValueError: when ``zones`` is empty.
    """
    if not zones:
        raise ValueError("quiet hours need at least one time zone")
    for zone in zones:
        if quiet.covers(moment.astimezone(zone).time()):
            break
    else:
        return None
    # Every step is to the earliest instant allowed in one zone, so no common one is jumped over.
    candidate = moment
    while candidate - moment <= _SEARCH:
        before = candidate
        for zone in zones:
            candidate = _allowed_from(candidate, quiet, zone)
        if candidate == before or len(zones) == 1:
            return None if candidate == moment else candidate
    raise NoCommonHour


def _allowed_from(moment: datetime, quiet: QuietHours, zone: ZoneInfo) -> datetime:
    """The earliest instant at or after ``moment`` that is not quiet in ``zone``."""
    while quiet.covers((local := moment.astimezone(zone)).time()):
        wall = local.replace(tzinfo=None)
        end = datetime.combine(wall.date(), quiet.end)
        if end <= wall:
            end += timedelta(days=1)
        moment = moment.astimezone(UTC)
        # Between clock changes the wall runs with real time; at a change look again.
        direct = moment + (end - wall)
        if agree(moment, 1, zone):
            return direct
        moment = offset_change(zone, moment, direct) or direct
    return moment


def is_too_late(due: datetime, now: datetime, limit: Duration) -> bool:
    """Whether a step due at ``due`` is overdue at ``now`` by more than its ``max_lateness``.

    Lateness is a property of the system, not of the customer's calendar: a day is 24 hours here.
    """
    return now - due > limit.nominal
