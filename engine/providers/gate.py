"""Whether messages may be handed over now: a breaker for each provider, a pause for each sender."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from engine.core.message import Channel, Outcome, Outgoing, SendResult
from engine.providers.breaker import Breaker, BreakerState, is_trouble

_log = structlog.get_logger(__name__)

# Too many requests: by HTTP's status, and by Twilio's own code for it.
_TOO_MANY: Final = frozenset({"http_429", "20429"})
_UNTOLD: Final = 1.0  # seconds to wait where 429 came without Retry-After
_LONGEST: Final = 900.0  # an hour-long Retry-After is looked at again before


class Gate:
    """One for a process; every method may be called from any thread.

    ``providers``: their names by channel; channels that are not in it always pass. ``time``:
    seconds from any fixed point.
    """

    def __init__(self, providers: Mapping[Channel, str], time: Callable[[], float]) -> None:
        self._names = dict(providers)
        self._time = time
        self._lock = threading.Lock()
        self._breakers = {channel: Breaker() for channel in providers}
        self._paused_until: dict[tuple[Channel, str], float] = {}
        self._watch: Callable[[str, bool], None] = lambda name, paused: None

    def watch(self, watch: Callable[[str, bool], None]) -> None:
        """Tell each provider's name and whether it is left alone: now, and when that changes."""
        self._watch = watch
        for channel, breaker in self._breakers.items():
            watch(self._names[channel], breaker.state(self._time()) is not BreakerState.CLOSED)

    def room(self, channel: Channel, sender: str, *, limit: int) -> int:
        """How many of a sender's messages would be let through now, at most ``limit``."""
        with self._lock:
            now = self._time()
            breaker = self._breakers.get(channel)
            if breaker is None:
                return limit
            return 0 if self._pause(channel, sender, now) else breaker.room(now, limit)

    def admit(self, outgoing: Outgoing) -> float | None:
        """None lets the message pass, and ``note`` must follow; else the seconds to wait."""
        with self._lock:
            now = self._time()
            breaker = self._breakers.get(outgoing.channel)
            if breaker is None:
                return None
            return self._pause(outgoing.channel, outgoing.sender, now) or breaker.admit(now)

    def note(self, outgoing: Outgoing, result: SendResult) -> None:
        """What came of a message that passed."""
        channel, sender = outgoing.channel, outgoing.sender
        with self._lock:
            breaker = self._breakers.get(channel)
            if breaker is None:
                return
            now = self._time()
            if result.outcome is Outcome.RETRY and result.error_code in _TOO_MANY:
                wait = _UNTOLD if result.retry_after is None else min(result.retry_after, _LONGEST)
                until = max(now + wait, self._paused_until.get((channel, sender), now))
                self._paused_until[channel, sender] = until
            changed = breaker.note(is_trouble(result), now)
            seconds = breaker.waits(now)
        name = self._names[channel]
        if changed is BreakerState.OPEN:
            _log.warning("provider_paused", provider=name, seconds=seconds, code=result.error_code)
            self._watch(name, True)
        elif changed is BreakerState.CLOSED:
            _log.info("provider_back", provider=name)
            self._watch(name, False)

    def _pause(self, channel: Channel, sender: str, now: float) -> float:
        until = self._paused_until.get((channel, sender))
        if until is None:
            return 0.0
        if until <= now:
            del self._paused_until[channel, sender]
            return 0.0
        return until - now
