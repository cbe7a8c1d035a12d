"""Erasing a customer: every row that tells of them is deleted, or keeps only what counts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
from sqlalchemy import Connection, text

from engine.ports.privacy import ERASED_BODY, Erasure
from engine.storage import tables
from engine.storage.bulk import execute_any, fetch, fetch_any, is_postgresql
from engine.storage.contention import telling_contention
from engine.storage.database import Database
from engine.storage.flush import Flush
from engine.storage.permission_flush import suppress
from engine.storage.permission_locks import change_permissions
from engine.storage.scalars import dump, micros
from engine.storage.unit import SqlUnitOfWork

_CODE = re.compile(r"[a-z][a-z0-9_.]*")


class SqlErasingUnit(SqlUnitOfWork):
    """``engine.ports.privacy.ErasingUnit``."""

    def erase(self, erasure: Erasure) -> None:
        """Note an erasure, to be carried out after all that is noted."""
        flush = _ErasingFlush(erasure)
        flush.worlds = self._flush.worlds
        self._flush = flush

    def under_way(self, customer_id: str) -> Sequence[str]:
        """Messages that are being handed over."""
        sql = "SELECT id FROM messages WHERE customer_id = {p} AND status = 'sending'"
        return [row[0] for row in fetch(self._connection, sql, customer_id)]

    def recipients(self, customer_id: str) -> frozenset[str]:
        """Where their messages went."""
        sql = "SELECT DISTINCT recipient FROM messages WHERE customer_id = {p}"
        return frozenset(row[0] for row in fetch(self._connection, sql, customer_id) if row[0])


@contextmanager
def erasing(database: Database) -> Iterator[SqlErasingUnit]:
    """A unit of work that can erase; what was not committed is rolled back."""
    with telling_contention():
        if database.is_sqlite:
            with (
                database.decision.pass_through(urgent=False),
                database.engine.connect() as connection,
            ):
                yield SqlErasingUnit(database, connection, urgent=False)
        else:
            with database.engine.connect() as connection:
                yield SqlErasingUnit(database, connection, urgent=False)


class _ErasingFlush(Flush):
    def __init__(self, erasure: Erasure) -> None:
        super().__init__()
        self._erasure = erasure

    def write(self, connection: Connection) -> None:
        with _overwriting(connection):
            super().write(connection)
            _erase(connection, self._erasure)


@contextmanager
def _overwriting(connection: Connection) -> Iterator[None]:
    """On SQLite, fill what is deleted with zeros, so that it cannot be read out of the file."""
    if is_postgresql(connection):
        yield
        return
    former = connection.exec_driver_sql("PRAGMA secure_delete").scalar()
    connection.exec_driver_sql("PRAGMA secure_delete = ON")
    try:
        yield
    finally:
        word = {0: "OFF", 1: "ON", 2: "FAST"}[int(former or 0)]
        connection.exec_driver_sql(f"PRAGMA secure_delete = {word}")


def _erase(connection: Connection, erasure: Erasure) -> None:
    journeys = _journeys(connection, erasure)
    messages = _messages(connection, erasure)
    _decisions(connection, erasure)
    _orders(connection, erasure)
    _events(connection, erasure)
    execute_any(connection, "DELETE FROM contents WHERE message_id {any}", messages)
    execute_any(connection, "DELETE FROM receipts WHERE message_id {any}", messages)
    execute_any(connection, "DELETE FROM webhook_calls WHERE journey_id {any}", journeys)
    for sql in (
        "UPDATE tickets SET subject = NULL, tags = '[]' WHERE customer_id = :customer",
        "UPDATE tickets SET customer_id = :anonymous, stamps = '{}' WHERE customer_id = :customer",
        "DELETE FROM identity_conflicts WHERE customer_id = :customer OR other_id = :customer",
        "DELETE FROM aliases WHERE customer_id = :customer OR merged_into = :customer",
        "DELETE FROM books WHERE customer_id = :customer",
        "DELETE FROM identities WHERE customer_id = :customer",
        "DELETE FROM customers WHERE id = :customer",
    ):
        _run(connection, erasure, sql)
    remembered = [one.address for one in erasure.remembered]
    change_permissions(connection, {*erasure.addresses, *remembered})
    for table in ("consents", "consent_history", "suppressions", "preferences"):
        execute_any(connection, f"DELETE FROM {table} WHERE address {{any}}", erasure.addresses)
    suppress(connection, erasure.remembered)


def _run(connection: Connection, erasure: Erasure, sql: str, **more: Any) -> None:
    names = {"customer": erasure.customer_id, "anonymous": erasure.anonymous_id, **more}
    used = set(re.findall(r":([a-z]+)", sql))
    connection.execute(text(sql), {name: names[name] for name in used})


def _journeys(connection: Connection, erasure: Erasure) -> list[str]:
    """Each keeps its campaign, its times, its variants and how it ended; the ids that it had."""
    rows = fetch(
        connection,
        "SELECT id, entry_key, order_id, ticket_id, data, status, reason FROM journeys"
        " WHERE customer_id = {p}",
        erasure.customer_id,
    )
    for key, entry_key, order, ticket, data, status, reason in rows:
        trigger, _results, _seen, variants = orjson.loads(data)
        kept = {"type": trigger["type"]} if "type" in trigger else {}
        is_live = status == "live"
        _run(
            connection,
            erasure,
            "UPDATE journeys SET id = :new, customer_id = :anonymous, entry_key = :entry,"
            " data = :data, awaiting = NULL, status = :status, reason = :reason,"
            " ended_at = :ended, due_at = NULL, parked = :no, goal_until = :goal"
            " WHERE customer_id = :customer AND id = :old"
            if is_live
            else "UPDATE journeys SET id = :new, customer_id = :anonymous, entry_key = :entry,"
            " data = :data, awaiting = NULL, reason = :reason"
            " WHERE customer_id = :customer AND id = :old",
            new=erasure.rename("journey", key),
            old=key,
            entry=_entry_key(erasure, entry_key, order, ticket),
            data=dump([kept, {}, {}, variants]),
            status="exited",
            reason=erasure.reason if is_live else _code(reason),
            ended=micros(erasure.at),
            no=False,
            goal=None,
        )
    return [row[0] for row in rows]


def _entry_key(erasure: Erasure, key: str, order: str | None, ticket: str | None) -> str:
    """A key that is an order's or a ticket's stays; any other may hold anything."""
    return key if key in (order, ticket) else erasure.anonymous_id


def _code(reason: str | None) -> str | None:
    """A reason of our own; a provider's words may quote an address."""
    return reason if reason is not None and _CODE.fullmatch(reason) else None


def _messages(connection: Connection, erasure: Erasure) -> list[str]:
    """Each keeps what was decided and how it went; the ids that they had."""
    rows = fetch(
        connection,
        "SELECT id, journey_id, entry_key, order_id, ticket_id, status, reason FROM messages"
        " WHERE customer_id = {p}",
        erasure.customer_id,
    )
    ended = {"scheduled": "cancelled", "unknown": "failed"}
    for key, journey, entry_key, order, ticket, status, reason in rows:
        _run(
            connection,
            erasure,
            "UPDATE messages SET id = :new, journey_id = :journey, customer_id = :anonymous,"
            " entry_key = :entry, status = :status, reason = :reason, recipient = NULL,"
            " subject = NULL, locale = NULL, provider_message_id = NULL, owner = NULL"
            " WHERE id = :old",
            new=erasure.rename("message", key),
            old=key,
            journey=erasure.rename("journey", journey),
            entry=_entry_key(erasure, entry_key, order, ticket),
            status=ended.get(status, status),
            reason=erasure.reason if status in ended else _code(reason),
        )
    return [row[0] for row in rows]


def _decisions(connection: Connection, erasure: Erasure) -> None:
    """What was decided stays, by code; the values that it was decided on go."""
    rows = fetch(
        connection,
        "SELECT seq, journey_id, entries FROM decisions WHERE customer_id = {p}",
        erasure.customer_id,
    )
    for seq, journey, entries in rows:
        kept = [
            [
                at,
                kind,
                step,
                _code(code) or "",
                message and erasure.rename("message", message),
                None,
            ]
            for at, kind, step, code, message, _trace in orjson.loads(entries)
        ]
        _run(
            connection,
            erasure,
            "UPDATE decisions SET customer_id = :anonymous, journey_id = :journey,"
            " entries = :entries WHERE seq = :seq",
            journey=erasure.rename("journey", journey),
            entries=dump(kept),
            seq=seq,
        )


def _orders(connection: Connection, erasure: Erasure) -> None:
    """Each keeps its id, its sums, its times and its products."""
    rows = fetch(
        connection,
        "SELECT id, fulfilments, refunds FROM orders WHERE customer_id = {p}",
        erasure.customer_id,
    )
    for key, fulfilments, refunds in rows:
        parcels = [
            [parcel, status, at, None, None, None, estimated, lines]
            for parcel, status, at, *_tracking, estimated, lines in orjson.loads(fulfilments)
        ]
        returns = [
            [refund, at, sum_, None, returned, lines]
            for refund, at, sum_, _reason, returned, lines in orjson.loads(refunds)
        ]
        _run(
            connection,
            erasure,
            "UPDATE orders SET customer_id = :anonymous, number = NULL, status_url = NULL,"
            " discount_codes = '[]', cancel_reason = NULL, attributes = '{}', stamps = '{}',"
            " fulfilments = :parcels, refunds = :returns WHERE id = :key",
            parcels=dump(parcels),
            returns=dump(returns),
            key=key,
        )
    execute_any(
        connection,
        "UPDATE order_lines SET title = '', url = NULL, image_url = NULL WHERE order_id {any}",
        [row[0] for row in rows],
    )


def _events(connection: Connection, erasure: Erasure) -> None:
    """Only that they came stays, so that none of them counts a second time."""
    change = (
        "UPDATE events SET customer_id = :anonymous, body = :body, verdicts = NULL, reason = NULL,"
        " state = :done WHERE"
    )
    more = {"body": ERASED_BODY.decode(), "done": tables.DONE}
    _run(connection, erasure, f"{change} customer_id = :customer", **more)
    for seq in erasure.events:
        _run(connection, erasure, f"{change} seq = :seq AND customer_id IS NULL", **more, seq=seq)


def unattributed(connection: Connection, after: int, limit: int) -> Sequence[Sequence[Any]]:
    """Events of nobody, as (seq, source, state, body)."""
    return fetch(
        connection,
        "SELECT seq, source, state, body FROM events WHERE customer_id IS NULL AND seq > {p}"
        " ORDER BY seq LIMIT {p}",
        after,
        limit,
    )


def sharers(
    connection: Connection, addresses: Sequence[str], customer_id: str
) -> dict[str, set[str]]:
    """Other customers with one of these addresses: by their profile, or by what they match by."""
    found: dict[str, set[str]] = {}
    for sql in (
        "SELECT email, id FROM customers WHERE email {any}",
        "SELECT phone, id FROM customers WHERE phone {any}",
        "SELECT value, customer_id FROM identities WHERE value {any} AND kind NOT LIKE 'id:%%'"
        if is_postgresql(connection)
        else "SELECT value, customer_id FROM identities WHERE value {any} AND kind NOT LIKE 'id:%'",
    ):
        for address, owner in fetch_any(connection, sql, addresses):
            if owner != customer_id:
                found.setdefault(address, set()).add(owner)
    return found
