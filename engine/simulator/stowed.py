"""Records of long ago, in little room: there are one or two entries of points of every order.

A ledger is read on from its last entry, so hardly anybody looks at former ones again.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from engine.core.book import Books, Record
from engine.core.instants import instant, microseconds
from engine.core.points import ACCOUNT, BOOK
from engine.core.shopping import BOOK as SHOPPING
from engine.core.world import Journey

_FEW: Final = 4  # entries: fewer are not worth the work while more may come soon
_MANY: Final = 24  # entries that are not worth looking at again to put more with them
_END: Final = "\n"  # of a key; one that has it in itself is found too often, which costs time only


class Stowed(Mapping[str, Any]):
    """What a record says. Records of one kind share the names of what they say."""

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


class _Lot:
    """Entries of points that were put away; ``engine.core.book.Away``."""

    __slots__ = ("_keys", "_names", "_told")

    def __init__(self, entries: Sequence[Record]) -> None:
        self._keys = _END.join(("", *[one.key for one in entries], ""))
        self._names = _shared(tuple([_shared(tuple(one.data)) for one in entries]))
        told = [(microseconds(one.at), *one.data.values()) for one in entries]
        self._told = marshal.dumps(told)

    def __len__(self) -> int:
        return len(self._names)

    def may_hold(self, key: str) -> bool:
        """Whether an entry with this key may be among them."""
        return f"{_END}{key}{_END}" in self._keys

    def records(self) -> list[Record]:
        """The entries."""
        keys = self._keys[1:-1].split(_END)
        told = marshal.loads(self._told)  # noqa: S302 (our own)
        return [
            Record(book=BOOK, key=key, at=instant(at), data=dict(zip(names, values, strict=True)))
            for key, names, (at, *values) in zip(keys, self._names, told, strict=True)
        ]


@lru_cache(maxsize=1024)
def _shared(names: tuple[Any, ...]) -> tuple[Any, ...]:
    return names


def stow(books: Books, before: datetime, few: int = _FEW, many: int = _MANY) -> None:
    """Stow a customer's records of before a moment.

    Entries of points are put away, ``few`` at least while others came since, in lots of about
    ``many``. Where none came since, the reading is let go of as well: the few who enter something
    again read all of it. What other records say is stowed where they stand.
    """
    for name in books.names():
        if name == BOOK:
            _stow_entries(books, before, few, many)
        elif name != SHOPPING:
            for record in [*books.at_hand(name)]:
                if record.due_at is None and record.at < before:
                    _stow(books, record)


def _stow_entries(books: Books, before: datetime, few: int, many: int) -> None:
    entries = [one for one in books.at_hand(BOOK) if one.key != ACCOUNT]
    is_quiet = all(one.at < before for one in entries)
    over = [
        one for one in entries if one.at < before and one.due_at is None and _END not in one.key
    ]
    if over and (is_quiet or len(over) >= few):
        books.put_away(BOOK, over, _Lot, many)
    if is_quiet:
        books.keep_reading(BOOK, None)
        page = books.get((BOOK, ACCOUNT))
        if page is not None:
            _stow(books, page)


def _stow(books: Books, record: Record) -> None:
    if type(record.data) is dict:
        books.stow(
            Record(
                book=record.book,
                key=record.key,
                at=record.at,
                data=Stowed(record.data),
                due_at=record.due_at,
            )
        )


class Ended:
    """Stows what journeys that have ended were told. Those that were told the same share it."""

    def __init__(self) -> None:
        self._results: dict[str, Stowed] = {}  # by what they say

    def stow(self, journeys: Iterable[Journey]) -> None:
        """Stow what one customer's journeys were begun by, and what became of their steps."""
        triggers: dict[int, Stowed] = {}  # several begin with one event
        for journey in journeys:
            trigger, results = journey.trigger, journey.results
            with suppress(ValueError):  # marshal does not take what it says
                if type(trigger) is dict and trigger:
                    if id(trigger) not in triggers:
                        triggers[id(trigger)] = Stowed(trigger)
                    journey.trigger = triggers[id(trigger)]
                if type(results) is dict and results:
                    key = repr(results)
                    if key not in self._results:
                        self._results[key] = Stowed(results)
                    journey.results = self._results[key]
