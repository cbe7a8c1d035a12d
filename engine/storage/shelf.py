"""The shelf: products, and what goes with each, as the last night computed it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Table, Text, text

from engine.core.book import Record
from engine.core.customer import Order
from engine.core.shopping import BOOK, PAGE
from engine.ports.shopping import Buyer
from engine.programs.spend_classes import Spender
from engine.programs.suggesting import Rule, Shelved, named_by
from engine.storage.books import record_of, write_records
from engine.storage.bulk import BulkTable, Row, fetch, fetch_any, is_postgresql
from engine.storage.database import Database
from engine.storage.scalars import dump, micros, moment_or_none
from engine.storage.tables import IN_KEY, Key, metadata, where
from engine.storage.worlds import columns, load_orders_of

shelf = Table(
    "shelf",
    metadata,
    Column("product_id", Key, primary_key=True),
    Column("title", Text, nullable=False),
    Column("url", Text),
    Column("image_url", Text),
    Column("together", Text, nullable=False),  # JSON list of [product, lift, cases]
    Column("next", Text, nullable=False),
    Column("rank", Integer),  # among those with the most buyers, from 1
    Column("at", BigInteger, nullable=False),
    Index("ix_shelf_rank", "rank", **where("rank IS NOT NULL")),
    **IN_KEY,
)

_SHELF = BulkTable.of(shelf)
_SHELVED: Final = f"SELECT {columns(shelf)} FROM shelf WHERE product_id {{any}}"
_POPULAR: Final = f"SELECT {columns(shelf)} FROM shelf WHERE rank IS NOT NULL ORDER BY rank"
_BUYERS: Final = (
    "SELECT id, orders_count, total_spent, last_order_at FROM customers"
    " WHERE id > {p} AND (orders_count > 0 OR EXISTS (SELECT 1 FROM books AS b"
    f" WHERE b.customer_id = customers.id AND b.book = '{BOOK}')) ORDER BY id LIMIT {{p}}"
)
_PAGES: Final = (
    'SELECT customer_id, book, "key", "at", due_at, data FROM books'
    f" WHERE customer_id {{any}} AND book = '{BOOK}' AND \"key\" = '{PAGE}'"
)
_TURN: Final = 0x1A6_5BE1F  # no other advisory lock has this number
_LOCK: Final = "SELECT id FROM customers WHERE id {any} ORDER BY id FOR UPDATE"
_STILL: Final = "SELECT id FROM customers WHERE id {any}"


class SqlShopping:
    """``engine.ports.shopping.ShoppingStorage`` on SQLite or PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other process takes stock; on SQLite there is only one that may write."""
        if self._database.is_sqlite:
            yield True
            return
        with self._database.reading() as connection:
            got = connection.execute(text(f"SELECT pg_try_advisory_xact_lock({_TURN})")).scalar()
            yield bool(got)

    def taken_at(self) -> datetime | None:
        """When the shelf was last filled."""
        with self._database.reading() as connection:
            return moment_or_none(fetch(connection, 'SELECT max("at") FROM shelf')[0][0])

    def buyers(self, after: str, limit: int) -> Sequence[Buyer]:
        """The next customers who have ordered, by id."""
        with self._database.reading() as connection:
            rows = fetch(connection, _BUYERS, after, limit)
            of: dict[str, list[Order]] = {row[0]: [] for row in rows}
            if of:
                for order in load_orders_of(connection, of).values():
                    if order.customer_id is not None:
                        of[order.customer_id].append(order)
        return [
            Buyer(
                customer_id=row[0],
                spender=Spender(last_order_at=row[3], orders=row[1], spent=row[2])
                if row[1] > 0 and row[3] is not None
                else None,
                orders=of[row[0]],
            )
            for row in rows
        ]

    def fill_shelf(self, shelved: Sequence[Shelved], at: datetime) -> None:
        """Put products on the shelf."""
        with self._database.writing() as connection:
            _SHELF.upsert(connection, [_row(one, micros(at)) for one in shelved])

    def clear_shelf(self, before: datetime) -> None:
        """Take from the shelf what was put there before."""
        with self._database.writing() as connection:
            connection.execute(
                text('DELETE FROM shelf WHERE "at" < :before'), {"before": micros(before)}
            )

    def rewrite_pages(
        self, customer_ids: Sequence[str], write: Callable[[str, Record | None], Record | None]
    ) -> int:
        """Write pages anew, in the customers' turn."""
        with ExitStack() as turn:
            if self._database.is_sqlite:
                turn.enter_context(self._database.decision.pass_through(urgent=False))
            connection = turn.enter_context(self._database.writing())
            lock = _LOCK if is_postgresql(connection) else _STILL
            there = {row[0] for row in fetch_any(connection, lock, customer_ids)}
            held = dict(
                record_of(tuple(row)) for row in fetch_any(connection, _PAGES, customer_ids)
            )
            written = [
                (customer_id, record)
                for customer_id in customer_ids
                if customer_id in there
                and (record := write(customer_id, held.get(customer_id))) is not None
            ]
            write_records(connection, written)
        return len(written)


def load_shelf(connection: Connection, product_ids: Collection[str]) -> dict[str, Shelved]:
    """These products, and those that their rules lead to."""
    found = _shelved(connection, product_ids)
    return {**_shelved(connection, named_by(found) - found.keys()), **found}


def load_popular(connection: Connection) -> list[Shelved]:
    """The products with the most buyers, the first one first."""
    return [_of(row) for row in fetch(connection, _POPULAR)]


def _shelved(connection: Connection, product_ids: Collection[str]) -> dict[str, Shelved]:
    if not product_ids:
        return {}
    return {row[0]: _of(row) for row in fetch_any(connection, _SHELVED, product_ids)}


def _row(one: Shelved, at: int) -> Row:
    return (
        one.product_id, one.title, one.url, one.image_url,
        _rules_text(one.together), _rules_text(one.next), one.rank, at,
    )  # fmt: skip


def _rules_text(rules: Sequence[Rule]) -> str:
    return dump([[rule.product_id, rule.lift, rule.cases] for rule in rules])


def _of(row: Sequence[Any]) -> Shelved:
    return Shelved(
        product_id=row[0],
        title=row[1],
        url=row[2],
        image_url=row[3],
        together=_rules(row[4]),
        next=_rules(row[5]),
        rank=row[6],
    )


def _rules(told: str) -> tuple[Rule, ...]:
    return tuple(
        Rule(product_id=product, lift=lift, cases=cases)
        for product, lift, cases in orjson.loads(told)
    )
