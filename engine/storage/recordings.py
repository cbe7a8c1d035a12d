"""The events that a workspace has seen, in the order of their arrival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine.core.customer import Suppression
from engine.ports.privacy import ERASED_BODY, EXPIRED_BODY
from engine.storage import tables
from engine.storage.bulk import fetch
from engine.storage.database import Database
from engine.storage.permission_rows import suppression_of
from engine.storage.scalars import moment

_PAGE: Final = 5000
_EVENTS: Final = (
    "SELECT seq, time, received_at, backfill, body FROM events"
    " WHERE seq > {p} AND state = {p} AND body NOT IN ({p}, {p}) ORDER BY seq LIMIT {p}"
)
_GONE: Final = (ERASED_BODY.decode(), EXPIRED_BODY.decode())
_SENT: Final = (
    "SELECT id, sent_at, provider FROM messages"
    " WHERE id > {p} AND sent_at IS NOT NULL ORDER BY id LIMIT {p}"
)
_CALLS: Final = (
    "SELECT key, at FROM books WHERE book = 'calls' AND key > {p} ORDER BY key LIMIT {p}"
)
_SUPPRESSED: Final = "SELECT channel, address, scope, reason, at FROM suppressions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An event as it was told. ``arrived``: when it happened, if it was recorded as history."""

    arrived: datetime
    body: bytes


def recordings(database: Database) -> Iterator[Recording]:
    """Everything that was processed, events of our own too; what was erased is left out."""
    last = -1
    while True:
        with database.reading() as connection:
            rows = fetch(connection, _EVENTS, last, tables.DONE, *_GONE, _PAGE)
        for seq, at, received_at, backfill, body in rows:
            last = seq
            yield Recording(arrived=moment(at if backfill else received_at), body=body.encode())
        if len(rows) < _PAGE:
            return


def suppressed(database: Database) -> list[Suppression]:
    """The addresses that must not be written to."""
    with database.reading() as connection:
        return [suppression_of(row) for row in fetch(connection, _SUPPRESSED)]


def messages_sent(database: Database) -> Iterator[tuple[str, datetime, str]]:
    """The messages that went out: id, when, and to which provider."""
    last = ""
    while True:
        with database.reading() as connection:
            rows = fetch(connection, _SENT, last, _PAGE)
        for key, at, provider in rows:
            last = key
            yield key, moment(at), provider
        if len(rows) < _PAGE:
            return


def calls_assigned(database: Database) -> Iterator[tuple[str, datetime]]:
    """The call tasks that people were given: id, and when."""
    last = ""
    while True:
        with database.reading() as connection:
            rows = fetch(connection, _CALLS, last, _PAGE)
        for key, at in rows:
            last = key
            yield key, moment(at)
        if len(rows) < _PAGE:
            return
