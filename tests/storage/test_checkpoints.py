"""The write-ahead log is written back beside the work, and does not grow with it."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine.storage.checkpoints import Checkpoints, write_back
from engine.storage.database import Database
from engine.storage.store import SqlStorage
from tests.storage.things import NOW


def _log(database: Database) -> Path:
    return database.path.with_name(f"{database.path.name}-wal")


def _connected(database: Database) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(database.path, isolation_level=None))


def _write(database: Database, number: int) -> None:
    """A commit of some pages."""
    with database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO samples (id, template, body) VALUES (?, 't', zeroblob(100000))",
            (str(number),),
        )


@contextmanager
def _others_writing(database: Database) -> Iterator[None]:
    """Commits that come in without pause, from another thread."""
    begun, enough = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not enough.is_set():
            number += 1
            _write(database, -number)
            begun.set()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        begun.wait()
        yield
    finally:
        enough.set()
        thread.join()


def test_what_was_written_back_is_in_the_file_alone(
    sqlite_storage: SqlStorage, tmp_path: Path
) -> None:
    database = sqlite_storage.database
    _write(database, 1)
    with _connected(database) as connection:
        assert write_back(database, connection)
    copy = tmp_path / "copy.db"
    shutil.copy(database.path, copy)  # without the log
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT id FROM samples").fetchall() == [("1",)]


def test_the_log_begins_anew_although_others_write(sqlite_storage: SqlStorage) -> None:
    """It is not as long as all that was written: the commits after each write-back reuse it."""
    database = sqlite_storage.database
    with _others_writing(database), _connected(database) as connection:
        assert all(write_back(database, connection, long=1) for _ in range(20))
    for number in range(1, 41):
        _write(database, number)
        with _connected(database) as connection:
            write_back(database, connection, long=1)
    length = _log(database).stat().st_size
    for number in range(41, 81):
        _write(database, number)
        with _connected(database) as connection:
            assert write_back(database, connection, long=1)
    assert _log(database).stat().st_size == length


def test_a_reader_keeps_its_view_and_the_log_waits(sqlite_storage: SqlStorage) -> None:
    database = sqlite_storage.database
    count = "SELECT count(*) FROM samples"
    with database.reading() as reader, _connected(database) as connection:
        reader.exec_driver_sql("BEGIN")
        assert reader.exec_driver_sql(count).scalar() == 0
        _write(database, 1)
        assert not write_back(database, connection, long=1)
        assert reader.exec_driver_sql(count).scalar() == 0
        reader.exec_driver_sql("COMMIT")
        assert reader.exec_driver_sql(count).scalar() == 1
        assert write_back(database, connection, long=1)


def test_each_commit_is_written_back_by_the_thread_soon(
    sqlite_storage: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = sqlite_storage.database
    done = threading.Event()

    def noted(database: Database, connection: sqlite3.Connection) -> bool:
        whole = write_back(database, connection)
        if whole:
            done.set()
        return whole

    monkeypatch.setattr("engine.storage.checkpoints._APART", 0.0)
    monkeypatch.setattr("engine.storage.checkpoints.write_back", noted)
    checkpoints = Checkpoints(database)
    checkpoints.start()
    try:
        for number in range(3):
            done.clear()
            _write(database, number)
            assert done.wait(60)
        sqlite_storage.heartbeat("w", "worker", NOW)
    finally:
        checkpoints.stop()
    with closing(sqlite3.connect(f"file:{database.path}?immutable=1", uri=True)) as connection:
        assert connection.execute("SELECT count(*) FROM samples").fetchone() == (3,)


def test_there_is_nothing_to_do_for_postgresql(postgresql_storage: SqlStorage) -> None:
    checkpoints = Checkpoints(postgresql_storage.database)
    checkpoints.start()
    assert "checkpoints" not in {thread.name for thread in threading.enumerate()}
    checkpoints.stop()
