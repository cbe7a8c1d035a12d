"""Who takes messages in a simulation: everybody's provider, always there, and at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from engine.core.message import Channel, Outcome, Outgoing, SendResult

_SLOTS: Final = 1_000_000


class Hands:
    """``engine.ports.providers.Handover``: accepts everything, the moment it is collected.

    ``price`` is what one message costs. What it is given is shown to ``look``. A provider's rate
    limit takes no time here.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        price: Callable[[Outgoing], Decimal | None],
        look: Callable[[Outgoing], None],
    ) -> None:
        self._clock = clock
        self._price = price
        self._look = look
        self._taken: list[Outgoing] = []

    @property
    def holds_any(self) -> bool:
        """Whether messages were taken since the last ``collect``."""
        return bool(self._taken)

    def start(self) -> None:
        """Nothing to open."""

    def stop(self) -> None:
        """Nothing to close."""

    def submit(self, outgoings: Sequence[Outgoing]) -> None:
        """Take messages."""
        self._taken.extend(outgoings)

    def collect(self) -> list[SendResult]:
        """Every message that was taken since, accepted."""
        if not self._taken:
            return []
        taken, self._taken = self._taken, []
        now = self._clock()
        results = []
        for outgoing in taken:
            self._look(outgoing)
            results.append(
                SendResult(
                    message_id=outgoing.message_id,
                    outcome=Outcome.ACCEPTED,
                    at=now,
                    cost=self._price(outgoing),
                )
            )
        return results

    def free(self) -> int:
        """There is always room."""
        return _SLOTS - len(self._taken)

    def is_ready(self) -> bool:
        """Always."""
        return True

    def room(self, channel: Channel, sender: str) -> int:
        """There is always room."""
        return self.free()

    def wait(self, timeout: float) -> None:
        """Nothing to wait for."""

    def drain(self, timeout: float) -> list[SendResult]:
        """As ``collect``."""
        return self.collect()
