"""``lagniappe campaigns enrol``: past customers enter a campaign, after a look at what it does."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.failure import FINDING, WRONG_USAGE, Failure
from engine.cli.moments import moment
from engine.cli.output import Column, counted, local, print_table, say, short, warn, write_json
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.bootstrap import App
    from engine.services.enrolment import Enrolled, Enrolment, Survey, Terms


class EnrolFormat(StrEnum):
    """How the outlook is printed."""

    TABLE = "table"
    JSON = "json"


def enrol(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(metavar="ID")],
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="Triggers from then on: a date, or 60d.")
    ],
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Triggers before then; else now.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, metavar="N", help="Only the N with the newest triggers."),
    ] = None,
    over: Annotated[
        str | None, typer.Option("--over", metavar="SPAN", help="Spread evenly over so long; 7d.")
    ] = None,
    per_day: Annotated[
        int | None, typer.Option("--per-day", min=1, metavar="N", help="Or so many in 24 hours.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    chosen: Annotated[EnrolFormat, typer.Option("--format")] = EnrolFormat.TABLE,
) -> None:
    """Let past customers enter a campaign: show by simulation what would go out, ask, do it.

    With --format json and without --yes it only shows.
    """
    import structlog

    from engine.services.enrolment import Enrolment, NotEnrollable, Terms
    from engine.services.enrolment_report import done, report
    from engine.simulator.enrolling import foresee
    from engine.storage.past import SqlPast

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    shows_only = chosen is EnrolFormat.JSON and not yes
    session = session_of(context)
    with session.app() as app:
        now, zone = app.clock.now(), app.policy.zone
        terms = Terms(
            campaign=campaign,
            since=moment(since, now, zone) or now,
            until=min(moment(until, now, zone) or now, now),
            start=now,
            over=_span(over, per_day),
            per_day=per_day,
            limit=limit,
        )
        if terms.since >= terms.until:
            raise Failure(
                "--since must lie before now, and before --until: no trigger of the past is in "
                "this time",
                code=WRONG_USAGE,
            )
        if not shows_only:
            _claim(app)
        past = SqlPast(app.storage.database)
        enrolment = Enrolment(app.storage, app.revisions, app.handover, past)
        try:
            survey = enrolment.survey(terms)
            seen = foresee(app, session.workspace, past, terms, survey)
            document = report(
                terms, survey, seen.journeys, seen.messages, seen.deferred,
                [(one.pick, one.messages) for one in seen.examples], seen.until, seen.stopped, zone,
            )  # fmt: skip
            if chosen is EnrolFormat.TABLE:
                _show(document, zone)
            if shows_only:
                write_json(document)
                return
            if survey.picks and not yes:
                _ask(campaign, len(survey.picks))
            enrolled = _carry_out(app, enrolment, terms, survey)
        except NotEnrollable as error:
            raise Failure(str(error)) from None
    if chosen is EnrolFormat.JSON:
        write_json({**document, "enrolled": done(enrolled)})
        return
    say(f"{counted(enrolled.entered, 'customer')} entered {campaign}, "
        f"{enrolled.held_out:,} are held out; lagniappe why CUSTOMER explains each")  # fmt: skip
    for one in done(enrolled)["refused"]:
        say(f"{one['count']:,} did not after all: {one['text']}")


def _carry_out(app: App, enrolment: Enrolment, terms: Terms, survey: Survey) -> Enrolled:
    from engine.ports.storage import Contended

    try:
        return enrolment.carry_out(terms, survey.picks, app.clock.now)
    except Contended:
        raise Failure(
            "other processes kept writing the same customers; run it again to go on"
        ) from None


def _span(over: str | None, per_day: int | None) -> timedelta:
    from config.durations import parse

    if over is None:
        return timedelta(days=7)
    if per_day is not None:
        raise Failure("--over and --per-day exclude each other", code=WRONG_USAGE)
    try:
        span = parse(over)
    except ValueError as error:
        raise Failure(f"--over {over}: {error}", code=WRONG_USAGE) from None
    return span.nominal


def _claim(app: App) -> None:
    from engine.storage.database import WorkspaceBusy

    try:
        # On SQLite the daemon holds worlds in memory that it would write back.
        app.storage.database.claim_workspace()
    except WorkspaceBusy:
        raise Failure(
            "the daemon is at work on this database: stop it, enrol, and start it again "
            "(on PostgreSQL it may go on); --format json shows what would go out meanwhile"
        ) from None


def _ask(campaign: str, count: int) -> None:
    if not sys.stdin.isatty():
        raise Failure("nobody is there to be asked; say --yes", code=WRONG_USAGE)
    if not typer.confirm(f"Let {counted(count, 'customer')} enter {campaign}?", err=True):
        warn("nobody was entered")
        raise typer.Exit(FINDING)


def _show(document: Mapping[str, Any], zone: Any) -> None:
    """The outlook as people read it."""
    since, before = local(document["since"], zone), local(document["before"], zone)
    say(f"{document['campaign']}, triggers from {since} to {before}: "
        f"{counted(document['entering'], 'customer')} would enter, {document['held_out']:,} "
        "be held out")  # fmt: skip
    if document["max_age"]:
        say(f"its max_age of {document['max_age']} is waived for them")
    for one in document["not_entering"]:
        say(f"  {one['count']:,} would not: {one['text']}")
    if document["days"]:
        say()
        print_table(document["days"], (
            Column(title="DAY", cell=lambda row: row["day"]),
            Column(title="ENTRIES", cell=lambda row: f"{row['entries']:,}", right=True),
            Column(title="MESSAGES", cell=lambda row: f"{row['messages']:,}", right=True),
        ))  # fmt: skip
    if document["steps"]:
        say()
        print_table(document["steps"], (
            Column(title="STEP", cell=lambda row: row["step"]),
            Column(title="MESSAGE", cell=lambda row: f"{row['channel']} {row['template']}"),
            Column(title="SENT", cell=lambda row: f"{row['sent']:,}", right=True),
            Column(title="WITHHELD", cell=lambda row: f"{row['withheld']:,}", right=True),
            Column(title="WAITING", cell=lambda row: f"{row['waiting']:,}", right=True),
        ))  # fmt: skip
    for title, key in (("withheld", "withheld"), ("put off", "deferred")):
        for one in document[key]:
            say(f"{one['count']:,} {title}: {one['text']}")
    for one in document["exits"]:
        say(f"{one['count']:,} would leave early: {one['reason']}")
    if document["stopped"]:
        say(f"{document['campaign']} would stop itself: {document['stopped']['text']}",
            style="yellow")  # fmt: skip
    for one in document["examples"]:
        _show_example(one, zone)
    say()


def _show_example(one: Mapping[str, Any], zone: Any) -> None:
    order = f" of order {one['order']}" if one["order"] else ""
    say()
    say(f"for example {short(one['customer'])}: {one['trigger']}{order}, "
        f"{_at(one['happened'], zone)}; starts {_at(one['starts_at'], zone)}")  # fmt: skip
    for message in one["messages"]:
        subject = message["subject"] or " ".join((message["text"] or "").split())[:60]
        quoted = f' "{subject}"' if subject else ""
        why = f" ({message['reason']})" if message["reason"] else ""
        say(f"  {_at(message['at'], zone)}  {message['step']}: {message['channel']}{quoted} "
            f"{message['status']}{why}")  # fmt: skip


def _at(at: datetime, zone: Any) -> str:
    return local(at, zone)
