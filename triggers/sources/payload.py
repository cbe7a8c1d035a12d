"""Reading other people's JSON: every getter takes any value and gives the wanted type or None."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pydantic_core import from_json

JsonObject = Mapping[str, Any]

_LONGEST_TEXT: Final = 2000
_FOUR_PLACES: Final = Decimal("0.0001")


def parse_object(body: bytes) -> dict[str, Any] | None:
    """The body as a JSON object, or None when it is not one."""
    try:
        value = from_json(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def child(value: object, name: str) -> JsonObject:
    """The object under ``name``; an empty one when there is none."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def children(value: object, name: str) -> list[JsonObject]:
    """The objects of the array under ``name``."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def text(value: object) -> str | None:
    """Text without NUL, cut at 2,000 characters; None when blank."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).replace("\x00", "").strip()[:_LONGEST_TEXT] or None


def key(value: object) -> str | None:
    """An id, a number or text, as text; of a GraphQL id (gid://…/1) the last part."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    found = str(value).replace("\x00", "").strip()
    if found.startswith("gid://"):
        found = found.rpartition("/")[2]
    return found[:255] or None


def amount(value: object) -> Decimal | None:
    """A sum of money, a number or text, to four places."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = Decimal(str(value).strip())
        return found.quantize(_FOUR_PLACES) if found.is_finite() else None
    except InvalidOperation:
        return None


def quantity(value: object) -> int | None:
    """A count of pieces, a number or text."""
    found = amount(value)
    return int(found) if found is not None and 0 <= found <= 1_000_000 else None


def from_epoch(value: object) -> datetime | None:
    """A time told as seconds since 1970, a number or text; None outside the years 1995 to 2200."""
    found = amount(value)
    if found is None or not _FROM_EPOCH < found < _TO_EPOCH:
        return None
    return datetime.fromtimestamp(int(found), UTC)


def flag(value: object) -> bool | None:
    """A truth value, also as the text that form fields give."""
    if isinstance(value, str):
        word = value.strip().lower()
        return True if word in _YES else False if word in _NO else None
    return value if isinstance(value, bool) else None


_FROM_EPOCH, _TO_EPOCH = 788_918_400, 7_258_118_400  # 1995 and 2200, in seconds
_YES: Final = ("true", "yes", "1", "on")
_NO: Final = ("false", "no", "0", "off")


def told(fields: JsonObject) -> dict[str, Any]:
    """``fields`` without those that are None, so that "not told" stays the default."""
    return {name: value for name, value in fields.items() if value is not None}


def fingerprint(*parts: str | bytes) -> str:
    """A stable id for a webhook that has none: 128 bits of SHA-256 over ``parts``."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\x00")
    return digest.hexdigest()[:32]
