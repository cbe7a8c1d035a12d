"""Nobody withdraws a permission between its being read for a hand-over and the commit of that.

A customer's lock is not enough: two customers may share an address, and a provider's report of the
one blocks it for the other. On PostgreSQL whoever may hand over holds the addresses' locks shared
from before reading what is permitted, and whoever withdraws takes them alone before committing:
so a withdrawal that is committed, and told to be, was seen by every later hand-over. SQLite decides
one unit at a time.

Advisory locks, because a permission that is not there yet has no row to lock, and because a row
lock is a write. Addresses fall into a few hundred locks, so that a batch can never exhaust the
server's table of them (PostgreSQL, "max_locks_per_transaction"). They are always taken in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

from sqlalchemy import BigInteger, Column, Connection

from engine.storage.arrays import array_of
from engine.storage.bulk import Query, is_postgresql

LOCKS: Final = 256
# Any constant works, as long as no other use of two-number advisory locks has it.
_CLASS: Final = 0x1A6E2
_NUMBERS: Final = array_of(Column(BigInteger))


def keeping_permissions(connection: Connection, addresses: Iterable[str]) -> Sequence[Query]:
    """What keeps what is permitted to these addresses as it is until the transaction ends."""
    return _lock(connection, "pg_advisory_xact_lock_shared", addresses)


def change_permissions(connection: Connection, addresses: Iterable[str]) -> None:
    """Wait until nobody relies on what is permitted to these addresses, until the transaction ends.

    Two that rely on it and both want to change it are a deadlock, which the database ends.
    """
    for query in _lock(connection, "pg_advisory_xact_lock", addresses):
        connection.exec_driver_sql(query.sql, query.parameters)


def _lock(connection: Connection, verb: str, addresses: Iterable[str]) -> Sequence[Query]:
    if not is_postgresql(connection):
        return ()
    numbers = sorted({crc32(address.encode()) % LOCKS for address in addresses})
    if not numbers:
        return ()
    sql = f"SELECT {verb}({_CLASS}, number::int) FROM unnest(%b) AS number"
    return (Query(sql, (_NUMBERS(numbers),)),)
