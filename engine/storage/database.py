"""Opening the database: pragmas, locks, file mode."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError


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

    def urgent_waiting(self) -> int:
        """How many urgent ones wait for the turn."""
        with self._turn:
            return self._urgent

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
                    self._turn.notify_all()  # if this wait was interrupted, others may go on
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
    transaction is exactly ``BEGIN IMMEDIATE`` … ``COMMIT`` around the flush. ``decision`` is the
    turn to decide there; on PostgreSQL customers are locked by row instead. ``deciding``: the
    connections for that.

    Raises ``FileNotFoundError`` for a SQLite file that is not there, unless ``create``.
    """

    def __init__(self, url: str, *, create: bool = True) -> None:
        parsed = make_url(url)
        self.url = url
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self.gate = Gate()
        self.decision = Gate()
        self.written = threading.Event()  # set by each commit in a SQLite file
        self._lock_file: int | None = None
        self._analyzed: dict[str, int] = {}
        if self.is_sqlite:
            if not parsed.database or parsed.database == ":memory:":
                raise ValueError("the SQLite database must be a file: sqlite:///PATH")
            self.path = Path(parsed.database)
            _make_private(self.path, create=create)
            self.engine: Engine = create_engine(
                url,
                isolation_level="AUTOCOMMIT",
                hide_parameters=True,  # errors are logged, and the values are personal
                connect_args={"timeout": 30, "check_same_thread": False},
                pool_size=16,
                max_overflow=16,
                pool_use_lifo=True,  # the same few connections, whose caches are warm
            )
            event.listen(self.engine, "connect", _set_pragmas)
            self.deciding = self.engine
        else:
            self.path = Path()
            self.engine = _postgresql(url, _SESSION)
            self.deciding = _postgresql(url, (*_SESSION, *_NO_SCANS))

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

    def forgo_durability(self) -> None:
        """From now on never wait for the disk: for a SQLite file that is thrown away anyway."""
        self.engine.dispose()
        event.listen(self.engine, "connect", _set_hasty)

    def close(self) -> None:
        """Let go of connections and of the workspace."""
        self.engine.dispose()
        self.deciding.dispose()
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
        with (
            self.gate.pass_through(urgent=urgent),
            self.engine.connect() as connection,
            self.sqlite_transaction(connection),
        ):
            yield connection

    @contextmanager
    def sqlite_transaction(self, connection: Connection) -> Iterator[None]:
        """``BEGIN IMMEDIATE`` … ``COMMIT`` on an autocommit connection, by whom it is the turn."""
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
        connection.exec_driver_sql("COMMIT")
        self.written.set()

    def analyze_when_grown(self) -> bool:
        """Let the query planner look at the tables again once they have grown a lot.

        Cheap when they have not, so a daemon may call it every minute. A database that has just
        been made has no statistics, and PostgreSQL's own autovacuum comes by too late for the
        first big import. Returns whether something was analyzed.
        """
        if self.is_sqlite:
            with self.writing() as connection:
                connection.exec_driver_sql("PRAGMA analysis_limit=400")
                # 0x10002: look at every table, not only those this connection has queried.
                connection.exec_driver_sql("PRAGMA optimize=0x10002")
            return True
        grown: list[str] = []
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name, pages in connection.execute(text(_TABLE_PAGES)).all():
                if pages > _FEW_PAGES and pages > 4 * self._analyzed.get(name, 0):
                    grown.append(name)
                    self._analyzed[name] = pages
            for name in grown:
                connection.exec_driver_sql(f"ANALYZE {name}")
        return bool(grown)

    @contextmanager
    def glancing(self) -> Iterator[Connection]:
        """A connection for one query of the kind that decisions make, without a transaction."""
        with self.deciding.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading."""
        with self.engine.connect() as connection:
            yield connection


def _make_private(path: Path, *, create: bool) -> None:
    """See to it that only this user can read the file; ``-wal`` and ``-shm`` take its mode."""
    if not path.exists():
        if not create:
            raise FileNotFoundError(f"there is no database at {path}")
        if not path.parent.is_dir():  # a slip in the setting must not found an empty shop
            raise FileNotFoundError(
                errno.ENOENT, "there is no such directory for the database", str(path.parent)
            )
        _found(path)
    for suffix in ("", "-wal", "-shm"):
        file = path.with_name(path.name + suffix)
        with suppress(FileNotFoundError, PermissionError):  # gone, or another user's
            if stat.S_IMODE(file.stat().st_mode) & 0o077:
                file.chmod(0o600)


def _found(path: Path) -> None:
    """Make an empty database at ``path``, unless another process is quicker.

    It is in WAL mode before it takes its name: of connections that switch one file at once, SQLite
    refuses some with "database is locked", however long their time-out.
    """
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # mode 0600
    os.close(handle)
    try:
        with closing(sqlite3.connect(name)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        try:
            os.link(name, path)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    finally:
        Path(name).unlink()


# Every table starts with a few pages; below this size any plan is quick.
_FEW_PAGES = 100
_TABLE_PAGES = (
    "SELECT relname, pg_relation_size(oid) / 8192 FROM pg_class"
    " WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
)


def _set_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # FULL: with NORMAL a power loss can drop the last commits, a ``sending`` row among them.
    # A commit that finds 64 MB in the log writes it back, where ``Checkpoints`` does not see to it
    # earlier: pages that many batches touch are written back once. No memory mapping: it would
    # count the database itself into this process's memory. The heap's limit is for all connections
    # together: each has a cache of its own, and many work only now and then. Messages go out as
    # fast with 16 MB in each as with 32.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-16384",
        "soft_heap_limit=50331648",
        "wal_autocheckpoint=16000",
        "journal_size_limit=67108864",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _set_hasty(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()


def _postgresql(url: str, session: Sequence[str]) -> Engine:
    """Connections on which these statements have been run.

    One that was idle is asked whether it lives before it is used. One that was used a moment ago
    is not: a worker takes one several times a round, and the question is a round trip.
    """
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=16,
        max_overflow=16,
        pool_use_lifo=True,
    )

    def connected(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            for statement in session:
                cursor.execute(statement)
        connection.commit()
        record.info[_USED] = time.monotonic()

    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get(_USED, 0.0) > _SURELY_ALIVE:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise InvalidatePoolError from error

    def brought_back(_connection: Any, record: Any) -> None:
        record.info[_USED] = time.monotonic()

    event.listen(engine, "connect", connected)
    event.listen(engine, "checkout", taken)
    event.listen(engine, "checkin", brought_back)
    return engine


_USED = "used"
_SURELY_ALIVE = 0.5  # seconds; a server takes longer to start anew
# Statements are prepared once, but planned for the tables as they are now: a plan kept from when
# they were empty would read them whole for ever. Compiling plans to machine code takes longer than
# any of ours runs.
_SESSION = ("SET plan_cache_mode = force_custom_plan", "SET jit = off")
# Each query of a decision has its index. Of a table never analyzed PostgreSQL thinks that looking
# up 500 keys finds a quarter of it, and would rather read it whole; and that few rows are due, and
# would rather sort all of them than read the first from the index.
_NO_SCANS = ("SET enable_seqscan = off", "SET enable_bitmapscan = off")
