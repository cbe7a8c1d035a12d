"""The passing of virtual time: weeks in seconds, moment by moment.

The daemon's own worker goes through it (``engine.fast_forward``), and so do simulations. At one
instant: schedules, the shop's night, events in the order of their arrival, what simulated
customers do, then whatever is due. The clock stops only where something happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from engine.ports.clock import VirtualClock
from engine.ports.storage import Incoming
from engine.services.deliveries import Deliveries
from engine.services.ingest import Ingest
from engine.services.sweep import Sweep

_BATCH: Final = 250  # events of one instant that are taken in at once
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

    ``rest`` works until nothing is due at the moment at which the clock stands.
    """

    clock: VirtualClock
    ingest: Ingest
    sweep: Sweep
    deliveries: Deliveries
    stocktaking: Nights
    rest: Callable[[], None]
    next_due: Callable[[], datetime | None]


def live(
    house: House,
    arrivals: Iterable[Incoming],
    until: datetime,
    *,
    crowd: Crowd | None = None,
    progress: Callable[[datetime, int], None] = lambda now, taken: None,
) -> None:
    """Let ``arrivals``, sorted by (arrival, time, source, id), come in, and time pass ``until``.

    ``progress`` is told the clock and the number of events so far.
    """
    crowd = crowd or Nobody()
    clock = house.clock
    source = iter(arrivals)
    upcoming = next(source, None)
    next_sweep, taken = clock.now(), 0
    night = house.stocktaking.next_night(next_sweep)
    while True:
        now = clock.now()
        if now >= next_sweep:
            house.sweep.run(now)
            house.deliveries.run()
            # New zones come with new customers, so look again before long.
            next_sweep = min(house.sweep.next_fire(now) or until, now + _LOOK_AGAIN)
        if now >= night:
            if house.stocktaking.wanted():
                house.stocktaking.run()
            night = house.stocktaking.next_night(now)
        arrived: list[Incoming] = []
        while upcoming is not None and upcoming.received_at <= now and len(arrived) < _BATCH:
            arrived.append(upcoming)
            upcoming = next(source, None)
        if arrived:
            house.ingest.take(arrived)
            taken += len(arrived)
        crowd.act(now)
        house.rest()
        progress(now, taken)
        if upcoming is not None and upcoming.received_at <= now:
            continue
        if now >= until:
            return
        moments = [until, next_sweep, night]
        if upcoming is not None:
            moments.append(upcoming.received_at)
        dues = (house.next_due(), crowd.next_at())
        moments += [due for due in dues if due is not None]
        clock.advance_to(max(now + _INSTANT, min(moments)))
