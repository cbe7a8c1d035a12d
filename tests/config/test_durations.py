from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from config.durations import (
    Duration,
    DurationField,
    PercentField,
    Rate,
    RateField,
    SignedDurationField,
    parse,
    parse_percent,
    parse_rate,
)


@given(st.integers(0, 1000), st.integers(0, 10**7), st.booleans())
def test_text_and_value_are_the_same(days: int, seconds: int, negative: bool) -> None:
    sign = -1 if negative else 1
    duration = Duration(days=sign * days, seconds=sign * seconds)
    assert parse(str(duration), negative=True) == duration


def test_days_and_hours_stay_apart() -> None:
    assert parse("1d12h") == Duration(days=1, seconds=12 * 3600)
    assert parse("24h") != parse("1d")
    assert parse("2w1d") == Duration(days=15)
    assert parse("-7d", negative=True) == Duration(days=-7)
    with pytest.raises(TypeError):
        parse("1d") < parse("2d")  # type: ignore[operator]  # noqa: B015
    with pytest.raises(ValueError, match="same sign"):
        Duration(days=1, seconds=-1)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("3", "write 3d, 3h or 3m"),
        ("3 days", "did you mean 3d?"),
        ("3D", "did you mean 3d?"),
        ("1h 30m", "did you mean 1h30m?"),
        ("3 months", "write days, for instance 90d"),
        ("1y", "write days, for instance 365d"),
        ("1.5h", "smaller units"),
        ("30m1h", "largest first"),
        ("-1d", "without the minus sign"),
        ("", "missing"),
        ("99999999999d", "too long"),
        ("4000d", "too long"),
        ("soon", "a number and a unit"),
        ("٣d", "a number and a unit"),
    ],
)
def test_wrong_durations_are_told_how_to_mend(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(hint)):
        parse(text)


@given(st.text(max_size=20))
def test_any_text_is_a_value_or_an_error(text: str) -> None:
    for read in (parse, parse_rate, parse_percent):
        try:
            value = read(text)
        except ValueError:
            continue
        assert isinstance(value, Duration | Rate | Decimal)


def test_rates() -> None:
    assert parse_rate("2000/d") == Rate(count=2000, unit="d")
    assert parse_rate("5/m").per == Duration(seconds=60)
    assert parse_rate("5/d").per == Duration(days=1)
    for text, hint in [
        ("5", "write 5/d"),
        ("5/day", "did you mean 5/d?"),
        ("0/d", "above zero"),
        ("5/w", "s, m, h or d"),
    ]:
        with pytest.raises(ValueError, match=hint.replace("?", r"\?")):
            parse_rate(text)


def test_percentages() -> None:
    assert parse_percent("10%") == 10
    assert parse_percent("2.5%") == Decimal("2.5")
    for text, hint in [("10", "did you mean 10%"), ("101%", "over 100%"), ("-1%", "write 0%")]:
        with pytest.raises(ValueError, match=hint):
            parse_percent(text)


class Everything(BaseModel):
    length: DurationField
    offset: SignedDurationField
    rate: RateField
    share: PercentField


def test_models_take_the_text_or_the_value() -> None:
    read = Everything.model_validate(
        {"length": "3d", "offset": "-7d", "rate": "2000/d", "share": "10%"}
    )
    assert read.offset == Duration(days=-7)
    assert Everything.model_validate(read.model_dump()) == read
    assert Everything(**dict(read)) == read
    assert read.model_dump()["share"] == "10%"
    schema = Everything.model_json_schema()["properties"]
    assert {one["type"] for one in schema.values()} == {"string"}
