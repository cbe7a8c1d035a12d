"""The hand-over under a virtual clock: no thread, nothing happens between two calls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from engine.core.message import Channel, Outgoing, SendResult
from engine.ports.providers import Provider
from engine.providers.attempt import attempt, close_all, not_handed_over
from engine.providers.gate import Gate
from engine.providers.lanes import Lanes
from engine.providers.pacing import Rate


class ImmediateSender:
    """Sends in ``collect``, one message after another, in the order of submission.

    For the simulator, the demo and tests: same calls in, same results out. Rate limits are
    kept by the clock that is passed in; what they hold back goes at a later ``collect``, or in
    ``drain``, which takes no notice of them, since no virtual time passes while it waits.
    See ``engine.ports.providers.Handover`` for the contract. One thread at a time.
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
        if max_in_flight < 1:
            raise ValueError(f"max_in_flight must be 1 or more, not {max_in_flight}")
        self._providers = dict(providers)
        self._max_in_flight = max_in_flight
        self._clock = clock
        self._gate = gate
        self._lanes = Lanes(limits or {})
        self._in_doubt: set[str] = set()
        self._next: deque[Outgoing] = deque()
        self._left: list[SendResult] = []
        self._runner: asyncio.Runner | None = None

    def start(self) -> None:
        """Open the providers. Raises what they raise."""
        if self._runner is not None:
            raise RuntimeError("the sender is started already")
        self._runner = asyncio.Runner()
        try:
            self._runner.run(self._open())
        except BaseException:
            self.stop()
            raise

    def submit(self, outgoings: Sequence[Outgoing]) -> None:
        """Take messages to hand over at the next ``collect``."""
        ids = {outgoing.message_id for outgoing in outgoings}
        if self._runner is None:
            raise RuntimeError("the sender is not running")
        if len(ids) < len(outgoings) or not self._in_doubt.isdisjoint(ids):
            raise ValueError("a message was submitted twice")
        if len(ids) > self.free():
            raise ValueError(f"{len(ids)} messages for {self.free()} free slots")
        self._in_doubt |= ids
        for outgoing in outgoings:
            lane = self._lanes.find(outgoing.channel, outgoing.sender, now=self._now())
            (self._next if lane is None else lane.waiting).append(outgoing)

    def collect(self) -> list[SendResult]:
        """Send what the rate limits let through now; the results."""
        return self._send([*self._take_next(), *self._lanes.release_all(self._now())])

    def free(self) -> int:
        """Slots free."""
        return self._max_in_flight - len(self._in_doubt)

    def room(self, channel: Channel, sender: str) -> int:
        """How many of this sender's messages would leave within a second of virtual time."""
        free = self.free()
        if self._gate is not None:
            free = self._gate.room(channel, sender, limit=free)
        return min(free, self._lanes.room(channel, sender, now=self._now(), limit=free))

    def is_ready(self) -> bool:
        """Always: nothing runs beside it."""
        return True

    def wait(self, timeout: float) -> None:
        """Nothing to wait for: whatever can be sent is sent by ``collect``."""

    def drain(self, timeout: float) -> list[SendResult]:
        """Send all that was submitted, rate limits aside; the results."""
        return self._send([*self._take_next(), *self._lanes.take_all()])

    def stop(self) -> None:
        """Close the providers; what was not sent can still be collected, as ``RETRY``."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        waiting = [*self._take_next(), *self._lanes.take_all()]
        self._left += [not_handed_over(outgoing, self._clock()) for outgoing in waiting]
        with runner:
            runner.run(close_all(self._providers.values()))

    def _now(self) -> float:
        return self._clock().timestamp()

    def _take_next(self) -> list[Outgoing]:
        taken = list(self._next)
        self._next.clear()
        return taken

    def _send(self, outgoings: list[Outgoing]) -> list[SendResult]:
        results, self._left = self._left, []
        if outgoings and self._runner is not None:
            results += self._runner.run(self._send_all(outgoings))
        self._in_doubt.difference_update([result.message_id for result in results])
        return results

    async def _send_all(self, outgoings: Iterable[Outgoing]) -> list[SendResult]:
        return [
            await attempt(self._providers.get(outgoing.channel), outgoing, self._clock, self._gate)
            for outgoing in outgoings
        ]

    async def _open(self) -> None:
        for provider in self._providers.values():
            await provider.open()
