"""``lagniappe demo``: a sample shop's weeks in fast-forward, then the daemon, live."""

from __future__ import annotations

import logging
import shutil
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from engine import daemon
from engine.bootstrap import App, build
from engine.cli.demo_table import show
from engine.cli.output import console, say
from engine.cli.starter import STARTER, copy_starter
from engine.demo_shop import demo_events
from engine.fast_forward import fast_forward
from engine.ports.clock import VirtualClock
from engine.ports.stored import Incoming
from engine.providers.immediate import ImmediateSender
from triggers.event import Event
from triggers.sources.native import serialize

FOLDER = ".demo"
WEEKS = 6


def run(environ: Mapping[str, str], *, leave: bool) -> int:
    """Make a workspace in ``.demo``, live six weeks in it, show what came of them, and stay up.

    ``leave``: end after the table. Nothing leaves this machine: both providers are the preview.
    """
    workspace = _fresh_workspace(Path.cwd() / FOLDER)
    own = {key: value for key, value in environ.items() if not key.startswith("LAGNIAPPE_")}
    now = datetime.now(UTC).replace(microsecond=0)
    start = now - timedelta(weeks=WEEKS)
    told = [event for event in demo_events(start, weeks=WEEKS) if event.time <= now]
    history = [event for event in told if event.time < start]
    events = told[len(history) :]
    say(
        f"A sample shop in {workspace.name}/: {len(history):,} events of its history, then "
        f"{len(events):,} of {WEEKS} weeks; embedded SQLite, preview provider."
    )
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    clock = VirtualClock(start)
    app = build(
        workspace,
        own,
        clock=clock,
        make_sender=lambda providers: ImmediateSender(
            providers, max_in_flight=100, clock=clock.now
        ),
    )
    try:
        app.storage.database.claim_workspace()
        app.sender.start()
        app.ingest.take(
            [
                Incoming(event=each, body=serialize(each), received_at=start, backfill=True)
                for each in history
            ]
        )
        _live(app, clock, events, now)
        show(app, start, now)
        app.sender.stop()
    finally:
        app.close()
    if leave:
        return 0
    own["LAGNIAPPE_BIND"] = f"127.0.0.1:{_port(8025)}"
    say()
    say(f"The daemon goes on with the same shop at http://{own['LAGNIAPPE_BIND']} "
        "(try /healthz, /readyz, /metrics). Ctrl-C ends it.")  # fmt: skip
    return daemon.run(workspace, own)


def _live(app: App, clock: VirtualClock, events: list[Event], now: datetime) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("events"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console(error=True)) as progress:
        task = progress.add_task("the shop's weeks", total=len(events))

        def tell(moment: datetime, taken: int) -> None:
            progress.update(task, completed=taken, description=f"{moment:%d %b %Y}")

        fast_forward(app, clock, events, now, progress=tell)


def _fresh_workspace(workspace: Path) -> Path:
    if workspace.exists():
        if not (workspace / "lagniappe.db").exists() and any(workspace.iterdir()):
            from engine.cli.failure import Failure

            raise Failure(f"{workspace} is in the way: it is not a demo's workspace")
        shutil.rmtree(workspace)
    copy_starter(STARTER, workspace)
    return workspace


def _port(wanted: int) -> int:
    """The wanted port, or a free one when that is taken."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return wanted
