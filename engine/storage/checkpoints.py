"""SQLite's write-ahead log, written back beside the work instead of in its commits.

A commit that has to write the log back does so before it returns, fsync of the file included: it
was half the time of all commits of a daemon that sends. Here a thread does it, in system calls
that keep nobody from writing or reading.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Final

import structlog

from engine.storage.database import Database

_log = structlog.get_logger(__name__)

_APART: Final = 0.25  # seconds; pages that several batches touch are written back once
_PATIENCE: Final = 30.0  # seconds
_LONG: Final = 4000  # pages of 4 KB; the log grows until it is written back to its very end


class Checkpoints:
    """The thread that writes back what was committed; nothing for PostgreSQL, which has its own.

    Without it SQLite's own ``wal_autocheckpoint`` does it in a commit, four times as seldom.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="checkpoints", daemon=True)

    def start(self) -> None:
        """Begin to look after the log."""
        if self._database.is_sqlite:
            self._thread.start()

    def stop(self) -> None:
        """Let the present checkpoint end."""
        self._stopping.set()
        self._database.written.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        # Not one of the pool: it would take another's warm cache along, and keep it.
        path = self._database.path
        with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
            while True:
                self._database.written.wait()
                if self._stopping.wait(_APART):
                    return
                self._database.written.clear()
                try:
                    write_back(self._database, connection)
                except sqlite3.Error as error:  # the disk is full, for instance
                    _log.error("checkpoint_failed", error=type(error).__name__)


def write_back(database: Database, connection: sqlite3.Connection, *, long: int = _LONG) -> bool:
    """Write back what is committed by now; whether the log begins anew with the next commit.

    While others write, the end of the log runs ahead. So once the log is ``long`` (in pages), they
    wait for what little is left of it.
    """
    length, left = _pass(connection)
    if left and length >= long:
        _pass(connection)
        with database.gate.pass_through(urgent=True):  # or it may never be its turn
            length, left = _pass(connection)
    return not left


def _pass(connection: sqlite3.Connection) -> tuple[int, int]:
    """One passive checkpoint: how long the log is, and how much of it is not written back."""
    _, length, written = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return length, length - written
