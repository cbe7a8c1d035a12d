"""Looking after personal data: what export, erasure and retention ask of the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from sqlalchemy import Connection

from engine.core.customer import Consent
from engine.ports.privacy import ERASED_BODY, EXPIRED_BODY, Unattributed
from engine.storage import erasure, tables
from engine.storage.bulk import execute_any, fetch, fetch_any, is_postgresql, update_many
from engine.storage.database import Database
from engine.storage.permission_rows import consent_of
from engine.storage.scalars import micros

_HISTORY = (
    'SELECT channel, address, status, "at", source, proof, purpose FROM consent_history'
    ' WHERE address {any} ORDER BY "at", seq'
)
_CONTENTS = (
    "SELECT message_id, created_at FROM contents JOIN messages ON messages.id = message_id"
    " WHERE message_id > {p} ORDER BY message_id LIMIT {p}"
)
_EVENTS = (
    "SELECT seq, received_at, state, body IN ({p}, {p}) FROM events WHERE seq > {p}"
    " ORDER BY seq LIMIT {p}"
)


class SqlPrivacy:
    """``engine.ports.privacy.PrivacyStorage`` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def erasing(self) -> AbstractContextManager[erasure.SqlErasingUnit]:
        """A unit of work that can erase."""
        return erasure.erasing(self._database)

    def unattributed(self, after: int, limit: int) -> Sequence[Unattributed]:
        """Events of nobody."""
        with self._database.reading() as connection:
            rows = erasure.unattributed(connection, after, limit)
        return [
            Unattributed(
                seq=seq, source=source, is_rejected=state == tables.REJECTED, body=body
            )
            for seq, source, state, body in rows
        ]  # fmt: skip

    def sharers(self, addresses: Collection[str], customer_id: str) -> Mapping[str, frozenset[str]]:
        """Other customers who have one of these addresses."""
        with self._database.reading() as connection:
            found = erasure.sharers(connection, sorted(addresses), customer_id)
        return {address: frozenset(owners) for address, owners in found.items()}

    def consent_history(self, addresses: Collection[str]) -> Sequence[Consent]:
        """What was told of these addresses, oldest first."""
        with self._database.reading() as connection:
            return [consent_of(row) for row in fetch_any(connection, _HISTORY, addresses)]

    def settle_file(self) -> None:
        """Empty SQLite's write-ahead log, which holds pages as they were before.

        Readers may keep it from being emptied; the next checkpoint does it then. PostgreSQL's
        vacuum is its own.
        """
        if self._database.is_sqlite:
            with self._database.reading() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def expire_contents(self, before: datetime, after: str, limit: int) -> tuple[int, str | None]:
        """Forget contents of messages made before then, in one page."""
        with self._database.reading() as connection:
            rows = fetch(connection, _CONTENTS, after, limit)
        old = [row[0] for row in rows if row[1] < micros(before)]
        if old:
            with self._database.writing() as connection:
                execute_any(connection, "DELETE FROM contents WHERE message_id {any}", old)
        return len(old), rows[-1][0] if len(rows) == limit else None

    def expire_events(self, before: datetime, after: int, limit: int) -> tuple[int, int | None]:
        """Forget bodies of events that arrived before then, in one page.

        Numbers grow with time, so the first page with a younger event is the last one.
        """
        with self._database.reading() as connection:
            rows = fetch(
                connection, _EVENTS, ERASED_BODY.decode(), EXPIRED_BODY.decode(), after, limit
            )
        past = [row for row in rows if row[1] < micros(before)]
        due = [row[0] for row in past if row[2] != tables.WAITING and not row[3]]
        if due:
            with self._database.writing() as connection:
                self._bury(connection, due)
        return len(due), rows[-1][0] if len(past) == limit else None

    def _bury(self, connection: Connection, seqs: Sequence[int]) -> None:
        body = EXPIRED_BODY.decode()
        update_many(
            connection, tables.events, ("seq",), ("body",), [(seq, body) for seq in seqs],
            also="verdicts = NULL",
            only_if="state <> 0" if not is_postgresql(connection) else "events.state <> 0",
        )  # fmt: skip
