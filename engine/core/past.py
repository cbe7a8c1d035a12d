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

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        # The marks, sorted; then of each of them the number, and microseconds since the epoch.
        self._entries = array("q")

    def find(self, campaign: str, entry_key: str, customer_id: str) -> PastEntry | None:
        """The newest entry under a key."""
        mark, entries = _mark(campaign, entry_key, customer_id), self._entries
        count = len(entries) // 3
        place = bisect_left(entries, mark, 0, count)
        if place == count or entries[place] != mark:
            return None
        told = count + 2 * place
        return PastEntry(entries[told], instant(entries[told + 1]))

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
        for place in range(count):
            told = count + 2 * place
            self._keep(entries[place], entries[told], entries[told + 1])

    def _keep(self, mark: int, number: int, at: int) -> None:
        entries = self._entries
        count = len(entries) // 3
        place = bisect_left(entries, mark, 0, count)
        told = count + 2 * place
        if place == count or entries[place] != mark:
            fresh = entries[:place]  # one that is made anew has no room to spare
            fresh.append(mark)
            fresh += entries[place:told]
            fresh.append(number)
            fresh.append(at)
            self._entries = fresh + entries[told:]
        elif (entries[told], entries[told + 1]) < (number, at):
            entries[told], entries[told + 1] = number, at

    def __len__(self) -> int:
        return len(self._entries) // 3

    def __eq__(self, other: object) -> bool:
        return self._entries == other._entries if isinstance(other, Past) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes


def _mark(campaign: str, entry_key: str, customer_id: str) -> int:
    if entry_key.startswith(customer_id):
        rest = entry_key[len(customer_id) :]
        if not rest or rest[0] == ":":
            return hash((campaign, rest, _OWN))
    return hash((campaign, entry_key))
