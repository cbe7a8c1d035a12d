"""The page of a customer's loyalty account, as conditions and templates read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.core.world import World

BOOK: Final = "points"
ACCOUNT: Final = "account"  # the key of the page that sums up; it is no entry
_NO_ACCOUNT: Final[Mapping[str, Any]] = {}


def loyalty_page(world: World) -> Mapping[str, Any]:
    """What ``engine.programs.loyalty_account`` wrote on the page; empty without an account."""
    record = world.books.get((BOOK, ACCOUNT))
    return _NO_ACCOUNT if record is None else record.data
