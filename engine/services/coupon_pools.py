"""Pools of coupon codes: what an uploaded file holds, and which pools run low."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from config.offers import Offers
from engine.core.coupon import same_code
from engine.ports.clock import Clock
from engine.ports.coupons import CouponPools
from engine.ports.metrics import Metrics

log = structlog.get_logger(__name__)

_HEADS: Final = frozenset({"code", "codes", "coupon", "coupon_code", "discount_code", "name"})
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFile:
    """The codes of a file in its order, each once; ``problems`` by line, from 1."""

    codes: tuple[str, ...]
    doubles: int
    problems: tuple[tuple[int, str], ...]


def read_codes(lines: Iterable[str]) -> CodeFile:
    """The codes in a CSV: of the column ``code``, else of the first.

    Codes that differ only in upper and lower case are the same, as shops take them.
    """
    codes: dict[str, str] = {}
    problems: list[tuple[int, str]] = []
    column, doubles, is_first = 0, 0, True
    reader = csv.reader(lines)
    for cells in reader:
        if is_first and cells:
            is_first = False
            cells[0] = cells[0].removeprefix("\ufeff")
            heads = [cell.strip().lower().replace(" ", "_") for cell in cells]
            found = [place for place, head in enumerate(heads) if head in _HEADS]
            if found:
                column = heads.index("code") if "code" in heads else found[0]
                continue
        code = cells[column].strip() if column < len(cells) else ""
        if not any(cell.strip() for cell in cells):
            continue
        problem = _problem(code)
        if problem is not None:
            problems.append((reader.line_num, problem))
        elif same_code(code) in codes:
            doubles += 1
        else:
            codes[same_code(code)] = code
    return CodeFile(codes=tuple(codes.values()), doubles=doubles, problems=tuple(problems))


def _problem(code: str) -> str | None:
    if not code:
        return "the code is missing"
    if len(code) > _LONGEST:
        return f"a code has {_LONGEST} characters at most, this one {len(code)}"
    if not code.isascii() or not code.isprintable() or any(map(str.isspace, code)) or ":" in code:
        return "a code has letters, digits and dashes; no spaces, no colon"
    return None


class PoolWatch:
    """Tells of a pool that runs low, once each time that it does, before it runs dry."""

    def __init__(
        self,
        pools: CouponPools,
        offers: Callable[[], Offers],
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._pools = pools
        self._offers = offers
        self._clock = clock
        self._metrics = metrics

    def run(self) -> Sequence[str]:
        """Look at every pool that an offer names; those that have newly run low."""
        thresholds = pools_of(self._offers())
        if not thresholds:
            return ()
        told: list[str] = []
        for level in self._pools.watch(thresholds, self._clock.now()):
            self._metrics.codes_left(level.pool, level.left)
            if level.is_news:
                told.append(level.pool)
                log.warning("pool_low", pool=level.pool, left=level.left,
                            warn_at=thresholds[level.pool],
                            next=f"lagniappe coupons import {level.pool} FILE.csv")  # fmt: skip
        return told


def pools_of(offers: Offers) -> dict[str, int]:
    """The pools that offers take codes from, with the number at which to warn."""
    found: dict[str, int] = {}
    for offer in offers.values():
        if offer.pool is not None:
            found[offer.pool] = max(offer.warn_at, found.get(offer.pool, 0))
    return found
