"""Workspaces that last for one measurement: the starter campaigns live, databases of their own."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import create_engine, text

from engine import memory
from engine.authoring.loader import campaign_files
from engine.bootstrap import App, build
from engine.core.message import Channel
from engine.logs import configure_logging
from engine.ports.clock import Clock
from engine.ports.providers import Provider
from tests.postgres import Server

ROOT = Path(__file__).resolve().parent.parent
STARTERS = 9
SLOTS = 300  # calls to providers under way at once
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where a measurement takes place: the database's name and address, the campaigns' number."""

    database: str
    url: str | None  # None: SQLite in the workspace
    campaigns: int = STARTERS
    quick: bool = False

    def amount(self, full: int, quick: int) -> int:
        """How much of something to measure with."""
        return quick if self.quick else full


class ShiftedClock:
    """The machine's clock, as if it had been ``start`` when this was made."""

    def __init__(self, start: datetime) -> None:
        self._ahead = start - datetime.now(UTC)

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC) + self._ahead


@contextmanager
def application(
    bench: Bench,
    *,
    clock: Clock | None = None,
    sends: bool = False,
    providers: Mapping[Channel, Provider] | None = None,
    settings: Mapping[str, str] = {},
) -> Iterator[App]:
    """The application over a fresh workspace, as the daemon would run it."""
    with workspace(bench) as folder:
        environ = environment(bench, settings)
        app = build(folder, environ, clock=clock, sends=sends, providers=providers)
        memory.settle()
        try:
            yield app
        finally:
            app.close()


@contextmanager
def workspace(bench: Bench) -> Iterator[Path]:
    """A folder with the starter library; campaigns for other markets up to the number asked.

    Volume limits and the senders' rates are lifted: brakes that a benchmark runs into at once.
    """
    configure_logging("text", "error")
    with tempfile.TemporaryDirectory(prefix="lagniappe-bench-") as name:
        folder = Path(name)
        for part in ("campaigns", "message_templates", "config"):
            ignored = shutil.ignore_patterns("__pycache__", "*.py")
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        starters = campaign_files(folder / "campaigns")
        for path in starters:
            path.write_text(re.sub(r"(?m)^volume_limit:.*\n", "", path.read_text()))
        policy = folder / "config" / "store.yaml"
        policy.write_text(re.sub(r"(?m)^  email: \d+/s$", "  email: 1000000/s", policy.read_text()))
        for copy in range(bench.campaigns - len(starters)):
            _copy(starters[copy % len(starters)], 2 + copy // len(starters))
        yield folder


def environment(bench: Bench, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of a benchmark's process."""
    environ = {
        "LAGNIAPPE_MAX_IN_FLIGHT": str(SLOTS),
        "LAGNIAPPE_BIND": "127.0.0.1:0",
        "LAGNIAPPE_LOG_LEVEL": "error",
    }
    if bench.url is not None:
        environ["LAGNIAPPE_DATABASE_URL"] = bench.url
    return environ | {f"LAGNIAPPE_{name}": value for name, value in settings.items()}


def _copy(starter: Path, number: int) -> None:
    """The same campaign for another market: asked at each event, entered by nobody here."""
    source = re.sub(r"(?m)^id: (\S+)$", rf"id: \1-{number}", starter.read_text())
    source = source.replace("\nsteps:", '\nprofile_filter: customer.country == "AT"\nsteps:')
    source = re.sub(r"(?m)^profile_filter: (?!customer.country ==).*\n", "", source)
    starter.with_stem(f"{starter.stem}-{number}").write_text(source)


@contextmanager
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server that keeps what it has committed, unlike the one for tests."""
    server = Server(home=Path(tempfile.mkdtemp(prefix="lagniappe-bench-pg-")))
    try:
        server.start()
        engine = create_engine(server.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for name in _DURABLE:
                connection.execute(text(f"ALTER SYSTEM SET {name} = on"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()
        yield server
    finally:
        server.stop()
