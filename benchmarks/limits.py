"""Bare limits: the least that a program doing the same would have to do, on the same libraries."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from sqlalchemy import Connection, Table, create_engine, func, select, text

from benchmarks.workspaces import Bench
from engine.bootstrap import App
from engine.services.message_context import message_context
from engine.storage import tables
from engine.storage.database import Database
from engine.storage.migrate import upgrade

# What an event leaves behind.
_WRITTEN: Sequence[Table] = (
    tables.customers,
    tables.identities,
    tables.orders,
    tables.order_lines,
    tables.tickets,
    tables.consents,
    tables.consent_history,
    tables.events,
    tables.journeys,
    tables.messages,
    tables.decisions,
)


def bulk_inserts(app: App, bench: Bench, events: int, batch: int) -> float:
    """Events per second when their rows are known beforehand and SQLAlchemy Core inserts them.

    The same rows into the same schema, as many transactions as there were batches.
    """
    commits = -(-events // batch)
    gone = 0.0
    with (
        tempfile.TemporaryDirectory(prefix="lagniappe-bench-") as folder,
        app.storage.database.reading() as source,
    ):
        url = f"sqlite:///{Path(folder) / 'limit.db'}"
        if bench.url is not None:
            url = f"{bench.url.partition('?')[0]}_limit?{bench.url.partition('?')[2]}"
            _create(bench.url, url)
        upgrade(url)
        database = Database(url)
        streams = {
            table: source.execution_options(yield_per=1000).execute(select(table)).mappings()
            for table in _WRITTEN
        }
        share = {table: -(-_count(source, table) // commits) or 1 for table in _WRITTEN}
        for _ in range(commits):
            rows = {
                table: [dict(row) for row in streams[table].fetchmany(share[table])]
                for table in _WRITTEN
            }
            started = perf_counter()
            with database.writing() as connection:
                for table in _WRITTEN:
                    if rows[table]:
                        connection.execute(table.insert(), rows[table])
            gone += perf_counter() - started
        database.close()
    return events / gone


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _create(beside: str, url: str) -> None:
    name = (
        url.rpartition("/")[2] if "host=" not in url else url.partition("?")[0].rpartition("/")[2]
    )
    engine = create_engine(beside, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}"'))
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()


def bare_renders(app: App, template: str, seconds: float = 1.0) -> float:
    """Renderings per second of one template's subject, HTML and text for one customer: Jinja alone.

    The values stand ready; nothing is looked up, decided, compressed or written.
    """
    messages = tables.messages.c
    with app.storage.database.reading() as connection:
        key, customer = connection.execute(
            select(messages.id, messages.customer_id).where(messages.template == template).limit(1)
        ).one()
    now = app.clock.now()
    with app.storage.deciding() as unit:
        message = unit.messages([key])[key]
        world = unit.load([customer], now=now, complete=[customer])[customer]
    values = message_context(
        world, message, None, campaign_name="", unsubscribe_url="http://localhost/u/x", now=now
    )
    renderer = app.templates
    done, started = 0, perf_counter()
    while (gone := perf_counter() - started) < seconds:
        for _ in range(100):
            renderer.render(template, "email", "en-US", values)
        done += 100
    return done / gone
