"""Due steps per second turned into rendered messages that a provider without latency took.

Claimed, loaded, guards asked twice, rendered (subject, HTML, text), compressed and kept, committed
as ``sending``, handed over to the preview, its answer recorded: the daemon's own worker, by hand.
"""

from __future__ import annotations

from datetime import timedelta
from time import perf_counter, process_time

from sqlalchemy import func, select

from benchmarks.figure import Figure
from benchmarks.limits import bare_renders
from benchmarks.shop import START
from benchmarks.waiting import fill, fill_far
from benchmarks.workspaces import STARTERS, Bench, application
from engine.bootstrap import App
from engine.ports.clock import VirtualClock
from engine.storage import tables

TEMPLATE = "onboarding_welcome"
_WANTED = {"SQLite": 6000.0, "PostgreSQL": 4000.0}
_MANY = 0.7


def due_steps(bench: Bench) -> list[Figure]:
    """Journeys that a delay has kept, all due now."""
    return _measure(bench, bench.amount(20_000, 4_000), "due messages sent")


def few_waiting(bench: Bench) -> list[Figure]:
    """The same among some journeys that still wait."""
    return _with_waiting(bench, 10_000)


def many_waiting(bench: Bench) -> list[Figure]:
    """And among a hundred times as many."""
    return _with_waiting(bench, bench.amount(1_000_000, 100_000))


def _with_waiting(bench: Bench, waiting: int) -> list[Figure]:
    count = bench.amount(10_000, 4_000)
    return _measure(bench, count, f"due messages sent, {waiting:,} waiting", waiting)


def _measure(bench: Bench, count: int, name: str, waiting: int = 0) -> list[Figure]:
    clock = VirtualClock(START)
    with application(bench, clock=clock, sends=True) as app:
        if waiting:
            fill_far(app, waiting)
        fill(app, count, first=1, due=START - timedelta(minutes=10), every=timedelta(0))
        app.sender.start()
        app.worker.begin("worker", alone=True)
        started, cpu = perf_counter(), process_time()
        work_off(app)
        gone, cpu = perf_counter() - started, process_time() - cpu
        sent = count_sent(app)
        assert sent >= count, f"{sent} of {count} were sent"
        limit = None if waiting else bare_renders(app, TEMPLATE)
        app.sender.stop()
    many = bench.campaigns > STARTERS
    return [
        Figure(
            database=bench.database,
            name=name + (f", {bench.campaigns} campaigns" if many else ""),
            value=sent / gone,
            unit="messages/s",
            per_cpu=sent / cpu,
            wanted=_WANTED[bench.database] * (_MANY if many else 1),
            limit=limit,
            limit_name="rendering alone" if limit else "",
        )
    ]


def work_off(app: App) -> None:
    """Let the worker do all that is due, until every answer is recorded."""
    while app.worker.run_once() or app.sender.free() < app.worker.slots:
        if app.sender.free() == 0:
            app.sender.wait(0.01)


def count_sent(app: App) -> int:
    """Messages that the provider took."""
    messages = tables.messages.c
    query = select(func.count()).where(messages.status == "sent", messages.template == TEMPLATE)
    with app.storage.database.reading() as connection:
        return int(connection.execute(query).scalar_one())
