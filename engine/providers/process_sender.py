"""Hands messages over from a process of its own, so that calls take no turns from decisions.

Python runs one thread at a time: a call of 100 µs in the daemon's process is 100 µs in which it
decides nothing. What holds messages back stays here, slots, rate limits and breakers; a message
that is given to the process is called for at once. ``sending_process`` is the other end.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog

from config.settings import PREFIX
from engine.core.message import Channel, Outcome, Outgoing, SendResult
from engine.providers.attempt import given_back, not_handed_over, stopped_midway
from engine.providers.gate import Gate
from engine.providers.lanes import Lane
from engine.providers.pacing import Rate
from engine.providers.sending_link import Beginning, Frames, Kind, Recipe, frame, heard, packed
from engine.providers.slots import Slots

_log = structlog.get_logger(__name__)

_MODULE: Final = "engine.sending_process"
_TOGETHER: Final = 25  # messages in a frame: the first calls begin while the rest is on its way
_READ: Final = 1 << 18  # bytes
_TO_OPEN: Final = 60.0  # seconds; on a busy machine Python itself takes some to start
_TO_END: Final = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0  # seconds before another process is started
_STEADY: Final = 60.0  # one that lived for so long is not what keeps dying


@dataclass(slots=True)
class _Parcel:
    """A frame on its way; ``unwritten`` shrinks as the socket takes it."""

    unwritten: memoryview
    outgoings: Sequence[Outgoing] = ()
    is_begun: bool = False


class ProcessSender(Slots):
    """See ``engine.ports.providers.Handover`` for the contract.

    When the process dies, what it held is in doubt, what it had not been given goes back to be sent
    again, and another is started, after a pause that grows while they keep dying. When this process
    dies, the other ends at once. ``watch``: told whether it is there, whenever that changes.
    """

    def __init__(
        self,
        beginning: Beginning,
        *,
        max_in_flight: int,
        clock: Callable[[], datetime],
        limits: Mapping[Channel, Rate] | None = None,
        gate: Gate | None = None,
        watch: Callable[[bool], None] = lambda _: None,
    ) -> None:
        super().__init__(max_in_flight, limits, gate)
        self._beginning = beginning
        self._clock = clock
        self._watch = watch
        self._thread: threading.Thread | None = None
        self._waker: socket.socket | None = None
        # Under the lock:
        self._slow: dict[Lane, None] = {}  # with messages that wait for the rate limit
        self._next: deque[Outgoing] = deque()  # past the rate limit
        self._parcels: deque[_Parcel] = deque()
        self._given: dict[str, Outgoing] = {}  # the process has them
        self._link: socket.socket | None = None  # while it is open for messages
        self._halt = threading.Event()
        self.pid: int | None = None  # of the process, while it is there

    def start(self) -> None:
        """Start the process and open the providers there. Raises what they raise."""
        if self._thread is not None:
            raise RuntimeError("the sender is started already, or was stopped")
        begun = threading.Event()
        failure: list[BaseException] = []
        # The thread, too, starts the process: Linux ends that with the thread that began it.
        self._thread = threading.Thread(
            target=self._main, args=(begun, failure), name="sender", daemon=True
        )
        self._thread.start()
        begun.wait()
        if failure:
            self._thread.join()
            raise failure[0]

    def submit(self, outgoings: Sequence[Outgoing]) -> None:
        """Take messages to hand over; returns at once."""
        if not outgoings:
            return
        with self._lock:
            self._occupy(outgoings)
            now = time.monotonic()
            for outgoing in outgoings:
                lane = self._lanes.find(outgoing.channel, outgoing.sender, now=now)
                if lane is None:
                    self._next.append(outgoing)
                else:
                    lane.waiting.append(outgoing)
                    self._slow[lane] = None
            # Here rather than in the other thread, which would have to wait for its turn.
            if self._push() is not None or self._parcels:
                self._wake()

    def room(self, channel: Channel, sender: str) -> int:
        """How many of this sender's messages would leave within a second."""
        return super().room(channel, sender) if self.is_ready() else 0

    def is_ready(self) -> bool:
        """Whether the process is there."""
        return self._link is not None

    def rotate(self, recipe: Recipe) -> None:
        """Have the providers made anew: what is under way ends as it began."""
        with self._lock:
            self._beginning = replace(self._beginning, recipe=recipe)
            if self._link is not None:
                self._parcels.append(_Parcel(memoryview(frame(Kind.ROTATE, recipe))))
                self._wake()

    def stop(self) -> None:
        """Stop at once and close the providers; what was left can still be collected."""
        with self._lock:
            self._running = False
            self._halt.set()
            self._wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    # Under the lock, in any thread:

    def _push(self) -> float | None:
        """Give the process what may go; the seconds until the next may."""
        if self._link is None:
            return None
        now = time.monotonic()
        soonest: float | None = None
        for lane in list(self._slow):
            released, wait = lane.release(now)
            self._next.extend(released)
            if wait is None:
                del self._slow[lane]
            else:
                soonest = wait if soonest is None else min(soonest, wait)
        while self._next:
            some = [self._next.popleft() for _ in range(min(_TOGETHER, len(self._next)))]
            admitted = [outgoing for outgoing in some if self._admits(outgoing)]
            if admitted:
                self._parcels.append(_Parcel(memoryview(packed(admitted)), admitted))
        self._write()
        return soonest

    def _admits(self, outgoing: Outgoing) -> bool:
        wait = None if self._gate is None else self._gate.admit(outgoing)
        if wait is None:
            return True
        self._finish(given_back(outgoing, self._clock(), wait))
        return False

    def _write(self) -> None:
        assert self._link is not None
        while self._parcels:
            parcel = self._parcels[0]
            try:
                taken = self._link.send(parcel.unwritten)
            except OSError:  # full, to be gone on with; or broken, which the reader notices
                return
            parcel.unwritten, parcel.is_begun = parcel.unwritten[taken:], True
            if not parcel.unwritten:
                self._parcels.popleft()
                self._given.update({each.message_id: each for each in parcel.outgoings})

    def _wake(self) -> None:
        if self._waker is not None:
            with suppress(BlockingIOError):  # it has been woken often enough
                self._waker.send(b"\0")

    def _keep_back(self) -> None:
        """Give the process nothing more: whatever it has no part of was surely not sent."""
        waiting = [*self._next, *self._lanes.take_all()]
        self._next.clear()
        self._slow.clear()
        while self._parcels and not self._parcels[-1].is_begun:
            waiting += self._parcels.pop().outgoings
        now = self._clock()
        self._finish(*(not_handed_over(outgoing, now) for outgoing in waiting))

    def _lose(self) -> int:
        """Put in doubt what the process had; how many. Half a parcel is none."""
        now = self._clock()
        result = stopped_midway if self._halt.is_set() else _lost
        in_doubt = [result(outgoing, now) for outgoing in self._given.values()]
        unsent = [each for parcel in self._parcels for each in parcel.outgoings]
        self._finish(*in_doubt, *(not_handed_over(outgoing, now) for outgoing in unsent))
        self._given.clear()
        self._parcels.clear()
        return len(in_doubt)

    # In the sender's thread from here on.

    def _main(self, begun: threading.Event, failure: list[BaseException]) -> None:
        waker, woken = socket.socketpair()
        with waker, woken:
            waker.setblocking(False)
            self._waker = waker
            try:
                self._live(woken, begun)
            except BaseException as error:
                if begun.is_set():
                    _log.error("sending stopped on a defect", error=type(error).__name__)
                failure.append(error)
            finally:
                with self._lock:
                    self._running, self._waker = False, None
                    self._keep_back()
                    self._lose()
                begun.set()

    def _live(self, woken: socket.socket, begun: threading.Event) -> None:
        """One process after another, until told to stop. Raises what starting the first raises."""
        pause = _FIRST_PAUSE
        while not self._halt.is_set():
            started = time.monotonic()
            code: int | None = None
            try:
                code = self._one_life(woken, begun)
            except Exception as error:
                if not begun.is_set():
                    raise
                _log.error("sending_process_not_started", error=type(error).__name__)
            if self._halt.is_set():
                return
            if time.monotonic() - started > _STEADY:
                pause = _FIRST_PAUSE
            with self._lock:
                in_doubt = self._lose()
            _log.error("sending_process_ended", code=code, in_doubt=in_doubt, again_in=pause)
            self._watch(False)
            end = time.monotonic() + pause
            while not self._halt.is_set() and (left := end - time.monotonic()) > 0:
                woken.settimeout(left)
                with suppress(TimeoutError):
                    woken.recv(_READ)
            pause = min(_LONGEST_PAUSE, pause * 2)

    def _one_life(self, woken: socket.socket, begun: threading.Event) -> int:
        """A process from its start to its end; its exit code. Raises what kept it from opening."""
        beginning = self._beginning
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                process = _start(theirs)
            try:
                frames = Frames()
                ours.settimeout(_TO_OPEN)
                ours.sendall(frame(Kind.BEGIN, beginning))
                _, failure = _first(ours, frames)
                if failure is not None:
                    raise failure
                self._opened(ours, process.pid, beginning, begun)
                with suppress(ConnectionError):
                    self._converse(ours, woken, frames)
            finally:
                with self._lock:
                    self._link = self.pid = None
                code = _end(process)
        return code

    def _opened(
        self, link: socket.socket, pid: int, beginning: Beginning, begun: threading.Event
    ) -> None:
        link.setblocking(False)
        with self._lock:
            self._link, self.pid = link, pid
            self._running = not self._halt.is_set()
            if beginning is not self._beginning:  # rotated meanwhile
                recipe = frame(Kind.ROTATE, self._beginning.recipe)
                self._parcels.append(_Parcel(memoryview(recipe)))
            # A fault that a test asked for comes once.
            self._beginning = replace(self._beginning, faults=None)
        if begun.is_set():
            _log.info("sending_process_back", pid=pid)
        self._watch(True)
        begun.set()

    def _converse(self, link: socket.socket, woken: socket.socket, frames: Frames) -> None:
        """Until the process has ended, or has had its time to."""
        read, write = selectors.EVENT_READ, selectors.EVENT_WRITE
        deadline: float | None = None
        with selectors.DefaultSelector() as selector:
            selector.register(woken, read)
            key = selector.register(link, read)
            while deadline is None or time.monotonic() < deadline:
                with self._lock:
                    if self._halt.is_set() and deadline is None:
                        deadline = time.monotonic() + _TO_END
                        self._keep_back()
                        self._parcels.append(_Parcel(memoryview(frame(Kind.STOP))))
                    wait = self._push()
                    events = read | (write if self._parcels else 0)
                if deadline is not None:
                    wait = max(0.0, deadline - time.monotonic())
                if key.events != events:
                    key = selector.modify(link, events)
                for ready, what in selector.select(wait):
                    if ready.fileobj is woken:
                        woken.recv(_READ)
                    elif what & read:
                        data = link.recv(_READ)
                        if not data:
                            return
                        self._hear(frames.feed(data))

    def _hear(self, told: Iterator[tuple[Kind, Any]]) -> None:
        results = [result for _, rows in told for result in heard(rows, self._clock())]
        with self._lock:
            known = [self._given.pop(result.message_id) for result in results]
        if self._gate is not None:  # before anybody can collect them, and ask for room
            for outgoing, result in zip(known, results, strict=True):
                self._gate.note(outgoing, result)
        with self._lock:
            self._finish(*results)


def _start(link: socket.socket) -> subprocess.Popen[bytes]:
    """Nothing secret is in its arguments or its environment: those stay with the daemon."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith(PREFIX)}
    environ["PYTHONPATH"] = os.pathsep.join(path or os.curdir for path in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", _MODULE, str(link.fileno()), str(os.getpid())],
        env=environ,
        pass_fds=[link.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        process_group=0,  # a terminal's Ctrl-C is not for it
    )


def _first(link: socket.socket, frames: Frames) -> tuple[Kind, Exception | None]:
    """What the process says first: that the providers are open, or what kept them from it."""
    while data := link.recv(_READ):
        for told in frames.feed(data):
            return told
    raise ConnectionError("the sending process ended before it began")


def _end(process: subprocess.Popen[bytes]) -> int:
    """Its exit code; one that still lives has had its time."""
    try:
        return process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _lost(outgoing: Outgoing, at: datetime) -> SendResult:
    return SendResult(
        message_id=outgoing.message_id,
        outcome=Outcome.UNKNOWN,
        at=at,
        error_code="interrupted",
        reason="the sending process ended during the hand-over",
    )
