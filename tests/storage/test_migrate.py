"""The migrated schema is the one that the code works with, on both databases."""

import stat
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from engine.storage import migrate
from engine.storage.database import Database
from engine.storage.tables import metadata
from tests.databases import NewDatabase


def _differences(url: str) -> list[object]:
    database = Database(url)
    try:
        with database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return list(compare_metadata(context, metadata))
    finally:
        database.close()


def _partial_indexes(url: str) -> dict[str, str]:
    """The condition of every partial index, which alembic does not compare."""
    database = Database(url)
    query = (
        "SELECT name, sql FROM sqlite_master WHERE sql LIKE '%WHERE%'"
        if database.is_sqlite
        else "SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '%WHERE%'"
        " AND schemaname = current_schema()"
    )
    try:
        with database.reading() as connection:
            rows = connection.execute(sa.text(query)).all()
            return {name: sql.split("WHERE", 1)[1].strip() for name, sql in rows}
    finally:
        database.close()


def test_migrated_schema_equals_the_tables(database_url: str) -> None:
    assert _differences(database_url) == []


def test_migrated_partial_indexes_equal_the_tables(
    database_url: str, new_database: NewDatabase
) -> None:
    made = new_database(migrated=False)
    database = Database(made)
    with database.writing() as connection:
        metadata.create_all(connection)
    database.close()
    assert _partial_indexes(database_url) == _partial_indexes(made)
    assert "ix_journeys_due" in _partial_indexes(made)


def test_the_newest_file_is_the_head_of_the_chain() -> None:
    assert migrate.newest() == migrate.head()


def test_upgrading_twice_changes_nothing(new_database: NewDatabase) -> None:
    url = new_database(migrated=False)
    assert migrate.current(url) is None
    migrate.upgrade(url)
    assert migrate.current(url) == migrate.head()
    migrate.upgrade(url)
    assert migrate.current(url) == migrate.head()


def test_processes_that_upgrade_at_once_take_turns(new_database: NewDatabase) -> None:
    url = new_database(migrated=False)
    failures: list[Exception] = []

    def upgrade() -> None:
        try:
            migrate.upgrade(url)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert _differences(url) == []


def test_a_newer_database_is_refused(database_url: str) -> None:
    database = Database(database_url)
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    database.close()
    with pytest.raises(migrate.DatabaseNewer, match=f"9999.*{migrate.head()}"):
        migrate.upgrade(database_url)
    assert migrate.current(database_url) == "9999"


def test_a_failing_migration_leaves_nothing(
    new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database(migrated=False)

    def fail(*_arguments: object, **_named: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("alembic.op.create_index", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        migrate.upgrade(url)
    database = Database(url)
    with database.reading() as connection:
        assert sa.inspect(connection).get_table_names() == []
    database.close()


def test_asking_creates_no_file(tmp_path: Path) -> None:
    assert migrate.current(f"sqlite:///{tmp_path}/nowhere.db") is None
    assert list(tmp_path.iterdir()) == []


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    url = f"sqlite:///{tmp_path}/made/new.db"
    migrate.upgrade(url)
    database = Database(url)
    with database.writing() as connection:
        connection.execute(sa.text("INSERT INTO holds VALUES ('a', 'b', 1)"))
        files = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.glob("made/*")}
    database.close()
    assert files == {"new.db": 0o600, "new.db-wal": 0o600, "new.db-shm": 0o600}


def test_an_open_file_is_closed_to_others(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    path.chmod(0o644)
    Database(sqlite_url).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
