from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from engine.rendering.formats import Formats, locale_of

LOCALES = [
    "en-US",
    "en-IN",
    "de-AT",
    "de-CH",
    "fr-FR",
    "es-ES",
    "pl",
    "ja",
    "ar-EG",
    "hi",
    "sv",
    "pt-BR",
]


@given(
    st.sampled_from(LOCALES),
    st.sampled_from(["USD", "EUR", "JPY", "CHF", "KWD", "INR", "XAF"]),
    st.decimals(-(10**7), 10**16, allow_nan=False, allow_infinity=False, places=4),
)
def test_money_is_what_babel_writes(tag: str, currency: str, amount: Decimal) -> None:
    locale = Locale.parse(tag, sep="-")
    assert Formats(locale).money(amount, currency) == format_currency(
        amount or Decimal(0), currency, locale=locale
    )


@given(
    st.sampled_from(LOCALES),
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),  # noqa: DTZ001 - their zone follows
    st.sampled_from(["UTC", "America/Chicago", "Asia/Kolkata", "Pacific/Auckland", None]),
    st.sampled_from(["short", "medium", "long", "full"]),
)
def test_dates_are_what_babel_writes_on_the_customers_own_day(
    tag: str, told: datetime, zone: str | None, style: str
) -> None:
    locale, moment = Locale.parse(tag, sep="-"), told.replace(tzinfo=UTC)
    day = moment.astimezone(ZoneInfo(zone or "UTC")).date()
    found = Formats(locale).date(moment, style, zone)
    assert found == format_date(day, style, locale=locale)
    assert Formats(locale).date(moment.isoformat(), style, zone) == found


@given(st.sampled_from(LOCALES), st.integers(-(10**9), 10**12))
def test_quantities_are_what_babel_writes(tag: str, number: int) -> None:
    locale = Locale.parse(tag, sep="-")
    assert Formats(locale).quantity(number) == format_decimal(number, locale=locale)


def test_money_takes_numbers_however_they_came() -> None:
    formats = Formats(Locale("en", "US"))
    assert [
        formats.money(value, "USD") for value in (3, 3.5, "3.50", Decimal("3.505"), None, "")
    ] == [
        "$3.00",
        "$3.50",
        "$3.50",
        "$3.50",
        "",
        "",
    ]
    assert formats.money(1234, None) == "1,234"
    wrongs: tuple[object, ...] = ("three", True, [], float("nan"))
    for wrong in wrongs:
        with pytest.raises(ValueError, match="wanted"):
            formats.money(wrong, "USD")


def test_dates_are_on_the_customers_clock() -> None:
    formats = Formats(Locale("en", "US"))
    moment = datetime(2026, 3, 15, 3, 30, tzinfo=UTC)
    assert formats.date(moment, "long", "America/Chicago") == "March 14, 2026"
    assert formats.date(moment, "long", "Asia/Tokyo") == "March 15, 2026"
    assert formats.date("2026-03-15T03:30:00Z", "long", "no/such") == "March 15, 2026"
    assert formats.date(date(2026, 3, 15), "long", "America/Chicago") == "March 15, 2026"
    assert "10:30" in formats.datetime(moment, "medium", "America/Chicago")
    assert formats.date(None) == formats.datetime(None) == ""
    with pytest.raises(ValueError, match="date is wanted"):
        formats.date("soon")


def test_plurals_follow_the_language() -> None:
    english, polish = Formats(Locale("en")), Formats(Locale("pl"))
    assert [english.plural(n, "piece", "pieces") for n in (0, 1, 2)] == [
        "pieces",
        "piece",
        "pieces",
    ]
    assert [
        polish.plural(n, "sztuka", "sztuki", few="sztuki", many="sztuk") for n in (1, 2, 5)
    ] == [
        "sztuka",
        "sztuki",
        "sztuk",
    ]


def test_a_locale_falls_back_to_its_shorter_tags() -> None:
    assert str(locale_of("de-XX")) == "de"
    assert str(locale_of("en_US")) == "en_US"
    assert locale_of("zz") is None
    assert locale_of("") is None
