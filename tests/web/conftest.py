"""The database behind the public pages."""

from collections.abc import Iterator

import pytest

from engine.storage.database import Database
from engine.storage.store import SqlStorage
from tests.web.mailing import Mailing


@pytest.fixture
def mailing(database_url: str) -> Iterator[Mailing]:
    """An empty mailing on each kind of database."""
    database = Database(database_url)
    yield Mailing(SqlStorage(database))
    database.close()
