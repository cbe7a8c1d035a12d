"""The programs' books: loaded with a customer's world where a program reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Column, Connection, Index, Table, Text, text

from engine.core.book import Record
from engine.core.world import World
from engine.ports.stored import BookLine, Merge
from engine.storage.bulk import BulkTable, Query, Row, any_of, fetch, fetch_any
from engine.storage.scalars import dump, micros, micros_or_none, moment, moment_or_none
from engine.storage.tables import IN_KEY, Key, metadata, where

books = Table(
    "books",
    metadata,
    Column("customer_id", Key, primary_key=True),  # a customer's records lie side by side
    Column("book", Key, primary_key=True),
    Column("key", Key, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("due_at", BigInteger),
    Column("data", Text, nullable=False),
    Index("ix_books_book_key", "book", "key"),  # whose coupon, whose referral code
    Index("ix_books_due", "due_at", **where("due_at IS NOT NULL")),
    **IN_KEY,
)

_BOOKS = BulkTable.of(books, seldom=("due_at",))
_RECORDS = 'SELECT customer_id, book, "key", "at", due_at, data FROM books WHERE customer_id {any}'
_KEEPERS = 'SELECT customer_id, "key", "at" FROM books WHERE "key" {any} AND book = {p}'
_DUE = "SELECT customer_id FROM books WHERE due_at IS NOT NULL AND due_at <= {p} ORDER BY due_at"
_BY_ID = {False: " LIMIT {p}", True: ", customer_id LIMIT {p}"}

_LINES = (
    'SELECT b.customer_id, b.book, b."key", b."at", b.due_at, b.data,'
    " c.first_name, c.last_name, c.phone FROM books AS b"
    " JOIN customers AS c ON c.id = b.customer_id"
    ' WHERE b.book = {p} AND b."key" >= {p} AND b."key" < {p} ORDER BY b."key", b.customer_id'
)
_BEYOND = "\U0010ffff"  # sorts after every character that a key may have


def record_of(row: Row) -> tuple[str, Record]:
    """The customer and the record of a ``books`` row."""
    return row[0], Record(
        book=row[1],
        key=row[2],
        at=moment(row[3]),
        due_at=moment_or_none(row[4]),
        data=orjson.loads(row[5]),
    )


def records_of(
    connection: Connection, customer_ids: Collection[str], wanted: Collection[str] | None
) -> Sequence[Query]:
    """What asks for these books; None: all of them."""
    if wanted is not None and not wanted:
        return ()
    return (any_of(connection, _RECORDS, customer_ids),)


def fill_books(
    worlds: Mapping[str, World], rows: Iterable[Sequence[Any]], wanted: Collection[str] | None
) -> None:
    """Give the worlds their records."""
    for row in rows:
        if row[0] in worlds and (wanted is None or row[1] in wanted):
            customer_id, record = record_of(tuple(row))
            worlds[customer_id].books.put(record)


def lines_of(connection: Connection, name: str, key: str) -> list[BookLine]:
    """The records of a book whose key begins with ``key``, whoever's they are."""
    found = []
    for row in fetch(connection, _LINES, name, key, key + _BEYOND):
        customer_id, record = record_of(tuple(row[:6]))
        full = " ".join(part for part in (row[6], row[7]) if part)
        found.append(
            BookLine(customer_id=customer_id, name=full or None, phone=row[8], record=record)
        )
    return found


def write_books(connection: Connection, worlds: Collection[World]) -> None:
    """Write every record that was changed."""
    write_records(
        connection,
        [
            (world.customer.id, record)
            for world in worlds
            for _, record in sorted(world.changes.records.items())
        ],
    )


def write_records(connection: Connection, records: Iterable[tuple[str, Record]]) -> None:
    """Write records into their customers' books."""
    _BOOKS.upsert(
        connection,
        [
            (
                customer_id,
                record.book,
                record.key,
                micros(record.at),
                micros_or_none(record.due_at),
                dump(dict(record.data)),
            )
            for customer_id, record in records
        ],
    )


def move_books(connection: Connection, merge: Merge) -> None:
    """Give a merged customer's records to the survivor, whose own stay as they are."""
    names = {"survivor": merge.survivor, "merged": merge.merged}
    connection.execute(
        text(
            "UPDATE books SET customer_id = :survivor WHERE customer_id = :merged"
            " AND NOT EXISTS (SELECT 1 FROM books AS b WHERE b.customer_id = :survivor"
            ' AND b.book = books.book AND b."key" = books."key")'
        ),
        names,
    )
    connection.execute(
        text("DELETE FROM books WHERE customer_id = :merged"), {"merged": merge.merged}
    )


def keepers(
    connection: Connection, places: Collection[tuple[str, str]]
) -> dict[tuple[str, str], list[tuple[str, datetime]]]:
    """Whose records stand in these places, and since when, by customer."""
    found: dict[tuple[str, str], list[tuple[str, datetime]]] = {}
    for book in sorted({book for book, _ in places}):
        keys = {key for each, key in places if each == book}
        for customer_id, key, at in fetch_any(connection, _KEEPERS, keys, book):
            found.setdefault((book, key), []).append((customer_id, moment(at)))
    return found


def customers_due(
    connection: Connection, now: datetime, limit: int, *, by_id: bool
) -> Sequence[Sequence[Any]]:
    """Customers with a record whose time has come, oldest first, one to a row.

    ``by_id``: at one instant in the order of their ids.
    """
    return fetch(connection, _DUE + _BY_ID[by_id], micros(now), limit)
