"""``lagniappe why``: why a customer was, or was not, contacted, and what comes next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.diagnostics import nearest
from engine.cli.answers import (
    AnswerFormat,
    answer_row,
    change_row,
    coming_row,
    customer_row,
    entry_row,
    heading,
    print_answer,
    print_changes,
    print_forecast,
    print_timeline,
)
from engine.cli.failure import WRONG_USAGE, Failure
from engine.cli.lookup import Named, campaign_named, question, subject
from engine.cli.moments import moment
from engine.cli.output import say, write_json
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.bootstrap import App
    from engine.core.campaign import Plan
    from engine.core.remedies import Change
    from engine.ports.history import LoggedMessage
    from engine.services.case import Case, Fact, Question
    from engine.services.forecast import Forecast
    from engine.services.why import Answer

_LINES = 30  # of the timeline that are told unless --since or --until ask for a part of it


def why(
    context: typer.Context,
    named: Annotated[
        str,
        typer.Argument(
            metavar="CUSTOMER|ORDER|MESSAGE",
            help="A customer's id, email or phone; an order's number or id; the id of a message, "
            "a journey or a ticket.",
        ),
    ],
    campaign: Annotated[
        str | None,
        typer.Option(metavar="ID", help="One campaign (id, file or name), with every fact."),
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="WHEN", help="As it was known then.")] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="The timeline from here on.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="The timeline before this.")
    ] = None,
    chosen: Annotated[AnswerFormat, typer.Option("--format")] = AnswerFormat.TEXT,
) -> None:
    """Say why a customer was, or was not, contacted, what comes next, and what would change it.

    The deciding rule comes first, then what led to it. An order's number confines the answer to
    that order, a message's id to that message. WHEN is 2026-03-01, 2026-03-01T09:00, or 7d for
    seven days ago.
    """
    with session_of(context).looking() as app:
        asked = _asked(app, at)
        bounds = (
            moment(since, app.clock.now(), asked.zone), moment(until, app.clock.now(), asked.zone)
        )  # fmt: skip
        found = subject(app, named, messages=True)
        report = _Report.of(app, asked, found, campaign, bounds)
    if chosen is AnswerFormat.JSON:
        write_json(report.row())
    else:
        report.say()


def _asked(app: App, at: str | None) -> Question:
    from engine.storage.coupons import SqlCouponPools

    levels = SqlCouponPools(app.storage.database).pool_levels()
    asked = replace(question(app), free_codes={one.pool: one.free for one in levels})
    then = moment(at, asked.now, asked.zone)
    if then is None:
        return asked
    if then > asked.now:
        raise Failure(f"--at {at} lies ahead: what is to come is told without it", code=WRONG_USAGE)
    return replace(asked, now=then, as_known=True)


class _Report:
    """Everything that one question is answered with."""

    def __init__(
        self, case: Case, asked: Question, found: Named, told: tuple[Answer, ...], *, one: bool
    ) -> None:
        self.case = case
        self.asked = asked
        self.found = found
        self.answers = told
        self.is_one = one
        self.ahead: Forecast | None = None
        self.facts: tuple[Fact, ...] = ()
        self.is_part = False
        self.notes: tuple[str, ...] = ()  # what the answer cannot rest on, a line each

    @classmethod
    def of(
        cls,
        app: App,
        asked: Question,
        found: Named,
        campaign: str | None,
        bounds: tuple[datetime | None, datetime | None],
    ) -> _Report:
        from engine.services.forecast import forecast
        from engine.services.history import case_of
        from engine.services.timeline import timeline
        from engine.services.why import answer, answers

        now, look_back = app.clock.now(), asked.rules.look_back
        whole = case_of(app.history, app.storage, found.customer_id, now, look_back)
        asked, whole, notes = _in_force(app, asked, whole)
        case, journey = whole, found.journey_id
        if journey is not None:
            entered = next((one for one in whole.journeys if one.id == journey), None)
            if entered is None:
                raise Failure("that journey had not begun by then")
            campaign, case = entered.campaign, whole.of_journey(journey)
        elif found.message_id is not None:
            message = next((one for one in whole.messages if one.id == found.message_id), None)
            if message is None:
                raise Failure("that message was not made by then")
            campaign, journey = message.campaign, message.journey_id
            case = whole.of_journey(journey)
        elif found.order_id is not None:
            case = whole.of_order(found.order_id)
        if campaign is None:
            told = answers(case, asked)
        else:
            names = {one: one for one in _entered_or_refused(whole)}
            names |= {key: plan.name for key, plan in asked.plans.current.items()}
            known = campaign_named(campaign, names)
            if known is None:
                raise Failure(_unknown(app, asked, campaign, names))
            campaign = known
            told = (answer(case, campaign, asked),)
        report = cls(case, asked, found, told, one=campaign is not None)
        report.is_part = bounds != (None, None)
        report.notes = tuple(
            f"{name}: {note}" if name else note
            for name, note in notes.items()
            if campaign is None or name in ("", campaign)
        )
        report.facts = timeline(case, asked, *bounds, campaign)
        if not asked.as_known:
            report.ahead = forecast(
                whole, asked, campaign=campaign, journey=journey, order=found.order_id
            )
        return report

    def row(self) -> dict[str, Any]:
        """As programs get it."""
        ahead = () if self.ahead is None else self.ahead.coming
        return {
            "version": 1,
            "customer": customer_row(self.case.customer),
            "order": self.found.order_id,
            "at": self.asked.now,
            "notes": self.notes,
            "message": self._message(),
            "campaigns": [
                answer_row(one, [each for each in ahead if each.campaign == one.campaign])
                for one in self.answers
            ],
            "timeline": [entry_row(one) for one in self.facts],
            "next": None if self.ahead is None else [coming_row(one) for one in ahead],
            "next_ended": None if self.ahead is None else self.ahead.ended,
        }

    def _of_message(self) -> tuple[LoggedMessage, str, str, Sequence[Change]] | None:
        """The message that was named: its row, what became of it, the rule, and what it takes."""
        from engine.services.ruling import of_message

        for one in self.case.messages:
            if one.id == self.found.message_id:
                return one, *of_message(self.case, one, self.asked)
        return None

    def _message(self) -> dict[str, Any] | None:
        found = self._of_message()
        if found is None:
            return None
        one, text, code, changes = found
        return {"id": one.id, "status": one.status, "code": code, "answer": text,
                "changes": [change_row(each) for each in changes]}  # fmt: skip

    def say(self) -> None:
        """As people read it."""
        zone = self.asked.zone
        say(heading(self.case.customer), style="bold")
        if self.asked.as_known:
            say(f"as known {self.asked.now.astimezone(zone):%Y-%m-%d %H:%M %Z}", style="dim")
        for note in self.notes:
            say(note, style="dim")
        if self.found.order_id is not None:
            say(f"order {self.found.order_id}", style="dim")
        told = self._say_message()
        for one in self.answers:
            print_answer(one, zone, facts=self.is_one, told=told)
        if not self.is_one or self.is_part:
            self._say_timeline()
        if self.ahead is not None:
            print_forecast(self.ahead, zone)

    def _say_message(self) -> str:
        found = self._of_message()
        if found is None:
            return ""
        one, text, _, changes = found
        say(f"\nmessage {one.id[:8]}: {text}")
        print_changes(changes)
        return text

    def _say_timeline(self) -> None:
        from engine.services.timeline import occasions, without_making

        facts = without_making(self.facts)
        kept = facts if self.is_part else facts[-_LINES:]
        say("\nWhat happened", style="bold")
        if len(kept) < len(facts):
            say(f"  … {len(facts) - len(kept)} earlier; --since 2026-01-01 shows them",
                style="dim")  # fmt: skip
        if not kept:
            say("  nothing on record")
        print_timeline(kept, occasions(self.case), self.asked.zone)


def _in_force(app: App, asked: Question, case: Case) -> tuple[Question, Case, dict[str, str]]:
    """The question and the case with the campaigns that were in force, and what is not known: by
    campaign, and of all of them under no name."""
    from config.yaml_source import SourceError
    from engine.services.as_known import as_known
    from engine.services.back_then import UNRECORDED, back_then, mended, quoting
    from engine.services.campaigns import broken_files

    def compiled(campaign: str, revision: str) -> Plan | None:
        source = app.storage.revision_source(campaign, revision)
        try:
            return None if source is None else app.loader.compile_source(*source)
        except SourceError:
            return None

    stored = app.history.revisions()
    plans = quoting(asked.plans, case, compiled)
    if asked.as_known:
        then = back_then(plans, asked.phases, asked.now, compiled)
        asked = replace(asked, plans=then.plans)
        return asked, as_known(case, asked.now), {"": UNRECORDED, **then.unknown}
    found = broken_files(app.loader.diagnostics())
    problems = {file: f"{file}:{one.at.line}: {one.message}" for file, one in found.items()}
    plans, broken = mended(plans, stored, problems, compiled)
    notes = {
        one.campaign: "its file is missing now"
        for one in case.journeys
        if one.campaign not in plans.current
    }
    for campaign, problem in broken.items():
        notes[campaign] = (
            f"its file is broken now ({problem}); what is told rests on its last good version, "
            "which a running daemon keeps"
        )
    return replace(asked, plans=plans, broken=broken), case, notes


def _entered_or_refused(case: Case) -> set[str]:
    """The campaigns that the customer has come near, those without a file now among them."""
    refused = {verdict.campaign for event in case.events for verdict in event.verdicts}
    return refused | {one.campaign for one in case.journeys}


def _unknown(app: App, asked: Question, campaign: str, known: Mapping[str, str]) -> str:
    """Why nothing can be said of a campaign: it was not there yet, is broken, or there is none."""
    from engine.core.wording import when
    from engine.services.campaigns import report

    present = app.loader.load()
    lines = report(asked.plans, present, app.loader.diagnostics(), {})
    names = {key: one.plan.name for key, one in present.items()}
    meant = campaign_named(campaign, {one.id: one.name for one in lines} | names)
    if asked.as_known:
        for stored in app.history.revisions():
            if stored.campaign == meant and stored.stored_at > asked.now:
                first = when(stored.stored_at, asked.zone)
                return f"{stored.campaign} was not there yet: it was first loaded {first}"
    for one in lines:
        if one.id == meant and one.reason:
            return f"{one.id} is {one.status}, and was never loaded: {one.reason}"
    near = nearest(campaign, [*known, *known.values()])
    return f"there is no campaign {campaign}" + (f"; did you mean {near}?" if near else "")
