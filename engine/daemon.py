"""``lagniappe run``: web server, ticks and worker in one process, or one role of several."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from engine import memory
from engine.bootstrap import App, build
from engine.logs import configure_logging
from engine.ports.faults import Fault, passing
from engine.setup import SetupError
from engine.storage.checkpoints import Checkpoints
from engine.storage.database import WorkspaceBusy
from engine.web.server import CannotListen, Server
from engine.web_parts import WebParts
from triggers.ticker import Ticker

log = structlog.get_logger(__name__)

_DRAIN_SECONDS = 25.0
# A request takes some ten turns between two threads while the worker computes; with Python's own
# 5 ms a turn its sender would wait 50 ms. Shorter turns cost the worker next to nothing.
_TURN = 0.0005  # seconds
_OUTBOX_SECONDS = 2.0
_FIRST_FORGETTING, _FORGETTING = 300.0, 86_400.0  # seconds after the start, and between two
_STOCK_AGAIN = 600.0  # seconds after a failure: the database was away, for instance
_FIRST_STOCK = 120.0  # seconds after the start, if no night was before
_END_STOCK = 5.0  # seconds
_BETWEEN_PAGES = 0.05  # seconds in which others come to write
_DOUBT_SECONDS = 30.0


class Daemon:
    """The threads of one process, and their orderly start and end."""

    def __init__(self, app: App, role: str) -> None:
        self._app = app
        self._works = role in {"all", "worker"}
        self._serves = role in {"all", "web"}
        self._role = role
        self._ticker = Ticker()
        self._stopping = threading.Event()
        self._worker_thread = threading.Thread(target=app.worker.run, name="worker")
        self._outbox_thread = threading.Thread(target=self._call_webhooks, name="outbox")
        self._forget_thread = threading.Thread(target=self._forget, name="forgetting")
        self._stock_thread = threading.Thread(
            target=self._take_stock, name="stocktaking", daemon=True
        )
        self._settle_thread = threading.Thread(target=self._end_doubt, name="settlement")
        self._checkpoints = Checkpoints(app.storage.database)
        self._web = WebParts(app, works=self._works) if self._serves else None
        self._server: Server | None = None
        self._seen_files: dict[str, tuple[float, int]] = {}
        self._started = False

    @property
    def port(self) -> int | None:
        """The port that is served, when this role serves."""
        return self._server.port if self._server is not None else None

    def start(self) -> None:
        """Claim the workspace and start every thread.

        Raises ``WorkspaceBusy`` or ``CannotListen``.
        """
        app = self._app
        app.storage.database.claim_workspace()
        memory.settle()
        sys.setswitchinterval(_TURN)
        self._seen_files = _files(app)
        self._checkpoints.start()
        if self._works:
            app.sender.start()
            app.worker.begin(self._role, alone=app.storage.database.is_sqlite)
            self._worker_thread.start()
            self._outbox_thread.start()
            self._forget_thread.start()
            self._stock_thread.start()
            self._settle_thread.start()
            self._ticker.every(1, self._look_at_schedules, name="schedules")
            self._ticker.every(60, self._assume_deliveries, name="deliveries")
            self._ticker.every(60, self._watch_pools, name="pools")
            self._ticker.every(20, self._settle, name="settle")
            self._ticker.every(60, self._analyze, name="analyze")
        self._ticker.every(10, self._beat, name="heartbeat")
        self._ticker.every(2, self._look_at_files, name="files")
        self._ticker.start()
        if self._web is not None:
            self._web.start()
            self._server = Server(
                self._web.asgi,
                app.settings.bind_host,
                app.settings.bind_port,
                behind_proxy=app.settings.public_url is not None,
            )
            self._server.start()
        self._started = True
        where = {} if self.port is None else {"listening": f"{app.settings.bind_host}:{self.port}"}
        log.info("started", role=self._role, database=app.settings.database_label,
                 campaigns=len(app.revisions.plans.current), **where)  # fmt: skip
        self._tell_problems()

    def stop(self) -> None:
        """Let requests and the present batch end, and record the calls in flight."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop()
        if self._web is not None:
            self._web.stop()
        self._ticker.stop()
        app = self._app
        if self._works and self._worker_thread.ident is not None:
            app.worker.stop()
            self._worker_thread.join()
            passing(Fault.DRAINING)
            app.worker.drain(_DRAIN_SECONDS)
            app.sender.stop()
            app.worker.record()
            self._outbox_thread.join()
            self._forget_thread.join()
            self._stock_thread.join(_END_STOCK)  # it computes for a while, and writes nothing then
            self._settle_thread.join()
        app.storage.forget(app.worker.id)
        self._checkpoints.stop()
        app.close()
        if self._started:
            log.info("stopped")

    def reload(self) -> None:
        """Take the workspace's files anew; in the worker's thread, between two batches."""
        if self._works:
            self._app.worker.soon(self._reload_now)
        else:
            self._reload_now()

    def _reload_now(self) -> None:
        app = self._app
        try:
            app.reload()
            self._tell_problems()
            if self._works:
                moved = app.revisions.migrate(app.handover, app.clock.now())
                log.info("reloaded", campaigns=len(app.revisions.plans.current), migrated=moved)
        except Exception:
            self._seen_files = {}  # the database was away, for instance: look again
            raise

    def _tell_problems(self) -> None:
        for problem in self._app.loader.diagnostics():
            log.warning("campaign_problem", at=f"{problem.at.file}:{problem.at.line}",
                        message=problem.message)  # fmt: skip

    def _look_at_files(self) -> None:
        files = _files(self._app)
        if files != self._seen_files:
            self._seen_files = files
            self.reload()

    def _look_at_schedules(self) -> None:
        self._app.worker.soon(self._sweep)

    def _sweep(self) -> None:
        self._app.worker.sweep.run(self._app.clock.now())

    def _assume_deliveries(self) -> None:
        self._app.worker.soon(self._assume_now)

    def _assume_now(self) -> None:
        self._app.deliveries.run()

    def _watch_pools(self) -> None:
        self._app.pool_watch.run()

    def _settle(self) -> None:
        self._app.worker.soon(self._settle_now)

    def _settle_now(self) -> None:
        self._app.worker.settle_orphans()
        self._app.revisions.release_lifted(self._app.clock.now())

    def _beat(self) -> None:
        app = self._app
        app.storage.heartbeat(app.worker.id, self._role, app.clock.now())

    def _analyze(self) -> None:
        self._app.storage.database.analyze_when_grown()

    def _end_doubt(self) -> None:
        while not self._stopping.wait(_DOUBT_SECONDS):
            try:
                if self._app.settlement.run():
                    self._app.worker.wake()
            except Exception:
                log.exception("settlement_error")

    def _forget(self) -> None:
        forgetting = self._app.forgetting
        forgetting.pause = lambda: not self._stopping.wait(_BETWEEN_PAGES)
        wait = _FIRST_FORGETTING
        while not self._stopping.wait(wait):
            wait = _FORGETTING
            try:
                forgetting.run()
            except Exception as error:
                log.error("forgetting_failed", error=type(error).__name__)

    def _take_stock(self) -> None:
        app = self._app
        app.stocktaking.pause = lambda: not self._stopping.wait(_BETWEEN_PAGES)
        wait = _FIRST_STOCK
        while not self._stopping.wait(wait):
            try:
                app.stocktaking.run_unless_done()
                now = app.clock.now()
                wait = (app.stocktaking.next_night(now) - now).total_seconds()
            except Exception as error:
                log.error("stocktaking_failed", error=type(error).__name__)
                wait = _STOCK_AGAIN

    def _call_webhooks(self) -> None:
        while not self._stopping.wait(_OUTBOX_SECONDS):
            try:
                while self._app.outbox.run() and not self._stopping.is_set():
                    pass
            except Exception:
                log.exception("outbox_error")


def run(workspace: Path, environ: Mapping[str, str], *, role: str = "all") -> int:
    """Run until SIGTERM or SIGINT; SIGHUP reloads. Returns the exit code."""
    app = build(workspace, environ, sends=role != "web")
    if role != "all" and app.storage.database.is_sqlite:
        app.close()
        raise SetupError(["--role needs PostgreSQL: SQLite has one process"])
    configure_logging(app.settings.log_format, app.settings.log_level)
    daemon = Daemon(app, role)
    try:
        daemon.start()
    except (WorkspaceBusy, CannotListen) as error:
        daemon.stop()
        raise SetupError([str(error)]) from None
    serve_until_told(daemon)
    return 0


def serve_until_told(daemon: Daemon) -> None:
    """Wait for SIGTERM or SIGINT, then drain; a second signal ends at once."""
    told = threading.Event()

    def end(*_: object) -> None:
        if told.is_set():
            os._exit(130)
        told.set()

    handlers: dict[signal.Signals, Callable[..., None]] = {
        signal.SIGTERM: end,
        signal.SIGINT: end,
        signal.SIGHUP: lambda *_: daemon.reload(),
    }
    for number, handler in handlers.items():
        signal.signal(number, handler)
    while not told.wait(1.0):
        pass
    log.info("stopping")
    daemon.stop()


def _files(app: App) -> dict[str, tuple[float, int]]:
    """What would show a change: times and sizes of every file that configures."""
    found: dict[str, tuple[float, int]] = {}
    folders = ("campaigns", "message_templates", "config")
    paths = [path for name in folders for path in (app.settings.workspace / name).rglob("*")]
    for path in (*paths, *app.rotation.files()):
        try:
            stat = path.stat()
        except OSError:
            continue
        found[str(path)] = (stat.st_mtime, stat.st_size)
    return found
