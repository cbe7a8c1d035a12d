"""Pools of coupon codes as people see them: what is in them, and what was put in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.core.coupon import Coupon


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What came of an import: ``known`` codes were in the pool, or in the file, already."""

    added: int
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLevel:
    """The codes of a pool by what became of them; ``claimed`` ones are with customers, unused."""

    pool: str
    free: int = 0
    claimed: int = 0
    redeemed: int = 0
    expired: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLeft:
    """Free codes, counted up to one above the warning; ``is_news``: it has just run low."""

    pool: str
    left: int
    is_news: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCoupon:
    """A coupon and whose it is."""

    customer_id: str
    coupon: Coupon


class CouponPools(Protocol):
    """Pools and coupons, for commands and ticks. Every method is a transaction of its own."""

    def import_codes(self, pool: str, codes: Iterable[str], now: datetime) -> Imported:
        """Add codes to a pool, in this order; those that it has stay as they are."""

    def pool_levels(self) -> Sequence[PoolLevel]:
        """Every pool that codes were imported into."""

    def watch(self, thresholds: Mapping[str, int], now: datetime) -> Sequence[PoolLeft]:
        """These pools with what is left of them; each time that one runs low is news once."""

    def coupons(self) -> Sequence[GivenCoupon]:
        """Every coupon of every customer, newest first."""
