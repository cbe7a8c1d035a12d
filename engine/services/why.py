"""Why a customer was, or was not, contacted by a campaign: computed when somebody asks.

Pure functions of what is on record and of the customer's present world. The deciding rule comes
first, then the facts in the order in which they happened. "Never triggered" is on no row: it
follows from the events that the customer had, and, for campaigns on a schedule, from the segment
evaluated now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any

from engine.core.campaign import Plan, Plans
from engine.core.customer import Customer
from engine.core.decision import Decision, DecisionKind, EntryVerdict, VerdictCode
from engine.core.guards import GuardRules
from engine.core.message import MessageStatus
from engine.core.reasons import ended, not_called, when
from engine.core.trace import decision_text, message_text, verdict_text
from engine.core.world import JourneyStatus, Waiting, World
from engine.ports.history import LoggedCall, LoggedEvent, LoggedJourney, LoggedMessage
from engine.services.untriggered import untriggered

SENT = frozenset({MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.DELIVERED})


class Outcome(StrEnum):
    """What became of a customer in a campaign, in one word."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    IN_DOUBT = "in_doubt"
    WAITING = "waiting"
    HELD_OUT = "held_out"
    EXITED = "exited"
    COMPLETED = "completed"  # it ran to its end without a message
    NOT_ENTERED = "not_entered"  # an event knocked and was refused
    NEVER_TRIGGERED = "never_triggered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that is on record of one customer, and their present world."""

    customer: Customer
    world: World
    journeys: Sequence[LoggedJourney] = ()
    messages: Sequence[LoggedMessage] = ()
    decisions: Sequence[Decision] = ()
    events: Sequence[LoggedEvent] = ()
    calls: Sequence[LoggedCall] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that led to the answer; ``code`` and ``trace`` are what is stored of it.

    ``journey`` is empty for a verdict that let nobody in.
    """

    at: datetime
    text: str
    journey: str = ""
    step: str = ""
    kind: str = ""
    code: str = ""
    trace: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer for one campaign: one line, then the facts, oldest first."""

    campaign: str
    name: str
    outcome: Outcome
    text: str
    facts: tuple[Fact, ...] = ()
    journeys: tuple[str, ...] = ()
    due_at: datetime | None = None  # when it goes on by itself, if it does


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What answers follow from besides the case: plans, policy, the instant, the shop's zone."""

    plans: Plans
    rules: GuardRules
    now: datetime
    zone: tzinfo = field(default=UTC)


def answer(case: Case, campaign: str, asked: Question) -> Answer:
    """The answer for one campaign, known or once known."""
    journeys = sorted(
        (one for one in case.journeys if one.campaign == campaign),
        key=lambda one: (one.entered_at, one.entry_no, one.id),
    )
    plan = asked.plans.current.get(campaign)
    name = plan.name if plan is not None else campaign
    knocks = _knocks(case, campaign)
    facts = _facts(case, campaign, asked, knocks)
    if not journeys:
        outcome, text = _not_in(case, campaign, asked, knocks, plan)
        return Answer(campaign=campaign, name=name, outcome=outcome, text=text, facts=facts)
    newest = journeys[-1]
    outcome, text = _of_journey(case, newest, asked)
    if len(journeys) > 1:
        text += f" (the newest of {len(journeys)} entries){_sent_before(case, journeys, asked)}"
    return Answer(
        campaign=campaign,
        name=name,
        outcome=outcome,
        text=text,
        facts=facts,
        journeys=tuple(one.id for one in journeys),
        due_at=_goes_on_at(case, newest),
    )


def _goes_on_at(case: Case, journey: LoggedJourney) -> datetime | None:
    due = [] if journey.due_at is None or journey.parked else [journey.due_at]
    due += [
        one.send_at
        for one in case.messages
        if one.journey_id == journey.id and one.status is MessageStatus.SCHEDULED
    ]
    return min(due, default=None)


def answers(case: Case, asked: Question) -> tuple[Answer, ...]:
    """One answer a campaign: those with something to tell first, by name within."""
    known = {*asked.plans.current, *(one.campaign for one in case.journeys)}
    order = list(Outcome)
    told = (answer(case, campaign, asked) for campaign in sorted(known))
    return tuple(sorted(told, key=lambda one: order.index(one.outcome)))


def facts_of(decisions: Iterable[Decision], asked: Question) -> tuple[Fact, ...]:
    """Decisions as facts with their sentences, in the order given."""
    return tuple(
        Fact(
            at=one.at,
            text=decision_text(one, plan_of(asked.plans, one.campaign, one.revision), asked.zone),
            journey=one.journey_id,
            step=one.step,
            kind=one.kind.value,
            code=one.code,
            trace=one.trace,
        )
        for one in decisions
    )


def plan_of(plans: Plans, campaign: str, revision: str) -> Plan | None:
    """The revision that something was decided on, where its source is still at hand."""
    found = plans.revisions.get((campaign, revision))
    if found is not None:
        return found
    current = plans.current.get(campaign)
    return current if current is not None and current.revision == revision else None


def _of_journey(case: Case, journey: LoggedJourney, asked: Question) -> tuple[Outcome, str]:
    if journey.status is JourneyStatus.HOLDOUT:
        found = [one for one in case.decisions
                 if one.journey_id == journey.id and one.kind is DecisionKind.HELD_OUT]  # fmt: skip
        if found:
            return Outcome.HELD_OUT, decision_text(found[-1], zone=asked.zone)
        return Outcome.HELD_OUT, "held out: gets no messages, to measure the campaign against"
    messages = sorted(
        (one for one in case.messages if one.journey_id == journey.id),
        key=lambda one: (one.created_at, one.due_at, one.id),
    )
    settled = [one for one in messages if one.status is not MessageStatus.SCHEDULED]
    state = _state(case, journey, messages, asked)
    if not settled:
        live = journey.status is JourneyStatus.LIVE
        exited = journey.status is JourneyStatus.EXITED
        if live:
            return Outcome.WAITING, state
        if messages:  # its last message is still to go out
            return Outcome.WAITING, _message_told(case, messages[-1], asked)
        return (Outcome.EXITED if exited else Outcome.COMPLETED), f"{state}; nothing was sent"
    last = settled[-1]
    told = _message_told(case, last, asked)
    before = [one for one in settled[:-1] if one.status in SENT]
    if before and last.status not in SENT:
        told += f"; before that {_message_told(case, before[-1], asked)}"
    text = told if not state else f"{told}; {state}"
    if last.status is MessageStatus.UNKNOWN:
        return Outcome.IN_DOUBT, text
    return (Outcome.SENT if last.status in SENT else Outcome.NOT_SENT), text


def _sent_before(case: Case, journeys: Sequence[LoggedJourney], asked: Question) -> str:
    """What an entry before the newest has sent, when the newest has sent nothing."""
    entries = {one.id for one in journeys[:-1]}
    sent = [one for one in case.messages if one.status in SENT]
    if any(one.journey_id == journeys[-1].id for one in sent):
        return ""
    before = [one for one in sent if one.journey_id in entries]
    if not before:
        return ""
    last = max(before, key=lambda one: (one.created_at, one.id))
    return f"; for {last.entry_key} {_message_told(case, last, asked)}"


def _message_told(case: Case, message: LoggedMessage, asked: Question) -> str:
    decision = withheld_by(case.decisions, message)
    plan = plan_of(asked.plans, message.campaign, message.revision)
    told = message_text(message, decision, plan, asked.zone)
    subject = f' "{message.subject}"' if message.subject and message.status in SENT else ""
    return f"{told}{subject} (step {message.step}, {message.channel})"


def withheld_by(decisions: Iterable[Decision], message: LoggedMessage) -> Decision | None:
    """The decision that last put the message off or dropped it; ``decisions`` oldest first."""
    kinds = (DecisionKind.DROPPED, DecisionKind.DEFERRED)
    found = [one for one in decisions if one.message_id == message.id and one.kind in kinds]
    return found[-1] if found else None


def _state(
    case: Case, journey: LoggedJourney, messages: Sequence[LoggedMessage], asked: Question
) -> str:
    """Where the journey stands now; empty when it has simply run to its end."""
    if journey.status is JourneyStatus.COMPLETED:
        return "" if messages else "completed"
    if journey.status is JourneyStatus.EXITED:
        return f"the journey ended {when(journey.ended_at, asked.zone)}: " + (
            ended(journey.reason or "")
        )
    held = asked.plans.held.get(journey.campaign)
    if journey.parked or asked.plans.is_frozen(journey.campaign):
        why = ended(held) if held else "the campaign is paused or its file is missing"
        return f"stands still at step {journey.step}: {why}"
    due = when(journey.due_at, asked.zone)
    match journey.waiting:
        case Waiting.DELAY:
            return f"waits at step {journey.step} until {due}"
        case Waiting.EVENT:
            return f"waits at step {journey.step} for its event, until {due} at the latest"
        case Waiting.HOLD:
            return f"held at step {journey.step}: hold_while is met, looked at again {due}"
        case Waiting.READY:
            return f"is due to take step {journey.step} since {due}"
        case Waiting.MESSAGE:
            waiting = [one for one in messages if one.status is MessageStatus.SCHEDULED]
            return _message_told(case, waiting[-1], asked) if waiting else "waits to be sent"


def _knocks(case: Case, campaign: str) -> list[tuple[LoggedEvent, EntryVerdict]]:
    return [
        (event, verdict)
        for event in sorted(case.events, key=lambda one: (one.received_at, one.time, one.id))
        for verdict in event.verdicts
        if verdict.campaign == campaign
    ]


def _not_in(
    case: Case,
    campaign: str,
    asked: Question,
    knocks: Sequence[tuple[LoggedEvent, EntryVerdict]],
    plan: Plan | None,
) -> tuple[Outcome, str]:
    if knocks:
        event, verdict = knocks[-1]
        known = plan_of(asked.plans, campaign, verdict.revision)
        told = verdict_text(verdict, known or plan, asked.zone)
        text = f"{told} ({verdict.transition}, {when(event.time, asked.zone)})"
        return Outcome.NOT_ENTERED, text
    if plan is None:
        return Outcome.NEVER_TRIGGERED, "never triggered: the campaign's file is gone"
    had = [(one.type, one.time) for one in case.events]
    text = untriggered(plan, case.world, had, asked.plans.held, asked.rules, asked.now, asked.zone)
    return Outcome.NEVER_TRIGGERED, f"never triggered: {text}"


def _facts(
    case: Case,
    campaign: str,
    asked: Question,
    knocks: Sequence[tuple[LoggedEvent, EntryVerdict]],
) -> tuple[Fact, ...]:
    entered = (VerdictCode.ENTERED, VerdictCode.HELD_OUT)
    found = [
        Fact(
            at=event.received_at,
            text=f"{verdict.transition} of {when(event.time, asked.zone)}: "
            + verdict_text(verdict, plan_of(asked.plans, campaign, verdict.revision), asked.zone),
            kind="verdict",
            code=verdict.code.value,
            trace=verdict.trace,
        )
        for event, verdict in knocks
        if verdict.code not in entered
    ]
    found += facts_of((one for one in case.decisions if one.campaign == campaign), asked)
    found += [
        Fact(
            at=one.at,
            text=not_called(one.reason, one.attempts, final=one.final),
            journey=one.journey_id,
            step=one.step,
            kind="call",
            code=one.reason,
        )
        for one in case.calls
        if one.campaign == campaign
    ]
    return tuple(sorted(found, key=lambda one: one.at))
