"""A storage over each kind of database."""

from collections.abc import Iterator

import pytest

from engine.storage.database import Database
from engine.storage.store import SqlStorage


@pytest.fixture
def storage(database_url: str) -> Iterator[SqlStorage]:
    """One migrated, empty database; the test runs once on each kind."""
    database = Database(database_url)
    yield SqlStorage(database)
    database.close()


@pytest.fixture
def sqlite_storage(sqlite_url: str) -> Iterator[SqlStorage]:
    """One on SQLite."""
    database = Database(sqlite_url)
    yield SqlStorage(database)
    database.close()


@pytest.fixture
def postgresql_storage(postgresql_url: str) -> Iterator[SqlStorage]:
    """One on PostgreSQL."""
    database = Database(postgresql_url)
    yield SqlStorage(database)
    database.close()
