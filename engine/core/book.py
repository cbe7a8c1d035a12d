"""Books: what the shop's programs keep of one customer, a record a line.

A book belongs to one program (``points``, ``coupons``, ``calls``, …); a record's key is unique in
its book for the customer and derives from what caused it, so that a cause told twice is one
record. ``due_at`` is when its program must look at the record again, by itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar, overload

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


class _Book:
    """One book: its records by key, in the order in which they were first written."""

    __slots__ = ("listed", "records", "reworded", "waiting")

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.listed: Sequence[Record] | None = None  # oldest first
        self.waiting: dict[str, Record] = {}  # those that are to be looked at again
        self.reworded: tuple[str, ...] = ()

    def put(self, key: str, record: Record) -> None:
        former = self.records.get(key)
        if former is record:
            return
        self.records[key] = record
        self.listed = None
        if record.due_at is not None:
            self.waiting[key] = record
        elif former is not None and former.due_at is not None:
            del self.waiting[key]
        if former is None or key in self.reworded:
            return
        if former.data is not record.data or former.at != record.at:
            self.reworded += (key,)


class Books(MutableMapping[Place, Record]):
    """A customer's records by (book, key), at hand also a book at a time.

    ``readings`` is how far a book has been read by who reads it on from there: it saves reading
    all of it anew, and decides nothing.
    """

    __slots__ = ("_books", "readings")

    def __init__(self, records: Mapping[Place, Record] | None = None) -> None:
        self._books: dict[str, _Book] = {}
        self.readings: dict[str, object] = {}
        if records:
            for place, record in records.items():
                self[place] = record

    def of(self, book: str) -> Sequence[Record]:
        """The records of one book, oldest first."""
        found = self._books.get(book)
        if found is None:
            return ()
        if found.listed is None:
            found.listed = sorted(found.records.values(), key=_age)
        return found.listed

    def due(self, now: datetime) -> list[Record]:
        """Every record whose time has come, whatever its book."""
        return [
            record
            for book in self._books.values()
            for record in book.waiting.values()
            if record.due_at is not None and record.due_at <= now
        ]

    def since(self, book: str, begin: int) -> tuple[Sequence[Record], int]:
        """The records of a book but for the ``begin`` that were written first, and how many all
        are."""
        found = self._books.get(book)
        if found is None:
            return (), 0
        count = len(found.records)
        return list(islice(reversed(found.records.values()), max(0, count - begin))), count

    def reworded(self, book: str) -> Collection[str]:
        """The keys of records that may say something else than when this was asked last."""
        found = self._books.get(book)
        if found is None:
            return ()
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
        found = self._books.get(place[0])
        return default if found is None else found.records.get(place[1], default)

    def __getitem__(self, place: Place) -> Record:
        found = self._books.get(place[0])
        if found is None:
            raise KeyError(place)
        return found.records[place[1]]

    def __setitem__(self, place: Place, record: Record) -> None:
        name, key = place
        found = self._books.get(name)
        if found is None:
            found = self._books[name] = _Book()
        found.put(key, record)

    def __delitem__(self, place: Place) -> None:
        raise TypeError("what a book says is never taken out")

    def __contains__(self, place: object) -> bool:
        return isinstance(place, tuple) and self.get(place) is not None

    def __iter__(self) -> Iterator[Place]:
        return ((name, key) for name, book in self._books.items() for key in book.records)

    def __len__(self) -> int:
        return sum(len(book.records) for book in self._books.values())

    def __bool__(self) -> bool:
        return bool(self._books)


def _age(record: Record) -> tuple[datetime, str]:
    return record.at, record.key
