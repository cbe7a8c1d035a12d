"""Hands messages over from one asyncio loop in a thread of its own.

The caller's thread decides, renders and writes to the database; this one waits for providers.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import structlog
import uvloop

from engine.core.message import Channel, Outgoing
from engine.ports.providers import Provider
from engine.providers.attempt import attempt, close_all, not_handed_over, stopped_midway
from engine.providers.gate import Gate
from engine.providers.lanes import Lane
from engine.providers.pacing import Rate
from engine.providers.slots import Slots

_log = structlog.get_logger(__name__)


class Sender(Slots):
    """The hand-over of a live daemon; see ``engine.ports.providers.Handover`` for the contract.

    ``limits``: a rate for each channel, applied to each sender address or number by itself.
    ``gate``: leaves alone what is in trouble; without it every message is handed over.
    """

    def __init__(
        self,
        providers: Mapping[Channel, Provider],
        *,
        max_in_flight: int,
        clock: Callable[[], datetime],
        limits: Mapping[Channel, Rate] | None = None,
        gate: Gate | None = None,
    ) -> None:
        super().__init__(max_in_flight, limits, gate)
        self._providers = dict(providers)
        self._clock = clock
        self._inbox: deque[Outgoing] = deque()  # under the lock
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        # Of the loop's thread alone:
        self._next: deque[Outgoing] = deque()  # past the rate limit
        self._timers: dict[Lane, asyncio.TimerHandle] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._growing = False
        self._halt = asyncio.Event()

    def start(self) -> None:
        """Start the thread and open the providers. Raises what they raise."""
        if self._thread is not None:
            raise RuntimeError("the sender is started already, or was stopped")
        opened = threading.Event()
        failure: list[BaseException] = []
        self._thread = threading.Thread(
            target=self._main, args=(opened, failure), name="sender", daemon=True
        )
        self._thread.start()
        opened.wait()
        if failure:
            self._thread.join()
            raise failure[0]

    def submit(self, outgoings: Sequence[Outgoing]) -> None:
        """Take messages to hand over; returns at once."""
        if not outgoings:
            return
        with self._lock:
            self._occupy(outgoings)
            self._inbox.extend(outgoings)
            assert self._loop is not None
            self._loop.call_soon_threadsafe(self._take_in)

    def is_ready(self) -> bool:
        """Whether the thread lives."""
        return self._running

    def stop(self) -> None:
        """Stop at once and close the providers; what was left can still be collected."""
        with self._lock:
            running, self._running = self._running, False
            if running and self._loop is not None:
                self._loop.call_soon_threadsafe(self._halt.set)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    # In the loop's thread from here on.

    def _main(self, opened: threading.Event, failure: list[BaseException]) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._live(opened))
        except BaseException as error:
            if opened.is_set():
                _log.error("sending stopped on a defect", error=type(error).__name__)
            failure.append(error)
        finally:
            with self._lock:
                self._running = False
            opened.set()

    async def _live(self, opened: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            for provider in self._providers.values():
                await provider.open()
            with self._lock:
                self._running = True
            opened.set()
            await self._halt.wait()
            await self._wind_up()
        finally:
            await close_all(self._providers.values())

    async def _wind_up(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        with self._lock:
            waiting = [*self._next, *self._lanes.take_all(), *self._inbox]
            self._inbox.clear()
        self._next.clear()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        now = self._clock()
        with self._lock:
            self._finish(*(not_handed_over(outgoing, now) for outgoing in waiting))

    def _take_in(self) -> None:
        lanes: dict[Lane, None] = {}
        with self._lock:
            while self._inbox:
                outgoing = self._inbox.popleft()
                lane = self._lanes.find(outgoing.channel, outgoing.sender, now=time.monotonic())
                if lane is None:
                    self._next.append(outgoing)
                else:
                    lane.waiting.append(outgoing)
                    lanes[lane] = None
        for lane in lanes:
            if lane not in self._timers:
                self._release(lane)
        self._grow()

    def _release(self, lane: Lane) -> None:
        self._timers.pop(lane, None)
        with self._lock:
            released, wait = lane.release(time.monotonic())
        self._next.extend(released)
        if wait is not None and self._loop is not None and not self._halt.is_set():
            self._timers[lane] = self._loop.call_later(wait, self._release, lane)
        self._grow()

    def _grow(self) -> None:
        self._growing = False
        if self._next and not self._halt.is_set():
            worker = asyncio.get_running_loop().create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    async def _work(self) -> None:
        # A task for each message would cost more than handing it to a provider that answers
        # at once. A worker goes on for as long as nothing makes it wait; once it does, the
        # loop runs the callback, which puts another worker to the rest.
        while self._next:
            outgoing = self._next.popleft()
            if self._next and not self._growing:
                self._growing = True
                asyncio.get_running_loop().call_soon(self._grow)
            provider = self._providers.get(outgoing.channel)
            try:
                result = await attempt(provider, outgoing, self._clock, self._gate)
            except asyncio.CancelledError:
                with self._lock:
                    self._finish(stopped_midway(outgoing, self._clock()))
                raise
            with self._lock:
                self._finish(result)
