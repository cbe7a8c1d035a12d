"""What has happened to customers, for those who enrol them by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from engine.storage import tables
from engine.storage.bulk import fetch, fetch_any
from engine.storage.database import Database
from engine.storage.scalars import micros
from triggers.event import Event
from triggers.sources.native import deserialize

_CUSTOMERS: Final = (
    "SELECT DISTINCT customer_id FROM events"
    ' WHERE state = {p} AND "time" >= {p} AND customer_id IS NOT NULL ORDER BY customer_id'
)
_EVENTS: Final = (
    "SELECT customer_id, type, body FROM events"
    ' WHERE customer_id {any} AND "time" >= {p} AND state = {p} ORDER BY seq'
)


class SqlPast:
    """``engine.ports.past.Past`` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def customers(self, since: datetime) -> Sequence[str]:
        """Customers of whom something is on record; reads the whole table, once."""
        with self._database.reading() as connection:
            return [row[0] for row in fetch(connection, _CUSTOMERS, tables.DONE, micros(since))]

    def events(
        self, customer_ids: Collection[str], types: Collection[str] | None, since: datetime
    ) -> Mapping[str, Sequence[Event]]:
        """Events of these types, or all, by customer."""
        found: dict[str, list[Event]] = {}
        with self._database.reading() as connection:
            rows = fetch_any(connection, _EVENTS, customer_ids, micros(since), tables.DONE)
        for customer_id, kind, body in rows:
            if types is None or kind in types:
                try:
                    event = deserialize(body.encode())
                except ValueError:  # erased, or forgotten in time
                    continue
                found.setdefault(customer_id, []).append(event)
        return found
