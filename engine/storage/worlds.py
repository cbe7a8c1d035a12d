"""Loading worlds: one query per table for a whole batch of customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table

from engine.core.customer import Line, Order, Ticket
from engine.core.message import COUNTED
from engine.core.reviewing import OTHERS_FIRST
from engine.core.world import Contact, JourneyStatus, PastEntry, World
from engine.ports.storage import Permissions
from engine.storage import tables
from engine.storage.books import load_books
from engine.storage.bulk import fetch_any
from engine.storage.journey_rows import journey_of, message_of
from engine.storage.permission_locks import keep_permissions
from engine.storage.permission_rows import consent_of, preferences_of, suppression_of
from engine.storage.rows import customer_of, line_of, order_of, ticket_of
from engine.storage.scalars import micros, moment

# Messages are found by when they were made. What waited (for the end of a hold, say) counts from
# when it went out, so look further back than the caps do.
_WAITED = timedelta(days=30)
_LEAST = timedelta(days=60)  # what is open is found so far back in any case
_COUNTED = frozenset(status.value for status in COUNTED)


def columns(table: Table) -> str:
    """The column list in the order of the row tuples."""
    return ", ".join(f'"{c.name}"' for c in table.columns)


_CUSTOMERS = f"SELECT {columns(tables.customers)} FROM customers WHERE id {{any}}"
_ORDERS = f"SELECT {columns(tables.orders)} FROM orders WHERE id {{any}}"
_ORDERS_OF = f"SELECT {columns(tables.orders)} FROM orders WHERE customer_id {{any}}"
_LINES = (
    f"SELECT {columns(tables.order_lines)} FROM order_lines WHERE order_id {{any}}"
    " ORDER BY position"
)
_TICKETS = f"SELECT {columns(tables.tickets)} FROM tickets WHERE id {{any}}"
_TICKETS_OF = f"SELECT {columns(tables.tickets)} FROM tickets WHERE customer_id {{any}}"
_JOURNEYS = f"SELECT {columns(tables.journeys)} FROM journeys WHERE customer_id {{any}}"
_MOVING = (
    f"{_JOURNEYS} AND (status = 'live' OR (goal_at IS NULL AND goal_until IS NOT NULL"
    " AND goal_until > {p}))"
)
_CONSENTS = f"SELECT {columns(tables.consents)} FROM consents WHERE address {{any}}"
_SUPPRESSIONS = f"SELECT {columns(tables.suppressions)} FROM suppressions WHERE address {{any}}"
_PREFERENCES = f"SELECT {columns(tables.preferences)} FROM preferences WHERE address {{any}}"
_CONTACTS = (
    "SELECT customer_id, id, coalesce(sent_at, send_at), channel, purpose, campaign, status,"
    " topic, journey_id, reason FROM messages WHERE customer_id {any} AND created_at >= {p}"
)
_MESSAGES = f"SELECT {columns(tables.messages)} FROM messages WHERE id {{any}}"
# What a decision, a hand-over or its outcome may still change.
_OPEN = frozenset({"scheduled", "sending", "unknown"})


def load_worlds(
    connection: Connection,
    customer_ids: Collection[str],
    *,
    now: datetime,
    order_ids: Collection[str],
    ticket_ids: Collection[str],
    complete: Collection[str],
    past: bool,
    look_back: timedelta = timedelta(),
    message_ids: Collection[str] = (),
    sends: bool = False,
    books: Collection[str] | None = (),
) -> dict[str, World]:
    """Worlds by customer id, for those customers that exist.

    Messages that are still open come with their journeys, ended ones too: whether a message may
    go out depends on how its journey ended. ``message_ids`` names messages to load besides, and
    ``look_back`` is how long a contact may matter.
    """
    ids = list(customer_ids)
    worlds: dict[str, World] = {
        row[0]: World(customer=customer_of(row)) for row in fetch_any(connection, _CUSTOMERS, ids)
    }
    if not worlds:
        return worlds
    wanted_orders, wanted_tickets = set(order_ids), set(ticket_ids)
    _load_journeys(connection, worlds, now, past)
    _load_messages(connection, worlds, now - max(_LEAST, look_back + _WAITED), message_ids)
    for world in worlds.values():
        for journey in world.journeys.values():
            if journey.order_id:
                wanted_orders.add(journey.order_id)
            if journey.ticket_id:
                wanted_tickets.add(journey.ticket_id)
    for order in load_orders(connection, wanted_orders, complete).values():
        if order.customer_id in worlds:
            worlds[order.customer_id].orders[order.id] = order
    tickets = fetch_any(connection, _TICKETS, wanted_tickets) if wanted_tickets else ()
    for row in tickets:
        if row[1] in worlds:
            worlds[row[1]].tickets[row[0]] = ticket_of(row)
    if complete:
        for row in fetch_any(connection, _TICKETS_OF, complete):
            if row[1] in worlds:
                worlds[row[1]].tickets[row[0]] = ticket_of(row)
        for customer_id in complete:
            if customer_id in worlds:
                worlds[customer_id].complete = True
    _load_permissions(connection, worlds, sends=sends)
    load_books(connection, worlds, books)
    return worlds


def _load_journeys(
    connection: Connection,
    worlds: dict[str, World],
    now: datetime,
    past: bool,
) -> None:
    at, ids = micros(now), list(worlds)
    rows = (
        fetch_any(connection, _JOURNEYS, ids) if past else fetch_any(connection, _MOVING, ids, at)
    )
    for row in rows:
        world = worlds[row[5]]
        if row[6] == JourneyStatus.LIVE or (
            row[20] is None and row[19] is not None and row[19] > at
        ):
            journey = journey_of(row)
            world.journeys[journey.id] = journey
        key = (row[1], row[3])
        former = world.past.get(key)
        if former is None or former.entry_no < row[4]:
            world.past[key] = PastEntry(
                campaign=row[1], entry_key=row[3], entry_no=row[4], entered_at=moment(row[11])
            )


def load_orders(
    connection: Connection, order_ids: Collection[str], complete: Collection[str] = ()
) -> dict[str, Order]:
    """Orders with their lines, by id; of ``complete`` customers all."""
    rows: list[Any] = list(fetch_any(connection, _ORDERS, order_ids)) if order_ids else []
    if complete:
        rows += fetch_any(connection, _ORDERS_OF, complete)
    orders = {row[0]: order_of(row) for row in rows}
    if orders:
        lines: defaultdict[str, dict[str, Line]] = defaultdict(dict)
        for row in fetch_any(connection, _LINES, orders):
            lines[row[0]][row[1]] = line_of(row)
        for order_id, those in lines.items():
            orders[order_id].lines = those
    return orders


def load_tickets(connection: Connection, ticket_ids: Collection[str]) -> dict[str, Ticket]:
    """Tickets by id."""
    if not ticket_ids:
        return {}
    return {row[0]: ticket_of(row) for row in fetch_any(connection, _TICKETS, ticket_ids)}


def _load_permissions(connection: Connection, worlds: dict[str, World], *, sends: bool) -> None:
    by_address: dict[str, list[World]] = {}
    for world in worlds.values():
        for address in (world.customer.email, world.customer.phone):
            if address:
                by_address.setdefault(address, []).append(world)
    known = load_permissions(connection, by_address, sends=sends)
    for key, consent in known.consents.items():
        for world in by_address[key[1]]:
            world.consents[key] = consent
    for key, suppression in known.suppressions.items():
        for world in by_address[key[1]]:
            world.suppressions[key] = suppression
    for key, preferences in known.preferences.items():
        for world in by_address[key[1]]:
            world.preferences[key] = preferences


def load_permissions(
    connection: Connection, addresses: Collection[str], *, sends: bool
) -> Permissions:
    """What is known of these addresses; ``sends``: it stays so until the transaction ends."""
    if not addresses:
        return Permissions(consents={}, suppressions={}, preferences={})
    if sends:
        keep_permissions(connection, addresses)
    consents = (consent_of(row) for row in fetch_any(connection, _CONSENTS, addresses))
    blocked = (suppression_of(row) for row in fetch_any(connection, _SUPPRESSIONS, addresses))
    wishes = (preferences_of(row) for row in fetch_any(connection, _PREFERENCES, addresses))
    return Permissions(
        consents={(each.channel, each.address): each for each in consents},
        suppressions={(each.channel, each.address): each for each in blocked},
        preferences={(each.channel, each.address): each for each in wishes},
    )


def _load_messages(
    connection: Connection,
    worlds: dict[str, World],
    since: datetime,
    message_ids: Collection[str],
) -> None:
    wanted = set(message_ids)
    wanted.update(
        journey.awaiting
        for world in worlds.values()
        for journey in world.journeys.values()
        if journey.awaiting is not None
    )
    for row in fetch_any(connection, _CONTACTS, worlds, micros(since)):
        if row[6] in _COUNTED and row[9] != OTHERS_FIRST:  # which holds no slot
            worlds[row[0]].contacts.append(
                Contact(row[1], moment(row[2]), row[3], row[4], row[5], row[7], row[8])
            )
        if row[6] in _OPEN:
            wanted.add(row[1])
    if not wanted:
        return
    orphaned: dict[str, str] = {}
    for row in fetch_any(connection, _MESSAGES, wanted):
        world = worlds.get(row[7])
        if world is not None:
            world.messages[row[0]] = message_of(row)
            if row[3] not in world.journeys:
                orphaned[row[3]] = row[7]
    if orphaned:
        for row in fetch_any(connection, _JOURNEYS, set(orphaned.values())):
            if row[0] in orphaned:
                worlds[row[5]].journeys[row[0]] = journey_of(row)
