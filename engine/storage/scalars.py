"""Single values as columns hold them, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import orjson

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)  # a product of it is made in half the time of a new one
MONEY = Decimal(10_000)
_MOST = 2**63 - 1


def micros(moment: datetime) -> int:
    """Microseconds since the epoch."""
    gone = moment - EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


def moment(micros: int) -> datetime:
    """The UTC datetime of a stored time."""
    return EPOCH + _MICROSECOND * micros


def micros_or_none(at: datetime | None) -> int | None:
    """``micros``, letting None through."""
    return None if at is None else micros(at)


def moment_or_none(at: int | None) -> datetime | None:
    """``moment``, letting None through."""
    return None if at is None else EPOCH + _MICROSECOND * at


def money(amount: Decimal | None) -> int | None:
    """Ten-thousandths of the currency unit; beyond what the column holds, the most it holds."""
    if amount is None:
        return None
    stored = int((amount * MONEY).to_integral_value())
    return stored if -_MOST <= stored <= _MOST else (_MOST if stored > 0 else -_MOST)


@lru_cache(maxsize=4096)  # prices recur
def amount(stored: int | None) -> Decimal | None:
    """The Decimal of a stored amount."""
    return None if stored is None else Decimal(stored) / MONEY


def dump(value: Any) -> str:
    """Compact JSON text."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # a number of more than 64 bits
        return json.dumps(value, separators=(",", ":"))


def dump_sorted(value: Mapping[str, Any]) -> str:
    """Compact JSON text that is the same for the same content, in whatever order it came."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return json.dumps(value, separators=(",", ":"), sort_keys=True)
