"""Why a customer was, or was not, contacted by a campaign: computed when somebody asks.

Pure functions of what is on record and of the customer's present world. The deciding rule comes
first, then the facts in the order in which they happened. "Never triggered" is on no row: it
follows from the events that the customer had, and, for campaigns on a schedule, from the segment
evaluated now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.core.campaign import Plan, ScheduleTrigger
from engine.core.decision import EntryVerdict, VerdictCode
from engine.core.message import MessageStatus
from engine.core.reasons import not_called
from engine.core.remedies import Change
from engine.core.trace import verdict_text
from engine.core.wording import wanted_clause, when
from engine.ports.history import LoggedJourney
from engine.services.case import Case, Fact, Outcome, Question, facts_of, plan_of
from engine.services.ruling import Knock, knocks_of, rule
from engine.services.stops import stop_facts
from engine.services.timeline import reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer for one campaign: one line, what would have to change, the facts, oldest first.

    ``code`` names the rule that decided, as the log and the trace do.
    """

    campaign: str
    name: str
    outcome: Outcome
    code: str
    text: str
    changes: tuple[Change, ...] = ()
    facts: tuple[Fact, ...] = ()
    journeys: tuple[str, ...] = ()
    due_at: datetime | None = None  # when it goes on by itself, if it does


def answer(case: Case, campaign: str, asked: Question) -> Answer:
    """The answer for one campaign, known or once known."""
    journeys = sorted(
        (one for one in case.journeys if one.campaign == campaign),
        key=lambda one: (one.entered_at, one.entry_no, one.id),
    )
    plan = asked.plans.current.get(campaign)
    knocks = knocks_of(case, campaign)
    ruling = rule(case, campaign, asked, journeys, knocks)
    return Answer(
        campaign=campaign,
        name=plan.name if plan is not None else campaign,
        outcome=ruling.outcome,
        code=ruling.code,
        text=ruling.text,
        changes=ruling.changes,
        facts=_facts(case, campaign, asked, knocks),
        journeys=tuple(one.id for one in journeys),
        due_at=_goes_on_at(case, journeys[-1]) if journeys else None,
    )


def answers(case: Case, asked: Question) -> tuple[Answer, ...]:
    """One answer a campaign: those with something to tell first, by name within."""
    known = {*asked.plans.current, *(one.campaign for one in case.journeys)}
    order = list(Outcome)
    told = (answer(case, campaign, asked) for campaign in sorted(known))
    return tuple(sorted(told, key=lambda one: order.index(one.outcome)))


def _goes_on_at(case: Case, journey: LoggedJourney) -> datetime | None:
    due = [] if journey.due_at is None or journey.parked else [journey.due_at]
    due += [
        one.send_at
        for one in case.messages
        if one.journey_id == journey.id and one.status is MessageStatus.SCHEDULED
    ]
    return min(due, default=None)


def _facts(case: Case, campaign: str, asked: Question, knocks: Sequence[Knock]) -> tuple[Fact, ...]:
    entered = (VerdictCode.ENTERED, VerdictCode.HELD_OUT)
    found = [
        Fact(
            at=event.received_at,
            text=f"{verdict.transition} of {when(event.time, asked.zone)}: "
            + verdict_text(verdict, plan_of(asked.plans, campaign, verdict.revision), asked.zone),
            campaign=campaign,
            kind="verdict",
            code=verdict.code.value,
            event=event.id,
            wanted=_wanted(verdict, plan_of(asked.plans, campaign, verdict.revision)),
            trace=verdict.trace,
        )
        for event, verdict in knocks
        if verdict.code not in entered
    ]
    found += stop_facts(case, asked, campaign)
    found += facts_of((one for one in case.decisions if one.campaign == campaign), asked)
    for message in case.messages:
        if message.campaign == campaign:
            found += reported(message)
    found += [
        Fact(
            at=one.at,
            text=not_called(one.reason, one.attempts, final=one.final),
            campaign=campaign,
            journey=one.journey_id,
            step=one.step,
            kind="call",
            code=one.reason,
        )
        for one in case.calls
        if one.campaign == campaign
    ]
    return tuple(sorted(found, key=lambda one: one.at))


def _wanted(verdict: EntryVerdict, plan: Plan | None) -> str:
    """The part of the entry condition that was not met."""
    if plan is None or verdict.code not in (VerdictCode.FILTER, VerdictCode.PROFILE_FILTER):
        return ""
    if verdict.code is VerdictCode.PROFILE_FILTER:
        return wanted_clause(verdict.trace, plan.profile_filter)
    trigger = plan.trigger
    segment = trigger.segment if isinstance(trigger, ScheduleTrigger) else None
    return wanted_clause(verdict.trace, segment, plan.filter)
