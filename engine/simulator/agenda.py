"""What falls due, and when: a queue whose entries may be moved and taken out."""

from __future__ import annotations

import heapq
from datetime import datetime
from typing import Generic, TypeVar

Key = TypeVar("Key", str, tuple[str, str, str])


class Agenda(Generic[Key]):
    """Keys with the moment at which each is due; one key has one moment."""

    def __init__(self) -> None:
        self._at: dict[Key, datetime] = {}
        self._heap: list[tuple[datetime, Key]] = []

    def put(self, key: Key, at: datetime | None) -> None:
        """Let ``key`` be due at ``at``, and at no other time; None: not at all."""
        if at is None:
            self._at.pop(key, None)
        elif self._at.get(key) != at:
            self._at[key] = at
            heapq.heappush(self._heap, (at, key))

    def next_at(self) -> datetime | None:
        """When the first is due."""
        heap = self._heap
        while heap and self._at.get(heap[0][1]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def due(self, until: datetime, limit: int) -> list[Key]:
        """Up to ``limit`` keys due by then, by (time, key); they stay on the agenda."""
        found: list[tuple[datetime, Key]] = []
        while len(found) < limit and (at := self.next_at()) is not None and at <= until:
            entry = heapq.heappop(self._heap)
            if not found or found[-1] != entry:
                found.append(entry)
        for entry in found:
            heapq.heappush(self._heap, entry)
        return [key for _, key in found]

    def since(self) -> dict[Key, datetime]:
        """Everything that is on the agenda."""
        return self._at
