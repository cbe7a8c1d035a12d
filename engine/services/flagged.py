"""Numbers whose texts are held until a person has decided, and opt-outs told to a person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from engine.core import replying
from engine.core.customer import Suppression
from engine.core.permissions import WISHED
from engine.ports.clock import Clock
from engine.ports.storage import Contended, Storage
from engine.ports.stored import HeldNumber
from engine.services.batch import Batch
from engine.services.handover import HandOver
from engine.services.replies import Sharers, opt_out, sharers_of
from engine.services.revisions import Revisions

_ATTEMPTS: Final = 20


class NotHeld(Exception):
    """Texts to the number are not held; ``held`` is what else stops them, if anything does."""

    def __init__(self, held: Suppression | None) -> None:
        super().__init__("texts to this number are not held")
        self.held = held


class Flagged:
    """The use case behind ``customers flagged``, ``release`` and ``opt-out``."""

    def __init__(
        self, storage: Storage, revisions: Revisions, handover: HandOver, clock: Clock
    ) -> None:
        self._storage = storage
        self._revisions = revisions
        self._handover = handover
        self._clock = clock

    def list(self) -> Sequence[HeldNumber]:
        """The numbers that wait, the oldest first."""
        return self._storage.held_texts()

    def release(self, number: str) -> None:
        """The reply did not ask for an end: write to the number again.

        What was withheld meanwhile stays unsent. Raises NotHeld, or Contended.
        """

        def end_hold(batch: Batch, sharers: Sharers, now: datetime) -> None:
            held = sharers.subject.suppressions.get(("sms", number))
            if held is None or held.reason != WISHED:
                raise NotHeld(held)
            replying.release(sharers.subject, number)

        self._persistently(number, end_hold)

    def opt_out(self, number: str) -> None:
        """No more texts and calls to the number, on a person's word. Raises Contended."""

        def stop(batch: Batch, sharers: Sharers, now: datetime) -> None:
            proof = "decided by a person, with lagniappe customers opt-out"
            key = f"opt-out:{number}:{now:%Y%m%dT%H%M%S%f}"
            opt_out(batch, sharers, number, key=key, proof=proof, now=now)

        self._persistently(number, stop)

    def _persistently(self, number: str, act: Callable[[Batch, Sharers, datetime], None]) -> None:
        for left in reversed(range(_ATTEMPTS)):
            now = self._clock.now()
            try:
                with self._storage.deciding(urgent=True) as unit:
                    batch = Batch(unit, self._revisions.configuration(unit), self._handover)
                    sharers = sharers_of(unit, number, now)
                    act(batch, sharers, now)
                    batch.keep(sharers.worlds, now)
                return
            except Contended:
                if not left:
                    raise
