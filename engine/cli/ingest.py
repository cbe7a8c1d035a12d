"""``lagniappe ingest``: events, orders or consents from a file or a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.event_files import Count, InputFormat, Rows, guess, opened, read_csv, read_jsonl
from engine.cli.failure import FINDING, INTERRUPTED, Failure
from engine.cli.output import console, say, warn
from engine.cli.session import session_of

if TYPE_CHECKING:
    from rich.progress import Progress

    from engine.bootstrap import App
    from engine.ports.stored import Incoming
    from triggers.event import Event

BATCH = 500
_TOLD = 20  # faulty lines that are told one by one
_ATTEMPTS = 10  # of a batch that another writer overtook


def ingest(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The file, or - for a pipe.")],
    chosen: Annotated[
        InputFormat | None,
        typer.Option("--format", help="Guessed from the name and content unless given."),
    ] = None,
    rows: Annotated[
        Rows | None,
        typer.Option("--as", help="What a CSV holds; told by its header unless given."),
    ] = None,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="Record history: enrols nobody.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The source's name: csv for a CSV, else as each line says."
        ),
    ] = None,
) -> None:
    """Take in events (JSON, one a line), orders or consents (CSV). The same again changes nothing.

    Exit code 1 when something was refused; all that is good is taken in nevertheless.
    """
    session = session_of(context)
    count = Count()
    with opened(file) as stream, session.app() as app:
        kind = chosen or guess(file, stream)
        with _progress(file) as progress:
            counted = _Counted(stream, progress)
            events = read_jsonl(counted, app, source, count)
            if kind is InputFormat.CSV:
                events = read_csv(counted, app, source, count, rows)
            try:
                queued = _take_all(app, events, count, backfill=backfill)
            except KeyboardInterrupt:
                warn(f"lagniappe: stopped; {count.new:,} events are in. Run it again to go on.")
                raise typer.Exit(INTERRUPTED) from None
    for fault in count.faults:
        warn(f"{file}:{fault}")
    if count.refused > len(count.faults):
        warn(f"{file}: and {count.refused - len(count.faults):,} more were refused")
    say(_summary(count, queued=queued))
    if count.refused:
        raise typer.Exit(FINDING)


def _summary(count: Count, *, queued: bool) -> str:
    known = count.read - count.refused - count.new
    read = f"{count.read:,} read"
    refused = f"{count.refused:,} refused"
    if queued:
        handed = count.read - count.refused
        return f"{read}: {handed:,} handed to the running daemon, {refused}"
    return f"{read}: {count.new:,} new, {known:,} known already, {refused}"


def _take_all(app: App, events: Iterable[Event], count: Count, *, backfill: bool) -> bool:
    """Take events in batches; True when the running daemon was left to process them."""
    from engine import memory
    from engine.ports.stored import Incoming
    from engine.storage.database import WorkspaceBusy
    from triggers.sources.native import serialize

    try:
        app.storage.database.claim_workspace()
        queued = False
    except WorkspaceBusy:
        queued = True
    memory.settle()
    batch: list[Incoming] = []
    for event in events:
        body = serialize(event)
        batch.append(
            Incoming(event=event, body=body, received_at=app.clock.now(), backfill=backfill)
        )
        if len(batch) >= BATCH:
            count.new += _take(app, batch, queued=queued)
            batch = []
    if batch:
        count.new += _take(app, batch, queued=queued)
    return queued


def _take(app: App, batch: Sequence[Incoming], *, queued: bool) -> int:
    from engine.ports.storage import Contended

    if queued:
        app.storage.accept(batch)
        return 0
    for _ in range(_ATTEMPTS):
        try:
            return app.ingest.take(batch)
        except Contended:
            continue
    raise Failure("other processes kept writing the same customers; run it again to go on")


class _Counted:
    """Lines of a stream; the progress bar follows by their bytes."""

    def __init__(self, stream: io.BufferedReader, progress: Progress | None) -> None:
        self._stream = stream
        self._progress = progress

    def __iter__(self) -> Iterator[bytes]:
        gone = 0
        for number, line in enumerate(self._stream, 1):
            gone += len(line)
            if self._progress is not None and number % BATCH == 0:
                self._progress.update(self._progress.task_ids[0], completed=gone, lines=number)
            yield line
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], completed=gone)


@contextmanager
def _progress(file: str) -> Iterator[Progress | None]:
    """A bar on standard error, when somebody is there to see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    total = None if file == "-" else Path(file).stat().st_size
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeRemainingColumn(),
        console=console(error=True),
        transient=True,
    ) as progress:
        progress.add_task("taking in", total=total, lines=0)
        yield progress
