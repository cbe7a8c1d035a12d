"""How many codes a workspace's pools hold, for a simulation that begins at some moment."""

from __future__ import annotations

from datetime import datetime

from engine.core.coupon import CouponStatus
from engine.storage.coupons import SqlCouponPools
from engine.storage.database import Database

_NOT_OUT: tuple[CouponStatus, ...] = ("owed", "released")


def stock(database: Database, since: datetime | None) -> dict[str, int]:
    """Free codes by pool: those of now, and those that were given out at ``since`` or later.

    A simulation gives these out once more. Without ``since`` only what is free now counts.
    """
    pools = SqlCouponPools(database)
    found = {level.pool: level.free for level in pools.pool_levels()}
    if since is not None:
        for one in pools.coupons():
            coupon = one.coupon
            if coupon.pool in found and coupon.status not in _NOT_OUT and coupon.at >= since:
                found[coupon.pool] += 1
    return found
