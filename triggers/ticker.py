"""The alarm clock: APScheduler wakes, and decides nothing.

What is due stands in the database; a tick only says "look now". So a tick that is missed, doubled
or lost with the process costs nothing but a moment.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

# Its own log would tell every tick.
logging.getLogger("apscheduler").setLevel(logging.ERROR)


class Ticker:
    """Calls functions at intervals, each at most once at a time; late ticks fall together."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(max_workers=1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )

    def every(self, seconds: float, call: Callable[[], None], *, name: str) -> None:
        """Call a quick function each ``seconds`` seconds, from the ticker's own thread."""
        self._scheduler.add_job(
            call, IntervalTrigger(seconds=seconds, timezone=UTC), id=name, replace_existing=True
        )

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """Tick no more; returns when a tick that runs has ended."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
