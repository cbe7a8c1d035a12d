"""Journeys that wait, any number of them: one is made by the engine, the others are its copies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, select

from benchmarks.shop import START, arriving, first_order
from engine.bootstrap import App
from engine.ports.clock import VirtualClock
from engine.providers.nowhere import NoHandover
from engine.services.handover import HandOver
from engine.services.ingest import Ingest
from engine.storage import tables
from engine.storage.bulk import BulkTable
from engine.storage.scalars import micros

CAMPAIGN = "onboarding"  # waits before a marketing mail: consent, quiet hours and caps are asked
_MODEL = 0
_PAGE = 1000
# What a message to a copy's customer will be decided by and made of.
_WHOLE = (tables.customers, tables.orders, tables.order_lines, tables.consents, tables.journeys)
_FAR = timedelta(days=60)


def fill(app: App, count: int, *, first: int, due: datetime, every: timedelta) -> None:
    """Add waiting journeys, each with customer, order and consent; one is due after the other."""
    _copy(app, _WHOLE, range(first, first + count), due, every)


def fill_far(app: App, count: int) -> None:
    """Add journeys that fall due in some weeks, with their customers."""
    numbers = range(10_000_000, 10_000_000 + count)
    _copy(app, (tables.customers, tables.journeys), numbers, START + _FAR, timedelta(seconds=1))
    app.storage.database.analyze_when_grown()


def _copy(
    app: App, which: Sequence[Table], numbers: range, due: datetime, every: timedelta
) -> None:
    models = {table.name: list(_model(app, table)) for table in which}
    if not models["journeys"]:
        _make_model(app)
        models = {table.name: list(_model(app, table)) for table in which}
    for start in range(0, len(numbers), _PAGE):
        page = numbers[start : start + _PAGE]
        with app.storage.database.writing() as connection:
            for table in which:
                bulk = BulkTable.of(table)
                rows = []
                for offset, number in enumerate(page, start):
                    for model in models[table.name]:
                        row = _changed(model, number, micros(due + offset * every))
                        rows.append(tuple(row[name] for name in bulk.columns))
                bulk.insert(connection, rows)


def _make_model(app: App) -> None:
    """One first order, told when the journey's wait has just begun; its thank-you stays unsent."""
    handover = HandOver(
        renderer=app.templates,
        sender=NoHandover(),
        links=app.links,
        worker_id="",
        providers={"email": "preview", "sms": "preview"},
    )
    ingest = Ingest(app.storage, app.revisions, handover, VirtualClock(START))
    ingest.take(arriving([first_order(_MODEL, START)]))


def _model(app: App, table: Table) -> Iterator[Mapping[str, Any]]:
    email = f"c{_MODEL}@example.com"
    query = select(table)
    if table is tables.customers:
        query = query.where(table.c.email == email)
    elif table is tables.orders:
        query = query.where(table.c.id == f"shop:o{_MODEL}")
    elif table is tables.order_lines:
        query = query.where(table.c.order_id == f"shop:o{_MODEL}")
    elif table is tables.consents:
        query = query.where(table.c.address == email)
    else:
        query = query.where(table.c.campaign == CAMPAIGN, table.c.entry_key == f"shop:o{_MODEL}")
    with app.storage.database.reading() as connection:
        yield from (dict(row) for row in connection.execute(query).mappings().all())


def _changed(model: Mapping[str, Any], number: int, due_at: int) -> dict[str, Any]:
    """The row with every name that tells it from others changed."""
    row = dict(model)
    email, order = f"w{number}@example.com", f"shop:w{number}"
    if "entry_key" in row:
        row |= {"id": f"journey-{number:012}", "entry_key": order, "order_id": order}
        row |= {"customer_id": f"customer-{number:012}", "due_at": due_at}
    elif "stamps" in row and "email" in row:
        row |= {"id": f"customer-{number:012}", "email": email}
    elif "placed_at" in row:
        row |= {"id": order, "customer_id": f"customer-{number:012}"}
    elif "order_id" in row:
        row["order_id"] = order
    else:
        row["address"] = email
    return row
