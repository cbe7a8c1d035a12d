"""Whose turn it is: customers with something due, locked for the worker that asks first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.core.message import Channel
from engine.storage.books import customers_due
from engine.storage.bulk import fetch, fetch_any, is_postgresql
from engine.storage.scalars import micros

_DUE = (
    "SELECT customer_id FROM journeys WHERE status = 'live' AND NOT parked"
    " AND due_at IS NOT NULL AND due_at <= {p} ORDER BY due_at"
)
_TO_MESSAGE = (
    "SELECT customer_id, id FROM messages WHERE status = 'scheduled' AND send_at <= {p}"
    " AND channel = {p} ORDER BY send_at"
)
# Ties go by the id where that is asked for: all that falls due at one instant is then sorted.
_BY_ID = {False: " LIMIT {p}", True: ", id LIMIT {p}"}
_REACH = 4  # times as far, where other workers were first
_LOCK_FREE = "SELECT id FROM customers WHERE id {any} ORDER BY id FOR UPDATE SKIP LOCKED"
_LOCK_ALL = "SELECT id FROM customers WHERE id {any} ORDER BY id FOR UPDATE"

Look = Callable[[int], Sequence[Sequence[Any]]]  # so many rows, the customer first in each


def lock(connection: Connection, customer_ids: Collection[str]) -> None:
    """Lock the customers' rows until the end; the decision lock suffices on SQLite."""
    if customer_ids and is_postgresql(connection):
        fetch_any(connection, _LOCK_ALL, customer_ids)


def with_due_journeys(
    connection: Connection, now: datetime, limit: int, but: Collection[str], *, by_id: bool
) -> Sequence[str]:
    """Customers with a due journey, but for some. ``by_id``: at one instant in the ids' order."""
    due = _DUE + _BY_ID[by_id]

    def look(many: int) -> Sequence[Sequence[Any]]:
        rows = fetch(connection, due, micros(now), many + len(but))
        return [row for row in rows if row[0] not in but][:many]

    return _claim(connection, look, limit)[0]


def with_due_records(
    connection: Connection, now: datetime, limit: int, *, by_id: bool
) -> Sequence[str]:
    """Customers with a record whose time has come; ``by_id`` as above."""

    def look(many: int) -> Sequence[Sequence[Any]]:
        return customers_due(connection, now, many, by_id=by_id)

    return _claim(connection, look, limit)[0]


def with_due_messages(
    connection: Connection, now: datetime, channel: Channel, limit: int, *, by_id: bool
) -> tuple[Sequence[str], Sequence[str]]:
    """Customers with a due message, and the messages' ids; ``by_id`` as above."""
    due = _TO_MESSAGE + _BY_ID[by_id]
    locked, rows = _claim(
        connection, lambda many: fetch(connection, due, micros(now), channel, many), limit
    )
    mine = set(locked)
    return locked, [row[1] for row in rows if row[0] in mine]


def _claim(
    connection: Connection, look: Look, limit: int
) -> tuple[Sequence[str], Sequence[Sequence[Any]]]:
    """Lock up to ``limit`` customers that ``look`` finds; and the rows.

    Where other workers hold some of them, it looks further, for customers of its own.
    """
    rows = look(limit)
    ids = list(dict.fromkeys(row[0] for row in rows))
    locked = _lock_free(connection, ids, limit)
    if len(locked) < len(ids) and len(rows) == limit:
        rows = look(limit * _REACH)
        locked = _lock_free(connection, [row[0] for row in rows], limit)
    return locked, rows


def _lock_free(connection: Connection, customer_ids: Iterable[str], limit: int) -> Sequence[str]:
    """Lock up to ``limit`` of these customers, in this order, passing over those locked."""
    ids = list(dict.fromkeys(customer_ids))
    if not is_postgresql(connection):
        return ids
    locked: list[str] = []
    while ids and len(locked) < limit:
        missing = limit - len(locked)
        page, ids = ids[:missing], ids[missing:]
        free = {row[0] for row in fetch_any(connection, _LOCK_FREE, page)}
        locked += [each for each in page if each in free]
    return locked
