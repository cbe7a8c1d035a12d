"""Last-writer-wins registers: one value and the time of the report that told it.

Whatever order reports come in, and however often, the same value stays: the one told last, and of
two told for the same instant the one that sorts higher. (Shapiro et al., "A comprehensive study of
Convergent and Commutative Replicated Data Types", INRIA RR-7506, 2011, section 3.2.)
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def stamp_of(moment: datetime) -> int:
    """Microseconds since the epoch."""
    gone = moment - _EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


class _Stamped:
    """Its instances share the names of their attributes (PEP 412)."""


def shared_stamps() -> dict[str, int]:
    """Stamps of a thing that there are many of, nearly all of them with the same registers: a
    dictionary that shares its keys with the others."""
    return vars(_Stamped())


def write(
    target: Any, stamps: dict[str, int], name: str, value: Any, at: int, *, key: str = ""
) -> bool:
    """Set a field of ``target`` unless a later report has told it; whether anything changed.

    ``key`` is the register's name in ``stamps`` where that is not the field's own.
    """
    key = key or name
    known = stamps.get(key)
    if known is not None and known >= at:
        if known > at:
            return False
        held = getattr(target, name)
        if held == value or not outranks(value, held):
            return False
    setattr(target, name, value)
    stamps[key] = at
    return True


def outranks(value: Any, held: Any) -> bool:
    """Which of two values told for one instant stays: arbitrary, but always the same."""
    return _sortable(value) > _sortable(held)


def _sortable(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


def moment_of(stamp: int) -> datetime:
    """The instant that ``stamp_of`` counted."""
    return _EPOCH + timedelta(microseconds=stamp)
