"""``lagniappe diff``: what a change of the workspace would do to the customers of a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.diff_summary import markdown, show
from engine.cli.failure import FINDING, INTERRUPTED, WRONG_USAGE, Failure
from engine.cli.git_revisions import check_out
from engine.cli.moments import moment
from engine.cli.output import json_line, warn, write, write_json
from engine.cli.pool_sizes import pool_sizes
from engine.cli.session import Session, session_of
from engine.cli.simulate import (
    AFTERWARDS,
    behaving,
    gather,
    in_order,
    nothing_to_try,
    quiet,
    sample_of,
    stoppable,
    unbroken,
)
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
    from datetime import datetime

    from config.settings import Settings
    from engine.simulator.edits import Tree
    from engine.simulator.in_flight import Fate
    from engine.simulator.review import Review
    from engine.simulator.thresholds import Threshold
    from engine.simulator.witness import Account


class DiffFormat(StrEnum):
    """How the comparison is printed."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


def diff(
    context: typer.Context,
    before: Annotated[
        str, typer.Argument(metavar="[BEFORE]", help="A folder or a git revision.")
    ] = "HEAD",
    after: Annotated[
        str | None,
        typer.Argument(metavar="[AFTER]", help="Likewise; the workspace as it is if left out."),
    ] = None,
    files: Annotated[
        list[str] | None,
        typer.Option(
            "--events", metavar="FILE", help="Events; the workspace's own history if none."
        ),
    ] = None,
    since: Since = None,
    until: Until = None,
    customers: Customers = None,
    drafts: Drafts = False,
    seed: Seed = "1",
    behaviour: BehaviourFile = None,
    effects: Effects = True,
    codes: Codes = None,
    workers: Workers = None,
    alone: Annotated[
        bool, typer.Option("--alone/--no-alone", help="Whether each edit is tried alone, too.")
    ] = True,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if", metavar="BOUND", help='Exit with 1 then: "sends > +5%"; again for more.'
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.md", help="Write it as Markdown, for a pull request."),
    ] = None,
    chosen: Annotated[DiffFormat, typer.Option("--format")] = DiffFormat.TABLE,
) -> None:
    """Compare two versions of the workspace on recorded events; nothing is sent or kept."""
    from config.settings import load_settings
    from engine.memory import settle
    from engine.simulator.edits import lay
    from engine.simulator.preparation import prepare
    from engine.simulator.review import review
    from engine.simulator.review_report import Heading, review_document, rows
    from engine.simulator.shards import simulate_together, workers_for
    from engine.simulator.thresholds import judge
    from engine.simulator.witness import Witness

    quiet()
    session = session_of(context)
    settings = load_settings(session.workspace, session.environ)
    former, former_name = _version(session, before)
    now, now_name = _version(session, after)
    with TemporaryDirectory(prefix="lagniappe-") as folder:
        prepared = prepare(
            lay(now, Path(folder)), session.environ, only=(), drafts=drafts, changes={},
            render=None, seed=seed, settings=settings,
        )  # fmt: skip
        gather(session, files or (), prepared, workers)
        zone, clock = prepared.policy.zone, prepared.clock.now()
        setup = prepared.setup(
            since=moment(since, clock, zone),
            until=moment(until, clock, zone),
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
    bounds = _bounds(fail_if or (), {*_campaigns(former), *_campaigns(now)})

    def run(workspace: Path, label: str) -> Account:
        with stoppable(len(history), label) as progress, unbroken():
            outcome = simulate_together(
                replace(setup, workspace=workspace, made=None), history, prepared.groups,
                progress,
                workers=workers or workers_for(len(history)), witness=Witness(),
                say=lambda text: warn(f"lagniappe: {label}: {text}"),
            )  # fmt: skip
        if not outcome.complete or outcome.account is None:
            warn("lagniappe: stopped; there is nothing to compare yet")
            raise typer.Exit(INTERRUPTED)
        return outcome.account

    settle()
    found = review(former, now, run, alone=alone)
    judged = [judge(each, found.before, found.after) for each in bounds]
    by = "none" if not effects else "default" if behaviour is None else behaviour.name
    heading = Heading(
        before=former_name, after=now_name, since=setup.since, until=setup.until,
        currency=prepared.policy.currency, behaviour=by, seed=seed,
    )  # fmt: skip
    journeys = _journeys(session, settings, now, found, prepared.clock.now())
    document = review_document(found, heading, judged, journeys)
    if out is not None:
        _write(out, markdown(document))
    match chosen:
        case DiffFormat.JSON:
            write_json(document)
        case DiffFormat.JSONL:
            write("".join(json_line(row, list(row)) for row in rows(document)))
        case DiffFormat.TABLE:
            show(document)
    failed = [each for each in judged if each.failed]
    for each in failed:
        warn(f"lagniappe: {each.threshold.text}: {each.before:,f} before, {each.after:,f} after")
    if failed:
        raise typer.Exit(FINDING)


def _version(session: Session, named: str | None) -> tuple[Tree, str]:
    """The files of one version, and what it is called."""
    from engine.simulator.edits import STORE, read_tree

    try:
        if named is None:
            return read_tree(session.workspace), "the workspace"
        folder = Path(named)
        if folder.is_dir():
            tree = read_tree(folder)
            if STORE not in tree:
                raise Failure(f"{folder} is not a workspace: it has no {STORE}", code=WRONG_USAGE)
            return tree, named
        with TemporaryDirectory(prefix="lagniappe-") as scratch:
            commit = check_out(session.workspace, named, Path(scratch))
            return read_tree(Path(scratch)), named if named.startswith(commit) else (
                f"{named} ({commit})"
            )
    except OSError as error:
        raise Failure(f"{named or session.workspace} cannot be read: {error}") from None


def _journeys(
    session: Session, settings: Settings, tree: Tree, found: Review, now: datetime
) -> list[Fate] | None:
    """What those in the workspace's database will do; None when there is no database."""
    from engine.simulator.edits import lay
    from engine.simulator.in_flight import fates

    if not session.has_database(settings.database_url):
        return None
    with TemporaryDirectory(prefix="lagniappe-") as folder, session.records() as records:
        return fates(
            lay(tree, Path(folder)),
            settings,
            records.storage,
            found.before.campaigns,
            found.after.campaigns,
            now,
        )


def _campaigns(tree: Tree) -> set[str]:
    """The ids that a version's campaign files give themselves."""
    from engine.simulator.edits import campaign_of

    return {one for path, held in tree.items() if (one := campaign_of(path, held)) is not None}


def _bounds(given: Sequence[str], campaigns: set[str]) -> list[Threshold]:
    from engine.simulator.thresholds import WrongThreshold, read_threshold

    try:
        return [read_threshold(each, campaigns) for each in given]
    except WrongThreshold as error:
        raise Failure(f"--fail-if {error}", code=WRONG_USAGE) from None


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}") from None
    warn(f"the comparison is in {file}")
