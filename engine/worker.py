"""The worker: whatever is due, in the one order that decisions rely on.

Results first, so that slots are free and journeys know; then events, journeys, messages. One
thread runs it; ticks and requests only wake it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from engine.core.message import Outcome, SendResult
from engine.ports.clock import Clock
from engine.ports.faults import Fault, passing
from engine.ports.metrics import Metrics
from engine.ports.providers import Handover
from engine.ports.storage import Contended, Storage
from engine.services.advance import Advance
from engine.services.bookkeeping import Bookkeeping
from engine.services.dispatch import Dispatch
from engine.services.ingest import Ingest
from engine.services.sweep import Sweep

log = structlog.get_logger(__name__)

BATCH = 250  # a request's commit waits for one batch at most; twice as many save next to nothing
_TRIES = 20
# What is overdue now waits for room or for another worker: asking without pause would find neither.
_LEAST_REST = 0.01  # seconds
_PART = 12  # of all slots, one in so many should be free before messages are decided on
_PATIENCE = 0.01  # seconds
_HEARTBEAT_LOST = timedelta(seconds=90)


@dataclass(slots=True, kw_only=True)
class Worker:
    """Does the work of one process. ``run_once`` is also what tests and demos drive by hand."""

    id: str
    storage: Storage
    clock: Clock
    sender: Handover
    ingest: Ingest
    advance: Advance
    bookkeeping: Bookkeeping
    dispatch: Dispatch
    sweep: Sweep
    slots: int  # hand-overs that may be under way at once
    metrics: Metrics
    batch: int = BATCH
    _wake: threading.Event = field(default_factory=threading.Event)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _chores: list[Callable[[], None]] = field(default_factory=list)
    _unrecorded: list[SendResult] = field(default_factory=list)
    _begun: int = 0  # so many of them, the first, are in a commit that is under way

    def begin(self, role: str, *, alone: bool) -> None:
        """Announce this worker, and settle what workers before it left in doubt.

        ``alone``: no other process can be at work on this database, so nobody need be waited for.
        """
        now = self.clock.now()
        lost = now - _HEARTBEAT_LOST
        since = now if alone else lost
        self._persistently(lambda: self.dispatch.settle_orphans(since, now))
        self.storage.heartbeat(self.id, role, now)

    def settle_orphans(self) -> int:
        """Put in doubt what workers that are gone had under way; how many."""
        now = self.clock.now()
        return self.dispatch.settle_orphans(now - _HEARTBEAT_LOST, now)

    def run_once(self) -> bool:
        """One round of whatever is due; whether there was anything."""
        try:
            return self.begin_round()
        finally:
            self.settle()

    def begin_round(self, *, patience: float = 0.0) -> bool:
        """``run_once``, but for the end of its last commit: another round may begin meanwhile.

        ``patience``: so many seconds it may wait for slots, rather than decide on few messages.
        """
        busy = self._collect()
        # One look in place of a unit of work for each queue, most of which are empty.
        queues = self.storage.queues(self.clock.now())
        if queues.events or queues.records:
            self._vacate()
        told = queues.events and self._attempt(
            "process", lambda: self.ingest.process_waiting(self.batch)
        )
        if told or queues.records:
            told |= self._attempt(
                "books", lambda: self.bookkeeping.run(self.clock.now(), self.batch)
            )
        if told:
            busy = True
            # Answers come meanwhile: what fell due must find slots, however many events come in.
            self.record()
        else:
            self._await_slots(patience)
        if self._attempt("advance", self._advance):
            busy = True
        else:
            busy |= self.record()
        if self._free() > 0 and self.storage.queues(self.clock.now()).messages:
            self._vacate()
            busy |= self._attempt(
                "dispatch", lambda: self.dispatch.run(self.clock.now(), self.batch)
            )
        self.metrics.in_flight(self.slots - self.sender.free())
        return busy

    def _free(self) -> int:
        """Slots that nothing is decided for yet."""
        return self.sender.free() - self.advance.outgoing()

    def _await_slots(self, patience: float) -> None:
        """Wait a moment for answers where there is hardly a slot: a round has its fixed cost."""
        wanted = self.slots // _PART
        if self._free() >= wanted:
            return
        self.settle()
        end = time.monotonic() + patience
        while self._free() < wanted and (left := end - time.monotonic()) > 0:
            self.sender.wait(left)
            self._collect()

    def _room(self) -> int:
        """Journeys to take at once: no more than there are slots for the messages they may make.

        A few go on even when every slot is taken, so that steps without a message do not wait for
        a slow provider; what they send is scheduled.
        """
        return max(25, min(self.batch, self._free()))

    def record(self) -> bool:
        """Write down what providers answered; whether there was anything."""
        self.settle()
        self._gather()
        if not self._unrecorded:
            return False
        results = list(self._unrecorded)
        self._persistently(lambda: self.dispatch.record(results, self.clock.now()))
        self._recorded(results)
        return True

    def _vacate(self) -> None:
        """Put on record what was answered: its slots are free, and would be in doubt twice."""
        self.settle()
        if self._unrecorded:
            self.record()

    def _collect(self) -> bool:
        """Take in what providers answered, and write it down if it was not all well."""
        self._gather()
        if any(result.outcome is not Outcome.ACCEPTED for result in self._unrecorded):
            return self.record()
        return bool(self._unrecorded)

    def _gather(self) -> None:
        self._unrecorded += self.sender.collect()
        self._unrecorded += self.dispatch.never_given(self.clock.now())
        if self._unrecorded:
            passing(Fault.RESULTS_COLLECTED)

    def _advance(self) -> int:
        """Take due steps; what was collected goes on record with them, in one commit."""
        accepted = self._unrecorded[self._begun :]
        done = self.advance.begin(self.clock.now(), self._room(), accepted, self.settle)
        if done:
            self._begun = len(accepted)
            if not self.advance.is_under_way:
                self.settle()
        return done

    def settle(self) -> None:
        """Wait for the commit under way, if there is one; what was in it is on record then."""
        begun, self._begun = self._begun, 0
        try:
            self.advance.settle()
        except Contended as error:
            log.info("contended", work="advance", error=str(error))
            return
        self._recorded(self._unrecorded[:begun])

    def _recorded(self, results: Sequence[SendResult]) -> None:
        del self._unrecorded[: len(results)]
        for outcome, count in Counter(result.outcome.value for result in results).items():
            self.metrics.messages("all", outcome, count)

    def _attempt(self, name: str, work: Callable[[], int]) -> bool:
        began = time.perf_counter()
        try:
            done = work()
        except Contended as error:
            log.info("contended", work=name, error=str(error))
            return True
        if done:
            self.metrics.batch(name, time.perf_counter() - began, done)
        return done > 0

    def _persistently(self, work: Callable[[], object]) -> None:
        for _ in range(_TRIES):
            try:
                work()
                return
            except Contended as error:
                log.info("contended", error=str(error))
        raise Contended("another writer always came first")

    def run(self) -> None:
        """Work until ``stop``; an unexpected error is logged and does not end the worker."""
        pause = 0.0
        while not self._stopping.is_set():
            try:
                self._do_chores()
                busy = self.begin_round(patience=_PATIENCE)
                if not busy:
                    self.settle()
                pause = 0.0
            except Exception:
                log.exception("worker_error")
                busy, pause = False, min(5.0, pause * 2 or 0.5)
            if not busy:
                self._rest(pause)
        try:
            self.settle()
        except Exception:
            log.exception("worker_error")

    def _rest(self, pause: float) -> None:
        if pause:
            self._stopping.wait(pause)
            return
        if self.sender.free() < self.slots:
            self.sender.wait(0.02)
            return
        self._wake.wait(self._until_due())
        self._wake.clear()

    def _until_due(self) -> float:
        due = self.storage.next_due()
        if due is None:
            return 1.0
        return min(1.0, max(_LEAST_REST, (due - self.clock.now()).total_seconds()))

    def wake(self) -> None:
        """Look now: something may be due."""
        self._wake.set()

    def soon(self, chore: Callable[[], None]) -> None:
        """Have the worker's own thread run a chore before its next round."""
        if chore not in self._chores:
            self._chores.append(chore)
        self._wake.set()

    def _do_chores(self) -> None:
        if self._chores:
            self.settle()
        for _ in range(len(self._chores)):
            chore = self._chores.pop(0)
            try:
                chore()
            except Contended as error:
                log.info("contended", work="chore", error=str(error))
                self.soon(chore)

    def stop(self) -> None:
        """Let ``run`` return after its present round."""
        self._stopping.set()
        self._wake.set()

    def drain(self, timeout: float) -> Sequence[SendResult]:
        """Wait for the calls in flight and write down what came of them."""
        self.settle()
        self._unrecorded += self.sender.drain(timeout)
        results = list(self._unrecorded)
        self.record()
        return results

    def quiesce(self, until: datetime | None = None) -> None:
        """Work until nothing is due now; for virtual clocks, where ``now`` stands still."""
        while self.run_once():
            if until is not None and self.clock.now() > until:
                return
