"""With many rows, what runs in the loop reads an index, never a table."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from engine.ports.storage import ALL_ZONES
from engine.storage.arrays import TextArray
from engine.storage.database import Database
from engine.storage.store import SqlStorage
from tests.databases import NewDatabase
from tests.storage.things import NOW

ROWS = 50_000
_FILL = {
    "customers": "(id, created_at, tags, attributes, orders_count, total_spent, open_tickets,"
    " stamps, timezone) SELECT 'c' || n, n, '[]', '{}', 0, 0, 0, '{}', 'z' || n % 30",
    "identities": "(kind, value, customer_id) SELECT 'email', 'a' || n, 'c' || n",
    "orders": "(id, customer_id, known, discount_codes, is_gift, is_test, has_open_return,"
    " attributes, fulfilments, refunds, facts, stamps) SELECT 'o' || n, 'c' || n, true, '[]',"
    " false, false, false, '{}', '[]', '[]', '{}', '{}'",
    "order_lines": "(order_id, id, title, position, quantity, price)"
    " SELECT 'o' || n, '1', 'Tea', 0, 1, 1",
    "events": "(source, id, type, time, received_at, backfill, state, body)"
    " SELECT 's', 'e' || n, 't', n, n, false, 1, '{}'",
    "journeys": "(id, campaign, revision, entry_key, entry_no, customer_id, status, step, waiting,"
    " due_at, clock, entered_at, priority, parked, data) SELECT 'j' || n, 'k', 'r', 'e' || n, 1,"
    " 'c' || n, 'live', 's', 'delay', 4000000000000000 + n, n, n, 1, false, '[{},{},{},{}]'",
    "messages": "(id, campaign, revision, journey_id, step, purpose, channel, customer_id,"
    " entry_key, template, status, created_at, send_at, due_at, expires_at, attempts)"
    " SELECT 'm' || n, 'k', 'r', 'j' || n, 's', 'marketing', 'email', 'c' || n, 'e' || n, 't',"
    " 'sent', n, n, n, n, 1",
}
_NUMBERS = {
    True: "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d)",
    False: "WITH s(n) AS (SELECT generate_series(1, %d))",
}


def _fill(connection: Connection, table: str, *, is_sqlite: bool) -> None:
    columns, select = _FILL[table].split(" SELECT ", 1)
    numbers = _NUMBERS[is_sqlite] % ROWS
    sql = f"INSERT INTO {table} {columns} {numbers} SELECT {select} FROM s"
    connection.exec_driver_sql(sql.replace("%", "%%") if not is_sqlite else sql)


@pytest.fixture
def full(new_database: NewDatabase) -> Iterator[SqlStorage]:
    """A database with many rows that nobody has analyzed."""
    database = Database(new_database())
    with database.writing() as connection:
        for table in _FILL:
            _fill(connection, table, is_sqlite=database.is_sqlite)
    yield SqlStorage(database)
    database.close()


def _use(storage: SqlStorage) -> None:
    """Every reading that the loop does."""
    ids = [f"c{n}" for n in range(1, 500)]
    with storage.deciding() as unit:
        unit.waiting_events(500)
        unit.unseen({("s", f"e{n}") for n in range(500)})
        unit.resolve([])
        unit.identities_of(ids)
        unit.aliases(ids)
        unit.owners([f"o{n}" for n in range(500)], ["t1"])
        unit.due_customers(NOW, 500)
        unit.customers_to_message(NOW, "email", 500)
        unit.doubtful(NOW)
        unit.page_customers("z7", "c1", 500)
        unit.page_customers(ALL_ZONES, "c1", 500)
        unit.lock(ids)
        unit.load(ids, now=NOW, complete=ids[:9], past=True)
        unit.load(ids, now=NOW)
    storage.queues(NOW)
    storage.next_due()
    storage.live_revisions()
    storage.parked_campaigns()


def _plans(storage: SqlStorage) -> dict[str, str]:
    """The plan of every query, asked for where and when it runs."""
    database, plans = storage.database, dict[str, str]()
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"

    def note(_c: object, cursor: Any, sql: str, parameters: object, *_rest: object) -> None:
        if sql.startswith("SELECT") and "advisory" not in sql:
            plan = cursor.connection.execute(f"{explain} {sql}", parameters).fetchall()
            plans[sql] = "\n".join(str(row[-1]) for row in plan)

    engines = {database.engine, database.deciding}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    _use(storage)
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)
    return plans


@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
def test_the_loop_reads_indexes(full: SqlStorage, analyzed: bool) -> None:
    _use(full)
    if analyzed:
        assert full.database.analyze_when_grown()
    plans = _plans(full)
    assert len(plans) > 20
    for sql, plan in plans.items():
        for table in _FILL:
            assert f"Seq Scan on {table}" not in plan, f"{sql}\n{plan}"
            for line in plan.split("\n"):
                reads_all = line.startswith(f"SCAN {table}") and "INDEX" not in line
                assert not reads_all, f"{sql}\n{plan}"


def test_analyzing_again_waits_for_growth(postgresql_storage: SqlStorage) -> None:
    database = postgresql_storage.database
    assert not database.analyze_when_grown()
    with database.writing() as connection:
        _fill(connection, "customers", is_sqlite=False)
    assert database.analyze_when_grown()
    assert not database.analyze_when_grown()


def test_arrays_keep_one_prepared_statement(postgresql_storage: SqlStorage) -> None:
    with postgresql_storage.database.reading() as connection:
        for values in ([], ["a"], [None], ["a", None, "ü"] * 100):
            for _ in range(3):
                sql = "SELECT coalesce(cardinality(%b), 0)"
                found = connection.exec_driver_sql(sql, (TextArray(values),)).scalar()
                assert found == len(values)
        prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"
        assert connection.exec_driver_sql(prepared, ("%cardinality%",)).scalar() == 1
