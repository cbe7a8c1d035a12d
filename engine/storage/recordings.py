"""The events that a workspace has seen, in the order of their arrival."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine.core.identity import OWN_SOURCE
from engine.storage import tables
from engine.storage.bulk import fetch
from engine.storage.database import Database
from engine.storage.scalars import moment

_PAGE: Final = 5000
_EVENTS: Final = (
    "SELECT seq, time, received_at, backfill, body FROM events"
    " WHERE seq > {p} AND state = {p} AND source <> {p} ORDER BY seq LIMIT {p}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An event as it was told. ``arrived``: when it happened, if it was recorded as history."""

    arrived: datetime
    body: bytes


def recordings(database: Database) -> Iterator[Recording]:
    """What others told, not what came of it: events of our own are left out, and the rejected."""
    last = -1
    while True:
        with database.reading() as connection:
            rows = fetch(connection, _EVENTS, last, tables.DONE, OWN_SOURCE, _PAGE)
        for seq, at, received_at, backfill, body in rows:
            last = seq
            yield Recording(arrived=moment(at if backfill else received_at), body=body.encode())
        if len(rows) < _PAGE:
            return
