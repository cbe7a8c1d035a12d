"""What re-entry needs to know of a customer's journeys, in little room: many have had dozens."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from engine.core.instants import instant, microseconds

_OWN: Final = True  # sets the customer's own keys apart from others
_BITS: Final = 10  # which leaves microseconds room up to the year 2255
_MOST: Final = 2**_BITS - 1
_LATEST: Final = 2 ** (63 - _BITS)
_ELSEWHERE: Final = -(2**63)  # what no entry says


class PastEntry(NamedTuple):
    """The last entry under a key: which one that was, and when."""

    entry_no: int
    entered_at: datetime


class Past:
    """A customer's newest entry under each key of each campaign.

    Instead of campaign and key it keeps a 64-bit hash of the two: of questions to a hundred entries
    one in 10^17 is answered with another's. A key that begins with the
    customer's id is hashed without it, so that a merge, which renames it, leaves it where it is.
    """

    __slots__ = ("_entries", "_large")

    def __init__(self) -> None:
        # The marks, sorted; then of each when it was, in microseconds since the epoch, and in the
        # last bits which one.
        self._entries = array("q")
        self._large: Mapping[int, tuple[int, int]] | None = None  # that have no room there

    def find(self, campaign: str, entry_key: str, customer_id: str) -> PastEntry | None:
        """The newest entry under a key."""
        entries = self._entries
        if not entries:
            return None
        mark = _mark(campaign, entry_key, customer_id)
        count = len(entries) // 2
        place = bisect_left(entries, mark, 0, count)
        if place == count or entries[place] != mark:
            return None
        number, at = self._told(mark, entries[count + place])
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
        entries, count = other._entries, len(other)
        for mark, told in zip(entries[:count], entries[count:], strict=True):
            self._keep(mark, *other._told(mark, told))

    def _told(self, mark: int, told: int) -> tuple[int, int]:
        if told == _ELSEWHERE and self._large is not None:
            return self._large[mark]
        return told & _MOST, told >> _BITS

    def _keep(self, mark: int, number: int, at: int) -> None:
        entries, told = self._entries, at << _BITS | number
        if number > _MOST or abs(at) >= _LATEST:
            told = _ELSEWHERE
        count = len(entries) // 2
        place = bisect_left(entries, mark, 0, count)
        if place == count or entries[place] != mark:
            fresh = entries[:place]  # one that is made anew has no room to spare
            fresh.append(mark)
            fresh += entries[place : count + place]
            fresh.append(told)
            self._entries = fresh + entries[count + place :]
        elif self._told(mark, entries[count + place]) < (number, at):
            entries[count + place] = told
        else:
            return
        if told == _ELSEWHERE:
            self._large = {**(self._large or {}), mark: (number, at)}

    def __len__(self) -> int:
        return len(self._entries) // 2

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Past):
            return NotImplemented
        return (self._entries, self._large) == (other._entries, other._large)

    __hash__ = None  # type: ignore[assignment]  # it changes


def _mark(campaign: str, entry_key: str, customer_id: str) -> int:
    if entry_key.startswith(customer_id):
        rest = entry_key[len(customer_id) :]
        if not rest or rest[0] == ":":
            return hash((campaign, rest, _OWN))
    return hash((campaign, entry_key))
