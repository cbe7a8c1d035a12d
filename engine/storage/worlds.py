"""Loading worlds: one query per table for a whole batch of customers.

PostgreSQL is asked twice: for all that is found by the customers, then for what that names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table

from engine.core.customer import Line, Order, Ticket
from engine.core.message import COUNTED, SLOTLESS
from engine.core.world import Contact, Journey, JourneyStatus, World
from engine.ports.stored import Permissions
from engine.storage import tables
from engine.storage.books import fill_books, records_of
from engine.storage.bulk import Query, any_of, fetch_any, fetch_together
from engine.storage.journey_rows import journey_of, message_of
from engine.storage.permission_locks import keeping_permissions
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
_WITH_OPEN = (
    f"SELECT {columns(tables.journeys)} FROM journeys WHERE id IN (SELECT journey_id FROM messages"
    " WHERE customer_id {any} AND created_at >= {p}"
    " AND status IN ('scheduled', 'sending', 'unknown'))"
)
_CONSENTS = f"SELECT {columns(tables.consents)} FROM consents WHERE address {{any}}"
_SUPPRESSIONS = f"SELECT {columns(tables.suppressions)} FROM suppressions WHERE address {{any}}"
_PREFERENCES = f"SELECT {columns(tables.preferences)} FROM preferences WHERE address {{any}}"
_CONTACTS = (  # at ``Message.counts_at``
    "SELECT customer_id, id, CASE WHEN sent_at > send_at THEN sent_at ELSE send_at END,"
    " channel, purpose, campaign, status, topic, journey_id, reason FROM messages"
    " WHERE customer_id {any} AND created_at >= {p}"
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
    before_waiting: Callable[[], None] = lambda: None,
) -> dict[str, World]:
    """Worlds by customer id, for those customers that exist.

    Messages that are still open come with their journeys, ended ones too: whether a message may
    go out depends on how its journey ended. ``message_ids`` names messages to load besides, and
    ``look_back`` is how long a contact may matter. ``before_waiting``: see
    ``engine.ports.storage.UnitOfWork``.
    """
    ids = list(customer_ids)
    if not ids:
        before_waiting()
        return {}
    at, since = micros(now), _since(now, look_back)
    customers, journeys, contacts, *records = fetch_together(
        connection,
        [
            any_of(connection, _CUSTOMERS, ids),
            any_of(connection, _JOURNEYS, ids) if past else any_of(connection, _MOVING, ids, at),
            any_of(connection, _CONTACTS, ids, since),
            *records_of(connection, ids, books),
        ],
    )
    worlds = {row[0]: World(customer=customer_of(row)) for row in customers}
    if not worlds:
        before_waiting()
        return worlds
    for rows in records:
        fill_books(worlds, rows, books)
    _fill_journeys(worlds, journeys, at)
    wanted_orders, wanted_tickets = set(order_ids), set(ticket_ids)
    wanted_messages = {*message_ids, *_fill_contacts(worlds, contacts)}
    for world in worlds.values():
        for journey in world.journeys.values():
            if journey.order_id:
                wanted_orders.add(journey.order_id)
            if journey.ticket_id:
                wanted_tickets.add(journey.ticket_id)
            if journey.awaiting is not None:
                wanted_messages.add(journey.awaiting)
    by_address = _by_address(worlds)
    before_waiting()
    of_orders = (_ORDERS, _LINES) if wanted_orders else ()
    of_permissions = _permission_queries(connection, by_address, sends=sends)
    answers = iter(
        fetch_together(
            connection,
            [
                *of_permissions,
                *(any_of(connection, sql, wanted_orders) for sql in of_orders),
                *(any_of(connection, _TICKETS, each) for each in (wanted_tickets,) if each),
                *(any_of(connection, _MESSAGES, each) for each in (wanted_messages,) if each),
            ],
        )
    )
    _permit(by_address, _permissions([next(answers) for _ in of_permissions]))
    if wanted_orders:
        _fill_orders(worlds, _orders(next(answers), next(answers)))
    if wanted_tickets:
        _fill_tickets(worlds, map(ticket_of, next(answers)))
    if wanted_messages:
        ended = _fill_messages(connection, worlds, next(answers))
        more_orders = {each.order_id for each in ended if each.order_id} - wanted_orders
        more_tickets = {each.ticket_id for each in ended if each.ticket_id} - wanted_tickets
        _fill_orders(worlds, _load_orders(connection, more_orders))
        _fill_tickets(worlds, _load_tickets(connection, more_tickets).values())
    if complete:
        _complete(connection, worlds, complete)
    return worlds


def load_moving(
    connection: Connection, customer_ids: Collection[str], *, now: datetime, look_back: timedelta
) -> dict[str, World]:
    """As ``load_worlds``, with no more than the journeys."""
    ids, at = list(customer_ids), micros(now)
    if not ids:
        return {}
    customers, *journeys = fetch_together(
        connection,
        [
            any_of(connection, _CUSTOMERS, ids),
            any_of(connection, _MOVING, ids, at),
            any_of(connection, _WITH_OPEN, ids, _since(now, look_back)),
        ],
    )
    worlds = {row[0]: World(customer=customer_of(row)) for row in customers}
    for rows in journeys:
        for journey in map(journey_of, rows):
            if journey.customer_id in worlds:
                worlds[journey.customer_id].journeys[journey.id] = journey
    return worlds


def _since(now: datetime, look_back: timedelta) -> int:
    """From when messages are looked for."""
    return micros(now - max(_LEAST, look_back + _WAITED))


def _complete(
    connection: Connection, worlds: Mapping[str, World], customer_ids: Collection[str]
) -> None:
    """Give these customers all the orders and tickets that they have."""
    _fill_orders(worlds, load_orders_of(connection, customer_ids))
    tickets = fetch_any(connection, _TICKETS_OF, customer_ids)
    _fill_tickets(worlds, map(ticket_of, tickets))
    for customer_id in customer_ids:
        if customer_id in worlds:
            worlds[customer_id].complete = True


def _fill_orders(worlds: Mapping[str, World], orders: Mapping[str, Order]) -> None:
    for order in orders.values():
        world = worlds.get(order.customer_id or "")
        if world is not None:
            world.orders[order.id] = order


def _fill_tickets(worlds: Mapping[str, World], tickets: Iterable[Ticket]) -> None:
    for ticket in tickets:
        world = worlds.get(ticket.customer_id or "")
        if world is not None:
            world.tickets[ticket.id] = ticket


def _fill_journeys(worlds: Mapping[str, World], rows: Iterable[Sequence[Any]], at: int) -> None:
    for row in rows:
        world = worlds.get(row[5])
        if world is None:
            continue
        if row[6] == JourneyStatus.LIVE or (
            row[20] is None and row[19] is not None and row[19] > at
        ):
            journey = journey_of(row)
            world.journeys[journey.id] = journey
        world.past.note(row[1], row[3], row[5], entry_no=row[4], entered_at=moment(row[11]))


def load_orders_of(connection: Connection, customer_ids: Collection[str]) -> dict[str, Order]:
    """All the orders of these customers with their lines, by id."""
    rows = fetch_any(connection, _ORDERS_OF, customer_ids)
    return _orders(rows, fetch_any(connection, _LINES, [row[0] for row in rows]) if rows else ())


def _orders(rows: Iterable[Sequence[Any]], of_lines: Iterable[Sequence[Any]]) -> dict[str, Order]:
    orders = {row[0]: order_of(row) for row in rows}
    lines: defaultdict[str, dict[str, Line]] = defaultdict(dict)
    for row in of_lines:
        lines[row[0]][row[1]] = line_of(row)
    for order_id, order in orders.items():
        if order_id in lines:
            order.lines = lines[order_id]
    return orders


def load_orphans(
    connection: Connection, order_ids: Collection[str], ticket_ids: Collection[str]
) -> tuple[dict[str, Order], dict[str, Ticket]]:
    """Those of these orders and tickets that are nobody's yet, by id."""
    orders, tickets = _load_orders(connection, order_ids), _load_tickets(connection, ticket_ids)
    return (
        {key: order for key, order in orders.items() if order.customer_id is None},
        {key: ticket for key, ticket in tickets.items() if ticket.customer_id is None},
    )


def _load_orders(connection: Connection, order_ids: Collection[str]) -> dict[str, Order]:
    if not order_ids:
        return {}
    queries = [any_of(connection, sql, order_ids) for sql in (_ORDERS, _LINES)]
    return _orders(*fetch_together(connection, queries))


def _load_tickets(connection: Connection, ticket_ids: Collection[str]) -> dict[str, Ticket]:
    if not ticket_ids:
        return {}
    return {row[0]: ticket_of(row) for row in fetch_any(connection, _TICKETS, ticket_ids)}


def _by_address(worlds: Mapping[str, World]) -> dict[str, list[World]]:
    by_address: dict[str, list[World]] = {}
    for world in worlds.values():
        for address in (world.customer.email, world.customer.phone):
            if address:
                by_address.setdefault(address, []).append(world)
    return by_address


def _permit(by_address: Mapping[str, Sequence[World]], known: Permissions) -> None:
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
    queries = _permission_queries(connection, addresses, sends=sends)
    return _permissions(fetch_together(connection, queries))


def _permission_queries(
    connection: Connection, addresses: Collection[str], *, sends: bool
) -> Sequence[Query]:
    if not addresses:
        return ()
    return (
        *(keeping_permissions(connection, addresses) if sends else ()),
        *(any_of(connection, sql, addresses) for sql in (_CONSENTS, _SUPPRESSIONS, _PREFERENCES)),
    )


def _permissions(answers: Sequence[Sequence[Sequence[Any]]]) -> Permissions:
    """What such queries found; the lock, before them, finds nothing."""
    consents, suppressions, preferences = answers[-3:] if answers else ((), (), ())
    return Permissions(
        consents={(each.channel, each.address): each for each in map(consent_of, consents)},
        suppressions={
            (each.channel, each.address): each for each in map(suppression_of, suppressions)
        },
        preferences={
            (each.channel, each.address): each for each in map(preferences_of, preferences)
        },
    )


def _fill_contacts(worlds: Mapping[str, World], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Give the worlds their contacts; which messages are open."""
    for row in rows:
        world = worlds.get(row[0])
        if world is None:
            continue
        if row[6] in _COUNTED and row[9] not in SLOTLESS:
            world.contacts.append(
                Contact(row[1], moment(row[2]), row[3], row[4], row[5], row[7], row[8])
            )
        if row[6] in _OPEN:
            yield row[1]


def _fill_messages(
    connection: Connection, worlds: Mapping[str, World], rows: Iterable[Sequence[Any]]
) -> list[Journey]:
    """Give the worlds these messages, with those of their journeys that have ended; these."""
    orphaned: dict[str, str] = {}
    for row in rows:
        world = worlds.get(row[7])
        if world is not None:
            world.messages[row[0]] = message_of(row)
            if row[3] not in world.journeys:
                orphaned[row[3]] = row[7]
    if not orphaned:
        return []
    rows = fetch_any(connection, _JOURNEYS, set(orphaned.values()))
    ended = [journey_of(row) for row in rows if row[0] in orphaned]
    for journey in ended:
        worlds[journey.customer_id].journeys[journey.id] = journey
    return ended
