"""A history on disk: its events in one file without a name, and where they stand in another.

The files belong to nobody but this process and those it forks, and are gone with them, however they
end. They are in the system's folder for such files (``TMPDIR``).
"""

from __future__ import annotations

import os
import struct
import sys
import weakref
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Final, NamedTuple

import numpy as np

from engine.core.value import value_class
from engine.simulator.packed import pack, unpack
from triggers.event import Event

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)
_NUMBER: Final = "I"  # of an event
# When it arrived and when it happened, in microseconds since the epoch, the hash of its name, where
# it begins, the lengths of its name and its body, its place.
_ROW: Final = struct.Struct("<qqqQHIi")
_COLUMNS: Final = np.dtype(
    [("at", "<i8"), ("time", "<i8"), ("hash", "<i8"), ("start", "<u8"),
     ("named", "<u2"), ("length", "<u4"), ("place", "<i4")]
)  # fmt: skip


@value_class
class Recorded:
    """One event of a history, and when it arrived."""

    at: datetime
    packed: bytes

    def event(self) -> Event:
        """The event itself."""
        return unpack(self.packed)


class Packed(NamedTuple):
    """An event as it is spooled. Times are microseconds since the epoch; ``name`` sorts as
    (source, id) does, since neither can hold a NUL."""

    at: int
    time: int
    name: bytes
    body: bytes


def packed(event: Event, at: datetime) -> Packed:
    """An event that arrived at ``at``."""
    return Packed(
        at=(at - _EPOCH) // _INSTANT,
        time=(event.time - _EPOCH) // _INSTANT,
        name=f"{event.source}\0{event.id}".encode(),
        body=pack(event),
    )


class Spool:
    """Takes events in any order; ``place`` is where ``engine.simulator.kin.Kin`` has each."""

    def __init__(self) -> None:
        self._file, self._index = _file(self), _file(self)
        self._end = self._count = 0  # of the file, in bytes, and of its events

    def __len__(self) -> int:
        return self._count

    def add(self, event: Packed, place: int) -> None:
        """Take in the next event. Raises OSError: the disk is full."""
        at, time, name, body = event
        self._index.write(_ROW.pack(at, time, hash(name), self._end, len(name), len(body), place))
        self._file.write(name + body)
        self._end += len(name) + len(body)
        self._count += 1

    def seal(self) -> None:
        """Have everything written. Raises OSError: the disk is full."""
        self._file.flush()
        self._index.flush()

    def span(self) -> tuple[datetime, datetime] | None:
        """When the first and the last event arrived; None when there is none."""
        at = self._rows()["at"]
        return (_moment(int(at.min())), _moment(int(at.max()))) if len(at) else None

    def order(self, before: datetime) -> array[int]:
        """The numbers of the events that arrive before then, by (arrival, time, source, id)."""
        rows = self._rows()
        at, time = rows["at"], rows["time"]
        numbers = np.flatnonzero(at < (before - _EPOCH) // _INSTANT)
        numbers = numbers[np.lexsort((time[numbers], at[numbers]))]
        at, time = at[numbers], time[numbers]
        found = array(_NUMBER, numbers.astype(_NUMBER).tobytes())
        tied = np.zeros(len(numbers) + 1, np.int8)  # each with the one before it
        if len(numbers):
            tied[1:-1] = (at[1:] == at[:-1]) & (time[1:] == time[:-1])
        for first, last in np.flatnonzero(np.diff(tied)).reshape(-1, 2).tolist():
            found[first : last + 1] = array(
                _NUMBER, sorted(found[first : last + 1], key=self._name)
            )
        return found

    def twins(self) -> Iterator[list[int]]:
        """Events of one source and id, which count once: the places of each such group."""
        rows = self._rows()
        names = rows["hash"]
        hashes = np.sort(names)
        double = hashes[1:][hashes[1:] == hashes[:-1]]
        found: defaultdict[int, list[int]] = defaultdict(list)
        for row in rows[np.isin(names, double)]:
            found[int(row["hash"])].append(int(row["place"]))
        yield from found.values()

    def places(self) -> Sequence[int]:
        """The place of each event."""
        return array("i", np.ascontiguousarray(self._rows()["place"]).tobytes())

    def recorded(self, number: int) -> Recorded:
        """One of the events."""
        at, _, _, start, named, length, _ = self._row(number)
        return Recorded(at=_moment(at), packed=_read(self._file, start + named, length))

    def _name(self, number: int) -> bytes:
        _, _, _, start, named, _, _ = self._row(number)
        return _read(self._file, start, named)

    def _row(self, number: int) -> tuple[int, ...]:
        return _ROW.unpack(_read(self._index, number * _ROW.size, _ROW.size))

    def _rows(self) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """Where all events stand. It is not kept: parts of the customers need the room."""
        self.seal()
        if not self._count:  # which cannot be mapped
            return np.empty(0, _COLUMNS)
        return np.memmap(self._index, _COLUMNS, "r", shape=(self._count,))


def _file(owner: Spool) -> IO[bytes]:
    file = TemporaryFile(prefix="lagniappe-")  # noqa: SIM115 (it lasts)
    weakref.finalize(owner, file.close)
    return file


def _read(file: IO[bytes], start: int, length: int) -> bytes:
    if sys.platform == "win32":  # where nobody else reads it
        file.seek(start)
        return file.read(length)
    return os.pread(file.fileno(), length, start)


@dataclass(frozen=True, slots=True)
class History:
    """Events sorted by arrival, to be gone through as often as one likes."""

    spool: Spool
    numbers: array[int]

    def __len__(self) -> int:
        return len(self.numbers)

    def __iter__(self) -> Iterator[Recorded]:
        return map(self.spool.recorded, self.numbers)

    def where(self, wanted: Callable[[int], bool]) -> History:
        """Those of whose numbers this is true."""
        return History(self.spool, array(_NUMBER, filter(wanted, self.numbers)))

    def parts(self, groups: Sequence[int], count: int) -> list[History]:
        """So many histories of about one size; ``groups``, by place, stay together."""
        places = self.spool.places()
        sizes = Counter(groups[places[number]] for number in self.numbers)
        loads, part = [0] * count, dict[int, int]()
        for group, size in sizes.most_common():
            part[group] = least = loads.index(min(loads))
            loads[least] += size
        numbers = [array(_NUMBER) for _ in range(count)]
        for number in self.numbers:
            numbers[part[groups[places[number]]]].append(number)
        return [History(self.spool, each) for each in numbers]


def _moment(stored: int) -> datetime:
    return _EPOCH + stored * _INSTANT
