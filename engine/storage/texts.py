"""What was sent to a telephone number, and which numbers wait for a person's decision."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from engine.core.message import Message
from engine.core.permissions import WISHED
from engine.ports.stored import HeldNumber
from engine.storage import tables
from engine.storage.bulk import fetch
from engine.storage.journey_rows import message_of
from engine.storage.scalars import moment
from engine.storage.worlds import columns

_TEXTS_TO = (
    f"SELECT {columns(tables.messages)} FROM messages WHERE channel = 'sms' AND recipient = {{p}}"
    " AND status NOT IN ('scheduled', 'skipped', 'cancelled')"
    " ORDER BY created_at DESC, id DESC LIMIT {p}"
)
_HELD = (
    "SELECT address, \"at\" FROM suppressions WHERE channel = 'sms' AND reason = {p}"
    ' ORDER BY "at", address'
)
# What a customer wrote, by customer and time; what nobody known wrote, among the rejected.
_WRITTEN = (
    "SELECT customer_id, body FROM events WHERE type = 'message.replied' AND time = {p}"
    " AND customer_id IN (SELECT customer_id FROM identities WHERE value = {p}"
    " UNION SELECT customer_id FROM messages WHERE channel = 'sms' AND recipient = {p})"
)
_WRITTEN_BY_NOBODY = (
    "SELECT customer_id, body FROM events WHERE state = 2 AND type = 'message.replied'"
    " AND time = {p}"
)


def texts_to(connection: Connection, number: str, limit: int) -> Sequence[Message]:
    """The newest SMS messages that were handed over for a number, newest first."""
    return [message_of(row) for row in fetch(connection, _TEXTS_TO, number, limit)]


def held_texts(connection: Connection) -> list[HeldNumber]:
    """Numbers on hold, the oldest first, with what was written."""
    found: list[HeldNumber] = []
    for number, at in fetch(connection, _HELD, WISHED):
        rows = [
            *fetch(connection, _WRITTEN, at, number, number),
            *fetch(connection, _WRITTEN_BY_NOBODY, at),
        ]
        customer_id, text = next(
            ((owner, told) for owner, body in rows if (told := _text(body, number)) is not None),
            (None, None),
        )
        found.append(HeldNumber(number=number, at=moment(at), customer_id=customer_id, text=text))
    return found


def _text(body: str, number: str) -> str | None:
    """The words of a stored event, if it is for these that this number is on hold."""
    try:
        event: dict[str, Any] = json.loads(body)
        data, phone = event["data"], event["customer"]["phone"]
        return str(data["text"]) if phone == number and data["flagged"] is True else None
    except (ValueError, KeyError, TypeError):
        return None
