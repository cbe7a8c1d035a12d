"""Books: what the shop's programs keep of one customer, a record a line.

A book belongs to one program (``points``, ``coupons``, ``calls``, …); a record's key is unique in
its book for the customer and derives from what caused it, so that a cause told twice is one
record. ``due_at`` is when its program must look at the record again, by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Protocol, TypeVar, overload

from engine.core.value import value_class

Place = tuple[str, str]  # a book and a key in it
_FEW: Final = 12  # records that are looked through
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


class _Read:
    """What is kept of a book that is read on: what was put away of it, and how far it was read.

    What was put away stands before what is at hand, whichever was written first; ``reading`` had
    read it all by then, so it is read on from the right place.
    """

    __slots__ = ("away", "book", "reading", "reworded")

    def __init__(self, book: str) -> None:
        self.book = book
        self.away: tuple[Away, ...] = ()
        self.reworded: frozenset[str] = _NONE
        self.reading: Reading | None = None

    def copy(self) -> _Read:
        """The same, to be changed alone."""
        made = _Read(self.book)
        made.away, made.reworded, made.reading = self.away, self.reworded, self.reading
        return made

    def count(self) -> int:
        """How many records were put away."""
        return sum([len(lot) for lot in self.away])

    def records(self) -> list[Record]:
        """They."""
        return [each for lot in self.away for each in lot.records()]

    def find(self, key: str) -> Record | None:
        """The record with a key, of those that were put away."""
        for lot in self.away:
            if lot.may_hold(key):
                for each in lot.records():
                    if each.key == key:
                        return each
        return None


class Books(Mapping[Place, Record]):
    """A customer's records by (book, key), at hand also a book at a time.

    Most customers have a handful of records in all of their books, which are looked through in less
    time, and kept in much less room, than tables of each book would take.
    """

    __slots__ = ("_at_hand", "_names", "_reads")

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._names: frozenset[str] = _NONE
        # In the order in which they were first written.
        self._at_hand: tuple[Record, ...] | dict[Place, Record] = ()
        self._reads: tuple[_Read, ...] = ()
        for record in records:
            self.put(record)

    def put(self, record: Record) -> None:
        """Take a record in, in the place of one with the same key."""
        name, key = record.book, record.key
        former = self._find(name, key)
        read = self._read_of(name) if self._reads else None
        if former is None and read is not None and (former := read.find(key)) is not None:
            self._fetch(read)
        if former is None:
            if name not in self._names:
                self._names = _with(self._names, name)
            held = self._at_hand
            if isinstance(held, dict):
                held[name, key] = record
            else:
                self._lay((*held, record))
        elif former is not record:
            if (
                read is not None
                and (former.data is not record.data or former.at != record.at)
                and key not in read.reworded
            ):
                read.reworded = _with(read.reworded, key)
            self._replace(former, record)

    def stow(self, record: Record) -> None:
        """Take a record in, in the place of one at hand with the same key that says the same."""
        former = self._find(record.book, record.key)
        assert former is not None
        self._replace(former, record)

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
        read = self._reader(book)
        if read.reading is not None and read.reading.count != self.count(book):
            return  # it would be read on from the middle of what was put away
        keys = {one.key for one in over}
        self._lay([one for one in self._every() if one.book != book or one.key not in keys])
        lots = read.away
        if lots and len(lots[-1]) < many:
            over, lots = [*lots[-1].records(), *over], lots[:-1]
        read.away = (*lots, pack(over))

    def at_hand(self, book: str) -> Sequence[Record]:
        """The records of one book that are not put away, in the order of writing."""
        return [one for one in self._every() if one.book == book]

    def names(self) -> Collection[str]:
        """The books in which there is a record."""
        return self._names

    def reading(self, book: str) -> Reading | None:
        """How far a book has been read, as it was kept."""
        read = self._read_of(book)
        return None if read is None else read.reading

    def keep_reading(self, book: str, reading: Reading | None) -> None:
        """Keep how far a book has been read."""
        self._reader(book).reading = reading

    def count(self, book: str) -> int:
        """How many records there are in one book."""
        read = self._read_of(book)
        return len(self.at_hand(book)) + (0 if read is None else read.count())

    def of(self, book: str) -> Sequence[Record]:
        """The records of one book, oldest first."""
        if book not in self._names:
            return []
        records = self._all(book)
        if len(records) > 1:
            records.sort(key=_age)
        return records

    def kept(self, book: str) -> Mapping[str, Record]:
        """The records of one book by their keys."""
        return {one.key: one for one in self._all(book)}

    def has_any_of(self, books: frozenset[str]) -> bool:
        """Whether there is a record in one of these books."""
        return not books.isdisjoint(self._names)

    def due(self, now: datetime) -> list[Record]:
        """Every record whose time has come, whatever its book."""
        return [one for one in self._every() if one.due_at is not None and one.due_at <= now]

    def next_due(self, but: str) -> datetime | None:
        """When the first record's time comes, of all books but one."""
        first: datetime | None = None
        for one in self._every():
            at = one.due_at
            if at is not None and (first is None or at < first) and one.book != but:
                first = at
        return first

    def since(self, book: str, begin: int) -> tuple[Sequence[Record], int]:
        """The records of a book but for the ``begin`` that were written first, and how many all
        are."""
        read = self._reader(book)
        records = self.at_hand(book)
        count = len(records) + read.count()
        if count <= begin:
            return (), count
        if not begin:
            return ([*read.records(), *records] if read.away else records), count
        return records[begin - count :], count

    def reworded(self, book: str) -> frozenset[str]:
        """The keys of records that may say something else than when this was asked last, since
        somebody began to read the book."""
        read = self._read_of(book)
        if read is None:
            return _NONE
        keys, read.reworded = read.reworded, _NONE
        return keys

    def named(self, names: frozenset[str]) -> Books:
        """These books alone; themselves where there are no others."""
        if self._names <= names:
            return self
        chosen = Books()
        chosen._names = self._names & names
        chosen._lay([one for one in self._every() if one.book in names])
        chosen._reads = tuple([read.copy() for read in self._reads if read.book in names])
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
        held = self._at_hand
        if isinstance(held, dict):
            if place in held:
                return held[place]
        else:
            for one in held:
                if one.key == key and one.book == name:
                    return one
        for read in self._reads:
            if read.book == name and (found := read.find(key)) is not None:
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
        for read in self._reads:
            for one in read.records():
                yield one.book, one.key
        for one in self._every():
            yield one.book, one.key

    def __len__(self) -> int:
        return len(self._at_hand) + sum([read.count() for read in self._reads])

    def __bool__(self) -> bool:
        return bool(self._names)

    def _every(self) -> Iterable[Record]:
        """What is at hand."""
        held = self._at_hand
        return held.values() if isinstance(held, dict) else held

    def _all(self, book: str) -> list[Record]:
        """All of one book; what was put away stays so."""
        records = [one for one in self._every() if one.book == book]
        for read in self._reads:
            if read.away and read.book == book:
                return [*read.records(), *records]
        return records

    def _find(self, name: str, key: str) -> Record | None:
        """A record at hand."""
        held = self._at_hand
        if isinstance(held, dict):
            return held.get((name, key))
        for one in held:
            if one.key == key and one.book == name:
                return one
        return None

    def _replace(self, former: Record, record: Record) -> None:
        held = self._at_hand
        if isinstance(held, dict):
            held[record.book, record.key] = record
        else:
            self._at_hand = tuple([record if one is former else one for one in held])

    def _lay(self, records: Sequence[Record]) -> None:
        """Let these be at hand."""
        if len(records) > _FEW:
            self._at_hand = {(one.book, one.key): one for one in records}
        else:
            self._at_hand = tuple(records)

    def _fetch(self, read: _Read) -> None:
        """Have at hand again what was put away of a book."""
        records, read.away = read.records(), ()
        self._lay([*records, *self._every()])

    def _read_of(self, book: str) -> _Read | None:
        for read in self._reads:
            if read.book == book:
                return read
        return None

    def _reader(self, book: str) -> _Read:
        """The same, from now on."""
        read = self._read_of(book)
        if read is None:
            read = _Read(book)
            self._reads = (*self._reads, read)
        return read


_NONE: Final[frozenset[str]] = frozenset()


@lru_cache(maxsize=1024)  # customers have the same few books, and a page in one
def _with(names: frozenset[str], name: str) -> frozenset[str]:
    return names | {name}


def _age(record: Record) -> tuple[datetime, str]:
    return record.at, record.key
