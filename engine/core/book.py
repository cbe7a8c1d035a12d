"""Books: what the shop's programs keep of one customer, a record a line.

A book belongs to one program (``points``, ``coupons``, ``calls``, …); a record's key is unique in
its book for the customer and derives from what caused it, so that a cause told twice is one
record. ``due_at`` is when its program must look at the record again, by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, Protocol, TypeVar, overload

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


class Reading(Protocol):
    """How far a book has been read by who reads it on from there.

    It saves reading all of it anew, and decides nothing.
    """

    @property
    def count(self) -> int:
        """The records that were read, of those that were written first."""
        ...


class Away(Protocol):
    """Records that nobody is about to look at, in less room."""

    def __len__(self) -> int:
        """How many they are."""
        ...

    def may_hold(self, key: str) -> bool:
        """Whether a record with this key may be among them; False only where none is."""
        ...

    def records(self) -> list[Record]:
        """They, as they were put away."""
        ...


class _Book:
    """One book: its records by key, in the order in which they were first written.

    Those that were put away stand before those at hand, whichever was written first; ``reading``
    had read them all by then, so it is read on from the right place.
    """

    __slots__ = ("at_hand", "away", "listed", "reading", "reworded", "waiting")

    def __init__(self) -> None:
        self.at_hand: dict[str, Record] = {}
        self.away: tuple[Away, ...] = ()
        self.listed: Sequence[Record] | None = None  # oldest first, of several
        self.waiting: tuple[Record, ...] = ()  # those that are to be looked at again
        self.reworded: tuple[str, ...] = ()
        self.reading: Reading | None = None

    def __len__(self) -> int:
        return len(self.at_hand) + sum([len(lot) for lot in self.away])

    @property
    def records(self) -> dict[str, Record]:
        """All of them; what was put away stays so."""
        if not self.away:
            return self.at_hand
        return {each.key: each for lot in self.away for each in lot.records()} | self.at_hand

    def find(self, key: str) -> Record | None:
        """The record with a key, of those that were put away."""
        for lot in self.away:
            if lot.may_hold(key):
                for each in lot.records():
                    if each.key == key:
                        return each
        return None


class Books(Mapping[Place, Record]):
    """A customer's records by (book, key), at hand also a book at a time."""

    __slots__ = ("_books",)

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._books: dict[str, _Book] = {}
        for record in records:
            self.put(record)

    def put(self, record: Record) -> None:
        """Take a record in, in the place of one with the same key."""
        name, key = record.book, record.key
        if name in self._books:
            found = self._books[name]
        else:
            found = self._books[name] = _Book()
        due_at = record.due_at
        former = found.at_hand.get(key)
        if former is None and found.away and (former := found.find(key)) is not None:
            found.at_hand, found.away = found.records, ()
        if former is not None:
            if former is record:
                return
            if former.due_at is not None:
                found.waiting = tuple([one for one in found.waiting if one is not former])
            if (former.data is not record.data or former.at != record.at) and (
                key not in found.reworded
            ):
                found.reworded += (key,)
        if due_at is not None:
            found.waiting += (record,)
        found.at_hand[key] = record
        found.listed = None

    def stow(self, record: Record) -> None:
        """Take a record in, in the place of one at hand with the same key that says the same."""
        found = self._books[record.book]
        former, found.at_hand[record.key] = found.at_hand[record.key], record
        found.waiting = tuple([record if one is former else one for one in found.waiting])
        found.listed = None

    def put_away(
        self,
        book: str,
        over: Sequence[Record],
        pack: Callable[[Sequence[Record]], Away],
        many: int,
    ) -> None:
        """Put records of a book away, whence they are fetched when asked for; none falls due.

        A lot of less than ``many`` takes in more.
        """
        found = self._books[book]
        if found.reading is not None and found.reading.count != len(found):
            return  # it would be read on from the middle of what was put away
        keys = {one.key for one in over}
        found.at_hand = {key: one for key, one in found.at_hand.items() if key not in keys}
        lots = found.away
        if lots and len(lots[-1]) < many:
            over, lots = [*lots[-1].records(), *over], lots[:-1]
        found.away = (*lots, pack(over))
        found.listed = None

    def at_hand(self, book: str) -> Iterable[Record]:
        """The records of one book that are not put away, in the order of writing."""
        return self._books[book].at_hand.values() if book in self._books else ()

    def names(self) -> Iterable[str]:
        """The books in which there is a record."""
        return self._books

    def reading(self, book: str) -> Reading | None:
        """How far a book has been read, as it was kept."""
        return self._books[book].reading if book in self._books else None

    def keep_reading(self, book: str, reading: Reading | None) -> None:
        """Keep how far a book has been read; there are records in it."""
        self._books[book].reading = reading

    def count(self, book: str) -> int:
        """How many records there are in one book."""
        return len(self._books[book]) if book in self._books else 0

    def of(self, book: str) -> Sequence[Record]:
        """The records of one book, oldest first."""
        if book not in self._books:
            return ()
        found = self._books[book]
        if found.listed is not None:
            return found.listed
        records = found.records.values()
        if len(records) < 2:
            return [*records]
        listed = sorted(records, key=_age)
        if not found.away:
            found.listed = listed
        return listed

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
            for record in book.waiting
            if record.due_at is not None and record.due_at <= now
        ]

    def next_due(self, but: str) -> datetime | None:
        """When the first record's time comes, of all books but one."""
        first: datetime | None = None
        for name, book in self._books.items():
            if name != but:
                for record in book.waiting:
                    at = record.due_at
                    if at is not None and (first is None or at < first):
                        first = at
        return first

    def since(self, book: str, begin: int) -> tuple[Sequence[Record], int]:
        """The records of a book but for the ``begin`` that were written first, and how many all
        are."""
        if book not in self._books:
            return (), 0
        found = self._books[book]
        count = len(found)
        if count <= begin:
            return (), count
        if not begin:
            return [*found.records.values()], count
        return [*islice(reversed(found.at_hand.values()), count - begin)], count

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
            book = self._books[name]
            if key in book.at_hand:
                return book.at_hand[key]
            if book.away and (found := book.find(key)) is not None:
                return found
        return default

    def __getitem__(self, place: Place) -> Record:
        found = self.get(place)
        if found is None:
            raise KeyError(place)
        return found

    def __contains__(self, place: object) -> bool:
        return isinstance(place, tuple) and self.get((place[0], place[1])) is not None

    def __iter__(self) -> Iterator[Place]:
        return ((name, key) for name, book in self._books.items() for key in book.records)

    def __len__(self) -> int:
        return sum(len(book) for book in self._books.values())

    def __bool__(self) -> bool:
        return bool(self._books)


_NONE: Final[Mapping[str, Record]] = MappingProxyType({})


def _age(record: Record) -> tuple[datetime, str]:
    return record.at, record.key
