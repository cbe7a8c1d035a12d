"""When a schedule or date trigger fires next, safe across clock changes. Pure: no clock is read.

A cron line is read in a time zone, either of two ways:

* A line that runs in **every hour** follows real time: it fires whenever the zone's clock shows a
  matching minute, so an hour that the clock shows twice fires twice, and one left out not at all.
* Any **other** line names local times of a day, and each fires once: a time inside a gap at the
  first instant after it, a time inside a fold at its first occurrence. Several times that fall
  into one gap fire once together.

cronsim (and Debian's cron) tell the two apart by a leading ``*`` in the minute or hour field, so
that there ``*/15 2 * * *`` and ``0 */2 * * *`` lose their turn in a gap and repeat it in a fold.
A campaign must do neither, therefore cronsim is only asked for the calendar, on naive local times,
and the clock changes are handled here.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim

from triggers.cron import parse_cron
from triggers.wall_clock import offset_at, offset_change, resolve_local

__all__ = [
    "CUSTOMER_ZONE",
    "CronSchedule",
    "KnownFires",
    "Occurrence",
    "date_occurrence",
    "fires_between",
    "next_date_fire",
    "next_fire",
    "parse_cron",
    "parse_zone",
]

CUSTOMER_ZONE = "customer"  # in place of a zone's name: each customer's own


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One firing of a schedule or date trigger."""

    at: datetime
    """The UTC instant."""
    local_date: date
    """The local date that the schedule names (in a gap the one before the clock change)."""
    local_time: time
    """The local time that the schedule names (in a gap one that no clock shows)."""
    key: str
    """Names the occurrence within its trigger, alike in every zone: for a cron line the local
    time, as ``2026-03-29T02:30`` (``…#2`` when the clock shows it for the second time); for a
    date trigger the day it is about, as ``2026-03-29``, whatever offset and time of day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CronSchedule:
    """A valid cron line and the zone to read it in: a tz database name or ``customer``.

    :raises ValueError: in plain words, when either is not understood.
    """

    cron: str
    zone: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "cron", parse_cron(self.cron))
        if self.zone != CUSTOMER_ZONE:
            parse_zone(self.zone)


def parse_zone(name: str) -> ZoneInfo:
    """The zone that the tz database calls ``name``.

    :raises ValueError: naming the nearest known zone.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no sound path, or a directory
        pass
    # Zones are written like "America/New_York"; compare without regard to case and spaces.
    known = {zone.lower(): zone for zone in available_timezones()}
    wanted = name.strip().lower().replace(" ", "_")
    near = difflib.get_close_matches(wanted, known, n=1)
    hint = f"; did you mean {known[near[0]]}?" if near else ', expected one like "Europe/Paris"'
    raise ValueError(f'unknown time zone "{name}"{hint}')


def next_fire(cron: str, zone: ZoneInfo, after: datetime) -> Occurrence:
    """The first firing of ``cron`` (as ``parse_cron`` gives it) strictly after ``after``.

    :raises ValueError: when it does not fire within 50 years.
    """
    after = after.astimezone(UTC)
    try:
        if len(_calendar(cron).hours) == 24:
            return _next_real(cron, zone, after)
        return _next_local(cron, zone, after)
    except StopIteration:
        raise ValueError(f'"{cron}" does not fire within 50 years of {after:%Y-%m-%d}') from None


def fires_between(
    cron: str,
    zone: ZoneInfo,
    after: datetime,
    until: datetime,
    limit: int,
    following: Callable[[str, ZoneInfo, datetime], Occurrence] = next_fire,
) -> list[Occurrence]:
    """The firings of ``cron`` in ``(after, until]`` in order, at most the first ``limit``.

    To go on behind a full list, ask again with its last ``at`` as ``after``. ``following`` answers
    as ``next_fire`` does.
    """
    fires: list[Occurrence] = []
    while len(fires) < limit:
        fire = following(cron, zone, after)
        if fire.at > until:
            break
        fires.append(fire)
        after = fire.at
    return fires


class KnownFires:
    """``next_fire`` for whoever asks again and again as time goes on.

    Between two firings every moment has the same next one, so for each line and zone the last
    answer is kept with the earliest moment that it was given for.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, ZoneInfo], tuple[datetime, Occurrence]] = {}

    def next(self, cron: str, zone: ZoneInfo, after: datetime) -> Occurrence:
        """As ``next_fire``, which it asks for what it does not know."""
        if after.tzinfo is not UTC:
            after = after.astimezone(UTC)  # two moments of one zone are compared by its clock
        known = self._known.get((cron, zone))
        if known is not None and known[0] <= after < known[1].at:
            return known[1]
        fire = next_fire(cron, zone, after)
        since = after if known is None or known[1] != fire else min(after, known[0])
        self._known[cron, zone] = since, fire
        return fire


@lru_cache(maxsize=256)
def _calendar(cron: str) -> CronSim:
    """A parsed line: to be copied, for iterating moves it on."""
    return CronSim(cron, datetime(2000, 1, 1))  # noqa: DTZ001  naive, as all that it is asked


@lru_cache(maxsize=4096)
def _next_match(cron: str, after: datetime) -> datetime:
    """The first local time later than ``after`` that a line names, both naive.

    It is the same in every zone, so one answer serves those of a fire in all of them.
    """
    matches = copy(_calendar(cron))
    matches.dt = after
    return next(matches)


def _next_local(cron: str, zone: ZoneInfo, after: datetime) -> Occurrence:
    # resolve_local never decreases over the day's local times, and those that share a gap with
    # the first one share its instant: the first later instant is the answer.
    wall = _naive(after, zone)
    while True:
        wall = _next_match(cron, wall)
        at = resolve_local(wall.date(), wall.time(), zone)
        if at > after:
            return _occurrence(at, wall)


def _next_real(cron: str, zone: ZoneInfo, after: datetime) -> Occurrence:
    # While the offset stands, local times follow each other as real time does. So: look for the
    # next match under the present offset; if the clock changes before it, look again from there.
    near = timedelta(days=2)
    position, start = after, _naive(after, zone)
    while True:
        wall = _next_match(cron, start)
        at = (wall - offset_at(position, zone)).replace(tzinfo=UTC)
        change = offset_change(zone, position, min(at, position + near))
        if change is not None:
            # One second back on the new clock, since the instant of the change may match itself.
            position, start = change, _naive(change, zone) - timedelta(seconds=1)
        elif at - position > near:
            # Nothing matches on the long way there, on which the clock may change more than once.
            position = at - timedelta(hours=36)
            start = _naive(position, zone)
        else:
            shown_before = resolve_local(wall.date(), wall.time(), zone) < at
            return _occurrence(at, wall, shown_before=shown_before)


def _occurrence(at: datetime, wall: datetime, *, shown_before: bool = False) -> Occurrence:
    key = wall.isoformat(timespec="minutes") + ("#2" if shown_before else "")
    return Occurrence(at=at, local_date=wall.date(), local_time=wall.time(), key=key)


def _naive(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(microsecond=0, tzinfo=None, fold=0)


def date_occurrence(day: date, offset_days: int, at: time, zone: ZoneInfo, year: int) -> datetime:
    """The UTC instant ``offset_days`` from the anniversary of ``day`` in ``year``, at local ``at``.

    ``year`` is the anniversary's: seven days before 3 January 2027 is in 2026. Someone born on
    29 February celebrates on 28 February in other years, so that the day stays in its month and
    a greeting never comes after it.

    :raises OverflowError: when the result lies outside the years 1 to 9999.
    """
    return resolve_local(_anniversary(day, year) + timedelta(days=offset_days), at, zone)


def next_date_fire(
    source: date, offset_days: int, at: time, zone: ZoneInfo, after: datetime, *, yearly: bool
) -> Occurrence | None:
    """The first firing of a date trigger strictly after ``after``; ``None`` when it is over.

    It fires ``offset_days`` from the date ``source`` at local time ``at``: once, or with
    ``yearly`` also from each later anniversary (``date_occurrence``).
    """
    after = after.astimezone(UTC)
    year = source.year
    if yearly:
        # Local dates differ from those of UTC by a day at most; begin surely early enough.
        year = max(year, (after - timedelta(days=offset_days + 3)).year)
    while True:
        moment = date_occurrence(source, offset_days, at, zone, year)
        if moment > after:
            day = _anniversary(source, year)
            return Occurrence(
                at=moment,
                local_date=day + timedelta(days=offset_days),
                local_time=at,
                key=day.isoformat(),
            )
        if not yearly:
            return None
        year += 1


def _anniversary(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February in a common year
        return date(year, 2, 28)
