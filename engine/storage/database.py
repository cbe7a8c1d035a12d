"""Opening the database: pragmas, locks, file mode."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url


class WorkspaceBusy(Exception):
    """Another process already decides on this SQLite file."""


class Gate:
    """The in-process turn for SQLite's one writer.

    A request that somebody waits for (``urgent``) goes before background work, which SQLite's own
    busy handler, a blind sleep-and-retry, cannot promise.
    """

    def __init__(self) -> None:
        self._turn = threading.Condition()
        self._taken = False
        self._urgent = 0

    @contextmanager
    def pass_through(self, *, urgent: bool) -> Iterator[None]:
        """Hold the turn."""
        with self._turn:
            if urgent:
                self._urgent += 1
            try:
                while self._taken or (self._urgent and not urgent):
                    self._turn.wait()
            finally:
                if urgent:
                    self._urgent -= 1
            self._taken = True
        try:
            yield
        finally:
            with self._turn:
                self._taken = False
                self._turn.notify_all()


class Database:
    """One SQLite file or one PostgreSQL database.

    SQLite connections run in driver autocommit, so that reading takes no lock and a write
    transaction is exactly ``BEGIN IMMEDIATE`` … ``COMMIT`` around the flush.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.url = url
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.gate = Gate()
        self.decision = threading.RLock()
        self._lock_file: int | None = None
        if self.is_sqlite:
            self.path = Path(parsed.database or "")
            self.engine: Engine = create_engine(
                url,
                isolation_level="AUTOCOMMIT",
                connect_args={"timeout": 30, "check_same_thread": False},
                pool_size=16,
                max_overflow=16,
            )
            self._make_private()
            event.listen(self.engine, "connect", _set_pragmas)
        else:
            self.path = Path()
            self.engine = create_engine(url, pool_size=16, max_overflow=16, pool_pre_ping=True)

    def _make_private(self) -> None:
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))

    def claim_workspace(self) -> None:
        """Become the one process that decides on this SQLite file; a no-op on PostgreSQL.

        Raises ``WorkspaceBusy`` when another process is.
        """
        if not self.is_sqlite or self._lock_file is not None:
            return
        handle = os.open(f"{self.path}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise WorkspaceBusy(
                f"another lagniappe process is at work on {self.path.name}"
            ) from None
        self._lock_file = handle

    def close(self) -> None:
        """Let go of connections and of the workspace."""
        self.engine.dispose()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    @contextmanager
    def writing(self, *, urgent: bool = False) -> Iterator[Connection]:
        """One short write transaction."""
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                yield connection
            return
        with self.gate.pass_through(urgent=urgent), self.engine.connect() as connection:
            with sqlite_transaction(connection):
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading."""
        with self.engine.connect() as connection:
            yield connection


@contextmanager
def sqlite_transaction(connection: Connection) -> Iterator[None]:
    """``BEGIN IMMEDIATE`` … ``COMMIT`` on an autocommit connection."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.exec_driver_sql("ROLLBACK")
        raise
    connection.exec_driver_sql("COMMIT")


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # FULL: with NORMAL a power loss can drop the last commits, a ``sending`` row among them.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-65536",
        "mmap_size=268435456",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
