from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given, settings
from hypothesis import strategies as st

from triggers import schedule
from triggers.schedule import (
    KnownFires,
    Occurrence,
    date_occurrence,
    fires_between,
    next_date_fire,
    next_fire,
    parse_cron,
)
from triggers.wall_clock import day_exists, offset_at, offset_change, resolve_local

ZONE_NAMES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Antarctica/Troll",
]
ZONES = [ZoneInfo(name) for name in ZONE_NAMES]
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
# Clock changes of a rarer kind: at midnight, just after it, over a whole day, around Ramadan.
CHANGES = {
    "America/Sao_Paulo": ["2018-11-04T03:00Z", "2018-02-18T02:00Z"],
    "America/St_Johns": ["2006-10-29T02:31Z", "2006-04-02T03:31Z"],
    "Pacific/Apia": ["2011-12-30T10:00Z"],
    "Africa/Casablanca": ["2026-02-15T02:00Z", "2026-03-22T02:00Z"],
}


def next_change(zone: ZoneInfo, instant: datetime) -> datetime | None:
    """The zone's next clock change within 400 days."""
    for _ in range(80):
        later = instant + timedelta(days=5)
        if (change := offset_change(zone, instant, later)) is not None:
            return change
        instant = later
    return None


@st.composite
def places(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """A zone and an instant, mostly within two days of one of the zone's clock changes."""
    zone = draw(st.sampled_from(ZONES))
    minutes = timedelta(minutes=draw(st.integers(-2880, 2880)))
    if zone.key in CHANGES and draw(st.booleans()):
        change = datetime.fromisoformat(draw(st.sampled_from(CHANGES[zone.key])))
        return zone, change + minutes
    instant = datetime(2005, 1, 1, tzinfo=UTC) + timedelta(minutes=draw(st.integers(0, 13_000_000)))
    if draw(st.booleans()) and (found := next_change(zone, instant)) is not None:
        return zone, found + minutes
    return zone, instant


def naive(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


# --- local times -------------------------------------------------------------------------------


@given(places(), st.times())
def test_a_local_time_is_its_first_showing_or_the_end_of_the_gap(
    place: tuple[ZoneInfo, datetime], at: time
) -> None:
    zone, near = place
    day = near.astimezone(zone).date()
    wall = datetime.combine(day, at)
    instant = resolve_local(day, at, zone)
    shown = naive(instant, zone)
    just_before = naive(instant - timedelta(microseconds=1), zone)
    assert instant.tzinfo is UTC
    assert shown >= wall
    assert just_before < wall
    if shown != wall:  # only the very end of a gap may show something else
        assert offset_at(instant, zone) > offset_at(instant - timedelta(microseconds=1), zone)


@given(places())
def test_an_offset_change_is_found_to_the_second(place: tuple[ZoneInfo, datetime]) -> None:
    zone, start = place
    change = offset_change(zone, start, start + timedelta(days=5))
    if change is None:
        assert offset_at(start, zone) == offset_at(start + timedelta(days=5), zone)
    else:
        before = change - timedelta(microseconds=1)
        assert offset_at(before, zone) == offset_at(start, zone) != offset_at(change, zone)


def test_a_day_that_samoa_left_out() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert not day_exists(date(2011, 12, 30), apia)
    assert day_exists(date(2011, 12, 29), apia)
    assert day_exists(date(2011, 12, 31), apia)
    assert day_exists(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"))  # has no midnight
    assert resolve_local(date(2011, 12, 30), time(10), apia) == datetime(
        2011, 12, 30, 10, tzinfo=UTC
    )


# --- cron lines --------------------------------------------------------------------------------


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> str:
    kind = draw(st.sampled_from(["*", "one", "list", "range", "step"]))
    first, second = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
    return {
        "*": "*",
        "one": f"{first}",
        "list": f"{first},{second}",
        "range": f"{first}-{second}",
        "step": f"*/{draw(st.sampled_from([1, 2, 3, 6, 15]))}",
    }[kind]


lines = st.builds(
    "{} {} {} * {}".format,
    fields(0, 59),
    st.one_of(fields(0, 4), fields(0, 23), st.sampled_from(["*", "*/2", "1-23"])),
    st.sampled_from(["*", "*", "1-20", "29"]),
    st.sampled_from(["*", "*", "0", "1-5", "MON,THU"]),
)


def expected(cron: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    """The same rules, told minute by minute; cronsim only says which naive minutes match."""

    def matches(minute: datetime) -> bool:
        sim.dt = minute
        return (
            minute.minute in sim.minutes
            and minute.hour in sim.hours
            and minute.month in sim.months
            and sim.match_day(minute.date())
        )

    sim = CronSim(cron, datetime(2000, 1, 1))  # noqa: DTZ001
    hourly = len(sim.hours) == 24
    minute = timedelta(minutes=1)
    fires: set[datetime] = set()
    if hourly:
        instant = after.replace(second=0, microsecond=0)
        while instant <= until:
            if matches(naive(instant, zone)):
                fires.add(instant)
            instant += minute
    else:
        wall = naive(after, zone).replace(second=0, microsecond=0) - timedelta(days=2)
        while wall <= naive(until, zone) + timedelta(days=2):
            if matches(wall):
                fires.add(resolve_local(wall.date(), wall.time(), zone))
            wall += minute
    return sorted(fire for fire in fires if after < fire <= until)


@settings(deadline=None, max_examples=150)
@given(places(), lines, st.integers(1, 40))
def test_fires_are_those_of_a_walk_minute_by_minute(
    place: tuple[ZoneInfo, datetime], line: str, hours: int
) -> None:
    zone, after = place
    cron = parse_cron(line)
    until = after + timedelta(hours=hours)
    fires = fires_between(cron, zone, after, until, 5000)
    assert [fire.at for fire in fires] == expected(cron, zone, after, until)
    assert len({fire.key for fire in fires}) == len(fires)
    for fire in fires:
        named = datetime.combine(fire.local_date, fire.local_time)
        assert fire.key.removesuffix("#2") == named.isoformat(timespec="minutes")


@settings(deadline=None)
@given(places(), lines)
def test_next_fire_is_strictly_later_and_leaves_nothing_between(
    place: tuple[ZoneInfo, datetime], line: str
) -> None:
    zone, after = place
    cron = parse_cron(line)
    fire = next_fire(cron, zone, after)
    assert fire.at > after
    for share in (0.0, 0.3, 0.999):
        between = after + (fire.at - after) * share
        if between < fire.at:
            assert next_fire(cron, zone, between) == fire


@settings(deadline=None)
@given(
    places(), st.lists(lines, min_size=1, max_size=2), st.lists(st.floats(-30, 400), max_size=20)
)
def test_what_is_known_of_fires_is_what_would_be_computed(
    place: tuple[ZoneInfo, datetime], asked: list[str], hours: list[float]
) -> None:
    zone, start = place
    known = KnownFires()
    for at in (start, *(start + timedelta(hours=each) for each in hours)):
        for line in asked:
            cron = parse_cron(line)
            # Asked on a clock on the wall, too: one hour of which may come twice.
            for after in (at, at.astimezone(zone)):
                assert known.next(cron, zone, after) == next_fire(cron, zone, after)


def test_an_hourly_look_computes_each_fire_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[datetime] = []

    def count(cron: str, zone: ZoneInfo, after: datetime) -> Occurrence:
        computed.append(after)
        return next_fire(cron, zone, after)

    monkeypatch.setattr(schedule, "next_fire", count)
    known, last = KnownFires(), datetime(2026, 3, 1, tzinfo=UTC)
    for hour in range(240):
        now = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=hour)
        fires = fires_between("0 9 * * *", BERLIN, last, now, 10, known.next)
        last = fires[-1].at if fires else last
        known.next("0 9 * * *", BERLIN, now)
    assert len(computed) == 11  # ten days' fires, and the one after


@given(places(), st.times())
def test_a_daily_time_fires_once_for_each_local_date(
    place: tuple[ZoneInfo, datetime], at: time
) -> None:
    zone, after = place
    cron = f"{at.minute} {at.hour} * * *"
    fires = fires_between(cron, zone, after, after + timedelta(days=6), 100)
    dates = [fire.local_date for fire in fires]
    days = [date.fromordinal(n) for n in range(dates[0].toordinal(), dates[-1].toordinal() + 1)]
    # A time on a day that was left out falls together with the midnight after it.
    instants = [resolve_local(day, at.replace(second=0, microsecond=0), zone) for day in days]
    assert [fire.at for fire in fires] == sorted(set(instants))
    assert len(set(dates)) == len(dates)


def test_daily_in_a_gap_fires_once_after_it_and_in_a_fold_once() -> None:
    gap = fires_between(
        "15,30 2 * * *",
        BERLIN,
        datetime(2026, 3, 28, 12, tzinfo=UTC),
        datetime(2026, 3, 29, 22, tzinfo=UTC),
        9,
    )
    assert [(fire.at, fire.key) for fire in gap] == [
        (datetime(2026, 3, 29, 1, tzinfo=UTC), "2026-03-29T02:15")
    ]
    for line in ("30 1 * * *", "30 1-1 * * *"):
        fold = fires_between(
            line,
            NEW_YORK,
            datetime(2026, 11, 1, 0, tzinfo=UTC),
            datetime(2026, 11, 2, 0, tzinfo=UTC),
            9,
        )
        assert [fire.at for fire in fold] == [datetime(2026, 11, 1, 5, 30, tzinfo=UTC)]


def test_stepped_minutes_of_a_lost_hour_are_made_up_for() -> None:
    """Where a wildcard minute would lose its turn with cronsim."""
    fire = next_fire("*/15 2 * * *", BERLIN, datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert fire.at == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert (fire.local_date, fire.local_time) == (date(2026, 3, 29), time(2))


@pytest.mark.parametrize("zone", [z for z in ZONES if z.key != "Australia/Lord_Howe"])
@pytest.mark.parametrize("line", ["0 * * * *", "30 */1 * * *", "7 0-23 * * *"])
def test_hourly_fires_every_real_hour(zone: ZoneInfo, line: str) -> None:
    change = next_change(zone, datetime(2026, 1, 1, tzinfo=UTC)) or datetime(2026, 3, 1, tzinfo=UTC)
    fires = fires_between(line, zone, change - timedelta(days=2), change + timedelta(days=2), 999)
    assert len(fires) == 4 * 24
    assert {later.at - fire.at for fire, later in pairwise(fires)} == {timedelta(hours=1)}
    assert len({fire.key for fire in fires}) == len(fires)


def test_hourly_on_one_day_catches_the_hour_shown_twice() -> None:
    """The next naive match is a year away while the clock turns back within the hour."""
    fires = fires_between(
        "15 * 28 10 *",
        ZoneInfo("America/St_Johns"),
        datetime(2006, 10, 29, 1, 50, tzinfo=UTC),  # 23:20 on the 28th, for the first time
        datetime(2007, 10, 28, 3, tzinfo=UTC),
        9,
    )
    assert [fire.key for fire in fires] == ["2006-10-28T23:15#2", "2007-10-28T00:15"]


@pytest.mark.parametrize("zone", ZONES)
def test_hourly_on_one_day_a_year(zone: ZoneInfo) -> None:
    for start in (datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 8, 15, tzinfo=UTC)):
        fires = fires_between("30 * 1 7 *", zone, start, start + timedelta(days=365), 99)
        year = 2026 if start.month < 7 else 2027
        assert [naive(fire.at, zone) for fire in fires] == [
            datetime(year, 7, 1, hour, 30)  # noqa: DTZ001
            for hour in range(24)
        ]


def test_the_first_of_many_after_downtime_can_be_paged() -> None:
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    whole = fires_between("0 9 * * *", BERLIN, start, end, 100)
    assert len(whole) == 31
    first = fires_between("0 9 * * *", BERLIN, start, end, 10)
    rest = fires_between("0 9 * * *", BERLIN, first[-1].at, end, 100)
    assert first + rest == whole
    assert fires_between("0 9 * * *", BERLIN, end, start, 10) == []
    # Both ends: after is out, until is in.
    assert fires_between("0 9 * * *", BERLIN, whole[0].at, whole[1].at, 9) == [whole[1]]


# --- date triggers -----------------------------------------------------------------------------

births = st.dates(date(1930, 1, 1), date(2024, 12, 31)) | st.just(date(2000, 2, 29))


def test_29_february_is_kept_on_28_february_in_common_years() -> None:
    born = date(2000, 2, 29)
    for year, day in [
        (2027, date(2027, 2, 28)),
        (2028, date(2028, 2, 29)),
        (2100, date(2100, 2, 28)),
    ]:
        at = date_occurrence(born, 0, time(10), BERLIN, year)
        assert at.astimezone(BERLIN).replace(tzinfo=None) == datetime.combine(day, time(10))


def test_an_offset_may_reach_into_another_year() -> None:
    assert date_occurrence(date(1990, 1, 3), -7, time(10), ZoneInfo("UTC"), 2027) == datetime(
        2026, 12, 27, 10, tzinfo=UTC
    )
    fire = next_date_fire(
        date(1990, 1, 3), -7, time(10), BERLIN, datetime(2026, 12, 20, tzinfo=UTC), yearly=True
    )
    assert fire is not None
    assert (fire.local_date, fire.key) == (date(2026, 12, 27), "2027-01-03")


@given(places(), births, st.integers(-800, 800), st.times())
def test_a_yearly_date_fires_every_year_once(
    place: tuple[ZoneInfo, datetime], born: date, offset: int, at: time
) -> None:
    zone, after = place
    fire = next_date_fire(born, offset, at, zone, after, yearly=True)
    assert fire is not None
    assert fire.at > after
    year = int(fire.key[:4])
    assert year >= born.year
    assert fire.at == date_occurrence(born, offset, at, zone, year)
    if year > born.year:  # the one before is over
        assert date_occurrence(born, offset, at, zone, year - 1) <= after
    again = next_date_fire(born, offset, at, zone, fire.at, yearly=True)
    assert again is not None
    assert int(again.key[:4]) == year + 1


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("born", [date(1990, 1, 1), date(1990, 12, 31)])
def test_a_yearly_date_around_new_year(zone: ZoneInfo, born: date) -> None:
    for hours in range(-72, 72, 7):
        after = datetime(2027, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
        fire = next_date_fire(born, 0, time(0, 30), zone, after, yearly=True)
        all_years = (date_occurrence(born, 0, time(0, 30), zone, y) for y in range(2024, 2030))
        assert fire is not None
        assert fire.at == min(at for at in all_years if at > after)


@given(places(), st.integers(-400, 400), st.integers(-30, 30), st.times())
def test_a_single_date_fires_once(
    place: tuple[ZoneInfo, datetime], days: int, offset: int, at: time
) -> None:
    zone, after = place
    source = after.date() + timedelta(days=days)
    fire = next_date_fire(source, offset, at, zone, after, yearly=False)
    instant = resolve_local(source + timedelta(days=offset), at, zone)
    assert (fire is None) == (instant <= after)
    if fire is not None:
        assert fire.at == instant
        assert next_date_fire(source, offset, at, zone, fire.at, yearly=False) is None
