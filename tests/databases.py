"""Fixtures that give a test a fresh, migrated database, on SQLite and on PostgreSQL."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.postgres import Server

_SERVER = pytest.StashKey[Server]()
_TEMPLATE = "lagniappe_template"
_NUMBERS = itertools.count(1)  # one worker never uses a name twice


class NewDatabase(Protocol):
    """Makes a fresh database and returns its SQLAlchemy URL; it is gone after the test."""

    def __call__(self, *, migrated: bool = True) -> str:
        """Return the URL of a database with the newest schema, or with none at all."""


class _Node(Protocol):
    """The part of an xdist worker, seen from its controller, that is used here."""

    config: pytest.Config
    workerinput: dict[str, object]


def pytest_configure(config: pytest.Config) -> None:
    """Agree on one server for the run; it starts when the first test asks for it."""
    shared = getattr(config, "workerinput", {}).get("postgres_home")
    home = Path(shared or tempfile.mkdtemp(prefix="lagniappe-"))
    config.stash[_SERVER] = Server(home=home)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: _Node) -> None:
    """Tell a worker where the run's server lives."""
    node.workerinput["postgres_home"] = str(node.config.stash[_SERVER].home)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the server when the run's one controller ends."""
    if not hasattr(config, "workerinput") and _SERVER in config.stash:
        config.stash[_SERVER].stop()


def _upgrade(url: str) -> None:
    from engine.storage import migrate

    migrate.upgrade(url)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    template = tmp_path_factory.mktemp("template") / "template.db"
    _upgrade(f"sqlite:///{template}")
    return template


@pytest.fixture
def new_sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    """Make SQLite databases, files in the test's own directory."""
    numbers = itertools.count(1)

    def new(*, migrated: bool = True) -> str:
        file = tmp_path / f"lagniappe-{next(numbers)}.db"
        if migrated:
            shutil.copy(request.getfixturevalue("_sqlite_template"), file)
        return f"sqlite:///{file}"

    return new


@pytest.fixture(scope="session")
def _postgresql(pytestconfig: pytest.Config) -> Server:
    server = pytestconfig.stash[_SERVER]
    server.start()
    return server


@pytest.fixture(scope="session")
def _postgresql_template(_postgresql: Server) -> str:
    """Migrate once a run; a copy of the result costs far less than migrating again."""
    done = _postgresql.home / "template-is-migrated"
    with _postgresql.exclusive():
        if not done.exists():
            _postgresql.drop(_TEMPLATE)
            _postgresql.create(_TEMPLATE)
            _upgrade(_postgresql.url(_TEMPLATE))
            done.touch()
    return _TEMPLATE


@pytest.fixture
def new_postgresql(
    request: pytest.FixtureRequest, _postgresql: Server, worker_id: str
) -> Iterator[NewDatabase]:
    """Make PostgreSQL databases on the run's server."""
    names: list[str] = []

    def new(*, migrated: bool = True) -> str:
        name = f"test_{worker_id}_{next(_NUMBERS)}"
        if migrated:
            _postgresql.create(name, template=request.getfixturevalue("_postgresql_template"))
        else:
            _postgresql.create(name)
        names.append(name)
        return _postgresql.url(name)

    yield new
    for name in names:
        _postgresql.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest) -> NewDatabase:
    """Make databases, as many as the test asks for; the test runs once on each kind."""
    new: NewDatabase = request.getfixturevalue(f"new_{request.param}")
    return new


@pytest.fixture
def database_url(new_database: NewDatabase) -> str:
    """One migrated database; the test runs once on each kind."""
    return new_database()


@pytest.fixture
def sqlite_url(new_sqlite: NewDatabase) -> str:
    """One migrated SQLite database."""
    return new_sqlite()


@pytest.fixture
def postgresql_url(new_postgresql: NewDatabase) -> str:
    """One migrated PostgreSQL database."""
    return new_postgresql()
