"""The daemon's own worker under a virtual clock: weeks in seconds, moment by moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from engine.bootstrap import App
from engine.passage import Crowd, House, live
from engine.ports.clock import VirtualClock
from engine.ports.stored import Incoming
from triggers.event import Event
from triggers.sources.native import serialize


def fast_forward(
    app: App,
    clock: VirtualClock,
    events: Sequence[Event],
    until: datetime,
    *,
    progress: Callable[[datetime, int], None] = lambda now, taken: None,
) -> None:
    """Let ``events``, sorted by time, arrive as they happen; do what falls due, up to ``until``.

    ``progress`` is told the clock and the number of events so far.
    """
    begin = clock.now()
    arrivals = [
        Incoming(event=each, body=serialize(each), received_at=max(begin, each.time))
        for each in events
    ]
    live_through(app, clock, arrivals, until, progress=progress)


def live_through(
    app: App,
    clock: VirtualClock,
    arrivals: Sequence[Incoming],
    until: datetime,
    *,
    crowd: Crowd | None = None,
    progress: Callable[[datetime, int], None] = lambda now, taken: None,
) -> None:
    """Let ``arrivals`` come in when they are received; the rest is ``engine.passage.live``."""
    house = House(
        clock=clock,
        ingest=app.ingest,
        sweep=app.worker.sweep,
        deliveries=app.deliveries,
        stocktaking=app.stocktaking,
        rest=app.worker.quiesce,
        next_due=app.storage.next_due,
        has_new_zones=app.worker.sweep.has_new_zones,
        parcels_due=clock.now,
    )
    live(house, arrivals, until, crowd=crowd, progress=progress)
