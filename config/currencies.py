"""Amounts of money, with as many decimals as their currency has.

How many that is says ISO 4217, as the CLDR carries it: none for yen, three for Kuwait's dinar.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from babel.numbers import get_currency_precision, is_currency

_USUAL: Final = Decimal("0.01")  # of a currency that nobody knows


def least(currency: str | None) -> Decimal:
    """The smallest amount of a currency that can be paid, ``0.01`` for euros."""
    if currency is None or not is_currency(currency):
        return _USUAL
    return Decimal(1).scaleb(-get_currency_precision(currency))


def in_full(amount: Decimal, currency: str | None) -> Decimal:
    """The very amount, with all decimals of its currency, and more only where it has them."""
    plain = amount.normalize()
    unit = least(currency)
    return plain.quantize(unit) if _exponent(plain) > _exponent(unit) else plain


def rounded(amount: Decimal, currency: str | None) -> Decimal:
    """An amount as it can be paid; one that is less than that, and not nothing, in full."""
    paid = amount.quantize(least(currency))
    return paid if paid or not amount else in_full(amount, currency)


def written(amount: Decimal, currency: str | None) -> str:
    """An amount as people read it: ``1,234.50 EUR``."""
    return f"{in_full(amount, currency):,f} {currency or ''}".rstrip()


def _exponent(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    assert isinstance(exponent, int), "a finite amount is wanted"
    return exponent
