"""Pools of coupon codes in memory: how many codes there are, and who has them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from engine.core.context import CodeState
from engine.core.coupon import same_code


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStanding:
    """What became of a pool. ``given``: codes that are with customers, or were.

    ``without`` is how many asked for a code and went without one for good, ``dry_at`` when that
    first happened.
    """

    given: int
    redeemed: int
    without: int
    dry_at: datetime | None


@dataclass(slots=True)
class _Pool:
    size: int | None = None  # None: nobody knows
    taken: dict[str, tuple[str, CodeState]] = field(default_factory=dict)  # claim, by code
    most: int = 0  # codes that were ever out at once
    without: set[str] = field(default_factory=set)
    dry_at: datetime | None = None


class Pools:
    """Every pool. One whose size nobody has told never runs dry.

    Codes are made up, in any case: a report is passed on, and a real code in it could be used. By
    whom it is claimed makes a code, not when: what one customer is given does not depend on others.
    """

    def __init__(self) -> None:
        self._pools: dict[str, _Pool] = {}

    def limit(self, pool: str, size: int) -> None:
        """There are so many codes in a pool, and no more."""
        self._pools.setdefault(pool, _Pool()).size = size

    def take(self, pool: str, claim: str, at: datetime) -> str | None:
        """Claim a code; None when there is none left."""
        held = self._pools.setdefault(pool, _Pool())
        if held.size is not None and len(held.taken) >= held.size:
            held.without.add(claim)
            held.dry_at = held.dry_at or at
            return None
        held.without.discard(claim)
        code = f"{pool.upper()}-{_mark(pool, claim)}"
        held.taken[same_code(code)] = (claim, "claimed")
        held.most = max(held.most, len(held.taken))
        return code

    def settle(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        """Note what became of a code, unless somebody else has it by now."""
        held, key = self._pools.get(pool), same_code(code)
        if held is None or key not in held.taken or held.taken[key][0] != claim:
            return
        if state == "free":
            del held.taken[key]
        else:
            held.taken[key] = (claim, state)

    def most_out(self) -> dict[str, int]:
        """How many codes were ever out at once, of each pool."""
        return {name: pool.most for name, pool in self._pools.items()}

    def standing(self) -> dict[str, PoolStanding]:
        """Every pool that is known or was asked, by name."""
        return {
            name: PoolStanding(
                given=len(pool.taken),
                redeemed=sum(state == "redeemed" for _, state in pool.taken.values()),
                without=len(pool.without),
                dry_at=pool.dry_at,
            )
            for name, pool in sorted(self._pools.items())
        }


def _mark(pool: str, claim: str) -> str:
    return hashlib.blake2b(f"{pool}:{claim}".encode(), digest_size=5).hexdigest().upper()
