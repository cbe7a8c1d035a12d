"""A simulated shop at work: everything that is due at a moment, in the worker's order."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final

from engine.passage import House
from engine.simulator.customers import Doors
from engine.simulator.premises import Premises

# All that is due at a moment is done together, so that what becomes of one customer does not depend
# on how many others are due.
EVERYBODY: Final = 1_000_000_000
# Of records all that is due is done before anything else, and so many customers at a time that what
# was loaded of them is still near when it is looked at.
_LOT: Final = 128


def house_of(premises: Premises) -> House:
    """The premises as something that lives through virtual time."""
    memory, least = premises.memory, premises.deliveries.least()
    undelivered = memory.undelivered

    def parcels_due() -> datetime | None:
        first = undelivered.next_at()
        return None if first is None or least is None else first + least

    return House(
        clock=premises.clock,
        ingest=premises.ingest,
        sweep=premises.sweep,
        deliveries=premises.deliveries,
        stocktaking=premises.stocktaking,
        rest=partial(settle, premises),
        next_due=memory.next_due,
        has_new_zones=_Zones(premises).are_new,
        parcels_due=parcels_due,
    )


def doors_of(premises: Premises) -> Doors:
    """By what its customers come in."""
    return Doors(
        storage=premises.storage,
        revisions=premises.revisions,
        handover=premises.handover,
        ingest=premises.ingest,
        receive=premises.receive,
        replies=premises.replies,
        surveys=premises.surveys,
        unsubscribe=premises.unsubscribe,
        links=premises.links,
    )


class _Zones:
    """Asks the sweep for new ones only when somebody has come to a zone where nobody lived."""

    def __init__(self, premises: Premises) -> None:
        self._census = premises.memory.census
        self._sweep = premises.sweep
        self._met = 0  # what the census told when the sweep had met them all

    def are_new(self) -> bool:
        """``Sweep.has_new_zones``."""
        peopled = self._census.peopled
        if peopled == self._met:
            return False
        if self._sweep.has_new_zones():
            return True
        self._met = peopled
        return False


def settle(premises: Premises) -> None:
    """Do all that is due at the moment at which the clock stands.

    The order is that of ``engine.worker.Worker.run_once``: answers, events, records, journeys,
    messages, and again until nothing is left. What has nothing to do is not asked.
    """
    memory, now, hands = premises.memory, premises.clock.now(), premises.hands
    busy = True
    while busy:
        busy = hands.holds_any
        if busy:
            record(premises)
        if memory.waiting:
            busy = premises.ingest.process_waiting(EVERYBODY) > 0 or busy
        if (at := memory.next_record()) is not None and at <= now:
            while premises.bookkeeping.run(now, _LOT):
                busy = True
        if hands.holds_any:
            busy = True
            record(premises)
        has_steps = (at := memory.steps.next_at()) is not None and at <= now
        premises.advance.come(now, has_steps)
        if has_steps:
            busy = premises.advance.run(now, EVERYBODY) > 0 or busy
        if hands.holds_any:
            busy = True
            record(premises)
        if (at := memory.next_send()) is not None and at <= now:
            busy = premises.dispatch.run(now, EVERYBODY) > 0 or busy


def record(premises: Premises) -> None:
    """Write down what providers answered."""
    premises.dispatch.record(premises.hands.collect(), premises.clock.now())
