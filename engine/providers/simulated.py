"""A provider that fails as told: for tests, benchmarks and the simulator. It sends nothing.

Nothing here is left to chance: what happens to a message follows from a script, or from a
hash of its id, the seed and how often it was tried, so the same run fails the same way again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from engine.core.message import Channel, Outcome, Outgoing, SendResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the provider is to answer to one call; ``latency`` in seconds before it does."""

    outcome: Outcome = Outcome.ACCEPTED
    error_code: str | None = None
    reason: str | None = None
    retry_after: float | None = None
    latency: float = 0.0
    cost: Decimal | None = None


ACCEPT = Reply()
UNAVAILABLE = Reply(
    outcome=Outcome.RETRY,
    error_code="http_503",
    reason="The provider is unavailable for now.",
    retry_after=30.0,
)
REFUSE = Reply(
    outcome=Outcome.REJECTED, error_code="http_400", reason="The provider refused the message."
)
SILENCE = Reply(
    outcome=Outcome.UNKNOWN, error_code="timeout", reason="No answer came within the time limit."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What to answer, in this order of precedence:

    ``by_message``: replies to the first, second, … call for a message id, the last of which
    is repeated; ``calls``: replies to the provider's first, second, … call; ``shares``: each
    reply with its share of all (message, try) pairs, between 0 and 1, picked by hash under
    ``seed``; and otherwise ``default``. Raises ``ValueError`` for shares that exceed 1.
    """

    by_message: Mapping[str, Sequence[Reply]] = field(default_factory=dict)
    calls: Sequence[Reply] = ()
    shares: Sequence[tuple[float, Reply]] = ()
    default: Reply = ACCEPT
    seed: str = ""

    def __post_init__(self) -> None:
        if any(not 0 <= share <= 1 for share, _ in self.shares):
            raise ValueError("each share must be between 0 and 1")
        if sum(share for share, _ in self.shares) > 1 + 1e-9:
            raise ValueError("the shares add up to more than 1")

    def reply(self, message_id: str, *, call: int, attempt: int) -> Reply:
        """The reply to the provider's ``call``-th call, the message's ``attempt``-th (from 0)."""
        scripted = self.by_message.get(message_id)
        if scripted:
            return scripted[min(attempt, len(scripted) - 1)]
        if call < len(self.calls):
            return self.calls[call]
        if self.shares:
            point = _point(self.seed, message_id, attempt)
            for share, reply in self.shares:
                if point < share:
                    return reply
                point -= share
        return self.default


class Simulated:
    """Follows its script and keeps what it was given in ``received``, for looking at later."""

    name = "simulated"

    def __init__(
        self,
        channel: Channel,
        *,
        clock: Callable[[], datetime],
        script: Script | None = None,
        keep: bool = True,
    ) -> None:
        """``keep`` off counts calls but keeps no message: for long runs."""
        self.channel: Channel = channel
        self.received: list[Outgoing] = []
        self._clock = clock
        self._script = script or Script()
        self._keep = keep
        self._calls = 0
        self._attempts: dict[str, int] = {}

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def send(self, outgoing: Outgoing) -> SendResult:
        """What the script says, after the reply's latency."""
        message_id = outgoing.message_id
        call = self._calls
        attempt = self._attempts.get(message_id, 0)
        self._calls = call + 1
        self._attempts[message_id] = attempt + 1
        if self._keep:
            self.received.append(outgoing)
        reply = self._script.reply(message_id, call=call, attempt=attempt)
        if reply.latency > 0:
            await asyncio.sleep(reply.latency)
        accepted = reply.outcome is Outcome.ACCEPTED
        return SendResult(
            message_id=message_id,
            outcome=reply.outcome,
            at=self._clock(),
            provider_message_id=f"simulated-{message_id}" if accepted else None,
            error_code=reply.error_code,
            reason=reply.reason,
            retry_after=reply.retry_after,
            cost=reply.cost,
        )


def _point(seed: str, message_id: str, attempt: int) -> float:
    """Evenly spread over [0, 1)."""
    digest = hashlib.blake2b(f"{seed}\x00{message_id}\x00{attempt}".encode(), digest_size=7)
    return int.from_bytes(digest.digest(), "big") / 256**7
