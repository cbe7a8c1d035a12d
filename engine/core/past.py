"""What re-entry needs to know of a customer's journeys, in little room: many have had dozens."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Final, NamedTuple

from engine.core.instants import instant, microseconds

_OWN: Final = True  # sets the customer's own keys apart from others
# In one word of 63 bits: a mark, which of the times, which entry. More have no room there.
_MARK: Final = 2**45 - 1
_TIME, _NUMBER = 2**11 - 1, 2**7 - 1
_TIMES_AT, _MARKS_AT = 7, 18  # bits
_ELSEWHERE: Final = 0  # the number of no entry


class PastEntry(NamedTuple):
    """The last entry under a key: which one that was, and when."""

    entry_no: int
    entered_at: datetime


class Past:
    """A customer's newest entry under each key of each campaign.

    Instead of campaign and key it keeps 45 bits of a hash of the two: of questions to a hundred
    entries one in 10^11 is answered with another's. A key that begins with the customer's id is
    hashed without it, so that a merge, which renames it, leaves it where it is. Most events begin
    several journeys, so their times are kept apart.
    """

    __slots__ = ("_count", "_large", "_words")

    def __init__(self) -> None:
        self._words = array("q")  # so many entries, sorted, and times in microseconds
        self._count = 0
        self._large: Mapping[int, tuple[int, int]] | None = None  # by mark: what has no room there

    def find(self, campaign: str, entry_key: str, customer_id: str) -> PastEntry | None:
        """The newest entry under a key."""
        count = self._count
        if not count:
            return None
        words = self._words
        mark = _mark(campaign, entry_key, customer_id)
        place = bisect_left(words, mark << _MARKS_AT, 0, count)
        if place == count or words[place] >> _MARKS_AT != mark:
            return None
        number, at = self._told(words[place])
        return PastEntry(number, instant(at))

    def note(
        self,
        campaign: str,
        entry_key: str,
        customer_id: str,
        *,
        entry_no: int,
        entered_at: datetime,
    ) -> None:
        """Keep an entry, if it is the newest under its key."""
        self._keep(_mark(campaign, entry_key, customer_id), entry_no, microseconds(entered_at))

    def join(self, other: Past) -> None:
        """Take over what there is of a customer who turned out to be this one."""
        for word in other._words[: other._count]:
            self._keep(word >> _MARKS_AT, *other._told(word))

    def _told(self, word: int) -> tuple[int, int]:
        number = word & _NUMBER
        if number == _ELSEWHERE and self._large is not None:
            return self._large[word >> _MARKS_AT]
        return number, self._words[self._count + (word >> _TIMES_AT & _TIME)]

    def _keep(self, mark: int, number: int, at: int) -> None:
        words, count = self._words, self._count
        place = bisect_left(words, mark << _MARKS_AT, 0, count)
        known = words[place] if place < count else -1
        is_known = known >> _MARKS_AT == mark
        if is_known and self._told(known) >= (number, at):
            return
        entries, times = words[:place], words[count:]
        following = words[place + is_known : count]
        time = known >> _TIMES_AT & _TIME
        if is_known and known & _NUMBER and not _is_of(time, chain(entries, following)):
            times[time] = at
        elif times and times[-1] == at:
            time = len(times) - 1
        else:
            time = len(times)
            times.append(at)
        if time > _TIME or number > _NUMBER:
            self._large = {**(self._large or {}), mark: (number, at)}
            del times[_TIME + 1 :]
            time, number = 0, _ELSEWHERE
        entries.append(mark << _MARKS_AT | time << _TIMES_AT | number)
        self._words = entries + following + times  # which has no room to spare
        self._count = count + 1 - is_known

    def __len__(self) -> int:
        return self._count

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Past):
            return NotImplemented
        return dict(self._all()) == dict(other._all())

    def _all(self) -> Iterator[tuple[int, tuple[int, int]]]:
        return ((word >> _MARKS_AT, self._told(word)) for word in self._words[: self._count])

    __hash__ = None  # type: ignore[assignment]  # it changes


def _is_of(time: int, words: Iterable[int]) -> bool:
    """Whether one of these entries was at that time."""
    return any(word >> _TIMES_AT & _TIME == time for word in words)


def _mark(campaign: str, entry_key: str, customer_id: str) -> int:
    if entry_key.startswith(customer_id):
        rest = entry_key[len(customer_id) :]
        if not rest or rest[0] == ":":
            return hash((campaign, rest, _OWN)) & _MARK
    return hash((campaign, entry_key)) & _MARK
