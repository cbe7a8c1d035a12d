"""What falls due, and when: a queue whose entries may be moved and taken out."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

_STALE: Final = 256
_AHEAD: Final = timedelta(days=2)  # as far as the queue reaches
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


class Agenda:
    """Keys with the moment at which each is due; one key has one moment.

    Only what is due within the next days is in a queue: most keys are moved long before that. What
    comes later is looked through when those days are over.

    ``stale``: so many entries that are no more so are kept, and one for each that is.
    """

    def __init__(self, stale: int = _STALE) -> None:
        self._stale = stale
        self._at: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, str]] = []
        self._standing: list[tuple[datetime, str]] = []  # found due, the first of them last
        self._end = _BEGINNING  # of what is in these two
        self._first: datetime | None = None
        self._is_known = True  # whether that is the first

    def put(self, key: str, at: datetime | None) -> None:
        """Let ``key`` be due at ``at``, and at no other time; None: not at all."""
        known, first = self._at, self._first
        if key in known:
            former = known[key]
            if former == at:
                return
            if former == first:
                self._is_known = False
            if at is None:
                del known[key]
                return
        elif at is None:
            return
        known[key] = at
        if at < self._end:
            heapq.heappush(self._heap, (at, key))
            if len(self._heap) > 2 * len(known) + self._stale:
                self._queue(self._end)
        if self._is_known and (first is None or at < first):
            self._first = at

    def next_at(self) -> datetime | None:
        """When the first is due."""
        if not self._is_known:
            self._first, self._is_known = self._find(), True
        return self._first

    def _find(self) -> datetime | None:
        heap, standing, known = self._heap, self._standing, self._at
        while heap and known.get(heap[0][1]) is not heap[0][0]:
            heapq.heappop(heap)
        while standing and known.get(standing[-1][1]) is not standing[-1][0]:
            standing.pop()
        if standing and not (heap and heap[0] < standing[-1]):
            return standing[-1][0]
        if heap:
            return heap[0][0]
        if not known:
            return None
        first = min(known.values())
        self._queue(first + _AHEAD)
        return first

    def _queue(self, end: datetime) -> None:
        """Have what is due before then in the queue, and nothing else."""
        self._end = end
        self._heap = [(at, key) for key, at in self._at.items() if at < end]
        heapq.heapify(self._heap)
        self._standing = []

    def due(self, until: datetime, limit: int) -> list[str]:
        """Up to ``limit`` keys due by then, by (time, key); they stay on the agenda."""
        if until >= self._end:
            self._queue(until + _AHEAD)
        heap, known, pop = self._heap, self._at, heapq.heappop
        for at, key in self._standing:
            if key in known and known[key] is at:
                heapq.heappush(heap, (at, key))
        found: list[tuple[datetime, str]] = []
        while heap and len(found) < limit and heap[0][0] <= until:
            at, key = entry = pop(heap)
            if key in known and known[key] is at and not (found and found[-1] == entry):
                found.append(entry)
        self._standing = found[::-1]  # most of them will have another time, or none
        return [key for _, key in found]

    def since(self) -> dict[str, datetime]:
        """Everything that is on the agenda."""
        return self._at


def earliest(agendas: Iterable[Agenda]) -> datetime | None:
    """When the first key of all these is due."""
    first: datetime | None = None
    for each in agendas:
        at = each._first if each._is_known else each.next_at()
        if at is not None and (first is None or at < first):
            first = at
    return first
