"""Receipts: rows to objects and back, and which of them are kept already."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.core.machines import TOGETHER
from engine.core.message import Message
from engine.core.receipt import Receipt, ReceiptKind
from engine.storage import tables
from engine.storage.bulk import BulkTable, Row, fetch, fetch_any
from engine.storage.journey_rows import message_of
from engine.storage.scalars import micros, moment
from engine.storage.worlds import columns

_RECEIPTS = BulkTable.of(tables.receipts)
_KNOWN = "SELECT message_id, provider, id FROM receipts WHERE message_id {any}"
_CLICKS = (
    f"SELECT {columns(tables.receipts)} FROM receipts WHERE message_id {{any}}"
    " AND kind = 'clicked' AND \"at\" BETWEEN {p} AND {p}"
)
_OF = f'SELECT {columns(tables.receipts)} FROM receipts WHERE message_id = {{p}} ORDER BY "at", id'
_PROVIDER_IDS = (
    "SELECT provider_message_id FROM messages WHERE customer_id {any}"
    " AND provider_message_id IS NOT NULL"
)
_IN_DOUBT = (
    f"SELECT {columns(tables.messages)} FROM messages WHERE status IN ('sending', 'unknown')"
    " AND status = 'unknown' ORDER BY sent_at, id LIMIT {p}"
)


def unseen_receipts(connection: Connection, receipts: Collection[Receipt]) -> list[Receipt]:
    """Those that are not kept yet, each once, in the order given."""
    if not receipts:
        return []
    messages = {one.message_id for one in receipts}
    seen = {tuple(row) for row in fetch_any(connection, _KNOWN, messages)}
    fresh: list[Receipt] = []
    for one in receipts:
        key = (one.message_id, one.provider, one.id)
        if key not in seen:
            seen.add(key)
            fresh.append(one)
    return fresh


def clicks_near(connection: Connection, clicks: Sequence[Receipt]) -> list[Receipt]:
    """The kept clicks of the messages of these, from a moment before the first to one after."""
    if not clicks:
        return []
    times = [one.at for one in clicks]
    since, until = micros(min(times) - TOGETHER), micros(max(times) + TOGETHER)
    messages = {one.message_id for one in clicks}
    return [_receipt_of(row) for row in fetch_any(connection, _CLICKS, messages, since, until)]


def keep_receipts(connection: Connection, receipts: list[tuple[Receipt, datetime]]) -> None:
    """Store receipts with the moment of their arrival; those known stay as they are."""
    _RECEIPTS.keep(connection, [_receipt_row(one, at) for one, at in receipts])


def receipts_of(connection: Connection, message_id: str) -> Sequence[Receipt]:
    """What was reported of one message, in order of time."""
    return [_receipt_of(row) for row in fetch(connection, _OF, message_id)]


def messages_in_doubt(connection: Connection, limit: int) -> Sequence[Message]:
    """Unknown messages, the longest in doubt first."""
    return [message_of(row) for row in fetch(connection, _IN_DOUBT, limit)]


def provider_ids(connection: Connection, customer_ids: Collection[str]) -> frozenset[str]:
    """The providers' own ids of messages to these customers."""
    return frozenset(row[0] for row in fetch_any(connection, _PROVIDER_IDS, customer_ids))


def _receipt_row(receipt: Receipt, received_at: datetime) -> Row:
    return (
        receipt.message_id,
        receipt.provider,
        receipt.id,
        receipt.kind.value,
        micros(receipt.at),
        micros(received_at),
        receipt.machine,
        receipt.error_code,
        receipt.reason,
        receipt.url,
        receipt.raw.replace("\x00", "\N{REPLACEMENT CHARACTER}"),
    )


def _receipt_of(row: Any) -> Receipt:
    return Receipt(
        message_id=row[0],
        provider=row[1],
        id=row[2],
        kind=ReceiptKind(row[3]),
        at=moment(row[4]),
        machine=bool(row[6]),
        error_code=row[7],
        reason=row[8],
        url=row[9],
        raw=row[10],
    )
