"""Pools of coupon codes: each code is claimed once, by whichever worker, with the decision.

On PostgreSQL claimed codes stay locked until the decision is committed, and other workers pass
them over (``FOR UPDATE SKIP LOCKED``, https://www.postgresql.org/docs/current/sql-select.html).
On SQLite one decides at a time; the write is conditional all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Connection, Index, Table, Text, text

from engine.core.context import CodeState
from engine.core.coupon import same_code
from engine.ports.coupons import Imported, PoolLeft, PoolLevel
from engine.ports.storage import Contended
from engine.storage.bulk import BulkTable, Row, fetch, is_postgresql, update_many
from engine.storage.scalars import micros
from engine.storage.tables import IN_KEY, Key, metadata, where

pool_codes = Table(
    "pool_codes",
    metadata,
    Column("pool", Key, primary_key=True),
    Column("code_key", Key, primary_key=True),  # the code as it is compared
    Column("code", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),  # the order of import
    Column("claim", Key, nullable=False),  # what it was taken for; empty while it is free
    Column("state", Text, nullable=False),
    Column("at", BigInteger, nullable=False),  # of the import
    Index("ix_pool_codes_free", "pool", "seq", "code_key", **where("claim = ''")),
)
low_pools = Table(  # pools of which it was said that they run low
    "low_pools",
    metadata,
    Column("pool", Key, primary_key=True),
    Column("since", BigInteger, nullable=False),
    **IN_KEY,
)

_CODES = BulkTable.of(pool_codes)
_FREE: Final = (
    "SELECT code, code_key, seq FROM pool_codes WHERE pool = {p} AND claim = ''"
    " AND (seq, code_key) > ({p}, {p}) ORDER BY seq, code_key LIMIT {p}"
)
_ANY_FREE: Final = "SELECT 1 FROM pool_codes WHERE pool = {p} AND claim = '' LIMIT 1"
_ANY_BEYOND: Final = (
    "SELECT 1 FROM pool_codes WHERE pool = {p} AND claim = '' AND code_key <> ALL({p}) LIMIT 1"
)
_MOST: Final = 64  # codes that are looked up at once
_PAGE: Final = 5000


@dataclass(slots=True)
class _Free:
    """What of one pool this unit of work has in its hands."""

    codes: deque[str] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    after: tuple[int, str] = (-1, "")
    page: int = 1


class PoolClaims:
    """What one unit of work takes out of pools, and what it says of codes taken before."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._free: dict[str, _Free] = {}
        self._taken: dict[tuple[str, str], tuple[str, CodeState]] = {}  # claim and state, by code
        self._settled: dict[tuple[str, str, str], CodeState] = {}

    def take(self, pool: str, claim: str) -> str | None:
        """The pool's next free code, or None. Raises ``Contended`` when others hold the last."""
        free = self._free.setdefault(pool, _Free())
        if not free.codes:
            self._look_up(pool, free)
        if not free.codes:
            return None
        code = free.codes.popleft()
        self._taken[pool, same_code(code)] = (claim, "claimed")
        return code

    def settle(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        """What became of a code that ``claim`` took, in this unit or before."""
        place = (pool, same_code(code))
        if self._taken.get(place, ("",))[0] != claim:
            self._settled[*place, claim] = state
        elif state == "free":
            del self._taken[place]
        else:
            self._taken[place] = (claim, state)

    def _look_up(self, pool: str, free: _Free) -> None:
        """Take hold of a few more; more each time, as a batch that needs many would."""
        postgresql = is_postgresql(self._connection)
        sql = _FREE + (" FOR UPDATE SKIP LOCKED" if postgresql else "")
        rows = fetch(self._connection, sql, pool, *free.after, free.page)
        for code, key, seq in rows:
            free.codes.append(code)
            free.seen.add(key)
            free.after = (seq, key)
        free.page = min(_MOST, free.page * 2)
        if not rows and postgresql and self._others_hold(pool, free):
            raise Contended(f"other workers hold the last codes of the pool {pool}")

    def _others_hold(self, pool: str, free: _Free) -> bool:
        if not free.seen:
            return bool(fetch(self._connection, _ANY_FREE, pool))
        return bool(fetch(self._connection, _ANY_BEYOND, pool, sorted(free.seen)))

    def any(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._taken or self._settled)

    def write(self) -> None:
        """Write it all; raises ``Contended`` when somebody else has one of the codes meanwhile."""
        taken = [(*place, "", claim, state) for place, (claim, state) in self._taken.items()]
        if _change(self._connection, taken) != len(taken):
            raise Contended("another process claimed the same code")
        settled = [
            (*place, "" if state == "free" else place[2], state)
            for place, state in self._settled.items()
        ]
        _change(self._connection, settled)


def _change(connection: Connection, rows: list[Row]) -> int:
    keys = ("pool", "code_key", "claim")
    return update_many(connection, pool_codes, keys, ("claim", "state"), rows)


def import_codes(
    connection: Connection, pool: str, codes: Iterable[str], now: datetime
) -> Imported:
    """Add codes that the pool does not have, in this order; those known stay as they are."""
    last = connection.execute(
        text("SELECT coalesce(max(seq), 0) FROM pool_codes WHERE pool = :pool"), {"pool": pool}
    ).scalar_one()
    before = _count(connection, pool)
    rows: list[Row] = []
    told = 0
    for number, code in enumerate(codes, start=last + 1):
        rows.append((pool, same_code(code), code, number, "", "free", micros(now)))
        told += 1
        if len(rows) == _PAGE:
            _CODES.keep(connection, rows)
            rows = []
    _CODES.keep(connection, rows)
    added = _count(connection, pool) - before
    return Imported(added=added, known=told - added)


def _count(connection: Connection, pool: str) -> int:
    sql = text("SELECT count(*) FROM pool_codes WHERE pool = :pool")
    return int(connection.execute(sql, {"pool": pool}).scalar_one())


def pool_levels(connection: Connection) -> list[PoolLevel]:
    """Every pool with its codes by state."""
    counts: dict[str, dict[str, int]] = {}
    sql = text("SELECT pool, state, count(*) FROM pool_codes GROUP BY pool, state ORDER BY pool")
    for pool, state, count in connection.execute(sql):
        counts.setdefault(pool, {})[state] = count
    return [
        PoolLevel(
            pool=pool,
            free=states.get("free", 0),
            claimed=states.get("claimed", 0),
            redeemed=states.get("redeemed", 0),
            expired=states.get("expired", 0),
        )
        for pool, states in counts.items()
    ]


def watch(connection: Connection, thresholds: Mapping[str, int], now: datetime) -> list[PoolLeft]:
    """What is left of pools; one that falls to its threshold is news once, until it is filled."""
    told = {row[0] for row in connection.execute(text("SELECT pool FROM low_pools"))}
    found: list[PoolLeft] = []
    for pool, threshold in sorted(thresholds.items()):
        left, is_news = free_codes(connection, pool, threshold + 1), False
        if left > threshold and pool in told:
            connection.execute(text("DELETE FROM low_pools WHERE pool = :pool"), {"pool": pool})
        elif left <= threshold and pool not in told:
            sql = text(
                "INSERT INTO low_pools (pool, since) VALUES (:pool, :since)"
                " ON CONFLICT (pool) DO NOTHING"
            )
            values = {"pool": pool, "since": micros(now)}
            is_news = connection.execute(sql, values).rowcount == 1
        found.append(PoolLeft(pool=pool, left=left, is_news=is_news))
    return found


def free_codes(connection: Connection, pool: str, most: int) -> int:
    """How many codes are free, counted up to ``most``."""
    sql = text(
        "SELECT count(*) FROM"
        " (SELECT 1 FROM pool_codes WHERE pool = :pool AND claim = '' LIMIT :most) AS free"
    )
    return int(connection.execute(sql, {"pool": pool, "most": most}).scalar_one())
