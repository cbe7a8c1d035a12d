"""Books: what the shop's programs keep of one customer, a record a line.

A book belongs to one program (``points``, ``coupons``, ``calls``, …); a record's key is unique in
its book for the customer and derives from what caused it, so that a cause told twice is one
record. ``due_at`` is when its program must look at the record again, by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, TypeVar, overload

from engine.core.value import value_class

Place = tuple[str, str]  # a book and a key in it
_Default = TypeVar("_Default")


@value_class
class Record:
    """One line of a book. ``data`` is JSON-able; money stands in it as text."""

    book: str
    key: str
    at: datetime
    data: Mapping[str, Any]
    due_at: datetime | None = None

    def looked_at(self, due_at: datetime | None) -> Record:
        """The same, to be looked at then; None: no more."""
        return Record(book=self.book, key=self.key, at=self.at, data=self.data, due_at=due_at)


class _Book:
    """One book: its records by key, in the order in which they were first written."""

    __slots__ = ("listed", "records", "reworded", "waiting")

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.listed: Sequence[Record] | None = None  # oldest first
        self.waiting: dict[str, Record] = {}  # those that are to be looked at again
        self.reworded: tuple[str, ...] = ()


class Books(Mapping[Place, Record]):
    """A customer's records by (book, key), at hand also a book at a time.

    ``readings`` is how far a book has been read by who reads it on from there: it saves reading
    all of it anew, and decides nothing.
    """

    __slots__ = ("_books", "readings")

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._books: dict[str, _Book] = {}
        self.readings: dict[str, Any] = {}
        for record in records:
            self.put(record)

    def put(self, record: Record) -> None:
        """Take a record in, in the place of one with the same key."""
        name, key = record.book, record.key
        if name in self._books:
            found = self._books[name]
        else:
            found = self._books[name] = _Book()
        records, due_at = found.records, record.due_at
        if key not in records:
            if due_at is not None:
                found.waiting[key] = record
        elif (former := records[key]) is record:
            return
        else:
            if due_at is not None:
                found.waiting[key] = record
            elif former.due_at is not None:
                del found.waiting[key]
            if (former.data is not record.data or former.at != record.at) and (
                key not in found.reworded
            ):
                found.reworded += (key,)
        records[key] = record
        found.listed = None

    def stow(self, record: Record) -> None:
        """Take a record in, in the place of one with the same key that says the same."""
        found = self._books[record.book]
        found.records[record.key] = record
        if record.due_at is not None:
            found.waiting[record.key] = record
        found.listed = None

    def of(self, book: str) -> Sequence[Record]:
        """The records of one book, oldest first."""
        if book not in self._books:
            return ()
        found = self._books[book]
        if found.listed is None:
            records = found.records.values()
            found.listed = sorted(records, key=_age) if len(records) > 1 else [*records]
        return found.listed

    def kept(self, book: str) -> Mapping[str, Record]:
        """The records of one book by their keys."""
        return self._books[book].records if book in self._books else _NONE

    def has_any_of(self, books: frozenset[str]) -> bool:
        """Whether there is a record in one of these books."""
        return not books.isdisjoint(self._books)

    def due(self, now: datetime) -> list[Record]:
        """Every record whose time has come, whatever its book."""
        return [
            record
            for book in self._books.values()
            if book.waiting
            for record in book.waiting.values()
            if record.due_at is not None and record.due_at <= now
        ]

    def next_due(self, but: str) -> datetime | None:
        """When the first record's time comes, of all books but one."""
        first: datetime | None = None
        for name, book in self._books.items():
            if book.waiting and name != but:
                for record in book.waiting.values():
                    at = record.due_at
                    if at is not None and (first is None or at < first):
                        first = at
        return first

    def since(self, book: str, begin: int) -> tuple[Sequence[Record], int]:
        """The records of a book but for the ``begin`` that were written first, and how many all
        are."""
        if book not in self._books:
            return (), 0
        records = self._books[book].records
        count = len(records)
        if count <= begin:
            return (), count
        if not begin:
            return [*records.values()], count
        return [*islice(reversed(records.values()), count - begin)], count

    def reworded(self, book: str) -> tuple[str, ...]:
        """The keys of records that may say something else than when this was asked last."""
        if book not in self._books:
            return ()
        found = self._books[book]
        keys, found.reworded = found.reworded, ()
        return keys

    def named(self, names: frozenset[str]) -> Books:
        """These books alone; what is written in one of them is written here too."""
        if self._books.keys() <= names:
            return self
        chosen = Books()
        chosen._books = {name: book for name, book in self._books.items() if name in names}
        chosen.readings = self.readings
        return chosen

    @overload
    def get(self, place: Place, default: None = None) -> Record | None: ...
    @overload
    def get(self, place: Place, default: Record | _Default) -> Record | _Default: ...
    def get(
        self, place: Place, default: Record | _Default | None = None
    ) -> Record | _Default | None:
        """The record in a place, or ``default``."""
        name, key = place
        if name in self._books:
            return self._books[name].records.get(key, default)
        return default

    def __getitem__(self, place: Place) -> Record:
        name, key = place
        return self._books[name].records[key]

    def __contains__(self, place: object) -> bool:
        if not isinstance(place, tuple):
            return False
        name, key = place
        return name in self._books and key in self._books[name].records

    def __iter__(self) -> Iterator[Place]:
        return ((name, key) for name, book in self._books.items() for key in book.records)

    def __len__(self) -> int:
        return sum(len(book.records) for book in self._books.values())

    def __bool__(self) -> bool:
        return bool(self._books)


_NONE: Final[Mapping[str, Record]] = MappingProxyType({})


def _age(record: Record) -> tuple[datetime, str]:
    return record.at, record.key
