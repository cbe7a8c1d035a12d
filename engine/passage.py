"""The passing of virtual time: weeks in seconds, moment by moment.

The daemon's own worker goes through it (``engine.fast_forward``), and so do simulations. At one
instant: schedules, the shop's night, events in the order of their arrival, what simulated
customers do, then whatever is due. The clock stops only where something happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from engine.ports.clock import VirtualClock
from engine.ports.stored import Incoming
from engine.services.deliveries import Deliveries
from engine.services.ingest import Ingest
from engine.services.sweep import Sweep

_BATCH: Final = 250  # events of history that are taken in at once
_LOOK_AGAIN: Final = timedelta(hours=1)
_INSTANT: Final = timedelta(microseconds=1)


class Crowd(Protocol):
    """The simulated customers."""

    def next_at(self) -> datetime | None:
        """When the next of them does something."""

    def act(self, now: datetime) -> None:
        """Let everybody do what they do by now."""


class Nights(Protocol):
    """What the shop computes at night."""

    def next_night(self, after: datetime) -> datetime:
        """The first night after a moment."""
        ...

    def wanted(self) -> bool:
        """Whether any campaign uses what nights compute."""
        ...

    def run(self) -> object:
        """It is night."""
        ...


class Nobody:
    """Customers who do nothing but what the events tell."""

    def next_at(self) -> datetime | None:
        """Never."""
        return None

    def act(self, now: datetime) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What lives through virtual time.

    ``rest`` works until nothing is due at the moment at which the clock stands. ``parcels_due`` is
    before what moment looks for orders that count as delivered find none; None: not as things are.
    ``has_new_zones`` as ``Sweep.has_new_zones``.
    """

    clock: VirtualClock
    ingest: Ingest
    sweep: Sweep
    deliveries: Deliveries
    stocktaking: Nights
    rest: Callable[[], None]
    next_due: Callable[[], datetime | None]
    has_new_zones: Callable[[], bool]
    parcels_due: Callable[[], datetime | None]


def live(
    house: House,
    arrivals: Iterable[Incoming],
    until: datetime,
    *,
    crowd: Crowd | None = None,
    progress: Callable[[datetime, int], None] = lambda now, taken: None,
    goes_on: Callable[[datetime], bool] = lambda moment: True,
) -> None:
    """Let ``arrivals``, sorted by (arrival, time, source, id), come in, and time pass ``until``.

    ``progress`` is told the clock and the number of events so far. ``goes_on`` is asked before the
    clock is moved to a moment; where it says no, that is the end.

    What becomes of one customer never depends on at which moments other customers keep the clock
    busy: looks have their own hours, counted from the beginning, and all that is due at a moment is
    done together.
    """
    crowd = crowd or Nobody()
    clock = house.clock
    queue = _Queue(arrivals)
    begin = next_fire = clock.now()
    parcels_due: datetime | None = None
    next_look: datetime | None = begin  # if they may be due then
    night = house.stocktaking.next_night(begin)
    set_for = min(until, next_fire, night)  # what the clock stops for, whatever happens
    while True:
        now = clock.now()
        if now >= next_fire:
            house.sweep.run(now)
            next_fire = house.sweep.next_fire(now) or until
            set_for = min(until, next_fire, night)
        house.sweep.over(now)
        if next_look is not None and now >= next_look:
            house.deliveries.run()
        if now >= night:
            if house.stocktaking.wanted():
                house.stocktaking.run()
            night = house.stocktaking.next_night(now)
            set_for = min(until, next_fire, night)
        arrives = queue.next_at()
        if arrives is not None and arrives <= now:
            for arrived in queue.until(now):
                house.ingest.take(arrived)
                if arrived[-1].backfill:  # where there may be many more
                    progress(now, queue.taken)
            if house.has_new_zones():
                next_fire = set_for = now
        crowd.act(now)
        house.rest()
        progress(now, queue.taken)
        if now >= until:
            return
        parcels = house.parcels_due()
        if parcels != parcels_due or (next_look is not None and next_look <= now):
            parcels_due, next_look = parcels, _hour(parcels, now, begin)
        moment = set_for
        for due in (next_look, queue.next_at(), house.next_due(), crowd.next_at()):
            if due is not None and due < moment:
                moment = due
        if moment <= now:
            moment = now + _INSTANT
        if not goes_on(moment):
            return
        clock.advance_to(moment)


def _hour(due: datetime | None, now: datetime, begin: datetime) -> datetime | None:
    """The first full hour since ``begin`` that is after ``now`` and not before ``due``."""
    if due is None:
        return None
    hours = max((now - begin) // _LOOK_AGAIN + 1, -((begin - due) // _LOOK_AGAIN))
    return begin + hours * _LOOK_AGAIN


class _Queue:
    """Events that are still to arrive."""

    def __init__(self, arrivals: Iterable[Incoming]) -> None:
        self._arrivals = iter(arrivals)
        self._upcoming = next(self._arrivals, None)
        self.taken = 0

    def next_at(self) -> datetime | None:
        """When the next of them arrives."""
        return None if self._upcoming is None else self._upcoming.received_at

    def until(self, now: datetime) -> Iterator[list[Incoming]]:
        """Those that have arrived by now: together, but history, which starts nothing, in parts."""
        found: list[Incoming] = []
        while self._upcoming is not None and self._upcoming.received_at <= now:
            found.append(self._upcoming)
            self.taken += 1
            if len(found) >= _BATCH and self._upcoming.backfill:
                yield found
                found = []
            self._upcoming = next(self._arrivals, None)
        if found:
            yield found
