"""The door: events are stored durably before their sender hears that they were taken.

A durable commit costs about the same for one event as for a thousand, so concurrent requests share
one (group commit). Nobody waits for company: while one batch commits, the next one gathers.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import structlog

from engine.ports.faults import Fault, passing
from engine.ports.metrics import Metrics, Uncounted
from engine.ports.stored import Incoming

BATCH = 1000  # events in one commit; one caller's events are never split
CAPACITY = 20_000  # events waiting for their commit, some seconds' worth

log = structlog.get_logger(__name__)


class Overloaded(Exception):
    """Too many events wait to be stored; nothing was taken, and the caller may come again."""


class NotStored(Exception):
    """The database did not take the events; the caller may send them again.

    Whether they were stored is not certain when the connection broke during the commit, but a
    repeat does no harm: an event counts once.
    """


class EventStore(Protocol):
    """The part of ``engine.ports.storage.Storage`` that is needed here."""

    def accept(self, incoming: Sequence[Incoming]) -> None:
        """Store events durably; those already stored are left as they are."""
        ...


@dataclass(frozen=True, slots=True)
class _Waiter:
    incoming: Sequence[Incoming]
    loop: asyncio.AbstractEventLoop
    stored: asyncio.Future[None]


class Inbox:
    """Accepts events from any number of coroutines and commits them from one thread.

    ``on_accepted`` is called from that thread after each commit, to wake a worker. ``batch`` and
    ``capacity`` count events.
    """

    def __init__(
        self,
        storage: EventStore,
        *,
        metrics: Metrics | None = None,
        on_accepted: Callable[[], None] | None = None,
        batch: int = BATCH,
        capacity: int = CAPACITY,
    ) -> None:
        self._storage = storage
        self._metrics = metrics or Uncounted()
        self._on_accepted = on_accepted
        self._batch = batch
        self._capacity = capacity
        self._turn = threading.Condition()
        self._waiters: deque[_Waiter] = deque()
        self._queued = 0
        self._open = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to accept. Raises RuntimeError when it was started before."""
        if self._thread is not None:
            raise RuntimeError("an inbox is started once")
        self._open = True
        self._thread = threading.Thread(target=self._commit_all, name="inbox")
        self._thread.start()

    def stop(self) -> None:
        """Refuse newcomers, commit what waits, then return. Stopping twice is harmless."""
        with self._turn:
            self._open = False
            self._turn.notify()
        if self._thread is not None:
            self._thread.join()

    async def accept(self, incoming: Sequence[Incoming]) -> None:
        """Return when the events are durable.

        Raises Overloaded when there is no room for them and NotStored when their commit failed.
        A caller that is cancelled meanwhile leaves its events to be stored.
        """
        if not incoming:
            return
        loop = asyncio.get_running_loop()
        waiter = _Waiter(incoming, loop, loop.create_future())
        with self._turn:
            if not self._open:
                raise Overloaded("this server is not taking events now")
            if self._queued and self._queued + len(incoming) > self._capacity:
                raise Overloaded(f"{self._queued} events wait to be stored already")
            self._waiters.append(waiter)
            self._queued += len(incoming)
            self._turn.notify()
        await waiter.stored

    def _commit_all(self) -> None:
        while waiters := self._next_batch():
            events = [one for waiter in waiters for one in waiter.incoming]
            started = perf_counter()
            try:
                self._storage.accept(events)
                passing(Fault.ACCEPT_COMMITTED)
            except Exception as error:
                told = _without_values(error)
                log.error("events_not_stored", events=len(events), error=told)
                _tell(waiters, f"the database did not store the events ({told}); send them again")
                continue
            _tell(waiters, None)
            self._metrics.events_accepted(len(events))
            self._metrics.batch("accept", perf_counter() - started, len(events))
            self._wake()

    def _wake(self) -> None:
        try:
            if self._on_accepted is not None:
                self._on_accepted()
        except Exception:
            # The events are safe, and the worker looks by itself; the door must stay open.
            log.exception("wake_failed")

    def _next_batch(self) -> list[_Waiter]:
        """Everything queued, up to ``batch`` events; nothing at the end of the inbox's life."""
        with self._turn:
            while not self._waiters:
                if not self._open:
                    return []
                self._turn.wait()
            taken = [self._waiters.popleft()]
            size = len(taken[0].incoming)
            while self._waiters and size + len(self._waiters[0].incoming) <= self._batch:
                taken.append(self._waiters.popleft())
                size += len(taken[-1].incoming)
            self._queued -= size
            return taken


def _tell(waiters: Sequence[_Waiter], failure: str | None) -> None:
    """Wake the callers, each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiter in waiters:
        by_loop.setdefault(waiter.loop, []).append(waiter.stored)
    for loop, futures in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, futures, failure)
        except RuntimeError:
            # The loop was closed: no caller is left to hear it.
            log.warning("callers_gone", callers=len(futures))


def _settle(futures: Sequence[asyncio.Future[None]], failure: str | None) -> None:
    for stored in futures:
        if stored.done():  # cancelled: its caller went away
            continue
        if failure is None:
            stored.set_result(None)
        else:
            stored.set_exception(NotStored(failure))


def _without_values(error: Exception) -> str:
    """An error for the log and the caller, without the rows that a database error quotes."""
    told: object = getattr(error, "orig", None)  # the driver's own error inside SQLAlchemy's
    if isinstance(told, Exception):
        # PostgreSQL quotes values from the second line on (DETAIL), SQLite never does.
        first = str(told).partition("\n")[0]
        return f"{type(told).__name__}: {first}"
    return type(error).__name__
