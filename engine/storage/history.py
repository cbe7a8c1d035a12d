"""The read side: the log, the search, timelines and figures.

Reads take no lock that a writer waits for, and every list goes by keyset, so that the hundredth
page costs what the first does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from engine.core.decision import DecisionKind
from engine.ports.history import (
    Ambiguous,
    Backlog,
    CampaignCounts,
    CustomerMatch,
    EventFilter,
    LoggedEvent,
    LoggedMessage,
    MessageDetail,
    MessageFilter,
    OrderMatch,
    OtherMatch,
    Phase,
    StoredRevision,
    Tail,
    Timeline,
)
from engine.ports.stored import Conflict
from engine.storage import phases, tables
from engine.storage.bulk import fetch, fetch_any
from engine.storage.database import Database
from engine.storage.history_rows import (
    CALL,
    DECISION,
    EVENT,
    JOURNEY,
    MESSAGE,
    call_of,
    decisions_of,
    event_of,
    journey_of,
    message_of,
)
from engine.storage.names import emails_like, find_customers, find_orders, find_others
from engine.storage.operations import next_due
from engine.storage.receipts import receipts_of
from engine.storage.scalars import micros, moment

# Longer than any transaction: what it wrote shows up with the time at which it began.
_OVERLAP = timedelta(seconds=30)
_LAST = "\U0010ffff"  # sorts behind everything that an id may hold
_UNTAKEN = (
    f"SELECT {CALL} FROM webhook_calls WHERE id {{any}} AND reason IS NOT NULL"
    " ORDER BY created_at, id"
)


_REVISIONS = (
    "SELECT campaign, revision, file, stored_at FROM revisions ORDER BY stored_at, campaign"
)


class SqlHistory:
    """``engine.ports.history.History`` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def messages(self, wanted: MessageFilter) -> Sequence[LoggedMessage]:
        """Messages, newest first."""
        where = _Where()
        with self._database.reading() as connection:
            if wanted.customer is not None:
                found = [each.id for each in find_customers(connection, wanted.customer)]
                if not found:
                    return ()
                where.one_of("customer_id", found)
            where.equal("campaign", wanted.campaign)
            where.equal("channel", wanted.channel)
            where.equal("order_id", wanted.order_id)
            if wanted.statuses:
                where.one_of("status", sorted(status.value for status in wanted.statuses))
            where.between("created_at", wanted.since, wanted.until)
            if wanted.after is not None:
                at, key = wanted.after
                where.add("(created_at, id) < ({p}, {p})", micros(at), key)
            sql = f"SELECT {MESSAGE} FROM messages{where} ORDER BY created_at DESC, id DESC LIMIT"
            rows = fetch(connection, f"{sql} {{p}}", *where.values, wanted.limit)
        return [message_of(row) for row in rows]

    def message(self, id_or_prefix: str) -> MessageDetail | None:
        """One message with its content and decisions."""
        with self._database.reading() as connection:
            rows = _by_prefix(connection, f"SELECT {MESSAGE} FROM messages", id_or_prefix)
            if not rows:
                return None
            message = message_of(rows[0])
            content = fetch(
                connection,
                "SELECT packed, body FROM contents JOIN samples ON samples.id = sample_id"
                " WHERE message_id = {p}",
                message.id,
            )
            packed, sample = content[0] if content else (None, None)
            decided = fetch(
                connection,
                f"SELECT {DECISION} FROM decisions WHERE customer_id = {{p}}"
                " AND journey_id = {p} ORDER BY seq",
                message.customer_id,
                message.journey_id,
            )
            receipts = receipts_of(connection, message.id)
        return MessageDetail(
            message=message,
            packed=None if packed is None else bytes(packed),
            sample=None if sample is None else bytes(sample),
            decisions=decisions_of(decided),
            receipts=tuple(receipts),
        )

    def start_tail(self, at: datetime) -> Tail:
        """Follow the log from here on."""
        with self._database.reading() as connection:
            rows = fetch(
                connection,
                "SELECT id FROM messages WHERE created_at >= {p}",
                micros(at - _OVERLAP),
            )
        return Tail(at=at, seen=frozenset(row[0] for row in rows))

    def tail(self, tail: Tail, limit: int = 500) -> tuple[Sequence[LoggedMessage], Tail]:
        """Messages made since, oldest first."""
        with self._database.reading() as connection:
            rows = fetch(
                connection,
                f"SELECT {MESSAGE} FROM messages WHERE created_at >= {{p}}"
                " ORDER BY created_at, id LIMIT {p}",
                micros(tail.at - _OVERLAP),
                limit + len(tail.seen),
            )
        recent = [message_of(row) for row in rows]
        fresh = [each for each in recent if each.id not in tail.seen]
        at = max([tail.at, *(each.created_at for each in fresh)])
        seen = frozenset(each.id for each in recent if each.created_at >= at - _OVERLAP)
        return fresh, Tail(at=at, seen=seen)

    def find_customers(self, text: str) -> Sequence[CustomerMatch]:
        """Customers that a search text names."""
        with self._database.reading() as connection:
            return find_customers(connection, text)

    def find_orders(self, text: str) -> Sequence[OrderMatch]:
        """Orders that a search text names."""
        with self._database.reading() as connection:
            return find_orders(connection, text)

    def find_others(self, text: str) -> Sequence[OtherMatch]:
        """Journeys, messages, tickets and telephone numbers that a text names."""
        with self._database.reading() as connection:
            return find_others(connection, text)

    def emails_like(self, text: str) -> Sequence[str]:
        """Addresses that begin as a text does."""
        with self._database.reading() as connection:
            return emails_like(connection, text)

    def revisions(self) -> Sequence[StoredRevision]:
        """Every version of a campaign that was ever loaded."""
        with self._database.reading() as connection:
            rows = fetch(connection, _REVISIONS)
        return [
            StoredRevision(campaign=row[0], revision=row[1], file=row[2], stored_at=moment(row[3]))
            for row in rows
        ]

    def phases(self) -> Sequence[Phase]:
        """How every campaign stood from when on."""
        with self._database.reading() as connection:
            return phases.phases(connection)

    def timeline(self, customer_id: str, limit: int = 1000) -> Timeline:
        """One customer's past."""

        def newest(select: str, order: str) -> list[Sequence[Any]]:
            sql = f"{select} WHERE customer_id = {{p}} ORDER BY {order} LIMIT {{p}}"
            return list(reversed(fetch(connection, sql, customer_id, limit)))

        with self._database.reading() as connection:
            events = newest(f"SELECT {EVENT} FROM events", '"time" DESC, seq DESC')
            decisions = newest(f"SELECT {DECISION} FROM decisions", "seq DESC")
            messages = newest(f"SELECT {MESSAGE} FROM messages", "created_at DESC, id DESC")
            journeys = newest(f"SELECT {JOURNEY} FROM journeys", "entered_at DESC, id DESC")
            decided = decisions_of(decisions)
            made = [one for one in decided if one.kind is DecisionKind.CALLED]
            calls = fetch_any(
                connection, _UNTAKEN, [f"{one.journey_id}:{one.step}" for one in made]
            )
        return Timeline(
            events=tuple(event_of(row) for row in events),
            decisions=decided,
            messages=tuple(message_of(row) for row in messages),
            journeys=tuple(journey_of(row) for row in journeys),
            calls=tuple(call_of(row) for row in calls),
        )

    def campaign_counts(self, since: datetime | None = None) -> dict[str, CampaignCounts]:
        """Figures by campaign."""
        entered, made = _Where(), _Where()
        entered.between("entered_at", since, None)
        made.between("created_at", since, None)
        with self._database.reading() as connection:
            journeys = fetch(
                connection,
                "SELECT campaign, status, parked, CASE WHEN status = 'exited' THEN reason END,"
                f" count(*), count(goal_at) FROM journeys{entered} GROUP BY 1, 2, 3, 4",
                *entered.values,
            )
            messages = fetch(
                connection,
                "SELECT campaign, status, CASE WHEN status = 'skipped' THEN reason END, count(*)"
                f" FROM messages{made} GROUP BY 1, 2, 3",
                *made.values,
            )
        counts: dict[str, CampaignCounts] = {}
        for campaign, status, parked, reason, count, goals in journeys:
            figures = counts.setdefault(campaign, CampaignCounts())
            _count_journeys(figures, status, bool(parked), reason, count)
            if status == "holdout":
                figures.holdout_goals += goals
            else:
                figures.goals += goals
        for campaign, status, reason, count in messages:
            figures = counts.setdefault(campaign, CampaignCounts())
            _add(figures.messages, status, count)
            if status == "skipped":
                _add(figures.skipped, reason or "", count)
        return dict(sorted(counts.items()))

    def events(self, wanted: EventFilter) -> Sequence[LoggedEvent]:
        """Events, the last to arrive first."""
        where = _Where()
        with self._database.reading() as connection:
            if wanted.rejected:
                where.add(f"state = {tables.REJECTED}")
            if wanted.customer is not None:
                found = [each.id for each in find_customers(connection, wanted.customer)]
                if not found:
                    return ()
                where.one_of("customer_id", found)
            where.equal("type", wanted.type)
            where.equal("source", wanted.source)
            where.between("received_at", wanted.since, wanted.until)
            if wanted.after is not None:
                where.add("seq < {p}", wanted.after)
            sql = f"SELECT {EVENT} FROM events{where} ORDER BY seq DESC LIMIT {{p}}"
            rows = fetch(connection, sql, *where.values, wanted.limit)
        return [event_of(row) for row in rows]

    def event(self, event_id: str) -> Sequence[LoggedEvent]:
        """The events of this id."""
        sql = f"SELECT {EVENT} FROM events WHERE id = {{p}} ORDER BY source"
        with self._database.reading() as connection:
            return [event_of(row) for row in fetch(connection, sql, event_id)]

    def conflicts(
        self, limit: int = 50, after: int | None = None
    ) -> Sequence[tuple[int, Conflict]]:
        """Identity conflicts, newest first."""
        where = _Where()
        if after is not None:
            where.add("seq < {p}", after)
        sql = (
            'SELECT seq, "at", customer_id, other_id, reason, event_source, event_id'
            f" FROM identity_conflicts{where} ORDER BY seq DESC LIMIT {{p}}"
        )
        with self._database.reading() as connection:
            rows = fetch(connection, sql, *where.values, limit)
        return [
            (
                row[0],
                Conflict(
                    at=moment(row[1]),
                    customer_id=row[2],
                    other_id=row[3],
                    reason=row[4],
                    event_source=row[5],
                    event_id=row[6],
                ),
            )
            for row in rows
        ]

    def backlog(self, now: datetime) -> Backlog:
        """What waits at this moment."""
        at, most = micros(now), Backlog.MOST
        live = "status = 'live' AND NOT parked AND due_at IS NOT NULL AND due_at <= {p}"
        doubt = "status IN ('sending', 'unknown') AND status ="
        with self._database.reading() as connection:

            def count(table: str, condition: str, *values: int) -> int:
                inner = f"SELECT 1 FROM {table} WHERE {condition} LIMIT {most}"
                sql = f"SELECT count(*) FROM ({inner}) AS head"
                return int(fetch(connection, sql, *values)[0][0])

            oldest = fetch(
                connection, "SELECT received_at FROM events WHERE state = 0 ORDER BY seq LIMIT 1"
            )
            due = next_due(connection)
            return Backlog(
                waiting_events=count("events", "state = 0"),
                oldest_event_at=moment(oldest[0][0]) if oldest else None,
                due_journeys=count("journeys", live, at),
                due_messages=count("messages", "status = 'scheduled' AND send_at <= {p}", at),
                oldest_due_at=due if due is not None and due <= now else None,
                sending=count("messages", f"{doubt} 'sending'"),
                unknown=count("messages", f"{doubt} 'unknown'"),
            )


class _Where:
    """A condition that grows, with its values in order."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._parts: list[str] = []

    def add(self, condition: str, *values: Any) -> None:
        self._parts.append(condition)
        self.values += values

    def equal(self, column: str, value: str | None) -> None:
        if value is not None:
            self.add(f"{column} = {{p}}", value)

    def one_of(self, column: str, values: Sequence[str]) -> None:
        self.add(f"{column} IN ({', '.join(['{p}'] * len(values))})", *values)

    def between(self, column: str, since: datetime | None, until: datetime | None) -> None:
        if since is not None:
            self.add(f"{column} >= {{p}}", micros(since))
        if until is not None:
            self.add(f"{column} < {{p}}", micros(until))

    def __str__(self) -> str:
        return f" WHERE {' AND '.join(self._parts)}" if self._parts else ""


def _by_prefix(connection: Connection, select: str, text: str) -> Sequence[Sequence[Any]]:
    exact = fetch(connection, f"{select} WHERE id = {{p}}", text)
    if exact or not text:
        return exact
    sql = f"{select} WHERE id >= {{p}} AND id < {{p}} ORDER BY id LIMIT 4"
    rows = fetch(connection, sql, text, text + _LAST)
    if len(rows) > 1:
        raise Ambiguous(text, [row[0] for row in rows])
    return rows


def _count_journeys(
    figures: CampaignCounts, status: str, parked: bool, reason: str | None, count: int
) -> None:
    if status == "live":
        figures.live += count
        figures.parked += count if parked else 0
    elif status == "holdout":
        figures.holdout += count
    elif status == "completed":
        figures.completed += count
    else:
        _add(figures.exited, reason or "", count)


def _add(counts: dict[str, int], key: str, count: int) -> None:
    counts[key] = counts.get(key, 0) + count
