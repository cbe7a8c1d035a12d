"""Amounts, numbers, dates and plurals as a locale writes them (Unicode CLDR, by way of Babel).

Babel parses a pattern anew for each amount. Here the shape of an amount (where the symbol stands,
what separates) is learnt once per locale and currency from Babel's own answer and filled in after
that; what has another shape (negative, Indian grouping) is left to Babel.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, get_currency_precision, is_currency

_SHAPE = re.compile(
    r"(?P<before>\D*)1(?P<group>\D*)234(?P=group)567(?:(?P<point>\D+)(?P<cents>0+))?(?P<after>\D*)"
)
_ZERO = Decimal(0)
_LARGEST = Decimal(10) ** 15


@lru_cache(maxsize=512)
def locale_of(tag: str) -> Locale | None:
    """The locale of a BCP 47 tag, or of the nearest shorter tag that CLDR knows; None if none."""
    parts = tag.replace("_", "-").split("-")
    while parts:
        try:
            return Locale.parse("-".join(parts), sep="-")
        except (UnknownLocaleError, ValueError):
            parts.pop()
    return None


class Formats:
    """How one locale writes values; one object serves all messages of the locale."""

    __slots__ = ("_money", "_plural", "locale")

    def __init__(self, locale: Locale) -> None:
        self.locale = locale
        self._plural: Callable[[int | float | Decimal], str] = locale.plural_form
        self._money: dict[str | None, Callable[[Decimal], str]] = {}

    def money(self, value: object, currency: str | None) -> str:
        """An amount in ``currency`` (ISO 4217), or as a bare number without one; '' for None.

        :raises ValueError: when ``value`` is no number.
        """
        if value is None or value == "":
            return ""
        amount = value if type(value) is Decimal else _decimal(value)
        write = self._money.get(currency)
        if write is None:
            write = self._money.setdefault(currency, self._writer(currency))
        return write(amount or _ZERO)  # zero has no sign

    def quantity(self, value: object) -> str:
        """A count or other number, grouped as the locale does; '' for None."""
        if value is None or value == "":
            return ""
        if type(value) is int and 0 <= value < 1000:
            return str(value)
        return format_decimal(_decimal(value), locale=self.locale)

    def plural(self, count: object, one: str, other: str, **forms: str) -> str:
        """The word that goes with ``count``, by the locale's plural rules (CLDR categories).

        ``forms`` holds those beyond English's two: ``zero``, ``two``, ``few``, ``many``.
        """
        category = self._plural(_decimal(0 if count is None else count))
        return {"one": one, **forms}.get(category, other)

    def date(self, value: object, style: str = "long", zone: str | None = None) -> str:
        """The day, on the clock of ``zone``; ``style``: short, medium, long, full or a pattern."""
        moment = _moment(value)
        if moment is None:
            return ""
        if isinstance(moment, datetime):
            moment = moment.astimezone(_zone(zone)).date()
        return _date(moment, style, self.locale)

    def datetime(self, value: object, style: str = "medium", zone: str | None = None) -> str:
        """The day and time on the clock of ``zone``; ``style`` as for ``date``."""
        moment = _moment(value)
        if moment is None:
            return ""
        if not isinstance(moment, datetime):
            return _date(moment, style, self.locale)
        return format_datetime(moment, style, tzinfo=_zone(zone), locale=self.locale)

    def _writer(self, currency: str | None) -> Callable[[Decimal], str]:
        locale = self.locale
        if currency is None or not is_currency(currency):
            return lambda amount: format_decimal(amount, locale=locale)

        def by_babel(amount: Decimal) -> str:
            return format_currency(amount, currency, locale=locale)

        shape = _SHAPE.fullmatch(by_babel(Decimal(1234567)))
        digits = get_currency_precision(currency)
        if shape is None or len(shape["cents"] or "") != digits:
            return by_babel
        before, after = shape["before"], shape["after"]
        separators = str.maketrans({",": shape["group"], ".": shape["point"] or ""})
        pattern = f",.{digits}f"

        def filled(amount: Decimal) -> str:
            if not 0 <= amount < _LARGEST or amount.is_signed():
                return by_babel(amount)
            return f"{before}{format(amount, pattern).translate(separators)}{after}"

        return lru_cache(maxsize=1024)(filled)  # a mail says most amounts twice


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError(f"a number is wanted, not a {type(value).__name__}")
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError("a number is wanted, not this text") from None
    if not number.is_finite():
        raise ValueError("a finite number is wanted")
    return number


def _moment(value: object) -> date | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("a date is wanted, not this text") from None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return value
    raise ValueError(f"a date is wanted, not a {type(value).__name__}")


@lru_cache(maxsize=4096)
def _date(day: date, style: str, locale: Locale) -> str:
    return format_date(day, style, locale=locale)


@lru_cache(maxsize=1024)
def _zone(name: str | None) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # unknown, or no name for a zone
        return ZoneInfo("UTC")
