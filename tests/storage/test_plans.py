"""With many rows, what runs in the loop reads an index, never a table."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Connection, event

from engine.core.message import Outcome, SendResult
from engine.ports.stored import ALL_ZONES
from engine.storage import worlds
from engine.storage.arrays import TextArray
from engine.storage.bulk import Query, driver_of, fetch_together
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

    def note(driver: Any, sql: str, parameters: object) -> None:
        if sql.startswith("SELECT") and "advisory" not in sql:
            plan = driver.execute(f"{explain} {sql}", parameters).fetchall()
            plans[sql] = "\n".join(str(row[-1]) for row in plan)

    def before(_c: object, cursor: Any, sql: str, parameters: object, *_rest: object) -> None:
        note(cursor.connection, sql, parameters)

    def together(connection: Connection, queries: Sequence[Query]) -> Any:
        for query in queries:
            note(driver_of(connection), query.sql, query.parameters)
        return fetch_together(connection, queries)

    engines = {database.engine, database.deciding}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", before)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(worlds, "fetch_together", together)
        _use(storage)
    for engine in engines:
        event.remove(engine, "before_cursor_execute", before)
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


@pytest.mark.parametrize("analyzed", [False, True], ids=["fresh", "analyzed"])
def test_what_is_due_is_read_in_order_however_much_it_is(full: SqlStorage, analyzed: bool) -> None:
    """Sorting all of it for each batch takes longer the more there is."""
    with full.database.writing() as connection:
        for sql in ("UPDATE journeys SET due_at = 1", "UPDATE messages SET status = 'scheduled'"):
            connection.exec_driver_sql(sql)
    if analyzed:
        assert full.database.analyze_when_grown()
    plans = _plans(full)
    due = [plan for sql, plan in plans.items() if re.search(r"ORDER BY \w+_at LIMIT", sql)]
    assert len(due) > 3
    for plan in due:
        assert not re.search("Sort|Bitmap|TEMP B-TREE", plan), plan


def test_what_was_sent_is_found_by_its_id(postgresql_storage: SqlStorage) -> None:
    """Not among what is in doubt: each message was there until a moment ago."""
    database = postgresql_storage.database
    with database.writing() as connection:
        _fill(connection, "messages", is_sqlite=False)
        connection.exec_driver_sql("UPDATE messages SET status = 'sending' WHERE id LIKE 'm1%%'")
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, sql: str, parameters: Any, *_rest: object) -> None:
        asked.append((sql, parameters))

    event.listen(database.deciding, "before_cursor_execute", note)
    ids = [f"m{n}" for n in range(100, 200)]
    with postgresql_storage.deciding() as unit:
        unit.record_sent(
            [SendResult(message_id=each, outcome=Outcome.ACCEPTED, at=NOW) for each in ids]
        )
        unit.commit()
    event.remove(database.deciding, "before_cursor_execute", note)
    ((sql, parameters),) = [each for each in asked if each[0].startswith("UPDATE messages")]
    with database.deciding.connect() as connection:
        plan = str(connection.exec_driver_sql(f"EXPLAIN {sql}", parameters).fetchall())
        left = "SELECT count(*) FROM messages WHERE status = 'sent' AND id LIKE 'm1__'"
        assert connection.exec_driver_sql(left.replace("%", "%%")).scalar() == len(ids)
    assert "pk_messages" in plan, plan
    assert "ix_messages_doubt" not in plan, plan


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
