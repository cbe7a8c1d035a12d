"""Writing back: every row that changed, table by table, in bulk."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Connection, text

from engine.core.customer import Order, Ticket
from engine.core.decision import Decision, EntryVerdict
from engine.core.message import SendResult
from engine.core.receipt import Receipt
from engine.core.world import JourneyStatus, WebhookCall, World
from engine.ports.faults import Fault, passing
from engine.ports.storage import Contended
from engine.ports.stored import Archived, Conflict, Incoming, Merge, Processed
from engine.storage import phases, tables
from engine.storage.books import move_books, write_books
from engine.storage.bulk import BulkTable, Row, delete_many, fetch_any, pipelined, update_many
from engine.storage.journey_rows import journey_row, message_row
from engine.storage.permission_flush import write_permissions
from engine.storage.receipts import keep_receipts
from engine.storage.rows import customer_row, line_rows, order_row, ticket_row
from engine.storage.scalars import dump, micros, money

_CUSTOMERS = BulkTable.of(tables.customers, seldom=("zone",))
_IDENTITIES = BulkTable.of(tables.identities)
_ALIASES = BulkTable.of(tables.aliases)
_CONFLICTS = BulkTable.of(tables.identity_conflicts)
_ORDERS = BulkTable.of(tables.orders, seldom=("customer_id", "undelivered_since"))
_LINES = BulkTable.of(tables.order_lines)
_TICKETS = BulkTable.of(tables.tickets)
_EVENTS = BulkTable.of(tables.events, conflict=("id", "source"))
# A merge moves rows to another customer (``_move_rows``), nothing else does.
_JOURNEYS = BulkTable.of(
    tables.journeys,
    fixed=("campaign", "entry_key", "entry_no", "entered_at"),
    seldom=("status", "revision", "parked"),
)
# Whoever holds an older copy of a message never undoes its being sent.
_MESSAGES = BulkTable.of(
    tables.messages,
    fixed=("campaign", "journey_id", "step", "channel", "customer_id", "entry_key", "created_at"),
    only_if="excluded.status NOT IN ('scheduled', 'sending')"
    " OR old.status IN ('scheduled', 'sending', 'unknown')",
)
_CONTENTS = BulkTable.of(tables.contents)
_SAMPLES = BulkTable.of(tables.samples)
_DECISIONS = BulkTable.of(tables.decisions)
_OCCURRENCES = BulkTable.of(tables.occurrences)
_WEBHOOK_CALLS = BulkTable.of(tables.webhook_calls)
_CONFLICTS_OF = "SELECT customer_id, other_id FROM identity_conflicts WHERE customer_id {any}"
_LINE_KEYS = "SELECT order_id, id FROM order_lines WHERE order_id {any}"


class Flush:
    """What one unit of work will write."""

    def __init__(self) -> None:
        self.worlds: list[World] = []
        self.orphan_orders: list[Order] = []
        self.orphan_tickets: list[Ticket] = []
        self.identities: list[Row] = []
        self.merges: list[Merge] = []
        self.conflicts: list[Conflict] = []
        self.processed: list[Processed] = []
        self.incoming: list[Incoming] = []
        self.archived: list[Archived] = []
        self.holds: list[tuple[str, str, int]] = []
        self.sent: list[SendResult] = []
        self.receipts: list[tuple[Receipt, datetime]] = []
        self.occurrences: list[Row] = []
        self.volumes: dict[tuple[str, int], int] = {}
        self.limits: dict[tuple[str, int], int] = {}

    def write(self, connection: Connection) -> None:
        """Write everything; the caller's transaction is around it.

        Raises ``Contended`` when a volume limit was reached by others meanwhile.
        """
        self._write(connection, pipelined(connection))

    def begin(self, connection: Connection) -> None:
        """Send everything, and do not ask what came of it; where ``asks`` says no."""
        self._write(connection, nullcontext())

    def asks(self) -> bool:
        """Whether there is something whose writing depends on what the database says meanwhile."""
        return bool(
            self.merges
            or self.conflicts
            or self.processed
            or self.receipts
            or self.occurrences
            or self.volumes
            or self.holds  # which the next batch must know of
            or self.orphan_orders
            or any(world.changes.lines for world in self.worlds)
        )

    def _write(self, connection: Connection, together: AbstractContextManager[None]) -> None:
        for merge in self.merges:
            _move_rows(connection, merge)
        self._write_people(connection)
        with together:
            self._write_journeys(connection)
            _write_contents(connection, self.archived)
            _record_sent(connection, self.sent)
        _rename_keys(connection, self.merges)
        _write_conflicts(connection, self.conflicts)
        self._write_events(connection)
        for campaign, reason, at in self.holds:
            phases.hold(connection, campaign, reason, at)
        _OCCURRENCES.upsert(connection, self.occurrences)
        _forget_former_occurrences(connection, self.occurrences)
        keep_receipts(connection, self.receipts)
        for key in sorted(self.volumes):
            _add_volume(connection, key, self.volumes[key], self.limits[key])
        passing(Fault.DECISION_WRITTEN)

    def _write_people(self, connection: Connection) -> None:
        worlds = self.worlds
        _CUSTOMERS.insert(connection, [customer_row(w.customer) for w in worlds if w.is_new])
        _CUSTOMERS.upsert(
            connection,
            [customer_row(w.customer) for w in worlds if w.changes.customer and not w.is_new],
        )
        _IDENTITIES.upsert(connection, self.identities)
        changed = [w.orders[key] for w in worlds for key in w.changes.orders]
        _ORDERS.upsert(connection, [order_row(order) for order in (*changed, *self.orphan_orders)])
        with_lines = [w.orders[key] for w in worlds for key in w.changes.lines]
        _write_lines(connection, [*with_lines, *self.orphan_orders])
        tickets = chain(
            (w.tickets[key] for w in worlds for key in w.changes.tickets), self.orphan_tickets
        )
        _TICKETS.upsert(connection, [ticket_row(ticket) for ticket in tickets])
        write_permissions(connection, worlds)

    def _write_journeys(self, connection: Connection) -> None:
        worlds = self.worlds
        changed = [w.journeys[key] for w in worlds for key in w.changes.journeys]
        # One that ends may make room under its key for one that begins.
        ended = [each for each in changed if each.status is not JourneyStatus.LIVE]
        live = [each for each in changed if each.status is JourneyStatus.LIVE]
        for journeys in (ended, live):
            _JOURNEYS.upsert(connection, [journey_row(each) for each in journeys])
        _MESSAGES.upsert(
            connection, [message_row(w.messages[key]) for w in worlds for key in w.changes.messages]
        )
        decisions = (w.changes.decisions for w in worlds if w.changes.decisions)
        _DECISIONS.insert(connection, [row for each in decisions for row in _decision_rows(each)])
        write_books(connection, [world for world in worlds if world.changes.records])
        calls = [_call_row(call) for w in worlds for call in w.changes.webhooks]
        _WEBHOOK_CALLS.keep(connection, calls)

    def _write_events(self, connection: Connection) -> None:
        updates: list[Row] = []
        inserts: list[Row] = []
        for done in self.processed:
            state = tables.DONE if done.reason is None else tables.REJECTED
            verdicts = _verdicts(done.verdicts) if done.verdicts else None
            if done.seq is not None:
                updates.append((done.seq, state, done.customer_id, done.reason, verdicts))
            elif done.incoming is not None:
                inserts.append(
                    event_row(
                        done.incoming,
                        state=state,
                        customer_id=done.customer_id,
                        reason=done.reason,
                        verdicts=verdicts,
                    )
                )
        _EVENTS.keep(connection, [event_row(incoming) for incoming in self.incoming])
        # One that the door has accepted meanwhile must not be processed by both.
        _EVENTS.insert(connection, inserts)
        update_many(
            connection,
            tables.events,
            ("seq",),
            ("state", "customer_id", "reason", "verdicts"),
            updates,
        )
        buried = [
            (done.seq, done.body.decode())
            for done in self.processed
            if done.seq is not None and done.body is not None
        ]
        update_many(connection, tables.events, ("seq",), ("body",), buried)


def event_row(
    incoming: Incoming,
    *,
    state: int = tables.WAITING,
    customer_id: str | None = None,
    reason: str | None = None,
    verdicts: str | None = None,
) -> Row:
    """An ``events`` row."""
    event = incoming.event
    return (
        event.source,
        event.id,
        event.type,
        micros(event.time),
        micros(incoming.received_at),
        incoming.backfill,
        state,
        customer_id,
        reason,
        verdicts,
        incoming.stored().decode(),
    )


def accept_events(connection: Connection, incoming: Iterable[Incoming]) -> None:
    """Store events that wait; those already stored stay as they are."""
    _EVENTS.keep(connection, [event_row(each) for each in incoming])


def _decision_rows(decisions: list[Decision]) -> list[Row]:
    """One row per journey; the entries keep the order in which they were decided."""
    if len(decisions) == 1:
        return [_decision_row(decisions)]
    by_journey: dict[str, list[Decision]] = {}
    for decision in decisions:
        by_journey.setdefault(decision.journey_id, []).append(decision)
    return [_decision_row(group) for group in by_journey.values()]


def _decision_row(group: list[Decision]) -> Row:
    first = group[0]
    entries: list[list[Any]] = [
        [micros(d.at), d.kind.value, d.step, d.code, d.message_id, d.trace] for d in group
    ]
    return (
        micros(first.at),
        first.customer_id,
        first.campaign,
        first.revision,
        first.journey_id,
        dump(entries),
    )


def _verdicts(verdicts: Iterable[EntryVerdict]) -> str:
    return dump(
        [
            [v.campaign, v.revision, v.code.value, v.transition, v.journey_id, v.trace]
            for v in verdicts
        ]
    )


def _write_conflicts(connection: Connection, conflicts: list[Conflict]) -> None:
    """Two records conflict once, however many reports show it."""
    if not conflicts:
        return
    new = {frozenset((c.customer_id, c.other_id)): c for c in reversed(conflicts)}
    named = {customer for pair in new for customer in pair}
    for one, other in fetch_any(connection, _CONFLICTS_OF, named):
        new.pop(frozenset((one, other)), None)
    _CONFLICTS.insert(connection, [_conflict_row(c) for c in reversed(new.values())])


def _conflict_row(c: Conflict) -> Row:
    return (micros(c.at), c.customer_id, c.other_id, c.reason, c.event_source, c.event_id)


def _call_row(call: WebhookCall) -> Row:
    at = micros(call.created_at)
    head = (call.id, call.journey_id, call.step, call.campaign, call.url, dump(call.body))
    return (*head, at, "waiting", 0, at, None)


def _write_lines(connection: Connection, orders: list[Order]) -> None:
    """Make the orders' rows exactly their lines: an edited order may have lost some."""
    if not orders:
        return
    rows = [row for order in orders for row in line_rows(order)]
    now = {(row[0], row[1]) for row in rows}
    stored = fetch_any(connection, _LINE_KEYS, {order.id for order in orders})
    gone = [key for row in stored if (key := (row[0], row[1])) not in now]
    delete_many(connection, tables.order_lines, ("order_id", "id"), gone)
    _LINES.upsert(connection, rows)


def _write_contents(connection: Connection, archived: list[Archived]) -> None:
    if not archived:
        return
    samples = {each.sample_id: each for each in archived}.values()
    _SAMPLES.keep(connection, [(a.sample_id, a.template, a.sample) for a in samples])
    _CONTENTS.upsert(connection, [(a.message_id, a.sample_id, a.packed) for a in archived])


def _record_sent(connection: Connection, results: list[SendResult]) -> None:
    """Only what is being handed over, or in doubt, becomes sent."""
    update_many(
        connection,
        tables.messages,
        ("id",),
        ("sent_at", "provider_message_id", "cost"),
        [(r.message_id, micros(r.at), r.provider_message_id, money(r.cost)) for r in results],
        also="status = 'sent', error_code = NULL, reason = NULL, owner = NULL",
        # Not by the index of what is in doubt, which is full of what was a moment ago.
        only_if="coalesce(status, '') IN ('sending', 'unknown')",
    )


def _forget_former_occurrences(connection: Connection, rows: list[Row]) -> None:
    """Only the last fire of a zone is needed: those before it that are done may go."""
    for campaign, zone, _key, at, *_rest in rows:
        connection.execute(
            text(
                "DELETE FROM occurrences WHERE campaign = :campaign AND zone = :zone"
                ' AND "at" < :at AND done'
            ),
            {"campaign": campaign, "zone": zone, "at": at},
        )


def _add_volume(connection: Connection, key: tuple[str, int], count: int, limit: int) -> None:
    added = connection.execute(
        text(
            'INSERT INTO volumes (campaign, "window", count) VALUES (:campaign, :window, :count)'
            ' ON CONFLICT (campaign, "window") DO UPDATE SET count = volumes.count + :count'
            " WHERE volumes.count + :count <= :limit"
        ),
        {"campaign": key[0], "window": key[1], "count": count, "limit": limit},
    )
    if added.rowcount == 0:
        raise Contended(f"other workers reached the volume limit of {key[0]} meanwhile")


# Rows that belong to a customer and move with a merge; the worlds' own rows follow by ``save``.
_OWNED = ("identities", "orders", "tickets", "events", "journeys", "messages", "decisions")


def _move_rows(connection: Connection, merge: Merge) -> None:
    names = {"survivor": merge.survivor, "merged": merge.merged, "at": micros(merge.at)}
    for table in _OWNED:
        connection.execute(
            text(f"UPDATE {table} SET customer_id = :survivor WHERE customer_id = :merged"), names
        )
    move_books(connection, merge)
    connection.execute(
        text("UPDATE aliases SET merged_into = :survivor WHERE merged_into = :merged"), names
    )
    connection.execute(text("DELETE FROM customers WHERE id = :merged"), names)
    _ALIASES.upsert(connection, [(merge.merged, merge.survivor, micros(merge.at))])


def _rename_keys(connection: Connection, merges: list[Merge]) -> None:
    """Entry keys that hold a merged customer's id hold the survivor's, or both could enter.

    It comes after the journeys: by then one live journey at most has each key.
    """
    moved = {merge.merged: merge.survivor for merge in merges}
    for merged in moved:
        survivor = moved[merged]
        while survivor in moved:
            survivor = moved[survivor]
        for table in ("journeys", "messages"):
            connection.execute(
                text(
                    f"UPDATE {table} SET entry_key = :survivor || substr(entry_key, :rest)"
                    " WHERE customer_id = :survivor"
                    " AND (entry_key = :merged OR entry_key LIKE :merged || ':%')"
                ),
                {"survivor": survivor, "merged": merged, "rest": len(merged) + 1},
            )
