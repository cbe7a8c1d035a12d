"""What the services ask of storage outside of decisions, answered by a memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from engine.core.book import Place
from engine.ports.decisions import Shelf
from engine.ports.stored import Incoming, Loaded, Undelivered
from engine.simulator.memory import Memory
from engine.simulator.unit import MemoryUnit


class MemoryStorage:
    """``engine.ports.decisions.Shelf`` and ``Parcels`` over a memory.

    Campaigns do not change while a simulation runs, so there is nothing to release. ``former`` is
    where the revisions are kept that journeys of before the simulation stand on.
    """

    def __init__(self, memory: Memory, former: Shelf | None = None) -> None:
        self._memory = memory
        self._former = former

    def deciding(self, *, urgent: bool = False) -> AbstractContextManager[MemoryUnit]:
        """A unit of work."""
        return MemoryUnit(self._memory)

    def accept(self, incoming: Sequence[Incoming]) -> None:
        """Store events that wait to be processed."""
        self._memory.enqueue(incoming)

    def undelivered(
        self, before: datetime, after: Undelivered | None, limit: int
    ) -> Sequence[Undelivered]:
        """Orders on their way without news since then, the longest first."""
        first = self._memory.undelivered.next_at()
        if first is None or first > before:
            return ()
        beyond = None if after is None else (after.since, after.order_id)
        memory = self._memory
        found = sorted(
            (since, order_id)
            for order_id, since in memory.undelivered.since().items()
            if since <= before and memory.owners[order_id] is not None
        )
        page = [each for each in found if beyond is None or each > beyond][:limit]
        return [
            Undelivered(
                order_id=order_id,
                customer_id=order.customer_id or "",
                since=since,
                country=order.country,
            )
            for since, order_id in page
            if (order := memory.order(order_id)) is not None
        ]

    def store_revisions(
        self, loaded: Collection[Loaded], at: datetime, *, whole: bool = False
    ) -> None:
        """Nothing outlives a simulation."""

    def look_again(self, editions: Mapping[Place, str], now: datetime) -> None:
        """Nobody is here yet whose pages another policy has written."""

    def live_revisions(self, now: datetime | None = None) -> set[tuple[str, str]]:
        """Those of before; without any, everything begins with the campaigns as they are."""
        return set() if self._former is None else self._former.live_revisions(now)

    def revision_source(self, campaign: str, revision: str) -> tuple[str, str] | None:
        """A revision of before."""
        if self._former is None:
            return None
        return self._former.revision_source(campaign, revision)

    def holds(self) -> dict[str, str]:
        """The campaigns that have stopped themselves."""
        return self._memory.holds

    def parked_campaigns(self) -> set[str]:
        """None before the first event."""
        return {each.campaign for each in self._memory.live.values() if each.parked}

    def frozen_campaigns(self) -> set[str]:
        """None before the first event."""
        return set()

    def resume(self, campaign: str, now: datetime) -> int:
        """Nothing is parked before the first event."""
        return 0
