"""Who is who: customers by the keys that platforms know them by, and by what is theirs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from engine.core.identity import IdentityKey
from engine.storage.bulk import fetch_any

_IDENTITIES = "SELECT kind, value, customer_id FROM identities WHERE value {any}"
_IDENTITIES_OF = "SELECT kind, value, customer_id FROM identities WHERE customer_id {any}"
_ALIASES = "SELECT customer_id, merged_into FROM aliases WHERE customer_id {any}"
_ORDER_OWNERS = "SELECT id, customer_id FROM orders WHERE id {any}"
_TICKET_OWNERS = "SELECT id, customer_id FROM tickets WHERE id {any}"


def resolve(connection: Connection, keys: Collection[IdentityKey]) -> dict[IdentityKey, str]:
    """Customers by identity key."""
    if not keys:
        return {}
    wanted = set(keys)
    rows = fetch_any(connection, _IDENTITIES, {key.value for key in wanted})
    return {key: row[2] for row in rows if (key := IdentityKey(row[0], row[1])) in wanted}


def identities_of(
    connection: Connection, customer_ids: Collection[str]
) -> dict[str, set[IdentityKey]]:
    """Every key of these customers."""
    found: dict[str, set[IdentityKey]] = {}
    if customer_ids:
        for row in fetch_any(connection, _IDENTITIES_OF, customer_ids):
            found.setdefault(row[2], set()).add(IdentityKey(row[0], row[1]))
    return found


def holders(connection: Connection, address: str) -> dict[IdentityKey, str]:
    """Customers by their keys of this value."""
    return {
        IdentityKey(kind, value): owner
        for kind, value, owner in fetch_any(connection, _IDENTITIES, [address])
    }


def aliases(connection: Connection, customer_ids: Collection[str]) -> dict[str, str]:
    """Where merged customers went."""
    return {row[0]: row[1] for row in fetch_any(connection, _ALIASES, customer_ids)}


def owners(
    connection: Connection, order_ids: Collection[str], ticket_ids: Collection[str]
) -> dict[str, str | None]:
    """Customer by order or ticket id."""
    found: dict[str, str | None] = {}
    if order_ids:
        found.update((row[0], row[1]) for row in fetch_any(connection, _ORDER_OWNERS, order_ids))
    if ticket_ids:
        found.update((row[0], row[1]) for row in fetch_any(connection, _TICKET_OWNERS, ticket_ids))
    return found
