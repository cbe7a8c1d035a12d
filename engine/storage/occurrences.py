"""Fires of schedules: how far each has come, and the customers of its zone, page by page."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from engine.ports.stored import ALL_ZONES, Occurrence
from engine.storage.bulk import Row, fetch
from engine.storage.scalars import micros, moment

_OCCURRENCES = (
    'SELECT zone, "key", "at", "cursor", done FROM occurrences WHERE campaign = {p} ORDER BY "at"'
)


def latest_occurrences(connection: Connection, campaign: str) -> dict[str | None, Occurrence]:
    """The latest fire of each zone."""
    return {
        zone or None: Occurrence(
            campaign=campaign,
            zone=zone or None,
            key=key,
            at=moment(at),
            cursor=cursor,
            done=bool(done),
        )
        for zone, key, at, cursor, done in fetch(connection, _OCCURRENCES, campaign)
    }


def occurrence_row(one: Occurrence) -> Row:
    """A fire as it is written down."""
    return (one.campaign, one.zone or "", one.key, micros(one.at), one.cursor, one.done)


def zones_in_use(connection: Connection) -> dict[str | None, int]:
    """Customers by time zone."""
    rows = fetch(connection, "SELECT zone, count(*) FROM customers GROUP BY zone")
    return {row[0]: row[1] for row in rows}


def page_customers(
    connection: Connection,
    zone: str | None,
    after: str,
    limit: int,
    birthdays: Collection[str] | None,
) -> Sequence[str]:
    """A page of customers by id; ``birthdays`` as ``MM-DD``."""
    where, values = ["id > {p}"], [after]
    if zone is None:
        where.append("zone IS NULL")
    elif zone != ALL_ZONES:
        where.append("zone = {p}")
        values.append(zone)
    if birthdays is not None:
        where.append(f"substr(birthday, 6) IN ({', '.join(['{p}'] * len(birthdays))})")
        values += sorted(birthdays)
        if not birthdays:
            return ()
    sql = f"SELECT id FROM customers WHERE {' AND '.join(where)} ORDER BY id LIMIT {{p}}"
    return [row[0] for row in fetch(connection, sql, *values, limit)]
