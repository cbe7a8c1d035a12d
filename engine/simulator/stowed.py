"""Records of long ago, in little room: there are one or two entries of points of every order.

A ledger is read on from its last entry, so hardly anybody looks at former ones again.
"""

from __future__ import annotations

import marshal
from collections.abc import Collection, ItemsView, Iterator, Mapping, Sequence, ValuesView
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from engine.core.book import Books, Record
from engine.core.instants import instant, microseconds
from engine.core.points import ACCOUNT, BOOK
from engine.core.shopping import BOOK as SHOPPING
from engine.core.world import Journey
from engine.simulator.press import Press

_FEW: Final = 8  # entries: fewer are not worth the work while more may come soon
_MANY: Final = 12  # entries that are not worth looking at again to put more with them
_MARK: Final = 4  # bytes of a key's hash: one that is found for another costs time only
_MARKS: Final = 2 ** (8 * _MARK) - 1
_WORDINGS: Final = 4_096  # of what became of a journey's steps, by when most are rare
_LATEST: Final = 16  # triggers: what one batch changes is kept at once
_PARTS: Final = ("data",)  # of a trigger: events of one type tell the same
_ALIKE: Final = frozenset({bool, int})  # texts are mostly codes, each of one customer
_BY_VALUE: Final = 2  # a version of marshal that tells equal things alike

_Shape = tuple[tuple[str, ...], tuple[tuple[str, tuple[Any, ...]], ...]]


class Stowed(Mapping[str, Any]):
    """What a record says. Records of one kind share the names of what they say, and of what those
    of their parts say that are named."""

    __slots__ = ("_shape", "_values")

    def __init__(self, data: Mapping[str, Any], parts: Collection[str] = ()) -> None:
        told, within = dict(data), []
        for name in parts:
            inner = told.get(name)
            if type(inner) is dict:
                within.append((name, tuple(inner)))
                told[name] = tuple(inner.values())
        self._shape = _shared((tuple(told), tuple(within)))
        self._values = marshal.dumps(tuple(told.values()))

    def __getitem__(self, name: str) -> Any:
        names, within = self._shape
        if name not in names:
            raise KeyError(name)
        value = marshal.loads(self._values)[names.index(name)]  # noqa: S302 (our own)
        for part, inner in within:
            if part == name:
                return dict(zip(inner, value, strict=True))
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._shape[0])

    def __len__(self) -> int:
        return len(self._shape[0])

    def items(self) -> ItemsView[str, Any]:
        """All that it says, read once."""
        return self._whole().items()

    def values(self) -> ValuesView[Any]:
        """The same without names."""
        return self._whole().values()

    def _whole(self) -> dict[str, Any]:
        names, within = self._shape
        whole = dict(zip(names, marshal.loads(self._values), strict=True))  # noqa: S302 (our own)
        for part, inner in within:
            whole[part] = dict(zip(inner, whole[part], strict=True))
        return whole


class _Lot:
    """Entries of points that were put away; ``engine.core.book.Away``."""

    __slots__ = ("_marks", "_press", "_pressed")

    def __init__(self, entries: Sequence[Record], press: Press) -> None:
        self._marks = b"".join([_mark(one.key) for one in entries])
        self._press = press
        told = [(one.key, microseconds(one.at), dict(one.data.items())) for one in entries]
        self._pressed = press.press(marshal.dumps(told))

    def __len__(self) -> int:
        return len(self._marks) // _MARK

    def may_hold(self, key: str) -> bool:
        """Whether an entry with this key may be among them: one with its mark, or parts of two."""
        return _mark(key) in self._marks

    def records(self) -> list[Record]:
        """The entries."""
        told = marshal.loads(self._press.open(self._pressed))  # noqa: S302 (our own)
        return [Record(book=BOOK, key=key, at=instant(at), data=data) for key, at, data in told]


def _mark(key: str) -> bytes:
    return (hash(key) & _MARKS).to_bytes(_MARK, "little")


@lru_cache(maxsize=1024)
def _shared(shape: _Shape) -> _Shape:
    return shape


def stow(books: Books, before: datetime, press: Press, few: int = _FEW, many: int = _MANY) -> None:
    """Stow what a customer's records say, where they stand.

    Entries of points of before a moment are put away, unless they wait for weeks until their points
    count: ``few`` at least while others came since, in lots of about ``many``. Where none came
    since, the reading is let go of as well: the few who enter something again read all of it. Where
    there is none all are read at once in any case, so it takes no time to be over.
    ``press`` is for entries, always the same.
    """
    for name in books.names():
        if name == BOOK:
            _stow_entries(books, before, press, few, many)
        elif name != SHOPPING:
            for record in books.at_hand(name):
                _stow(books, record)


def _stow_entries(books: Books, before: datetime, press: Press, few: int, many: int) -> None:
    entries = [one for one in books.at_hand(BOOK) if one.key != ACCOUNT]
    rests = books.reading(BOOK) is None
    is_quiet = rests or all(one.at < before for one in entries)
    over = [one for one in entries if (rests or one.at < before) and one.due_at is None]
    if over and (is_quiet or len(over) >= few):
        books.put_away(BOOK, over, lambda found: _Lot(found, press), many)
    for one in books.at_hand(BOOK):
        _stow(books, one)
    if is_quiet:
        books.keep_reading(BOOK, None)


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


class Told:
    """Keeps what journeys were told in little room. Those that were told the same share it."""

    def __init__(self) -> None:
        self._triggers: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}  # the latest
        self._results: dict[bytes, Mapping[str, dict[str, Any]]] = {}  # by what they say

    def keep(self, journey: Journey) -> None:
        """Stow what a journey was begun by, and share what became of its steps."""
        trigger, results = journey.trigger, journey.results
        if type(trigger) is dict and trigger:
            journey.trigger = self._stowed(trigger)
        if type(results) is dict and results:
            journey.results = self._shared(results)

    def _stowed(self, trigger: dict[str, Any]) -> Mapping[str, Any]:
        """Several journeys begin with one event."""
        known = self._triggers.get(id(trigger))
        if known is None or known[0] is not trigger:
            if len(self._triggers) == _LATEST:
                self._triggers.clear()
            known = self._triggers[id(trigger)] = trigger, _stowed(trigger, _PARTS)
        return known[1]

    def _shared(self, results: dict[str, dict[str, Any]]) -> Mapping[str, dict[str, Any]]:
        try:
            key = marshal.dumps(results, _BY_VALUE)
        except ValueError:  # they say what marshal does not take
            return results
        known = self._results.get(key)
        if known is not None:
            return known
        if all(type(one) in _ALIKE for told in results.values() for one in told.values()):
            if len(self._results) == _WORDINGS:
                self._results.clear()
            shared = self._results[key] = MappingProxyType(results)
            return shared
        return Stowed(results)


def _stowed(told: dict[str, Any], parts: Collection[str] = ()) -> Mapping[str, Any]:
    try:
        return Stowed(told, parts)
    except ValueError:  # it says what marshal does not take
        return told
