"""Events fully processed per second: stored, projected, enrolled, first steps taken.

In batches of 500, as ``lagniappe ingest`` does it. Messages are decided and stay scheduled: sending
is measured by itself.
"""

from __future__ import annotations

from time import perf_counter, process_time

from benchmarks.figure import Figure
from benchmarks.limits import bulk_inserts
from benchmarks.shop import arriving, first_orders, lives
from benchmarks.waiting import fill_far
from benchmarks.workspaces import STARTERS, Bench, application
from engine.ports.clock import VirtualClock
from triggers.event import Event

BATCH = 500
_WANTED = {"SQLite": 5000.0, "PostgreSQL": 4000.0}
_MANY = 0.7  # what 20 campaigns may leave of it


def mixed(bench: Bench) -> list[Figure]:
    """The life of orders: placed, paid, shipped, delivered, some refunds and tickets."""
    return _measure(bench, lives(bench.amount(8_000, 1_500)), "a shop's usual mix")


def first_orders_only(bench: Bench) -> list[Figure]:
    """The worst case: each event brings a customer, an order, two journeys and a message."""
    return _measure(bench, first_orders(bench.amount(15_000, 3_000)), "first orders only")


def few_waiting(bench: Bench) -> list[Figure]:
    """First orders again, with some journeys waiting."""
    return _with_waiting(bench, 10_000)


def many_waiting(bench: Bench) -> list[Figure]:
    """The same with a hundred times as many."""
    return _with_waiting(bench, bench.amount(1_000_000, 100_000))


def _with_waiting(bench: Bench, waiting: int) -> list[Figure]:
    events = first_orders(bench.amount(10_000, 3_000))
    return _measure(bench, events, f"first orders, {waiting:,} waiting", waiting)


def _measure(bench: Bench, events: list[Event], what: str, waiting: int = 0) -> list[Figure]:
    clock = VirtualClock(events[0].time)
    with application(bench, clock=clock) as app:
        if waiting:
            fill_far(app, waiting)
        incoming = arriving(events)
        started, cpu = perf_counter(), process_time()
        for start in range(0, len(incoming), BATCH):
            batch = incoming[start : start + BATCH]
            clock.advance_to(batch[-1].received_at)
            app.ingest.take(batch)
        rate = len(events) / (perf_counter() - started)
        per_cpu = len(events) / (process_time() - cpu)
        limit = None if waiting else bulk_inserts(app, bench, len(events), BATCH)
    many = bench.campaigns > STARTERS
    wanted = _WANTED[bench.database] * (_MANY if many else 1)
    name = f"events processed, {what}" + (f", {bench.campaigns} campaigns" if many else "")
    return [
        Figure(
            database=bench.database,
            name=name,
            value=rate,
            unit="events/s",
            per_cpu=per_cpu,
            wanted=wanted,
            limit=limit,
            limit_name="bulk inserts of its rows" if limit else "",
        )
    ]
