"""Writing back: every row that changed, table by table, in bulk."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, text

from engine.core.customer import Order, Ticket
from engine.core.decision import Decision, EntryVerdict
from engine.core.world import World
from engine.ports.storage import Archived, Conflict, Incoming, Merge, Processed
from engine.storage import tables
from engine.storage.bulk import BulkTable, Row, update_many
from engine.storage.rows import (
    consent_row,
    customer_row,
    dump,
    journey_row,
    line_row,
    message_row,
    micros,
    order_row,
    suppression_row,
    ticket_row,
)

_CUSTOMERS = BulkTable.of(tables.customers)
_IDENTITIES = BulkTable.of(tables.identities)
_ALIASES = BulkTable.of(tables.aliases)
_CONFLICTS = BulkTable.of(tables.identity_conflicts)
_ORDERS = BulkTable.of(tables.orders)
_LINES = BulkTable.of(tables.order_lines)
_TICKETS = BulkTable.of(tables.tickets)
_EVENTS = BulkTable.of(tables.events, conflict=("id", "source"))
_JOURNEYS = BulkTable.of(tables.journeys)
_MESSAGES = BulkTable.of(tables.messages)
_CONTENTS = BulkTable.of(tables.contents)
_SAMPLES = BulkTable.of(tables.samples)
_DECISIONS = BulkTable.of(tables.decisions)
_CONSENTS = BulkTable.of(tables.consents)
_CONSENT_HISTORY = BulkTable.of(tables.consent_history)
_SUPPRESSIONS = BulkTable.of(tables.suppressions)
_HOLDS = BulkTable.of(tables.holds)
_WEBHOOK_CALLS = BulkTable.of(tables.webhook_calls)


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
        self.holds: list[Row] = []
        self.volumes: dict[tuple[str, int], int] = {}

    def save(self, world: World) -> None:
        """Note a world; only what its ``changes`` name is written."""
        self.worlds.append(world)

    def write(self, connection: Connection) -> None:
        """Write everything; the caller's transaction is around it."""
        for merge in self.merges:
            _move_rows(connection, merge)
        self._write_worlds(connection)
        _IDENTITIES.upsert(connection, self.identities)
        _CONFLICTS.insert(connection, [_conflict_row(c) for c in self.conflicts])
        self._write_events(connection)
        if self.archived:
            _SAMPLES.keep(connection, list({_sample_row(a)[0]: _sample_row(a) for a in self.archived}.values()))
            _CONTENTS.upsert(connection, [(a.message_id, a.sample_id, a.packed) for a in self.archived])
        _HOLDS.keep(connection, self.holds)
        for (campaign, window), count in self.volumes.items():
            _add_volume(connection, campaign, window, count)

    def _write_worlds(self, connection: Connection) -> None:
        new_customers: list[Row] = []
        customers: list[Row] = []
        orders: list[Row] = [order_row(order) for order in self.orphan_orders]
        lines = [line_row(o.id, line) for o in self.orphan_orders for line in o.lines.values()]
        tickets: list[Row] = [ticket_row(ticket) for ticket in self.orphan_tickets]
        journeys: list[Row] = []
        messages: list[Row] = []
        decisions: list[Row] = []
        consents: list[Row] = []
        suppressions: list[Row] = []
        lifted: list[Row] = []
        calls: list[Row] = []
        for world in self.worlds:
            changes = world.changes
            if changes.customer or world.is_new:
                (new_customers if world.is_new else customers).append(customer_row(world.customer))
            for key in changes.orders:
                orders.append(order_row(world.orders[key]))
            for key in changes.lines:
                lines += [line_row(key, line) for line in world.orders[key].lines.values()]
            for key in changes.tickets:
                tickets.append(ticket_row(world.tickets[key]))
            for key in changes.journeys:
                journeys.append(journey_row(world.journeys[key]))
            for key in changes.messages:
                messages.append(message_row(world.messages[key]))
            if changes.decisions:
                decisions += _decision_rows(changes.decisions)
            consents += [consent_row(c) for c in changes.consents]
            suppressions += [suppression_row(s) for s in changes.suppressions]
            lifted += [(s.channel, s.address) for s in changes.lifted]
            for call in changes.webhooks:
                calls.append(
                    (
                        call.id,
                        call.journey_id,
                        call.step,
                        call.campaign,
                        call.url,
                        dump(call.body),
                        micros(call.created_at),
                        "waiting",
                        0,
                        micros(call.created_at),
                        None,
                    )
                )
        _CUSTOMERS.insert(connection, new_customers)
        _CUSTOMERS.upsert(connection, customers)
        _ORDERS.upsert(connection, orders)
        _LINES.upsert(connection, lines)
        _TICKETS.upsert(connection, tickets)
        _JOURNEYS.upsert(connection, journeys)
        _MESSAGES.upsert(connection, messages)
        _DECISIONS.insert(connection, decisions)
        _CONSENTS.upsert(connection, consents)
        _CONSENT_HISTORY.insert(connection, consents)
        for channel, address in lifted:
            connection.execute(
                tables.suppressions.delete().where(
                    tables.suppressions.c.address == address,
                    tables.suppressions.c.channel == channel,
                )
            )
        _SUPPRESSIONS.upsert(connection, suppressions)
        _WEBHOOK_CALLS.keep(connection, calls)

    def _write_events(self, connection: Connection) -> None:
        updates: list[Row] = []
        inserts: list[Row] = [event_row(incoming) for incoming in self.incoming]
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
        _EVENTS.keep(connection, inserts)
        update_many(
            connection,
            tables.events,
            ("state", "customer_id", "reason", "verdicts"),
            updates,
        )


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
        incoming.body.decode(),
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


def _conflict_row(c: Conflict) -> Row:
    return (micros(c.at), c.customer_id, c.other_id, c.reason, c.event_source, c.event_id)


def _sample_row(archived: Archived) -> Row:
    return (archived.sample_id, archived.template, archived.sample)


def _add_volume(connection: Connection, campaign: str, window: int, count: int) -> None:
    connection.execute(
        text(
            'INSERT INTO volumes (campaign, "window", count) VALUES (:campaign, :window, :count)'
            ' ON CONFLICT (campaign, "window") DO UPDATE SET count = volumes.count + :count'
        ),
        {"campaign": campaign, "window": window, "count": count},
    )


# Rows that belong to a customer and move with a merge; the worlds' own rows follow by ``save``.
_OWNED = ("identities", "orders", "tickets", "events", "journeys", "messages", "decisions")


def _move_rows(connection: Connection, merge: Merge) -> None:
    names = {"survivor": merge.survivor, "merged": merge.merged, "at": micros(merge.at)}
    for table in _OWNED:
        connection.execute(
            text(f"UPDATE {table} SET customer_id = :survivor WHERE customer_id = :merged"), names
        )
    connection.execute(
        text("UPDATE aliases SET merged_into = :survivor WHERE merged_into = :merged"), names
    )
    connection.execute(text("DELETE FROM customers WHERE id = :merged"), names)
    _ALIASES.upsert(connection, [(merge.merged, merge.survivor, micros(merge.at))])
