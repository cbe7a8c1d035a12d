from __future__ import annotations

import timeit
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.durations import Duration
from engine.core.timing import (
    NoCommonHour,
    QuietHours,
    add,
    delay_until,
    is_too_late,
    quiet_until,
    resolve_local,
)
from triggers.wall_clock import day_exists, offset_at

ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "Europe/Berlin",
        "Europe/Dublin",
        "America/New_York",
        "America/St_Johns",
        "America/Sao_Paulo",
        "America/Havana",
        "America/Los_Angeles",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "Pacific/Apia",
        "Pacific/Chatham",
        "Pacific/Kiritimati",
        "Antarctica/Troll",
    )
]
BERLIN = ZoneInfo("Europe/Berlin")
APIA = ZoneInfo("Pacific/Apia")
LOS_ANGELES = ZoneInfo("America/Los_Angeles")
NIGHT = QuietHours(start=time(21), end=time(9))
# Clock changes of every kind; an instant is drawn within two days of one, or anywhere.
CHANGES = [
    datetime.fromisoformat(text)
    for text in (
        "2026-03-29T01:00Z",  # Berlin, Dublin, Troll (two hours) forward
        "2026-10-25T01:00Z",  # and back
        "2026-03-08T07:00Z",  # New York forward
        "2026-11-01T06:00Z",  # and back
        "2026-04-04T15:00Z",  # Lord Howe back by half an hour
        "2026-10-03T15:30Z",  # and forward
        "2018-11-04T03:00Z",  # São Paulo: no midnight
        "2018-02-18T02:00Z",  # and twice 23:00
        "2006-10-29T02:31Z",  # St. John's: back over midnight
        "2006-04-02T03:31Z",
        "2011-12-30T10:00Z",  # Samoa leaves out a day
        "2026-02-15T02:00Z",  # Casablanca: Ramadan
        "2026-03-22T02:00Z",
        "2026-03-08T05:00Z",  # Havana forward at midnight
        "2026-11-01T05:00Z",
    )
]
zones = st.sampled_from(ZONES)
moments = st.one_of(
    st.builds(
        lambda change, seconds: change + timedelta(seconds=seconds),
        st.sampled_from(CHANGES),
        st.integers(-172_800, 172_800),
    ),
    st.datetimes(datetime(2000, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
times = st.one_of(
    st.builds(time, st.integers(0, 3), st.sampled_from([0, 1, 15, 30, 59])),
    st.builds(time, st.integers(0, 23), st.integers(0, 59)),
)
weekdays = st.frozensets(st.integers(0, 6), min_size=1)
durations = st.builds(
    lambda days, hours, seconds: Duration(days=days, seconds=hours * 3600 + seconds),
    st.integers(0, 400),
    st.integers(0, 72),
    st.integers(0, 3599),
)
quiets = st.builds(lambda start, end: QuietHours(start=start, end=end), times, times)


def naive(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


# --- the clock on the wall ----------------------------------------------------------------------


@given(moments, times, zones)
def test_a_local_time_is_when_the_clock_first_shows_it_or_more(
    near: datetime, at: time, zone: ZoneInfo
) -> None:
    wanted = datetime.combine(near.astimezone(zone).date(), at)
    found = resolve_local(wanted.date(), at, zone)
    shown = found.astimezone(zone)
    if naive(found, zone) == wanted:
        assert shown.fold == 0
    else:  # a gap: a moment earlier the clock showed less
        assert naive(found - timedelta(seconds=1), zone) < wanted < naive(found, zone)


# --- durations ---------------------------------------------------------------------------------


@given(moments, durations, zones)
def test_adding_never_goes_back_and_comes_out_in_utc(
    start: datetime, duration: Duration, zone: ZoneInfo
) -> None:
    end = add(start, duration, zone)
    assert end >= start
    assert end.tzinfo is UTC
    assert add(start.astimezone(zone), duration, zone) == end


@given(moments, st.integers(0, 10_000_000), zones)
def test_exact_parts_are_exact(start: datetime, seconds: int, zone: ZoneInfo) -> None:
    end = add(start, Duration(days=0, seconds=seconds), zone)
    assert end - start == timedelta(seconds=seconds)


@given(moments, st.integers(1, 400), zones)
def test_days_keep_the_wall_time(start: datetime, days: int, zone: ZoneInfo) -> None:
    end = add(start, Duration(days=days, seconds=0), zone)
    wanted = naive(start, zone) + timedelta(days=days)
    if naive(end, zone) != wanted:  # in a gap: the first instant after it
        before = end - timedelta(microseconds=1)
        assert naive(before, zone) < wanted < naive(end, zone)
        assert offset_at(before, zone) < offset_at(end, zone)


def test_a_day_over_a_change_is_no_24_hours() -> None:
    noon = datetime(2026, 3, 28, 11, tzinfo=UTC)
    assert add(noon, Duration(days=1), BERLIN) - noon == timedelta(hours=23)
    assert add(noon, Duration(seconds=24 * 3600), BERLIN) - noon == timedelta(hours=24)
    assert add(noon, Duration(days=1, seconds=12 * 3600), BERLIN) - noon == timedelta(hours=35)
    assert add(noon, Duration(days=7), BERLIN) - noon == timedelta(days=7, hours=-1)


# --- delays ------------------------------------------------------------------------------------


@given(moments, st.none() | durations, st.none() | times, st.none() | weekdays, zones)
def test_a_delay_ends_as_soon_as_its_rules_allow(
    start: datetime,
    for_: Duration | None,
    until: time | None,
    days: frozenset[int] | None,
    zone: ZoneInfo,
) -> None:
    end = delay_until(start, for_=for_, until=until, days=days, zone=zone)
    earliest = start if for_ is None else add(start, for_, zone)
    assert end >= earliest >= start
    assert end.tzinfo is UTC
    if until is None and days is None:
        assert end == earliest
        return
    if until is None and naive(earliest, zone).weekday() in (days or ()):
        assert end == earliest
        return
    # The answer is the least of all the allowed local times from the day before on.
    at = naive(earliest, zone).time() if until is None else until
    first = naive(earliest, zone).date() - timedelta(days=1)
    allowed = [
        resolve_local(day, at, zone)
        for day in (first + timedelta(days=n) for n in range(18))
        if day_exists(day, zone) and (days is None or day.weekday() in days)
    ]
    assert end == min(moment for moment in allowed if moment >= earliest)


@given(moments, times, weekdays, zones)
def test_a_delay_that_is_over_is_over(
    start: datetime, until: time, days: frozenset[int], zone: ZoneInfo
) -> None:
    end = delay_until(start, for_=None, until=until, days=days, zone=zone)
    if naive(end, zone).date().weekday() in days and naive(end, zone).time() == until:
        assert delay_until(end, for_=None, until=until, days=days, zone=zone) == end


def test_a_delay_of_three_days_until_ten_on_weekdays() -> None:
    wednesday = datetime(2026, 3, 25, 15, tzinfo=UTC)
    end = delay_until(
        wednesday,
        for_=Duration(days=3),
        until=time(10),
        days=frozenset(range(5)),
        zone=BERLIN,
    )
    assert end == datetime(2026, 3, 30, 8, tzinfo=UTC)  # Monday, in summer time


def test_a_day_that_does_not_exist_is_no_day_to_wait_for() -> None:
    thursday = datetime(2011, 12, 29, 22, tzinfo=UTC)  # noon on the 29th
    ten = delay_until(thursday, for_=None, until=time(10), days=None, zone=APIA)
    assert naive(ten, APIA) == datetime(2011, 12, 31, 10)  # noqa: DTZ001
    friday = delay_until(thursday, for_=None, until=None, days=frozenset({4}), zone=APIA)
    assert naive(friday, APIA) == datetime(2012, 1, 6, 12)  # noqa: DTZ001


@pytest.mark.parametrize("days", [frozenset(), frozenset({7}), frozenset({0, -1})])
def test_weekdays_that_are_none(days: frozenset[int]) -> None:
    with pytest.raises(ValueError, match="weekdays from 0"):
        delay_until(CHANGES[0], for_=None, until=None, days=days, zone=BERLIN)


# --- quiet hours -------------------------------------------------------------------------------


def is_quiet(instant: datetime, quiet: QuietHours, zone: ZoneInfo) -> bool:
    local = instant.astimezone(zone).time()
    if quiet.start <= quiet.end:
        return quiet.start <= local < quiet.end
    return not quiet.end <= local < quiet.start


@settings(deadline=None)
@given(moments, quiets, st.lists(zones, min_size=1, max_size=3, unique=True))
def test_quiet_ends_at_the_first_minute_allowed_everywhere(
    moment: datetime, quiet: QuietHours, where: list[ZoneInfo]
) -> None:
    if not any(is_quiet(moment, quiet, zone) for zone in where):
        assert quiet_until(moment, quiet, where) is None
        return
    # Clocks and windows change on whole minutes.
    minute = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    last = minute + timedelta(days=3)
    while minute < last and any(is_quiet(minute, quiet, zone) for zone in where):
        minute += timedelta(minutes=1)
    if minute < last:
        assert quiet_until(moment, quiet, where) == minute
    else:
        with pytest.raises(NoCommonHour):
            quiet_until(moment, quiet, where)


@settings(deadline=None)
@given(moments, quiets, st.lists(zones, min_size=1, max_size=14, unique=True))
def test_what_was_put_off_goes_out_when_asked_again(
    moment: datetime, quiet: QuietHours, where: list[ZoneInfo]
) -> None:
    try:
        result = quiet_until(moment, quiet, where)
    except NoCommonHour:
        with pytest.raises(NoCommonHour):
            quiet_until(moment, quiet, where[::-1])
        return
    chosen = moment if result is None else result
    assert moment <= chosen <= moment + timedelta(days=4)
    assert not any(is_quiet(chosen, quiet, zone) for zone in where)
    assert quiet_until(chosen, quiet, where) is None
    assert quiet_until(moment, quiet, where[::-1]) == result  # the order of zones is no matter


@given(moments, times, zones)
def test_equal_ends_are_never_quiet(moment: datetime, at: time, zone: ZoneInfo) -> None:
    assert quiet_until(moment, QuietHours(start=at, end=at), [zone]) is None


@pytest.mark.parametrize(
    ("quiet", "moment", "allowed"),
    [
        (("21:00", "02:30"), "2026-03-29T00:00Z", "2026-03-29T01:00Z"),  # the end is in the gap
        (("21:00", "09:00"), "2026-03-28T22:00Z", "2026-03-29T07:00Z"),  # a night of eleven hours
        (("21:00", "09:00"), "2026-10-24T21:00Z", "2026-10-25T08:00Z"),  # a night of thirteen
        (("21:00", "02:30"), "2026-10-25T00:00Z", "2026-10-25T00:30Z"),  # first 02:30
        (("21:00", "02:30"), "2026-10-25T01:10Z", "2026-10-25T01:30Z"),  # 02:10 again: second
        (("12:00", "13:00"), "2026-06-01T10:00Z", "2026-06-01T11:00Z"),  # at the start
        (("12:00", "13:00"), "2026-06-01T11:00Z", None),  # at the end
    ],
)
def test_quiet_hours_in_berlin(quiet: tuple[str, str], moment: str, allowed: str | None) -> None:
    hours = QuietHours(start=time.fromisoformat(quiet[0]), end=time.fromisoformat(quiet[1]))
    wanted = None if allowed is None else datetime.fromisoformat(allowed)
    assert quiet_until(datetime.fromisoformat(moment), hours, [BERLIN]) == wanted


def test_a_day_that_does_not_exist_is_slept_over() -> None:
    late = datetime(2011, 12, 30, 9, tzinfo=UTC)  # 23:00 on the 29th; the 31st follows
    assert quiet_until(late, NIGHT, [APIA]) == resolve_local(date(2011, 12, 31), time(9), APIA)


def test_zones_without_a_common_waking_hour() -> None:
    long_night = QuietHours(start=time(18), end=time(10))
    # Berlin is awake from 08:00 to 16:00 UTC, Los Angeles from 17:00: never both.
    for hour in range(24):
        moment = datetime(2026, 6, 1, hour, tzinfo=UTC)
        with pytest.raises(NoCommonHour):
            quiet_until(moment, long_night, [BERLIN, LOS_ANGELES])
    night = QuietHours(start=time(21), end=time(8))  # both from 15:00 to 19:00 UTC
    moment = datetime(2026, 6, 1, 20, tzinfo=UTC)
    both = datetime(2026, 6, 2, 15, tzinfo=UTC)
    assert quiet_until(moment, night, [BERLIN, LOS_ANGELES]) == both
    assert quiet_until(both, night, [BERLIN, LOS_ANGELES]) is None


def test_quiet_hours_need_a_zone() -> None:
    with pytest.raises(ValueError, match="at least one time zone"):
        quiet_until(CHANGES[0], NIGHT, [])


def test_the_common_path_is_cheap() -> None:
    noon = datetime(2026, 6, 1, 10, tzinfo=UTC)
    where = [BERLIN]
    assert quiet_until(noon, NIGHT, where) is None
    best = min(timeit.repeat(lambda: quiet_until(noon, NIGHT, where), number=2000, repeat=5))
    assert best / 2000 < 50e-6  # about 2 µs; room for a busy machine


# --- lateness ----------------------------------------------------------------------------------


@given(moments, durations, st.integers(-5, 5))
def test_too_late_is_later_than_the_limit(due: datetime, limit: Duration, seconds: int) -> None:
    last = due + timedelta(days=limit.days, seconds=limit.seconds)
    assert is_too_late(due, last + timedelta(seconds=seconds), limit) == (seconds > 0)
