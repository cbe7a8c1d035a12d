"""Weeks that were packed are those of the days that they were made of."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.weeks import mondays, packed


@given(st.lists(st.dates()))
def test_a_week_is_known_by_its_monday(days: list[date]) -> None:
    found = list(mondays(b"".join(packed(day) for day in days)))
    assert found == [day - timedelta(days=day.weekday()) for day in days]


def test_the_first_and_the_last_day_have_one() -> None:
    assert [*mondays(packed(date.min) + packed(date.max))] == [date.min, date(9999, 12, 27)]
