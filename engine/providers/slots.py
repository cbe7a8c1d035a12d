"""Which messages are in doubt, and what came of them: kept alike wherever providers are called."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence

from engine.core.message import Channel, Outgoing, SendResult
from engine.providers.gate import Gate
from engine.providers.lanes import Lanes
from engine.providers.pacing import Rate


class Slots:
    """That half of ``engine.ports.providers.Handover`` that calls nobody."""

    def __init__(
        self, max_in_flight: int, limits: Mapping[Channel, Rate] | None, gate: Gate | None
    ) -> None:
        if max_in_flight < 1:
            raise ValueError(f"max_in_flight must be 1 or more, not {max_in_flight}")
        self._max_in_flight = max_in_flight
        self._lock = threading.Lock()  # guards these, and what else a sender shares; for moments
        self._running = False
        self._in_doubt: set[str] = set()
        self._results: list[SendResult] = []
        self._ready = threading.Event()  # set while there are results to collect
        self._lanes = Lanes(limits or {})
        self._gate = gate

    def collect(self) -> list[SendResult]:
        """The results since the last call; their slots are free from here on."""
        with self._lock:
            results, self._results = self._results, []
            self._ready.clear()
            self._in_doubt.difference_update([result.message_id for result in results])
        return results

    def free(self) -> int:
        """Slots free."""
        with self._lock:
            return self._max_in_flight - len(self._in_doubt)

    def room(self, channel: Channel, sender: str) -> int:
        """How many of this sender's messages would leave within a second."""
        with self._lock:
            free = self._max_in_flight - len(self._in_doubt)
            if self._gate is not None:
                free = self._gate.room(channel, sender, limit=free)
            return min(free, self._lanes.room(channel, sender, now=time.monotonic(), limit=free))

    def wait(self, timeout: float) -> None:
        """Return when a result is ready, or after ``timeout`` seconds."""
        self._ready.wait(timeout)

    def drain(self, timeout: float) -> list[SendResult]:
        """Wait up to ``timeout`` seconds for all that was submitted; the results."""
        end = time.monotonic() + timeout
        results = self.collect()
        while self.free() < self._max_in_flight and (left := end - time.monotonic()) > 0:
            self._ready.wait(left)
            results += self.collect()
        return results

    def _occupy(self, outgoings: Sequence[Outgoing]) -> None:
        """Take slots for these, or raise what ``submit`` does; under the lock."""
        ids = {outgoing.message_id for outgoing in outgoings}
        if not self._running:
            raise RuntimeError("the sender is not running")
        if len(ids) < len(outgoings) or not self._in_doubt.isdisjoint(ids):
            raise ValueError("a message was submitted twice")
        if len(self._in_doubt) + len(ids) > self._max_in_flight:
            free = self._max_in_flight - len(self._in_doubt)
            raise ValueError(f"{len(ids)} messages for {free} free slots")
        self._in_doubt |= ids

    def _finish(self, *results: SendResult) -> None:
        """Have these collected; under the lock."""
        if results:
            self._results += results
            if not self._ready.is_set():
                self._ready.set()
