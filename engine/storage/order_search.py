"""Orders by what people call them: their number, or the platform's id alone."""

from __future__ import annotations

from sqlalchemy import Connection

from engine.ports.history import OrderMatch
from engine.storage.bulk import fetch

_MOST = 20
_NAMED = (
    "SELECT id, number, customer_id FROM orders WHERE customer_id IS NOT NULL"
    " AND (number = {p} OR number = {p} OR id LIKE {p} ESCAPE '!') ORDER BY id LIMIT {p}"
)


def find_orders(connection: Connection, text: str) -> list[OrderMatch]:
    """The orders that ``text`` names, at most 20."""
    text = text.strip()
    if not text:
        return []
    plain = text.removeprefix("#")
    escaped = plain.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    rows = fetch(connection, _NAMED, plain, f"#{plain}", f"%:{escaped}", _MOST)
    return [OrderMatch(id=row[0], number=row[1], customer_id=row[2]) for row in rows]
