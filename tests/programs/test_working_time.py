"""Time that passes only while a team is at work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import Duration, parse
from config.working_hours import WorkingHours, parse_hours
from engine.programs.working_time import Team

CHICAGO = ZoneInfo("America/Chicago")
OFFICE = Team(hours=parse_hours("Mon-Fri 09:00-17:00"), zone=CHICAGO)
LATE = Team(hours=parse_hours("Thu-Fri 20:00-24:00, Sat 00:00-02:00"), zone=CHICAGO)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO).astimezone(UTC)


@pytest.mark.parametrize(
    ("begin", "span", "end"),
    [
        ("2026-03-03T15:00", "1d", "2026-03-04T15:00"),  # Tuesday to Wednesday
        ("2026-03-06T15:00", "1d", "2026-03-09T15:00"),  # Friday to Monday, into summer time
        ("2026-03-07T12:00", "1d", "2026-03-10T09:00"),  # Saturday is Monday's opening
        ("2026-03-06T16:00", "4h", "2026-03-09T12:00"),  # one hour on Friday, three on Monday
        ("2026-03-03T07:00", "30m", "2026-03-03T09:30"),
        ("2026-03-03T09:00", "8h", "2026-03-03T17:00"),  # until they close
        ("2026-03-02T10:00", "1w", "2026-03-11T10:00"),  # seven working days
    ],
)
def test_only_working_time_counts(begin: str, span: str, end: str) -> None:
    assert OFFICE.add(at(begin), parse(span)) == at(end)


def test_hours_past_midnight_go_on() -> None:
    assert LATE.add(at("2026-03-06T23:00"), parse("2h")) == at("2026-03-07T01:00")
    assert LATE.is_at_work(at("2026-03-07T00:00"))
    assert not LATE.is_at_work(at("2026-03-07T02:00"))


HOURS = st.sampled_from(
    ["Mon-Fri 09:00-17:00", "Sat 10:00-11:30", "Mon-Sun 00:00-24:00", "Fri-Mon 22:00-23:15",
     "Mon 08:00-12:00, Mon 13:00-17:00, Wed 02:00-03:30"]
).map(parse_hours)  # fmt: skip
MOMENTS = st.integers(0, 2 * 365 * 24 * 60).map(
    lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
MINUTES = st.integers(0, 60 * 60)


@given(HOURS, MOMENTS, MINUTES, MINUTES)
def test_spans_add_up_and_end_at_work(
    hours: WorkingHours, begin: datetime, first: int, second: int
) -> None:
    team = Team(hours=hours, zone=CHICAGO)
    step = team.add(begin, Duration(seconds=first * 60))
    whole = team.add(begin, Duration(seconds=(first + second) * 60))
    if second:
        assert team.add(step, Duration(seconds=second * 60)) == whole
    assert whole >= begin + timedelta(minutes=first + second)
    assert team.is_at_work(whole) or team.is_at_work(whole - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Mon-Fry 09:00-17:00", "did you mean Fri?"),
        ("Mon 17:00-09:00", "two parts"),
        ("weekdays", 'as in Mon-Fri 09:00-17:00'),
        ("Mon 25:00-26:00", "not a time of day"),
    ],
)  # fmt: skip
def test_what_names_no_hours_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told.replace("?", r"\?")):
        parse_hours(text)
