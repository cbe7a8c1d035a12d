"""Books: what the shop's programs keep of one customer, a record a line.

A book belongs to one program (``points``, ``coupons``, ``calls``, …); a record's key is unique in
its book for the customer and derives from what caused it, so that a cause told twice is one
record. ``due_at`` is when its program must look at the record again, by itself.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, MutableMapping, Sequence, ValuesView
from datetime import datetime
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


class Books(MutableMapping[Place, Record]):
    """A customer's records by (book, key), at hand also a book at a time.

    ``readings`` is how far a book has been read by who reads it on from there: it saves reading
    all of it anew, and decides nothing.
    """

    __slots__ = ("_listed", "_records", "_written", "readings")

    def __init__(self, records: Mapping[Place, Record] | None = None) -> None:
        self._records: dict[Place, Record] = {}
        self._listed: dict[str, Sequence[Record]] = {}
        self._written: dict[str, list[str]] = {}  # keys of each book, as they were written
        self.readings: dict[str, object] = {}
        if records:
            for place, record in records.items():
                self[place] = record

    def of(self, book: str) -> Sequence[Record]:
        """The records of one book, oldest first."""
        records = self._records
        if not records:  # most customers, and a message asks for several books
            return ()
        listed = self._listed.get(book)
        if listed is None:
            found = [records[book, key] for key in dict.fromkeys(self._written.get(book, ()))]
            found.sort(key=lambda record: (record.at, record.key))
            listed = self._listed[book] = found
        return listed

    def since(self, book: str, begin: int) -> tuple[Sequence[Record], int]:
        """The records of a book written from the place ``begin`` on, and the place to go on from.

        A record that was written several times is there as it is now, once or more.
        """
        written, records = self._written.get(book, ()), self._records
        return [records[book, key] for key in written[begin:]], len(written)

    def named(self, names: frozenset[str]) -> Books:
        """These books alone."""
        if self._written.keys() <= names:
            return self
        return Books({place: one for place, one in self._records.items() if place[0] in names})

    @overload
    def get(self, place: Place, default: None = None) -> Record | None: ...
    @overload
    def get(self, place: Place, default: Record | _Default) -> Record | _Default: ...
    def get(
        self, place: Place, default: Record | _Default | None = None
    ) -> Record | _Default | None:
        """The record in a place, or ``default``."""
        return self._records.get(place, default)

    def items(self) -> ItemsView[Place, Record]:
        """Records with their places."""
        return self._records.items()

    def values(self) -> ValuesView[Record]:
        """All records."""
        return self._records.values()

    def __getitem__(self, place: Place) -> Record:
        return self._records[place]

    def __setitem__(self, place: Place, record: Record) -> None:
        self._records[place] = record
        self._listed.pop(place[0], None)
        self._written.setdefault(place[0], []).append(place[1])

    def __delitem__(self, place: Place) -> None:
        raise TypeError("what a book says is never taken out")

    def __contains__(self, place: object) -> bool:
        return place in self._records

    def __iter__(self) -> Iterator[Place]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)
