"""The database as the services see it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager

from triggers.event import Rejected

from engine.ports.storage import Incoming
from engine.storage import tables
from engine.storage.bulk import BulkTable, Row
from engine.storage.database import Database
from engine.storage.flush import accept_events
from engine.storage.rows import micros
from engine.storage.unit import SqlUnitOfWork, deciding

_EVENTS = BulkTable.of(tables.events, conflict=("id", "source"))


class SqlStorage:
    """``engine.ports.storage.Storage`` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def deciding(self) -> AbstractContextManager[SqlUnitOfWork]:
        """A unit of work."""
        return deciding(self.database)

    def accept(self, incoming: Sequence[Incoming]) -> None:
        """Store events durably, in one transaction that goes before background work."""
        with self.database.writing(urgent=True) as connection:
            accept_events(connection, incoming)

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Keep payloads that no event could be made of, as rejected events."""
        with self.database.writing(urgent=True) as connection:
            _EVENTS.keep(connection, [_rejected_row(each) for each in rejected])


def _rejected_row(rejected: Rejected) -> Row:
    at = micros(rejected.received_at)
    body = rejected.body.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    key = rejected.id or hashlib.blake2b(body.encode(), digest_size=16).hexdigest()
    return (
        rejected.source,
        f"rejected:{key}",
        "rejected",
        at,
        at,
        False,
        tables.REJECTED,
        None,
        rejected.reason,
        None,
        body,
    )
