"""Amounts of money with the decimals of their currency."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.currencies import in_full, least, rounded, written

AMOUNTS = st.decimals(min_value=-(10**9), max_value=10**9, places=6)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "NOT", None])


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("1234.5", "EUR", "1,234.50 EUR"),
        ("1E+3", "JPY", "1,000 JPY"),
        ("12.3", "KWD", "12.300 KWD"),
        ("12.345", "EUR", "12.345 EUR"),
        ("-3", "USD", "-3.00 USD"),
        ("0", "JPY", "0 JPY"),
        ("5", None, "5.00"),
    ],
)
def test_an_amount_is_written_with_the_decimals_of_its_currency(
    amount: str, currency: str | None, text: str
) -> None:
    assert written(Decimal(amount), currency) == text


@given(AMOUNTS, CURRENCIES)
def test_nothing_is_lost_in_full(amount: Decimal, currency: str | None) -> None:
    full = in_full(amount, currency)
    assert full == amount
    assert int(full.as_tuple().exponent) <= int(least(currency).as_tuple().exponent)


@given(AMOUNTS, CURRENCIES)
def test_a_rounded_amount_is_near_and_nothing_only_where_it_was(
    amount: Decimal, currency: str | None
) -> None:
    near = rounded(amount, currency)
    assert abs(near - amount) <= least(currency) / 2
    assert bool(near) == bool(amount)
