"""The world outside: a provider at the port, and the truth of what it was ever given.

Whatever the engine believes, what a customer got is what stands here. What the provider answers
follows from a hash of the message and of how often it was tried, so the same run answers alike.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.core.message import Channel, Outcome, Outgoing, SendResult
from engine.ports.providers import Provider
from engine.providers.immediate import ImmediateSender


class Crash(BaseException):
    """The process ends here, as by ``kill -9``: nothing of it can catch this."""


class Answer(StrEnum):
    """What the provider does with one call."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good
    LATER = "later"  # surely not taken; to be tried again
    LOST = "lost"  # taken, and the answer never came
    BROKEN = "broken"  # not taken, and nobody can know
    SILENT = "silent"  # taken, and the call still hangs when the process ends
    KILLED = "killed"  # the process ended while the call was made; the provider has it
    KILLED_BEFORE = "killed_before"  # the process ended before the call arrived


TOOK = frozenset({Answer.ACCEPTED, Answer.LOST, Answer.SILENT, Answer.KILLED})
_OUTCOMES = {
    Answer.ACCEPTED: Outcome.ACCEPTED,
    Answer.REFUSED: Outcome.REJECTED,
    Answer.LATER: Outcome.RETRY,
    Answer.LOST: Outcome.UNKNOWN,
    Answer.BROKEN: Outcome.UNKNOWN,
    Answer.SILENT: Outcome.UNKNOWN,
}
# How often, in a hundred calls, something else than "accepted" happens.
MOODS: dict[str, Sequence[tuple[int, Answer]]] = {
    "fine": ((3, Answer.LATER), (2, Answer.LOST)),
    "flaky": ((20, Answer.LATER), (12, Answer.LOST), (8, Answer.BROKEN), (8, Answer.REFUSED),
              (4, Answer.SILENT)),
    "down": ((80, Answer.LATER), (10, Answer.BROKEN)),
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Given:
    """One message that the engine committed itself to hand over, and what came of it."""

    outgoing: Outgoing
    at: datetime
    attempt: int  # from 1
    seen: dict[str, Any]  # what the database held at the commit
    answer: Answer | None = None  # None: the provider was not called yet


@dataclass(slots=True)
class Outside:
    """What every provider of one shop was given, in order, over all crashes."""

    now: Callable[[], datetime]
    seed: str = ""
    mood: str = "fine"
    given: list[Given] = field(default_factory=list)
    calls: int = 0
    # Told once, when a call arrives: what happens before it is answered.
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    crash: Answer | None = None  # KILLED or KILLED_BEFORE: the next call is the process's last

    def commit(self, outgoing: Outgoing, seen: dict[str, Any]) -> Given:
        """Note that a message was committed ``sending``."""
        tries = sum(each.outgoing.message_id == outgoing.message_id for each in self.given)
        one = Given(outgoing=outgoing, at=self.now(), attempt=tries + 1, seen=seen)
        self.given.append(one)
        return one

    def carriers(self) -> dict[Channel, Provider]:
        """A provider for each channel."""
        return {"email": Carrier("email", self), "sms": Carrier("sms", self)}

    def last(self, message_id: str) -> Given:
        """The newest hand-over of a message."""
        return next(e for e in reversed(self.given) if e.outgoing.message_id == message_id)

    def took(self) -> list[Given]:
        """What a provider has, whatever it said."""
        return [each for each in self.given if each.answer in TOOK]

    async def call(self, outgoing: Outgoing) -> SendResult:
        """One call of the provider."""
        self.calls += 1
        one = self.last(outgoing.message_id)
        if self.crash is not None:
            one.answer, self.crash = self.crash, None
            raise Crash
        one.answer = self._answer(outgoing.message_id, one.attempt)
        while self.meanwhile:
            # In a thread: another worker of this process has an event loop of its own.
            await asyncio.to_thread(self.meanwhile.pop())
        accepted = one.answer is Answer.ACCEPTED
        return SendResult(
            message_id=outgoing.message_id,
            outcome=_OUTCOMES[one.answer],
            at=self.now(),
            provider_message_id=f"outside-{outgoing.message_id}" if accepted else None,
            error_code=None if accepted else one.answer.value,
            reason=None if accepted else f"the provider was {one.answer.value}",
        )

    def _answer(self, message_id: str, attempt: int) -> Answer:
        digest = hashlib.blake2b(f"{self.seed}:{message_id}:{attempt}".encode(), digest_size=4)
        point = int.from_bytes(digest.digest(), "big") % 100
        for share, answer in MOODS[self.mood]:
            if point < share:
                return answer
            point -= share
        return Answer.ACCEPTED


class Carrier:
    """The provider of one channel, at ``engine.ports.providers.Provider``."""

    name = "outside"

    def __init__(self, channel: Channel, outside: Outside) -> None:
        self.channel: Channel = channel
        self._outside = outside

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, outgoing: Outgoing) -> SendResult:
        """What the world outside answers."""
        return await self._outside.call(outgoing)


class Hands:
    """The hand-over: looks at the database at the moment of each commit, keeps silent calls open.

    ``look`` is called right after the commit of ``sending``, before anything else can happen, so
    what it finds is what the commit was bound to know.
    """

    def __init__(
        self,
        outside: Outside,
        look: Callable[[Outgoing], dict[str, Any]],
        judge: Callable[[Given], None],
        *,
        slots: int,
    ) -> None:
        self._outside = outside
        self._look = look
        self._judge = judge
        self._inner = ImmediateSender(outside.carriers(), max_in_flight=slots, clock=outside.now)
        self._hanging: set[str] = set()
        self.crash_at_submit = False

    def start(self) -> None:
        self._inner.start()

    def stop(self) -> None:
        self._inner.stop()

    def submit(self, outgoings: Sequence[Outgoing]) -> None:
        for outgoing in outgoings:
            one = self._outside.commit(outgoing, self._look(outgoing))
            self._judge(one)
        if self.crash_at_submit and outgoings:
            for outgoing in outgoings:
                self._outside.last(outgoing.message_id).answer = Answer.KILLED_BEFORE
            raise Crash
        self._inner.submit(outgoings)

    def collect(self) -> list[SendResult]:
        return self._answered(self._inner.collect())

    def drain(self, timeout: float) -> list[SendResult]:
        return self._answered(self._inner.drain(timeout))

    def free(self) -> int:
        return self._inner.free() - len(self._hanging)

    def is_ready(self) -> bool:
        """Always."""
        return True

    def room(self, channel: Channel, sender: str) -> int:
        return min(self.free(), self._inner.room(channel, sender))

    def wait(self, timeout: float) -> None:
        """Nothing to wait for."""

    def _answered(self, results: list[SendResult]) -> list[SendResult]:
        silent = Answer.SILENT.value
        self._hanging |= {each.message_id for each in results if each.error_code == silent}
        return [each for each in results if each.error_code != silent]
