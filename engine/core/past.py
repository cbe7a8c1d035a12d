"""What re-entry needs to know of a customer's journeys, in little room: many have had dozens."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from datetime import datetime
from typing import Final, NamedTuple

from engine.core.instants import instant, microseconds

_OWN: Final = True  # sets the customer's own keys apart from others


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

    __slots__ = ("_entries", "_marks")

    def __init__(self) -> None:
        self._marks = array("q")  # sorted
        self._entries = array("q")  # of each mark the number, and microseconds since the epoch

    def find(self, campaign: str, entry_key: str, customer_id: str) -> PastEntry | None:
        """The newest entry under a key."""
        mark, marks = _mark(campaign, entry_key, customer_id), self._marks
        place = bisect_left(marks, mark)
        if place == len(marks) or marks[place] != mark:
            return None
        number, at = self._entries[2 * place : 2 * place + 2]
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
        for place, mark in enumerate(other._marks):
            self._keep(mark, *other._entries[2 * place : 2 * place + 2])

    def _keep(self, mark: int, number: int, at: int) -> None:
        marks, entries = self._marks, self._entries
        place = bisect_left(marks, mark)
        if place == len(marks) or marks[place] != mark:
            marks.insert(place, mark)
            entries[2 * place : 2 * place] = array("q", (number, at))
        elif entries[2 * place] < number or (
            entries[2 * place] == number and entries[2 * place + 1] < at
        ):
            entries[2 * place], entries[2 * place + 1] = number, at

    def __len__(self) -> int:
        return len(self._marks)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Past):
            return NotImplemented
        return self._marks == other._marks and self._entries == other._entries

    __hash__ = None  # type: ignore[assignment]  # it changes


def _mark(campaign: str, entry_key: str, customer_id: str) -> int:
    if entry_key.startswith(customer_id):
        rest = entry_key[len(customer_id) :]
        if not rest or rest[0] == ":":
            return hash((campaign, rest, _OWN))
    return hash((campaign, entry_key))
