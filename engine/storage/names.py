"""Customers, orders, tickets, journeys, messages by what people call them: for who asks."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from engine.ports.history import CustomerMatch, OrderMatch, OtherMatch
from engine.storage.bulk import fetch, fetch_any
from engine.storage.scalars import moment

_MOST: Final = 20
_LEAST_DIGITS: Final = 7  # of a telephone number that is told without its country
_ORDER: Final = "SELECT id, number, customer_id FROM orders WHERE customer_id IS NOT NULL AND"
_BY_NUMBER: Final = f"{_ORDER} number IN ({{p}}, {{p}}) ORDER BY id LIMIT {{p}}"
_BY_PLATFORM_ID: Final = f"{_ORDER} id LIKE {{p}} ESCAPE '!' ORDER BY id LIMIT {{p}}"
_TICKETS: Final = (
    "SELECT id, customer_id FROM tickets WHERE customer_id IS NOT NULL"
    " AND id LIKE {p} ESCAPE '!' ORDER BY id LIMIT {p}"
)
_JOURNEYS: Final = "SELECT id, customer_id FROM journeys WHERE id = {p} LIMIT {p}"
_MESSAGES: Final = "SELECT id, customer_id FROM messages WHERE provider_message_id = {p} LIMIT {p}"
_PHONES: Final = (
    "SELECT DISTINCT value, customer_id FROM identities WHERE kind LIKE 'phone%%'"
    " AND value LIKE {p} ORDER BY value LIMIT {p}"
)
_EMAILS: Final = (
    "SELECT value FROM identities WHERE value >= {p} AND value < {p} AND kind = 'email'"
    " ORDER BY value LIMIT 500"
)
_CUSTOMER: Final = "id, email, phone, first_name, last_name, created_at, orders_count"
_LAST: Final = "\U0010ffff"  # sorts behind everything that an id may hold


def find_customers(connection: Connection, text: str) -> list[CustomerMatch]:
    """The customers that ``text`` names: by id or its beginning, or by any key of theirs."""
    text = text.strip()
    if not text:
        return []
    by: dict[str, str] = {}
    for row in fetch(
        connection,
        "SELECT id FROM customers WHERE id >= {p} AND id < {p} ORDER BY id LIMIT 20",
        text,
        text + _LAST,
    ):
        by.setdefault(row[0], "id")
    for row in fetch(
        connection,
        "SELECT merged_into FROM aliases WHERE customer_id >= {p} AND customer_id < {p} LIMIT 20",
        text,
        text + _LAST,
    ):
        by.setdefault(row[0], "alias")
    name, _, domain = text.rpartition("@")
    source, _, external = text.partition(":")
    values = {text, text.lower(), f"{name}@{domain.lower()}", text.replace(" ", ""), external}
    for kind, value, customer_id in fetch_any(
        connection,
        "SELECT kind, value, customer_id FROM identities WHERE value {any} ORDER BY kind",
        sorted(values - {""}),
    ):
        if value != external or kind == f"id:{source}" or value == text:
            by.setdefault(customer_id, kind)
    rows = fetch_any(
        connection, f"SELECT {_CUSTOMER} FROM customers WHERE id {{any}} ORDER BY id", by
    )
    return [
        CustomerMatch(
            id=row[0],
            matched_by=by[row[0]],
            email=row[1],
            phone=row[2],
            first_name=row[3],
            last_name=row[4],
            created_at=moment(row[5]),
            orders_count=row[6],
        )
        for row in rows
    ]


def find_orders(connection: Connection, text: str) -> list[OrderMatch]:
    """The orders that ``text`` names, at most 20: by their number, else by the platform's id."""
    text = text.strip()
    if not text:
        return []
    plain = text.removeprefix("#")
    rows = fetch(connection, _BY_NUMBER, plain, f"#{plain}", _MOST)
    rows = rows or fetch(connection, _BY_PLATFORM_ID, _after_source(plain), _MOST)
    return [OrderMatch(id=row[0], number=row[1], customer_id=row[2]) for row in rows]


def find_others(connection: Connection, text: str) -> list[OtherMatch]:
    """Tickets, else a journey, else a message, else telephone numbers that ``text`` names."""
    text = text.strip()
    if not text:
        return []
    for row in fetch(connection, _JOURNEYS, text.lower(), 1):
        return [OtherMatch(kind="journey", id=row[0], customer_id=row[1])]
    for row in fetch(connection, _MESSAGES, text, 1):
        return [OtherMatch(kind="message", id=row[0], customer_id=row[1])]
    tickets = fetch(connection, _TICKETS, _after_source(text), _MOST)
    if tickets:
        return [OtherMatch(kind="ticket", id=row[0], customer_id=row[1]) for row in tickets]
    if set(text) - set("0123456789 +-./()"):
        return []
    digits = "".join(sign for sign in text if sign.isdigit()).lstrip("0")
    if len(digits) < _LEAST_DIGITS:
        return []
    phones = fetch(connection, _PHONES, f"%{digits}", _MOST)
    return [OtherMatch(kind="phone", id=row[0], customer_id=row[1]) for row in phones]


def emails_like(connection: Connection, text: str) -> list[str]:
    """Customers' addresses that begin with the same two letters, at most 500."""
    head = text.strip().lower()[:2]
    return [row[0] for row in fetch(connection, _EMAILS, head, head + _LAST)] if head else []


def _after_source(plain: str) -> str:
    """The pattern of our id (``shop:1001``) for the platform's alone."""
    return "%:" + plain.replace("!", "!!").replace("%", "!%").replace("_", "!_")
