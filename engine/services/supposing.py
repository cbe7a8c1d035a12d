"""Surroundings in which decisions can be supposed: nothing shared is touched, nothing is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from config.durations import Rate
from engine.core.context import CodeState, Context
from engine.services.case import Question


@dataclass(slots=True)
class Supposed:
    """``engine.core.context.Shared`` as far as can be told: volumes have room, pools what is left.

    ``free`` is how many codes each pool has; a pool that is not in it has none.
    """

    free: Mapping[str, int] = field(default_factory=dict)
    taken: dict[str, int] = field(default_factory=dict)

    def take_volume(self, campaign: str, limit: Rate, now: datetime) -> bool:
        """There is room: what others will be sent meanwhile nobody knows."""
        return True

    def take_code(self, pool: str, claim: str) -> str | None:
        """A stand-in for the next code, as long as the pool has any."""
        count = self.taken.get(pool, 0)
        if count >= self.free.get(pool, 0):
            return None
        self.taken[pool] = count + 1
        return f"({pool} {count + 1})"

    def settle_code(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        """Nothing was really taken."""


def context_of(asked: Question, now: datetime, shared: Supposed) -> Context:
    """The surroundings of supposed decisions at ``now``."""
    return Context(now=now, rules=asked.rules, shared=shared, programs=asked.programs)
