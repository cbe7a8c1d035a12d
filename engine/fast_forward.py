"""The daemon's own worker under a virtual clock: weeks in seconds, moment by moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from engine.bootstrap import App
from engine.ports.clock import VirtualClock
from engine.ports.storage import Incoming
from triggers.event import Event
from triggers.sources.native import serialize

_LOOK_AGAIN = timedelta(hours=1)


def fast_forward(
    app: App,
    clock: VirtualClock,
    events: Sequence[Event],
    until: datetime,
    *,
    progress: Callable[[datetime, int], None] | None = None,
) -> None:
    """Let ``events``, sorted by time, arrive as they happen; do what falls due, up to ``until``.

    The clock stops at each moment at which something happens: an event, a due journey, a due
    message, the fire of a schedule. ``progress`` is told the clock and the
    number of events so far.
    """
    at = 0
    sweep = app.worker.sweep
    next_sweep = clock.now()
    while True:
        now = clock.now()
        if now >= next_sweep:
            sweep.run(now)
            app.deliveries.run()
            # New zones come with new customers, so look again before long.
            next_sweep = min(sweep.next_fire(now) or until, now + _LOOK_AGAIN)
        arrived: list[Incoming] = []
        while at < len(events) and events[at].time <= now:
            event = events[at]
            arrived.append(Incoming(event=event, body=serialize(event), received_at=now))
            at += 1
        if arrived:
            app.ingest.take(arrived)
        app.worker.quiesce()
        if progress is not None:
            progress(now, at)
        if now >= until:
            return
        moments = [until, next_sweep]
        if at < len(events):
            moments.append(events[at].time)
        due = app.storage.next_due()
        if due is not None:
            moments.append(due)
        clock.advance_to(max(now + timedelta(microseconds=1), min(moments)))
