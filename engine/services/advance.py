"""Due journeys take their steps, a batch of customers at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.core.message import SendResult
from engine.ports.decisions import Decisions
from engine.services.batch import Batch
from engine.services.handover import HandOver
from engine.services.revisions import Revisions


class Advance:
    """The use case that the ticker wakes."""

    def __init__(self, storage: Decisions, revisions: Revisions, handover: HandOver) -> None:
        self._storage = storage
        self._revisions = revisions
        self._handover = handover

    def run(self, now: datetime, limit: int, accepted: Sequence[SendResult] = ()) -> int:
        """Move up to ``limit`` customers' due journeys on; how many customers there were.

        ``accepted``: hand-overs that went well; if there was a customer, they are on record.

        Raises ``Contended`` when another writer came first: nothing was written then.
        """
        with self._storage.deciding() as unit:
            customers = unit.due_customers(now, limit)
            if not customers:
                return 0
            unit.record_sent(accepted)
            batch = Batch(unit, self._revisions.configuration(unit), self._handover)
            worlds = unit.load(customers, now=now, sends=True)
            context = batch.context(now)
            one_step = {
                customer_id
                for customer_id in customers
                if customer_id in worlds and batch.take_due_steps(worlds[customer_id], context) == 1
            }
            outgoings = batch.finish(worlds.values(), now, one_step=one_step)
        self._handover.give(outgoings)
        return len(customers)
