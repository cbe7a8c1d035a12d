"""How late due steps are taken while events come in at full rate.

The worker takes whatever is due in rounds: answers, waiting events, journeys, messages. Journeys
fall due one by one while a backlog of accepted events keeps each round full. Lateness is the time
from a journey's due moment to the commit that makes its message ``sending``.
"""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter, sleep

from sqlalchemy import func, select

from benchmarks.figure import Figure
from benchmarks.sending import TEMPLATE
from benchmarks.shop import START, arriving, first_orders
from benchmarks.waiting import fill
from benchmarks.workspaces import Bench, ShiftedClock, application
from engine.bootstrap import App
from engine.daemon import Daemon
from engine.storage import tables
from engine.storage.scalars import micros

_A_SECOND = 200  # journeys that fall due


def while_ingesting(bench: Bench) -> list[Figure]:
    """The p99 of lateness, and the events that were processed meanwhile."""
    seconds = bench.amount(10, 4)
    count = seconds * _A_SECOND
    clock = ShiftedClock(START)
    with application(bench, clock=clock, sends=True) as app:
        for at in range(100, 100 + seconds * 4_000, 1000):
            app.storage.accept(arriving(first_orders(1000, first=at), START))
        every = timedelta(seconds=1 / _A_SECOND)
        first = clock.now() + timedelta(seconds=1 + count / 5_000)
        fill(app, count, first=1_000_000, due=first, every=every)
        daemon = Daemon(app, "worker")
        daemon.start()
        sleep(max(0.0, (first - clock.now()).total_seconds()))
        before, started = _processed(app), perf_counter()
        sleep(seconds)
        rate = (_processed(app) - before) / (perf_counter() - started)
        assert app.storage.queues(clock.now()).events, "the backlog was too small"
        late = _lateness(app)
        daemon.stop()
    return [
        Figure(
            database=bench.database,
            name="lateness p99 of due steps, ingesting at full rate",
            value=1000 * late[int(len(late) * 0.99)],
            unit="ms",
            at_most=True,
        ),
        Figure(
            database=bench.database,
            name="events processed meanwhile, with their messages sent",
            value=rate,
            unit="events/s",
        ),
    ]


def _processed(app: App) -> int:
    query = select(func.count()).where(tables.events.c.state != tables.WAITING)
    with app.storage.database.reading() as connection:
        return int(connection.execute(query).scalar_one())


def _lateness(app: App) -> list[float]:
    """Seconds, sorted, those that still wait included.

    A message is made in the transaction that takes its step.
    """
    messages, journeys = tables.messages.c, tables.journeys.c
    now = micros(app.clock.now())
    made = select(messages.created_at - messages.due_at).where(messages.template == TEMPLATE)
    left = select(now - journeys.due_at).where(journeys.waiting == "delay", journeys.due_at < now)
    with app.storage.database.reading() as connection:
        found = [*connection.execute(made), *connection.execute(left)]
    return sorted(row[0] / 1_000_000 for row in found)
