"""``lagniappe simulate``: what the campaigns would do to the customers of a recorded time."""

from __future__ import annotations

import errno
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Annotated

import typer

from config.diagnostics import nearest
from engine.cli.event_files import Count, InputFormat, guess, json_lines, opened, read_csv
from engine.cli.failure import INTERRUPTED, WRONG_USAGE, Failure
from engine.cli.moments import moment
from engine.cli.output import console, warn, write_json
from engine.cli.pool_sizes import pool_sizes
from engine.cli.session import Session, session_of
from engine.cli.simulation_summary import show
from engine.cli.trial_options import (
    BehaviourFile,
    Codes,
    Customers,
    Drafts,
    Effects,
    Seed,
    Since,
    Until,
    Workers,
)

if TYPE_CHECKING:
    from engine.simulator.behaviour import Behaviour
    from engine.simulator.preparation import Prepared, Sample
    from engine.simulator.report import Document
    from engine.simulator.simulation import Setup

AFTERWARDS = timedelta(days=30)
_NOBODYS = "preview"  # the provider whose messages nobody gets
_EVERY = 0.1  # seconds between two looks of the bar


class ReportFormat(StrEnum):
    """How the report is printed."""

    TABLE = "table"
    JSON = "json"


def simulate(
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FILE]...", help="Events; the workspace's own history if none."),
    ] = None,
    since: Since = None,
    until: Until = None,
    customers: Customers = None,
    campaign: Annotated[
        list[str] | None,
        typer.Option("--campaign", metavar="ID", help="This one alone; may be given again."),
    ] = None,
    drafts: Drafts = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="policy.PLACE=VALUE", help="Another value of config/store.yaml."
        ),
    ] = None,
    seed: Seed = "1",
    behaviour: BehaviourFile = None,
    effects: Effects = True,
    codes: Codes = None,
    workers: Workers = None,
    render: Annotated[
        int, typer.Option("--render", min=1, help="Messages of a template that are rendered.")
    ] = 3,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write report.html, report.json and CSV there."),
    ] = None,
    chosen: Annotated[ReportFormat, typer.Option("--format")] = ReportFormat.TABLE,
) -> None:
    """Live through recorded events with the campaigns as they are now; nothing is sent or kept."""
    from engine.memory import settle
    from engine.simulator.preparation import prepare
    from engine.simulator.report import document
    from engine.simulator.shards import simulate_together, workers_for

    quiet()
    session = session_of(context)
    prepared = prepare(
        session.workspace,
        session.environ,
        only=campaign or (),
        drafts=drafts,
        changes=_changes(settings or ()),
        render=render,
        seed=seed,
    )
    _known(campaign or (), prepared)
    gather(session, files or (), prepared, workers)
    zone, now = prepared.policy.zone, prepared.clock.now()
    setup = prepared.setup(
        since=moment(since, now, zone),
        until=moment(until, now, zone),
        afterwards=AFTERWARDS,
        behaviour=behaving(behaviour) if effects else None,
    )
    in_order(setup, zone)
    sizes = pool_sizes(
        session, prepared, codes or (),
        since=None if files else setup.since, whole=customers is None,
    )  # fmt: skip
    setup = replace(setup, pools=sizes)
    history = prepared.history(setup, sample_of(customers))
    if not history:
        raise nothing_to_try(files or ())
    settle()
    with stoppable(len(history)) as progress, unbroken():
        outcome = simulate_together(
            setup, history, prepared.groups, progress,
            workers=workers or workers_for(len(history)),
            say=lambda text: warn(f"lagniappe: {text}"),
        )  # fmt: skip
    by = "none" if not effects else "default" if behaviour is None else behaviour.name
    report = document(outcome, prepared.frame(setup, by))
    if out is not None:
        _write(report, out)
    if chosen is ReportFormat.JSON:
        write_json(report)
    else:
        show(report)
    if not outcome.complete:
        warn(f"lagniappe: stopped; the report goes until {outcome.reached:%Y-%m-%d %H:%M} UTC")
        raise typer.Exit(INTERRUPTED)


def in_order(setup: Setup, zone: tzinfo) -> None:
    """Fail when the time that is simulated ends before it begins."""
    if setup.until <= setup.since:
        since, until = (one.astimezone(zone) for one in (setup.since, setup.until))
        raise Failure(
            f"it would begin on {since:%Y-%m-%d %H:%M} and end on {until:%Y-%m-%d %H:%M}; "
            "write a --from before the --until, and before the last event"
        )


def nothing_to_try(files: Sequence[str]) -> Failure:
    """That no event was found, in these files or in the workspace."""
    if files:
        return Failure(f"no event of {', '.join(files)} is of this time and these customers")
    return Failure("there are no events in this time; see lagniappe events list")


def quiet() -> None:
    """Tell only of what has failed here and now; what stops a campaign stands in the report."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _write(report: Document, folder: Path) -> None:
    from engine.simulator.files import write_files

    try:
        written = write_files(report, folder)
    except OSError as error:
        raise Failure(f"{folder} cannot be written: {error.strerror}") from None
    warn(f"the report is in {written[0]}, with {len(written) - 1} files beside it")


def _known(wanted: Sequence[str], prepared: Prepared) -> None:
    for name in wanted:
        if name not in prepared.plans:
            near = nearest(name, prepared.campaigns)
            hint = f"did you mean {near}?" if near else "lagniappe check tells what is there"
            raise Failure(f"there is no campaign {name}; {hint}", code=WRONG_USAGE)
    if not prepared.live:
        raise Failure("no campaign is live; --drafts lets drafts act as live ones")


def _changes(given: Sequence[str]) -> dict[str, str]:
    changes: dict[str, str] = {}
    for one in given:
        place, equals, value = one.partition("=")
        if not equals or not place.startswith("policy.") or "" in place.split("."):
            raise Failure(
                f"--set {one}: write policy.PLACE=VALUE, as in policy.min_gap=2d", code=WRONG_USAGE
            )
        changes[place.removeprefix("policy.")] = value
    return changes


def sample_of(text: str | None) -> Sample:
    """Which customers are meant by ``--customers``."""
    from engine.simulator.preparation import Sample

    if text is None:
        return Sample()
    try:
        if text.endswith("%"):
            share = float(text.removesuffix("%")) / 100
            if 0 < share <= 1:
                return Sample(share=share)
        elif int(text) > 0:
            return Sample(count=int(text))
    except ValueError:
        pass
    raise Failure(f"--customers {text}: write how many, 500, or which part, 10%", code=WRONG_USAGE)


def behaving(file: Path | None) -> Behaviour:
    """How customers behave by a file, or by default."""
    from config.diagnostic_report import as_text
    from config.yaml_source import SourceError
    from engine.simulator.behaviour import Behaviour
    from engine.simulator.behaviour_file import read_behaviour

    if file is None:
        return Behaviour()
    try:
        return read_behaviour(file)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from None
    except SourceError as error:
        text = file.read_text(encoding="utf-8", errors="replace")
        raise Failure(as_text(error.diagnostics, {file.name: text}).rstrip()) from None


def gather(session: Session, files: Sequence[str], prepared: Prepared, workers: int | None) -> None:
    """Read the files, in up to so many processes, or what the workspace has seen."""
    from engine.simulator.reading import ReaderGone
    from engine.simulator.shards import processors

    try:
        if files:
            _read(files, prepared, workers or processors())
        else:
            _recall(session, prepared)
        prepared.seal()
    except ReaderGone as error:
        raise Failure(str(error)) from None
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise Failure(
            f"{gettempdir()} has no room for the events: {error.strerror}; "
            "TMPDIR names another folder"
        ) from None


def _recall(session: Session, prepared: Prepared) -> None:
    from engine.storage.recordings import calls_assigned, messages_sent, recordings, suppressed
    from triggers.sources.native import deserialize

    with session.records() as records:
        for one in recordings(records.storage.database):
            prepared.add(deserialize(one.body), one.arrived)
        prepared.suppressed = suppressed(records.storage.database)
        for message, at, provider in messages_sent(records.storage.database):
            prepared.went_out(message, at, previewed=provider == _NOBODYS)
        for call, at in calls_assigned(records.storage.database):
            prepared.went_out(call, at, previewed=False)


def _read(files: Sequence[str], prepared: Prepared, workers: int) -> None:
    for file in files:
        count = Count()
        with opened(file) as stream:
            if guess(file, stream) is InputFormat.CSV:
                for event in read_csv(stream, prepared, None, count, None, foresees=True):
                    prepared.add(event)
            else:
                for number, refused in prepared.read(json_lines(stream, count), workers):
                    count.refuse_line(number, refused)
        for fault in count.faults:
            warn(f"{file}:{fault}")
        if count.refused > len(count.faults):
            warn(f"{file}: and {count.refused - len(count.faults):,} more were refused")


@contextmanager
def unbroken() -> Iterator[None]:
    """Say so when a process of a simulation ends before its time."""
    from engine.simulator.shards import PartFailed

    try:
        yield
    except PartFailed as error:
        raise Failure(f"{error}\n{error.trace}".rstrip()) from None


@contextmanager
def stoppable(total: int, label: str = "simulating") -> Iterator[Callable[[datetime, int], bool]]:
    """A bar with the time left.

    The first Ctrl-C ends the simulation between two moments, the second one at once and for good.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    stopped: list[int] = []

    def stop(number: int, _frame: object) -> None:
        if stopped:
            raise KeyboardInterrupt
        stopped.append(number)

    former = signal.signal(signal.SIGINT, stop)
    try:
        with Progress(
            TextColumn("{task.description} {task.fields[day]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} events"),
            TimeRemainingColumn(),
            console=console(error=True),
            transient=True,
            disable=not sys.stderr.isatty(),
            auto_refresh=False,  # by a thread, which would be there when processes are forked
        ) as bar:
            task = bar.add_task(label, total=total, day="")
            told = 0.0

            def tell(now: datetime, taken: int) -> bool:
                nonlocal told
                if (moment := time.monotonic()) - told > _EVERY:
                    told = moment
                    bar.update(task, completed=taken, day=f"{now:%d %b %Y}", refresh=True)
                return not stopped

            yield tell
    finally:
        signal.signal(signal.SIGINT, former)
