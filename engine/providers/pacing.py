"""Rate limits: how often one sender may hand a message over. Pure; time is passed in."""

from __future__ import annotations

import math
from dataclasses import dataclass

from config.durations import Rate as ConfiguredRate

# Refilling in floating point can fall short of a whole token by rounding alone.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most ``per_second`` messages a second on average, ``burst`` at once.

    Raises ``ValueError`` for a rate that would never let anything through.
    """

    per_second: float
    burst: int = 1

    def __post_init__(self) -> None:
        if not (self.per_second > 0 and math.isfinite(self.per_second)):
            raise ValueError(f"per_second must be a number above 0, not {self.per_second!r}")
        if self.burst < 1:
            raise ValueError(f"burst must be 1 or more, not {self.burst!r}")

    @classmethod
    def of(cls, configured: ConfiguredRate) -> Rate:
        """A configured rate, with what it lets through in a second as the burst."""
        per_second = configured.count / configured.per.nominal_seconds
        return cls(per_second=per_second, burst=max(1, int(per_second)))


class TokenBucket:
    """A bucket of ``burst`` tokens that refills at ``per_second``; a message takes one.

    In any span of ``t`` seconds it lets at most ``burst + per_second * t`` through. ``now`` is
    in seconds from any fixed point; a clock that goes back refills nothing.
    """

    __slots__ = ("_at", "_rate", "_tokens")

    def __init__(self, rate: Rate, *, now: float) -> None:
        self._rate = rate
        self._tokens = float(rate.burst)
        self._at = now

    def take(self, now: float) -> float:
        """Take a token and return 0, or take none and return the seconds until there is one."""
        self._refill(now)
        if self._tokens >= 1 - _ROUNDING:
            self._tokens = max(0.0, self._tokens - 1)
            return 0.0
        return (1 - self._tokens) / self._rate.per_second

    def within(self, now: float, seconds: float) -> int:
        """How many tokens could be taken from now until ``seconds`` later."""
        self._refill(now)
        return math.floor(self._tokens + self._rate.per_second * seconds + _ROUNDING)

    def _refill(self, now: float) -> None:
        if now > self._at:
            gained = (now - self._at) * self._rate.per_second
            self._tokens = min(float(self._rate.burst), self._tokens + gained)
            self._at = now
