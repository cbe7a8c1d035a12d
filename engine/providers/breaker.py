"""Leaves a provider alone that is in trouble, and asks now and then whether it is over. Pure.

::

    closed ──(THRESHOLD troubles in a row)──▶ open ──(its pause is over)──▶ half-open
      ▲                                        ▲                               │
      └──────────────(the probe went well)─────┴──(the probe met trouble)──────┘

Each time a probe meets trouble the pause doubles, up to ``LONGEST``. Times are in seconds from
any fixed point and passed in.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from engine.core.message import Outcome, SendResult

THRESHOLD: Final = 10  # in a row: some bad luck is not yet an outage
FIRST: Final = 5.0
LONGEST: Final = 300.0
# A probe of which nothing was heard for so long is taken for lost.
_PROBE_LOST: Final = 180.0


class BreakerState(StrEnum):
    """Whether messages pass."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """The breaker of one provider. Not safe for threads by itself."""

    __slots__ = ("_in_a_row", "_pause", "_probing_since", "_until")

    def __init__(self) -> None:
        self._in_a_row = 0
        self._pause = FIRST
        self._until: float | None = None  # None: closed
        self._probing_since: float | None = None

    def state(self, now: float) -> BreakerState:
        """Where it stands."""
        if self._until is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now < self._until else BreakerState.HALF_OPEN

    def room(self, now: float, limit: int) -> int:
        """How many messages may be handed over: ``limit``, or none, or the one that probes."""
        state = self.state(now)
        if state is BreakerState.CLOSED:
            return limit
        if state is BreakerState.OPEN or self._is_probing(now):
            return 0
        return min(1, limit)

    def waits(self, now: float) -> float:
        """Seconds until it asks the provider again; 0 when messages pass or may probe."""
        return 0.0 if self._until is None else max(0.0, self._until - now)

    def admit(self, now: float) -> float | None:
        """Let one message pass: None. Else the seconds after which to ask again, above 0."""
        if self._until is None:
            return None
        if now < self._until:
            return self._until - now
        if self._is_probing(now):
            return 1.0
        self._probing_since = now
        return None

    def note(self, is_trouble: bool, now: float) -> BreakerState | None:
        """What came of one message that passed; the new state, if this changed it.

        What was under way when it opened changes nothing, unless it went well.
        """
        if not is_trouble:
            was_closed = self._until is None
            self._in_a_row, self._pause = 0, FIRST
            self._until = self._probing_since = None
            return None if was_closed else BreakerState.CLOSED
        self._in_a_row += 1
        if self._until is None:
            if self._in_a_row < THRESHOLD:
                return None
        elif self._probing_since is None:
            return None
        else:
            self._pause = min(LONGEST, self._pause * 2)
        self._until, self._probing_since = now + self._pause, None
        return BreakerState.OPEN

    def _is_probing(self, now: float) -> bool:
        return self._probing_since is not None and now - self._probing_since < _PROBE_LOST


# Refusals of the account rather than of the message: HTTP 401 (Twilio: 20003) and, at SMTP's login,
# RFC 3463's 5.7.8 and RFC 4954's 530 and 535. A key that was revoked must not cost every message.
_ACCOUNT: Final = frozenset({"http_401", "20003", "5.7.8", "smtp_530", "smtp_535"})
# RFC 3463: the second number 1 or 2 is about the address or the mailbox, so about one customer.
_CUSTOMER: Final = re.compile(r"4\.[12]\.\d+|smtp_450")


def is_trouble(result: SendResult) -> bool:
    """Whether a result tells of the provider rather than of the message.

    No connection, no answer in time, 429, 5xx, a relay that puts off everybody, a refused account.
    """
    if result.outcome is Outcome.ACCEPTED:
        return False
    code = result.error_code or ""
    if result.outcome is Outcome.REJECTED:
        return code in _ACCOUNT
    return code not in ("defect", "stopped") and _CUSTOMER.fullmatch(code) is None
