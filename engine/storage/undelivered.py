"""Orders on their way, by an index that holds nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from engine.ports.stored import Undelivered
from engine.storage.bulk import fetch
from engine.storage.scalars import micros, moment

_PAGE = (
    "SELECT id, customer_id, undelivered_since, country FROM orders"
    " WHERE undelivered_since IS NOT NULL AND undelivered_since <= {p}"
    " AND (undelivered_since, id) > ({p}, {p}) AND customer_id IS NOT NULL"
    " ORDER BY undelivered_since, id LIMIT {p}"
)


def undelivered(
    connection: Connection, before: datetime, after: Undelivered | None, limit: int
) -> Sequence[Undelivered]:
    """A page of them, the longest without news first."""
    since, last = (micros(after.since), after.order_id) if after else (-(2**62), "")
    return [
        Undelivered(order_id=row[0], customer_id=row[1], since=moment(row[2]), country=row[3])
        for row in fetch(connection, _PAGE, micros(before), since, last, limit)
    ]
