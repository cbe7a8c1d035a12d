"""Events that wait to be decided, by one process at a time, and which are stored already.

Whoever processes them on PostgreSQL has the turn, an advisory lock, until its transaction ends.
SQLite has but one writer, whose turn it always is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from engine.ports.stored import StoredEvent
from engine.storage.bulk import fetch, fetch_any, is_postgresql
from engine.storage.scalars import moment

# Any constant works; it names "the turn to process events" among PostgreSQL's advisory locks.
_EVENTS_TURN = 0x1A6E1
_WAITING = (
    "SELECT seq, body, received_at, backfill FROM events WHERE state = 0 ORDER BY seq LIMIT {p}"
)
_SEEN = "SELECT source, id FROM events WHERE id {any}"


def waiting_events(connection: Connection, limit: int) -> Sequence[StoredEvent]:
    """The oldest waiting events; none while another process has the turn."""
    if is_postgresql(connection) and not _take_turn(connection, wait=False):
        return ()
    return [
        StoredEvent(
            seq=row[0],
            body=row[1].encode(),
            received_at=moment(row[2]),
            backfill=bool(row[3]),
        )
        for row in fetch(connection, _WAITING, limit)
    ]


def unseen(
    connection: Connection, keys: Collection[tuple[str, str]], *, turn: bool
) -> set[tuple[str, str]]:
    """Those of these keys that are not stored yet. ``turn``: wait for it first."""
    if turn and is_postgresql(connection):
        _take_turn(connection, wait=True)
    seen = {tuple(row) for row in fetch_any(connection, _SEEN, {key[1] for key in keys})}
    return {key for key in keys if key not in seen}


def _take_turn(connection: Connection, *, wait: bool) -> bool:
    verb = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    got = connection.execute(text(f"SELECT {verb}({_EVENTS_TURN})")).scalar()
    return True if wait else bool(got)
