"""Bringing a database to the newest schema.

No ``alembic.ini``: the configuration is made here, so that upgrading is one call, from a checkout
and from a wheel alike. Alembic takes longer to import than most commands to run, so a database
that is up to date is left alone without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from engine.storage.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS = Path(__file__).parent / "migrations"

# Names "the turn to migrate" among PostgreSQL's advisory locks.
_TURN = 0x1A6E0


class DatabaseNewer(Exception):
    """The database was written by a newer release than this one."""


def upgrade(url: str, *, to: str = "head") -> None:
    """Bring the database to the newest schema, in one transaction, creating it if need be.

    ``to`` names an older schema to stop at. Upgrading an up-to-date database changes nothing. Of
    several processes that upgrade at once, one does and the others wait. Raises ``DatabaseNewer``
    when the database's schema is not one that this release knows.
    """
    database = Database(url)
    try:
        with database.reading() as connection:
            if to == "head" and _current(connection) == newest():
                return
        from alembic import command

        with database.writing(urgent=True) as connection:
            if not database.is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_TURN})"))
            config = _config()
            found = _current(connection)
            if found is not None and found not in _known(config):
                raise DatabaseNewer(
                    f"the database is at schema {found!r}, which this release does not know"
                    f" (its newest is {head()!r}): install the newer lagniappe again, or restore"
                    " the database from before its upgrade"
                )
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    finally:
        database.close()


def current(url: str) -> str | None:
    """The schema that the database is at; None for one never upgraded. Changes nothing."""
    try:
        database = Database(url, create=False)
    except FileNotFoundError:
        return None
    try:
        with database.reading() as connection:
            return _current(connection)
    finally:
        database.close()


def newest() -> str:
    """The newest schema by the names of the migrations' files, which begin with it."""
    return max(path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))


def head() -> str:
    """The newest schema that this release knows, by what follows on what."""
    from alembic.script import ScriptDirectory

    found = ScriptDirectory.from_config(_config()).get_current_head()
    if found is None:
        raise RuntimeError("this release carries no migrations")
    return found


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _known(config: Config) -> set[str]:
    from alembic.script import ScriptDirectory

    return {each.revision for each in ScriptDirectory.from_config(config).walk_revisions()}


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
