"""Entries of points of long ago, in little room: there are one or two of every order.

A ledger is read on from its last entry, so hardly anybody looks at them again.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from engine.core.book import Books, Record
from engine.core.points import ACCOUNT, BOOK

_MANY: Final = 12  # entries of one customer; fewer take little room as they are


class _Stowed(Mapping[str, Any]):
    """What an entry says. Entries of one kind share the names of what they say."""

    __slots__ = ("_names", "_values")

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._names = _shared(tuple(data))
        self._values = marshal.dumps(tuple(data.values()))

    def __getitem__(self, name: str) -> Any:
        if name not in self._names:
            raise KeyError(name)
        return marshal.loads(self._values)[self._names.index(name)]  # noqa: S302 (our own)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@lru_cache(maxsize=256)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    return names


def stow(books: Books, before: datetime, least: int = _MANY) -> None:
    """Stow a customer's entries of before a moment, where there are ``least`` at least.

    Those that were written before the last stowed one are stowed already, or came late.
    """
    if len(books.kept(BOOK)) < least:
        return
    found: list[Record] = []
    entries, _ = books.since(BOOK, 0)
    for entry in reversed(entries):
        if type(entry.data) is _Stowed:
            break
        if entry.at < before and entry.key != ACCOUNT:
            found.append(entry)
    for entry in found:
        books.stow(
            Record(
                book=BOOK,
                key=entry.key,
                at=entry.at,
                data=_Stowed(entry.data),
                due_at=entry.due_at,
            )
        )
