"""A history on disk: its events in a file without a name, and in memory where they stand.

The file belongs to nobody but this process and those it forks, and is gone with them, however they
end. It is in the system's folder for such files (``TMPDIR``).
"""

from __future__ import annotations

import os
import sys
import weakref
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import Final, NamedTuple

import numpy as np

from engine.core.value import value_class
from engine.simulator.packed import pack, unpack
from triggers.event import Event

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)
_NUMBER: Final = "I"  # of an event


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
        self._file = TemporaryFile(prefix="lagniappe-")  # noqa: SIM115 (it lasts)
        weakref.finalize(self, self._file.close)
        self._at = self._time = array("q")  # microseconds since the epoch; one while they are equal
        self._start, self._named = array("Q", [0]), array("H")
        self._names = array("q")  # hashes of (source, id)
        self.places = array("i")

    def __len__(self) -> int:
        return len(self._at)

    def add(self, event: Packed, place: int) -> None:
        """Take in the next event. Raises OSError: the disk is full."""
        if self._time is not self._at:
            self._time.append(event.time)
        elif event.time != event.at:
            self._time = array("q", (*self._at, event.time))
        self._at.append(event.at)
        self._named.append(len(event.name))
        self._names.append(hash(event.name))
        self._start.append(self._start[-1] + len(event.name) + len(event.body))
        self.places.append(place)
        self._file.write(event.name + event.body)

    def seal(self) -> None:
        """Have everything written. Raises OSError: the disk is full."""
        self._file.flush()

    def span(self) -> tuple[datetime, datetime] | None:
        """When the first and the last event arrived; None when there is none."""
        return (_moment(min(self._at)), _moment(max(self._at))) if self._at else None

    def order(self, before: datetime) -> array[int]:
        """The numbers of the events that arrive before then, by (arrival, time, source, id)."""
        self.seal()
        at, time = (np.frombuffer(each, np.int64) for each in (self._at, self._time))
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
        hashes = np.sort(np.frombuffer(self._names, np.int64))
        double = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        if double:
            found: defaultdict[int, list[int]] = defaultdict(list)
            for number, name in enumerate(self._names):
                if name in double:
                    found[name].append(self.places[number])
            yield from found.values()

    def forget_names(self) -> None:
        """Nothing will be added, and ``twins`` not be asked again."""
        self._names = array("q")

    def recorded(self, number: int) -> Recorded:
        """One of the events."""
        start = self._start[number] + self._named[number]
        packed = self._read(start, self._start[number + 1] - start)
        return Recorded(at=_moment(self._at[number]), packed=packed)

    def _name(self, number: int) -> bytes:
        return self._read(self._start[number], self._named[number])

    def _read(self, start: int, length: int) -> bytes:
        if sys.platform == "win32":  # where nobody else reads it
            self._file.seek(start)
            return self._file.read(length)
        return os.pread(self._file.fileno(), length, start)


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
        places = self.spool.places
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
