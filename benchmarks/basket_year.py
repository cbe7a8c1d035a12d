"""A year of a grocer's real baskets as a shop's orders, written into a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from engine.core.customer import ZERO, Customer, Order
from engine.storage import tables
from engine.storage.bulk import BulkTable
from engine.storage.database import Database
from engine.storage.rows import customer_row, line_rows, order_row
from tests import datasets
from tests.programs.held_out import END, LAST_QUARTER, Errors, errors, orders_of, purchases_from

QUICK = 300  # households
_PAGE = 200


def fill(url: str, quick: bool) -> None:
    """Write customers, orders and lines."""
    database = Database(url)
    page: list[tuple[Customer, Sequence[Order]]] = []
    for household, orders in orders_of(datasets.complete_journey(QUICK if quick else None)):
        customer = Customer(
            id=household,
            created_at=datetime(2017, 1, 1, tzinfo=UTC),
            email=f"household{household}@example.com",
            orders_count=len(orders),
            total_spent=sum((order.total or ZERO for order in orders), ZERO),
            first_order_at=orders[0].placed_at,
            last_order_at=orders[-1].placed_at,
        )
        page.append((customer, orders))
        if len(page) == _PAGE:
            _write(database, page)
            page = []
    _write(database, page)
    database.close()


def last_quarter(quick: bool) -> tuple[Errors, Errors]:
    """Errors of dates in the last quarter, from the three before it alone."""
    year = purchases_from(datasets.complete_journey(QUICK if quick else None))
    return errors(year, LAST_QUARTER, END)


def _write(database: Database, page: Sequence[tuple[Customer, Sequence[Order]]]) -> None:
    orders = [order for _, those in page for order in those]
    with database.writing() as connection:
        BulkTable.of(tables.customers).insert(connection, [customer_row(one) for one, _ in page])
        BulkTable.of(tables.orders).insert(connection, [order_row(one) for one in orders])
        BulkTable.of(tables.order_lines).insert(
            connection, [row for one in orders for row in line_rows(one)]
        )
