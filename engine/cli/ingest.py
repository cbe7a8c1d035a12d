"""``lagniappe ingest``: events, orders or consents from a file or a pipe."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.failure import FINDING, INTERRUPTED, Failure
from engine.cli.output import console, say, warn
from engine.cli.session import session_of

if TYPE_CHECKING:
    from rich.progress import Progress

    from engine.bootstrap import App
    from engine.ports.storage import Incoming
    from triggers.event import Event

BATCH = 500
_TOLD = 20  # faulty lines that are told one by one
_ATTEMPTS = 10  # of a batch that another writer overtook


class InputFormat(StrEnum):
    """What the input is made of."""

    JSONL = "jsonl"
    CSV = "csv"


class Rows(StrEnum):
    """What the rows of a CSV are."""

    ORDERS = "orders"
    CONSENTS = "consents"


@dataclass(slots=True)
class _Count:
    read: int = 0
    new: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    def refuse(self, message: str) -> None:
        self.refused += 1
        if len(self.faults) < _TOLD:
            self.faults.append(message)


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
    count = _Count()
    with _opened(file) as stream, session.app() as app:
        kind = chosen or _guess(file, stream)
        with _progress(file) as progress:
            counted = _Counted(stream, progress)
            events = _jsonl(counted, app, source, count)
            if kind is InputFormat.CSV:
                events = _csv(counted, app, source, count, rows)
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


def _summary(count: _Count, *, queued: bool) -> str:
    known = count.read - count.refused - count.new
    read = f"{count.read:,} read"
    refused = f"{count.refused:,} refused"
    if queued:
        handed = count.read - count.refused
        return f"{read}: {handed:,} handed to the running daemon, {refused}"
    return f"{read}: {count.new:,} new, {known:,} known already, {refused}"


def _take_all(app: App, events: Iterable[Event], count: _Count, *, backfill: bool) -> bool:
    """Take events in batches; True when the running daemon was left to process them."""
    from engine import memory
    from engine.ports.storage import Incoming
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


def _jsonl(lines: Iterable[bytes], app: App, source: str | None, count: _Count) -> Iterator[Event]:
    from triggers.sources.native import Refused, parse_line

    catalog = app.catalog
    now: datetime = app.clock.now()
    for number, line in enumerate(lines, 1):
        body = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not body.strip():
            continue
        if count.read == 0 and body.lstrip().startswith(b"["):
            raise Failure("this is a JSON array; write one event a line, as jq -c '.[]' does")
        count.read += 1
        event = parse_line(body, received_at=now, catalog=catalog, index=number)
        if isinstance(event, Refused):
            for problem in event.problems[:1]:
                count.refuse(f"{number}: {problem}")
            continue
        yield event if source is None else replace(event, source=source)


def _csv(
    lines: Iterable[bytes], app: App, source: str | None, count: _Count, rows: Rows | None
) -> Iterator[Event]:
    from triggers.event import Event
    from triggers.sources.csv_consents import is_consents, read_consents
    from triggers.sources.csv_orders import RowError, UnknownColumns, read_orders

    texts: Iterator[str] = (line.decode("utf-8", "replace") for line in lines)
    first = next(texts, "")
    texts = chain([first], texts)
    read: Iterable[Event | RowError | UnknownColumns | None]
    if rows is Rows.CONSENTS or (rows is None and is_consents(first)):
        read = read_consents(
            texts,
            now=app.clock.now(),
            source=source,
            zone=app.policy.zone,
            country=app.policy.country,
        )
    else:
        read = read_orders(
            texts, source=source or "csv", zone=app.policy.zone, currency=app.policy.currency
        )
    for item in read:
        match item:
            case Event():
                count.read += 1
                yield item
            case RowError():
                count.read += 1
                where = f"{item.column} " if item.column else ""
                count.refuse(f"{item.line}: {where}{item.message}")
            case UnknownColumns():
                warn(f"columns that are not read: {', '.join(item.names)}")
            case None:
                count.read += 1  # nobody's decision


@contextmanager
def _opened(file: str) -> Iterator[io.BufferedReader]:
    if file == "-":
        raw = sys.stdin.buffer
        yield raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)  # type: ignore[arg-type]
        return
    path = Path(file)
    if path.is_dir():
        raise Failure(f"{file} is a directory; name a file in it")
    try:
        with path.open("rb") as stream:
            yield stream
    except FileNotFoundError as error:
        if error.filename != file:
            raise
        raise Failure(f"there is no file {file}") from None


def _guess(file: str, stream: io.BufferedReader) -> InputFormat:
    suffix = Path(file).suffix.lower()
    if suffix in (".csv", ".tsv"):
        return InputFormat.CSV
    if suffix in (".jsonl", ".ndjson", ".json"):
        return InputFormat.JSONL
    start = stream.peek(4096).removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return InputFormat.JSONL if start in (b"{", b"[", b"") else InputFormat.CSV


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
