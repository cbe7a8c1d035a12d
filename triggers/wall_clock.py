"""What a customer's clock on the wall shows, and when.

Two rules hold everywhere: a local time that a clock change leaves out (a *gap*) means the first
instant after the gap; a local time that the clock shows twice (a *fold*) means its first
occurrence. Gaps are told from folds as PEP 495 describes: asked with ``fold=0`` and ``fold=1`` a
zone answers with the offsets before and after the change.

Offsets come from ``zoneinfo``, which caches zones by itself; days on which a zone keeps its offset
are remembered, for nearly all are such. Everything here is pure.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SPELL = 16  # days: few spells hold a change of the clock, and a few years hold few spells


def resolve_local(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC instant at which the clock in ``zone`` shows ``at`` on ``day``.

    In a gap it is the first instant after the gap (which may lie on a later day), in a fold the
    first occurrence. For a fixed zone the result never decreases as the local time grows.

    :raises OverflowError: when the instant lies outside the years 1 to 9999.
    """
    steady = _steady_offset(day, zone)
    if steady is not None:
        return datetime.combine(day, at, UTC) - steady
    if at.fold:
        at = at.replace(fold=0)
    wall = datetime.combine(day, at, zone)
    before, after = _offset(wall), _offset(wall.replace(fold=1))
    plain = datetime.combine(day, at, UTC)
    first = plain - before
    if before == after:
        return first
    second = plain - after
    if first <= second:
        return first
    # In a gap the two readings lie on both sides of the clock change.
    return offset_change(zone, second, first) or first


@lru_cache(maxsize=8192)
def _steady_offset(day: date, zone: ZoneInfo) -> timedelta | None:
    """The offset that ``zone`` has all day, both midnights included; ``None`` if it changes.

    A day holds one change at most (see ``offset_change``), so one that leaves its ends alike has
    none.
    """
    if day == date.max:
        return None
    ends = (datetime.combine(each, time.min, zone) for each in (day, day + _DAY))
    offsets = {wall.replace(fold=fold).utcoffset() for wall in ends for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None


def agree(instant: datetime, days: int, zone: ZoneInfo) -> bool:
    """Whether the clock in ``zone`` shows, ``days`` times 24 hours after ``instant`` (in UTC), the
    same time as at that instant, and shows it once on that day; False where it is not certain.
    """
    day = instant.toordinal()
    first, last = day // _SPELL, (day + days) // _SPELL
    offset = _calm_offset(first, zone)
    return offset is not None and (first == last or offset == _calm_offset(last, zone))


@lru_cache(maxsize=8192)
def _calm_offset(spell: int, zone: ZoneInfo) -> timedelta | None:
    """The offset that ``zone`` keeps on all the local days of so many days of UTC; ``None`` if it
    changes (see ``_steady_offset``) or if they are not all on the calendar.
    """
    first = spell * _SPELL
    try:
        # A clock is less than a day ahead of UTC or behind it; the last day has an end as well.
        days = [date.fromordinal(each) for each in range(first - 1, first + _SPELL + 2)]
    except ValueError:
        return None
    walls = [datetime.combine(day, time.min, zone) for day in days]
    offsets = {wall.replace(fold=fold).utcoffset() for wall in walls for fold in (0, 1)}
    return offsets.pop() if len(offsets) == 1 else None


def offset_at(instant: datetime, zone: ZoneInfo) -> timedelta:
    """How far the clock in ``zone`` is ahead of UTC at ``instant`` (aware)."""
    return _offset(instant.astimezone(zone))


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    assert offset is not None  # a ZoneInfo always knows
    return offset


def offset_change(zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """The instant in ``(after, until]`` at which ``zone`` changes its offset, or ``None``.

    The span must be short enough to hold at most one change: up to six days, for no zone of the
    tz database (2026) ever changes twice within 6.9. Two changes that undo each other are not
    seen. Changes fall on whole seconds.
    """
    old = offset_at(after, zone)
    if offset_at(until, zone) == old:
        return None
    start = after.astimezone(UTC).replace(microsecond=0)
    # Invariant: the old offset still holds `low` seconds after start, not any more at `high`.
    low, high = 0, int((until - start).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(start + timedelta(seconds=middle), zone) == old:
            low = middle
        else:
            high = middle
    return start + timedelta(seconds=high)


def day_exists(day: date, zone: ZoneInfo) -> bool:
    """Whether ``day`` is on the calendar of ``zone``: Samoa, for one, had no 30 December 2011."""
    if _steady_offset(day, zone) is not None:
        return True
    return resolve_local(day, time.min, zone).astimezone(zone).date() == day
