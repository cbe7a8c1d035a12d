"""What the services ask of the database outside of decisions, a short transaction each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from engine.ports.stored import DueCall, Loaded, Queues
from engine.storage import phases, tables
from engine.storage.bulk import BulkTable, execute_any, fetch, fetch_any, is_postgresql, update_many
from engine.storage.scalars import micros, moment

_REVISIONS = BulkTable.of(tables.revisions)
_WORKERS = BulkTable.of(tables.workers, fixed=("started_at",))

_NEXT_JOURNEY = (
    "SELECT due_at FROM journeys WHERE status = 'live' AND NOT parked AND due_at IS NOT NULL"
    " ORDER BY due_at LIMIT 1"
)
# The heads of the two queues; one row each from an index that holds only what waits.
_NEXT = (
    _NEXT_JOURNEY,
    *(
        f"SELECT send_at FROM messages WHERE status = 'scheduled' AND channel = '{channel}'"
        " ORDER BY send_at LIMIT 1"
        for channel in ("email", "sms", "voice")
    ),
    "SELECT due_at FROM books WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1",
)

# The next of the (campaign, status, revision) that there are: one step in the index.
_NEXT_IN_USE = (
    "SELECT campaign, status, revision FROM journeys"
    " WHERE (campaign, status, revision) > ({p}, {p}, {p})"
    " ORDER BY campaign, status, revision LIMIT 1"
)
_GOAL_OPEN = (
    "SELECT 1 FROM journeys WHERE campaign = {p} AND status = {p} AND revision = {p}"
    " AND goal_at IS NULL AND goal_until IS NOT NULL AND goal_until >= {p} LIMIT 1"
)
_CLAIM = (
    "UPDATE webhook_calls SET attempts = attempts + 1, due_at = {p} WHERE id IN ("
    "SELECT id FROM webhook_calls WHERE status = 'waiting' AND due_at <= {p}"
    " ORDER BY due_at LIMIT {p}%s)"
    " RETURNING id, campaign, journey_id, step, url, body, attempts, created_at"
)
_PARKED = (
    "SELECT id, customer_id FROM journeys WHERE parked AND campaign = {p} AND id > {p}"
    " ORDER BY id LIMIT {p}"
)
_FROZEN = (
    "SELECT id, customer_id FROM messages WHERE status = 'scheduled' AND reason = 'frozen'"
    " AND campaign = {p}"
)
_LOCK = "SELECT id FROM customers WHERE id {any} ORDER BY id FOR UPDATE"


# Each looks at the head of an index that holds only what waits.
_QUEUES = "SELECT EXISTS (SELECT 1 FROM events WHERE state = 0), {records}, {messages}".format(
    records="EXISTS (SELECT 1 FROM books WHERE due_at IS NOT NULL AND due_at <= {p})",
    messages=" OR ".join(
        "EXISTS (SELECT 1 FROM messages WHERE status = 'scheduled'"
        f" AND channel = '{channel}' AND send_at <= {{p}})"
        for channel in ("email", "sms", "voice")
    ),
)


def queues(connection: Connection, now: datetime) -> Queues:
    """Which queues have something for now."""
    at = micros(now)
    ((events, records, messages),) = fetch(connection, _QUEUES, at, at, at, at)
    return Queues(events=bool(events), records=bool(records), messages=bool(messages))


def next_due(connection: Connection) -> datetime | None:
    """The earliest due time of journeys, messages and the programs' records."""
    found = [row[0] for sql in _NEXT for row in fetch(connection, sql)]
    return moment(min(found)) if found else None


def heartbeat(connection: Connection, worker_id: str, role: str, now: datetime) -> None:
    """Write a worker's sign of life."""
    _WORKERS.upsert(connection, [(worker_id, role, micros(now), micros(now))])


def store_revisions(
    connection: Connection, loaded: Collection[Loaded], at: datetime, *, whole: bool
) -> None:
    """Keep campaign sources that are not kept yet, and note that these are in force."""
    now = micros(at)
    _REVISIONS.keep(
        connection, [(one.campaign, one.revision, one.source, one.file, now) for one in loaded]
    )
    phases.load(connection, loaded, now, whole=whole)


def live_revisions(connection: Connection, now: datetime | None) -> set[tuple[str, str]]:
    """Revisions that journeys stand on."""
    used: list[Sequence[str]] = []
    last: Sequence[str] = ("", "", "")
    while rows := fetch(connection, _NEXT_IN_USE, *last):
        last = rows[0]
        used.append(last)
    found = {(row[0], row[2]) for row in used if row[1] in ("live", "holdout")}
    if now is not None:
        for campaign, status, revision in used:
            if (campaign, revision) not in found and fetch(
                connection, _GOAL_OPEN, campaign, status, revision, micros(now)
            ):
                found.add((campaign, revision))
    return found


def unpark(connection: Connection, campaign: str, after: str, limit: int) -> Sequence[str]:
    """Let a page of parked journeys go on; their ids, in order."""
    rows = fetch(connection, _PARKED, campaign, after, limit)
    wait_for(connection, {row[1] for row in rows})
    found = [(row[1], row[0], False) for row in rows]
    update_many(connection, tables.journeys, ("customer_id", "id"), ("parked",), found)
    return [row[0] for row in rows]


def frozen_messages(connection: Connection, campaign: str) -> Sequence[tuple[str, str]]:
    """The (id, customer id) of messages that their campaign's hold keeps back."""
    return sorted((row[0], row[1]) for row in fetch(connection, _FROZEN, campaign))


def unfreeze(connection: Connection, messages: Sequence[tuple[str, str]], now: datetime) -> None:
    """Let messages go that a hold kept back, where it still does."""
    wait_for(connection, {customer for _, customer in messages})
    execute_any(
        connection,
        f"UPDATE messages SET send_at = {micros(now)}, reason = NULL"
        " WHERE id {any} AND status = 'scheduled' AND reason = 'frozen'",
        [each for each, _ in messages],
    )


def wait_for(connection: Connection, customer_ids: set[str]) -> None:
    """Whoever decides for these customers must have finished, or would write the old row back."""
    if customer_ids and is_postgresql(connection):
        fetch_any(connection, _LOCK, customer_ids)


def claim_webhook_calls(
    connection: Connection, now: datetime, limit: int, lease: timedelta
) -> Sequence[DueCall]:
    """Take due calls for the length of a lease."""
    sql = _CLAIM % (" FOR UPDATE SKIP LOCKED" if is_postgresql(connection) else "")
    rows = fetch(connection, sql, micros(now + lease), micros(now), limit)
    return [
        DueCall(
            id=row[0],
            campaign=row[1],
            journey_id=row[2],
            step=row[3],
            url=row[4],
            body=row[5].encode(),
            attempts=row[6],
        )
        for row in sorted(rows, key=lambda row: (row[7], row[0]))
    ]


def record_webhook_call(
    connection: Connection, call_id: str, reason: str | None, retry_at: datetime | None
) -> None:
    """Write down how a call went."""
    status = "waiting" if retry_at is not None else "failed" if reason else "done"
    connection.execute(
        text(
            "UPDATE webhook_calls SET status = :status, reason = :reason,"
            " due_at = coalesce(:retry_at, due_at) WHERE id = :id"
        ),
        {
            "id": call_id,
            "status": status,
            "reason": reason,
            "retry_at": None if retry_at is None else micros(retry_at),
        },
    )
