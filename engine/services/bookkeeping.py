"""Records of the programs' books whose time has come: points that mature, coupons that expire."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from engine.core.context import Context
from engine.core.world import World
from engine.ports.decisions import Decisions
from engine.programs.program import Programs
from engine.services.batch import Batch, told_of_itself
from engine.services.handover import HandOver
from engine.services.revisions import Revisions
from engine.services.telling import Undecided, tell
from triggers.event import Event

log = structlog.get_logger(__name__)

_AGAIN: Final = timedelta(hours=1)


class Bookkeeping:
    """Lets each program look at its due records, a batch of customers at a time."""

    def __init__(self, storage: Decisions, revisions: Revisions, handover: HandOver) -> None:
        self._storage = storage
        self._revisions = revisions
        self._handover = handover

    def run(self, now: datetime, limit: int) -> int:
        """Look at what is due of up to ``limit`` customers; how many customers there were.

        Raises ``Contended`` when another writer came first: nothing was written then.
        """
        try:
            return self._run(now, limit, later=False)
        except Undecided as error:
            # Only the kind of error: its words may quote a customer's.
            log.error("records_not_told", error=type(error.__cause__).__name__, next="later")
            return self._run(now, limit, later=True)

    def _run(self, now: datetime, limit: int, *, later: bool) -> int:
        """``later``: campaigns hear of it when waiting events are processed."""
        with self._storage.deciding() as unit:
            configuration = self._revisions.configuration(unit)
            customers = unit.customers_with_due_records(now, limit)
            if not customers:
                return 0
            batch = Batch(unit, configuration, self._handover)
            unit.open_books(None)
            worlds = unit.load(customers, now=now, complete=customers, past=True)
            context = batch.context(now)
            events: list[Event] = []
            for customer_id in customers:
                if customer_id in worlds:
                    world = worlds[customer_id]
                    look_at_due(world, configuration.programs, context)
                    if not later:
                        events += told_of_itself(world)
            tell(batch, worlds, events, now)
            batch.keep(worlds.values(), now)
        return len(customers)


def look_at_due(world: World, programs: Programs, context: Context) -> None:
    """Every due record of one customer, oldest first; one that fails is tried again in an hour."""
    due = world.books.due(context.now)
    if len(due) > 1:
        due.sort(key=lambda one: (one.due_at, one.book, one.key))
    for record in due:
        try:
            programs.on_due(world, record, context)
        except Exception as error:
            log.error("record_failed", book=record.book, error=type(error).__name__)
            world.write(replace(record, due_at=context.now + _AGAIN))
