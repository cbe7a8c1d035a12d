"""Pools of coupon codes in memory."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.core.context import CodeState
from engine.core.coupon import same_code


@dataclass(slots=True)
class _Code:
    code: str
    seq: int
    claim: str = ""
    state: CodeState = "free"


@dataclass(slots=True)
class _Pool:
    codes: dict[str, _Code] = field(default_factory=dict)
    free: list[tuple[int, str]] = field(default_factory=list)  # a heap, by order of import


class Pools:
    """Every pool. One that nobody has filled never runs dry: it makes codes up.

    Nobody knows before the first import how many codes there will be, and a campaign that is tried
    should not look as if it gave nothing.
    """

    def __init__(self) -> None:
        self._pools: dict[str, _Pool] = {}
        self._filled: set[str] = set()

    def fill(self, pool: str, codes: Iterable[str]) -> None:
        """Add codes, in this order; those that the pool has stay as they are."""
        self._filled.add(pool)
        held = self._pools.setdefault(pool, _Pool())
        for code in codes:
            key = same_code(code)
            if key not in held.codes:
                held.codes[key] = _Code(code, len(held.codes))
                heapq.heappush(held.free, (held.codes[key].seq, key))

    def take(self, pool: str, claim: str) -> str | None:
        """Claim the next free code."""
        held = self._pools.setdefault(pool, _Pool())
        if not held.free:
            if pool in self._filled:
                return None
            made = f"{pool.upper()}-{_mark(pool, claim)}"
            held.codes[same_code(made)] = _Code(made, len(held.codes))
            held.free.append((len(held.codes) - 1, same_code(made)))
        _, key = heapq.heappop(held.free)
        found = held.codes[key]
        found.claim, found.state = claim, "claimed"
        return found.code

    def settle(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        """Note what became of a code, unless somebody else has it by now."""
        held = self._pools.get(pool)
        found = None if held is None else held.codes.get(same_code(code))
        if held is None or found is None or found.claim != claim:
            return
        found.state = state
        if state == "free":
            found.claim = ""
            heapq.heappush(held.free, (found.seq, same_code(code)))

    def levels(self) -> dict[str, dict[str, int]]:
        """How many codes of each pool are in which state."""
        found: dict[str, dict[str, int]] = {}
        for name, pool in sorted(self._pools.items()):
            counts = found.setdefault(name, {})
            for code in pool.codes.values():
                counts[code.state] = counts.get(code.state, 0) + 1
        return found


def _mark(pool: str, claim: str) -> str:
    """By whom it is claimed, not when: what one customer is given does not depend on others."""
    return hashlib.blake2b(f"{pool}:{claim}".encode(), digest_size=5).hexdigest().upper()
