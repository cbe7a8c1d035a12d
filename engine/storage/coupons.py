"""Coupons and their pools, as commands and ticks ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection

from engine.core.coupon import BOOK, Coupon
from engine.ports.coupons import GivenCoupon, Imported, PoolLeft, PoolLevel
from engine.storage.arrays import TextArray
from engine.storage.books import record_of
from engine.storage.bulk import fetch, is_postgresql
from engine.storage.database import Database
from engine.storage.pool_codes import import_codes, pool_levels, watch

_ALL = (
    'SELECT customer_id, book, "key", "at", due_at, data FROM books WHERE book = {p}'
    ' ORDER BY "at" DESC, "key"'
)
# The key of a coupon begins with its code: a range of keys is read for each.
_HOLDERS = (
    "SELECT codes.value, books.customer_id FROM {codes} JOIN books ON books.book = 'coupons'"
    """ AND books."key" >= codes.value || ':' AND books."key" < codes.value || ';'"""
)


class SqlCouponPools:
    """``engine.ports.coupons.CouponPools`` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def import_codes(self, pool: str, codes: Iterable[str], now: datetime) -> Imported:
        """Add codes to a pool."""
        with self._database.writing() as connection:
            return import_codes(connection, pool, codes, now)

    def pool_levels(self) -> Sequence[PoolLevel]:
        """Every pool with its codes by state."""
        with self._database.reading() as connection:
            return pool_levels(connection)

    def watch(self, thresholds: Mapping[str, int], now: datetime) -> Sequence[PoolLeft]:
        """What is left of pools, and which have just run low."""
        with self._database.writing() as connection:
            return watch(connection, thresholds, now)

    def coupons(self) -> Sequence[GivenCoupon]:
        """Every coupon, newest first."""
        with self._database.reading() as connection:
            rows = fetch(connection, _ALL, BOOK)
        found = (record_of(tuple(row)) for row in rows)
        return [
            GivenCoupon(customer_id=customer, coupon=Coupon.of(record))
            for customer, record in found
        ]


def coupon_holders(connection: Connection, codes: Iterable[str]) -> dict[str, set[str]]:
    """The customers who were given these codes, by code as it is compared."""
    wanted = sorted(codes)
    if is_postgresql(connection):
        sql = _HOLDERS.format(codes="unnest(%b) AS codes(value)")
        rows = connection.exec_driver_sql(sql, (TextArray(wanted),)).fetchall()
    else:
        sql = _HOLDERS.format(codes="json_each(?) AS codes")
        rows = connection.exec_driver_sql(sql, (orjson.dumps(wanted).decode(),)).fetchall()
    found: dict[str, set[str]] = {}
    for code, customer in rows:
        found.setdefault(code, set()).add(customer)
    return found
