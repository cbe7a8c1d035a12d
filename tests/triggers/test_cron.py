from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.schedule import CronSchedule, next_fire, parse_cron, parse_zone

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (" 0  9 * * mon ", "0 9 * * MON"),
        ("*/15 * * * *", "*/15 * * * *"),
        ("0 9 1,15 jan-mar 1-5", "0 9 1,15 JAN-MAR 1-5"),
        ("0 9 L * *", "0 9 L * *"),
        ("0 9 LW * *", "0 9 LW * *"),
        ("0 9 * * 5L", "0 9 * * 5L"),
        ("0 9 * * MON#2", "0 9 * * MON#2"),
        ("0 9 29 2 *", "0 9 29 2 *"),
        ("5/10 0-23/2 * * 7", "5/10 0-23/2 * * 7"),
    ],
)
def test_valid_lines_come_back_plain(text: str, plain: str) -> None:
    assert parse_cron(text) == plain
    assert parse_cron(plain) == plain


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("61 9 * * *", "minute must be 0-59, got 61"),
        ("0 24 * * *", "hour must be 0-23, got 24"),
        ("0 9 0 * *", "day-of-month must be 1-31, got 0"),
        ("0 9 * 13 *", "month must be 1-12 or JAN-DEC, got 13"),
        ("0 9 * * 8", "day-of-week must be 0-7 or SUN-SAT, got 8"),
        ("0 9 * * monday", "day-of-week must be 0-7 or SUN-SAT, got MONDAY; did you mean MON?"),
        ("0 9 * febuary *", "month must be 1-12 or JAN-DEC, got FEBUARY; did you mean FEB?"),
        ("0 9 ? * MON", 'day-of-month must be 1-31, got ?; write "*" for any'),
        ("0 9 * * MON#6", 'day-of-week "MON#6" needs 1-5 after the #, got "6"'),
        ("0 22-6 * * *", "hour range 22-6 runs backwards; write 22-23,0-6 if it should wrap"),
        ("*/0 9 * * *", 'minute "*/0" needs a step of 1 or more after the slash, got "0"'),
        ("0,,5 9 * * *", 'minute "0,,5" has an empty place between its commas'),
        ("0 9 30 2 *", '"0 9 30 2 *" never fires'),
        ("0 0 9 * * *", "got 6; a field for seconds is not supported"),
        ("0 9 * *", "a cron line has 5 fields"),
        ("", "got 0"),
        ("@daily", 'for @daily write "0 0 * * *"'),
        ("@dayly", 'for @daily write "0 0 * * *"'),
        ("@reboot", "@reboot is not understood: a cron line has 5 fields"),
        ("- 9 * * *", "minute must be 0-59, got "),
        ("٣ 9 * * *", "minute must be 0-59, got ٣"),
    ],
)
def test_mistakes_are_told_in_plain_words(text: str, told: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is checked below
        parse_cron(text)
    assert told in str(caught.value)


@given(st.lists(st.text("0123456789*,-/#LWMONJAF@?", max_size=6), min_size=4, max_size=6))
def test_any_text_is_a_line_that_fires_or_a_value_error(fields: list[str]) -> None:
    try:
        plain = parse_cron(" ".join(fields))
    except ValueError:
        return
    assert next_fire(plain, BERLIN, datetime(2026, 1, 1, tzinfo=UTC)).at.tzinfo is UTC


def test_a_schedule_is_checked_and_knows_the_customers_zone() -> None:
    schedule = CronSchedule(cron="0  9 * * mon", zone="customer")
    assert (schedule.cron, schedule.zone) == ("0 9 * * MON", "customer")
    assert CronSchedule(cron="0 9 * * *", zone="Europe/Berlin").zone == "Europe/Berlin"
    with pytest.raises(
        ValueError, match=r'unknown time zone "Europe/Berln"; did you mean Europe/B'
    ):
        CronSchedule(cron="0 9 * * *", zone="Europe/Berln")
    with pytest.raises(ValueError, match="minute must be"):
        CronSchedule(cron="60 9 * * *", zone="customer")


@pytest.mark.parametrize(
    "name", ["", "America", "../etc/passwd", "/etc/passwd", "x\0y", "new york"]
)
def test_names_that_are_no_zone(name: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        parse_zone(name)
