"""The rule that says what an answer means, for all answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.message import Outcome
from engine.providers.classing import (
    REASON_LIMIT,
    Answer,
    NoAnswer,
    outcome_of,
    personal_data,
    plain_reason,
    retry_after,
)
from tests.providers.messages import NOW, email


def answer(status: int) -> Answer:
    return Answer(status=status, headers={}, body=b"")


@given(st.integers(100, 999))
def test_only_what_was_surely_not_taken_is_tried_again(status: int) -> None:
    assert (outcome_of(answer(status)) is Outcome.RETRY) == (status in (429, 503))


@given(st.integers(100, 999))
def test_only_a_clear_answer_settles(status: int) -> None:
    settled = outcome_of(answer(status)) in (Outcome.ACCEPTED, Outcome.REJECTED)
    assert settled == (status // 100 == 2 or (status // 100 == 4 and status != 429))


@given(st.booleans())
def test_silence_is_doubt_once_anything_was_written(written: bool) -> None:
    outcome = outcome_of(NoAnswer(written=written, error_code="x", reason="x"))
    assert outcome is (Outcome.UNKNOWN if written else Outcome.RETRY)


@given(st.integers(0, 999_999_999))
def test_seconds_to_wait(seconds: int) -> None:
    assert retry_after(f" {seconds} ", NOW) == seconds


@given(st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_a_date_to_wait_for(distance: timedelta) -> None:
    date = (NOW + distance).replace(microsecond=0)
    expected = max(0.0, (date - NOW).total_seconds())
    assert retry_after(format_datetime(date, usegmt=True), NOW) == expected


def test_a_date_without_a_zone_is_in_gmt() -> None:
    assert retry_after("Sat, 14 Mar 2026 15:09:36 -0000", NOW) == 10


@pytest.mark.parametrize(
    "value", [None, "", "soon", "-5", "1.5", "1e9", "inf", "nan", "9" * 400, "١٢", "32 Foo 2026"]
)
def test_a_hint_that_makes_no_sense_is_none(value: str | None) -> None:
    assert retry_after(value, NOW) is None


@given(st.text())
def test_any_hint_is_none_or_seconds(value: str) -> None:
    hint = retry_after(value, datetime(2026, 1, 1, tzinfo=UTC))
    assert hint is None or hint >= 0


@given(
    st.text(max_size=30),
    st.sampled_from(personal_data(email())),
    st.sampled_from([str.upper, str.lower, str.title, str]),
)
def test_reasons_hold_no_personal_data(words: str, value: str, case: type[str]) -> None:
    reason = plain_reason(f"{words} {case(value)} {words}", personal_data(email()))
    assert value.lower() not in reason.lower()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("The 'To' number +1 (555) 010-9999 is bad.", "The 'To' number [number] is bad."),
        ("mail to <a.b+c@x.example> bounced", "mail to <[address]> bounced"),
        ("see https://api.test/x?token=1 now", "see [link] now"),
        ("two\r\nlines\x00 here", "two lines here"),
        ("Error 21610, status 400.", "Error 21610, status 400."),
    ],
)
def test_reasons_keep_the_rest(words: str, reason: str) -> None:
    assert plain_reason(words, []) == reason


@given(st.text())
def test_reasons_are_short_and_of_one_line(words: str) -> None:
    reason = plain_reason(words, ["secret"])
    assert len(reason) <= REASON_LIMIT
    assert "\n" not in reason
    assert "secret" not in reason.lower()
