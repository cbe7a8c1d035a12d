"""By which policy the programs' pages were last written, a row a page that every customer has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Column, Connection, Table

from engine.core.book import Place
from engine.storage.books import books
from engine.storage.bulk import BulkTable, fetch, update_many
from engine.storage.operations import wait_for
from engine.storage.scalars import micros
from engine.storage.tables import IN_KEY, Key, metadata

editions = Table(
    "editions",
    metadata,
    Column("book", Key, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("edition", Key, nullable=False),
    **IN_KEY,
)

_EDITIONS: Final = BulkTable.of(editions)
_ALL: Final = 'SELECT book, "key", edition FROM editions'
_NOT_DUE: Final = (
    'SELECT customer_id FROM books WHERE book = {p} AND "key" = {p} AND customer_id > {p}'
    " AND (due_at IS NULL OR due_at > {p}) ORDER BY customer_id LIMIT {p}"
)


def outdated(connection: Connection, present: Mapping[Place, str]) -> list[Place]:
    """The pages that were last written by another edition than the present one."""
    known = {(row[0], row[1]): row[2] for row in fetch(connection, _ALL)}
    return sorted(place for place, edition in present.items() if known.get(place) != edition)


def make_due(
    connection: Connection, place: Place, after: str, now: datetime, limit: int
) -> Sequence[str]:
    """Have this page looked at by so many customers' programs; whose, in order."""
    rows = fetch(connection, _NOT_DUE, *place, after, micros(now), limit)
    found = [row[0] for row in rows]
    wait_for(connection, set(found))
    due = [(customer_id, *place, micros(now)) for customer_id in found]
    update_many(connection, books, ("customer_id", "book", "key"), ("due_at",), due)
    return found


def keep(connection: Connection, place: Place, edition: str) -> None:
    """Remember that all of these pages are, or will be, of this edition."""
    _EDITIONS.upsert(connection, [(*place, edition)])
