"""What decided: of all that is on record of a customer in a campaign, the one rule that counts.

The newest occasion counts: the newest journey, or an event that knocked after that had ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.core.campaign import Plan
from engine.core.decision import Decision, DecisionKind, EntryVerdict, VerdictCode
from engine.core.guards import refused
from engine.core.message import Channel, MessageStatus, Purpose
from engine.core.reasons import ended, is_event
from engine.core.remedies import Change, Circumstances, remedy
from engine.core.trace import decision_text, message_text, verdict_text
from engine.core.wording import when
from engine.core.world import JourneyStatus
from engine.ports.history import LoggedEvent, LoggedJourney, LoggedMessage
from engine.services.case import (
    SENT,
    Case,
    Outcome,
    Question,
    order_of_event,
    plan_of,
    step_of,
    withheld_by,
)
from engine.services.standing import FORKS, Standing, other_ways, standing
from engine.services.stops import kept_back
from engine.services.untriggered import untriggered

Knock = tuple[LoggedEvent, EntryVerdict]
# What is asked of an address, and may change between two messages.
_OF_ADDRESSES = frozenset(
    {"no_address", "suppressed", "no_consent", "topic_declined", "customer_paused"}
)
_ENTERED = (VerdictCode.ENTERED, VerdictCode.HELD_OUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What decided, as a code and in one sentence, and what would have to change."""

    outcome: Outcome
    code: str
    text: str
    changes: tuple[Change, ...] = ()


def knocks_of(case: Case, campaign: str) -> list[Knock]:
    """The events that could have begun the campaign, with its verdict on each, oldest first."""
    return [
        (event, verdict)
        for event in sorted(case.events, key=lambda one: (one.received_at, one.time, one.seq))
        for verdict in event.verdicts
        if verdict.campaign == campaign
    ]


def rule(
    case: Case,
    campaign: str,
    asked: Question,
    journeys: Sequence[LoggedJourney],
    knocks: Sequence[Knock],
) -> Ruling:
    """The ruling for one campaign; ``journeys`` are its own, oldest first."""
    if not journeys:
        return _of_knock(case, asked, knocks[-1]) if knocks else _of_nothing(case, campaign, asked)
    newest = journeys[-1]
    of_journey = _of_journey(case, newest, asked)
    if len(journeys) > 1:
        more = f" (the newest of {len(journeys)} entries){_sent_before(case, journeys, asked)}"
        of_journey = _with(of_journey, more)
    later = _refused_since(newest, knocks)
    if later is None:
        return of_journey
    return _with(_of_knock(case, asked, later), f"; before that: {of_journey.text}")


def _with(ruling: Ruling, more: str) -> Ruling:
    return Ruling(
        outcome=ruling.outcome, code=ruling.code, text=ruling.text + more, changes=ruling.changes
    )


def _refused_since(journey: LoggedJourney, knocks: Sequence[Knock]) -> Knock | None:
    """The newest event that was refused after the journey had ended.

    One about the journey's own order is no new occasion: orders are told of many times.
    """
    if not knocks or journey.ended_at is None:
        return None
    event, verdict = knocks[-1]
    if verdict.code in _ENTERED or event.received_at <= journey.ended_at:
        return None
    order = order_of_event(event)
    if order is not None and order == journey.order_id:
        return None
    return event, verdict


def _of_knock(case: Case, asked: Question, knock: Knock) -> Ruling:
    event, verdict = knock
    known = plan_of(asked.plans, verdict.campaign, verdict.revision)
    plan = known or asked.plans.current.get(verdict.campaign)
    told = verdict_text(verdict, plan, asked.zone)
    text = f"{told} ({verdict.transition}, {when(event.time, asked.zone)})"
    trace = verdict.trace or {}
    held = str(trace.get("held") or "").partition(": ")[0]
    code = verdict.code.value
    about = _about(case, verdict.campaign, asked, plan)
    changes = remedy(held, trace, about) or remedy(code, trace, about)
    if verdict.code is VerdictCode.FROZEN and not asked.plans.is_frozen(verdict.campaign):
        again = f"another {verdict.transition}: the campaign stands still no more"
        changes = (Change(code=code, text=again),)
    return Ruling(outcome=Outcome.NOT_ENTERED, code=code, text=text, changes=changes)


def _of_nothing(case: Case, campaign: str, asked: Question) -> Ruling:
    plan = asked.plans.current.get(campaign)
    if plan is None:
        about = _about(case, campaign, asked, None)
        text = "never triggered: the campaign's file is gone"
        return Ruling(outcome=Outcome.NEVER_TRIGGERED, code="gone", text=text,
                      changes=remedy("gone", {}, about))  # fmt: skip
    missing = untriggered(plan, case, asked)
    return Ruling(
        outcome=Outcome.NEVER_TRIGGERED,
        code=missing.code,
        text=f"never triggered: {missing.text}",
        changes=missing.changes,
    )


def _of_journey(case: Case, journey: LoggedJourney, asked: Question) -> Ruling:
    plan = plan_of(asked.plans, journey.campaign, journey.revision)
    about = _about(case, journey.campaign, asked, plan)
    if journey.status is JourneyStatus.HOLDOUT:
        return _held_out(case, journey, asked, about)
    messages = sorted(
        (one for one in case.messages if one.journey_id == journey.id),
        key=lambda one: (one.created_at, one.due_at, one.id),
    )
    settled = [one for one in messages if one.status is not MessageStatus.SCHEDULED]
    stands = standing(case, journey, messages, asked, about)
    if settled:
        return _of_message(case, settled, stands, asked)
    if journey.status is JourneyStatus.LIVE:
        return _waiting(stands)
    if messages:  # its last message is still to go out
        text, code, changes = of_message(case, messages[-1], asked)
        return Ruling(outcome=Outcome.WAITING, code=code, text=text, changes=changes)
    if journey.status is JourneyStatus.EXITED:
        text = f"{stands.text}; nothing was sent"
        return Ruling(outcome=Outcome.EXITED, code=stands.code, text=text, changes=stands.changes)
    return _silent(case, journey, asked, plan, about)


def _waiting(stands: Standing) -> Ruling:
    return Ruling(
        outcome=Outcome.WAITING, code=stands.code, text=stands.text, changes=stands.changes
    )


def _held_out(case: Case, journey: LoggedJourney, asked: Question, about: Circumstances) -> Ruling:
    found = [one for one in case.decisions
             if one.journey_id == journey.id and one.kind is DecisionKind.HELD_OUT]  # fmt: skip
    text = "held out: gets no messages, to measure the campaign against"
    if found:
        text = decision_text(found[-1], zone=asked.zone)
    return Ruling(outcome=Outcome.HELD_OUT, code="held_out", text=text,
                  changes=remedy("held_out", {}, about))  # fmt: skip


def _silent(
    case: Case,
    journey: LoggedJourney,
    asked: Question,
    plan: Plan | None,
    about: Circumstances,
) -> Ruling:
    """A journey that ran to its end without a message: the choice that led past them decided."""
    kinds = (DecisionKind.STEP_SKIPPED, *FORKS)
    chosen = [one for one in case.decisions
              if one.journey_id == journey.id and one.kind in kinds]  # fmt: skip
    if not chosen:
        return Ruling(outcome=Outcome.COMPLETED, code="completed", text="completed; nothing was "
                      "sent")  # fmt: skip
    last = chosen[-1]
    text = (
        f"{decision_text(last, plan, asked.zone)} (step {last.step}); completed, nothing was sent"
    )
    changes = remedy(last.code, last.trace or {}, replace(about, step=last.step))
    if last.kind in FORKS:
        changes = other_ways(last, step_of(plan, last.step))
    return Ruling(outcome=Outcome.COMPLETED, code=last.code, text=text, changes=changes)


def _of_message(
    case: Case, settled: Sequence[LoggedMessage], stands: Standing, asked: Question
) -> Ruling:
    last = settled[-1]
    text, code, changes = of_message(case, last, asked)
    before = [one for one in settled[:-1] if one.status in SENT]
    if before and last.status not in SENT:
        text += f"; before that {of_message(case, before[-1], asked)[0]}"
    if stands.text:
        text = f"{text}; {stands.text}"
    if last.status in SENT:  # what keeps the next one
        changes = stands.changes
    if last.status is MessageStatus.UNKNOWN:
        outcome = Outcome.IN_DOUBT
    else:
        outcome = Outcome.SENT if last.status in SENT else Outcome.NOT_SENT
    return Ruling(outcome=outcome, code=code, text=text, changes=changes)


def of_message(
    case: Case, message: LoggedMessage, asked: Question
) -> tuple[str, str, tuple[Change, ...]]:
    """One message: what became of it, the code that decided, what would have to change."""
    decision = withheld_by(case.decisions, message)
    plan = plan_of(asked.plans, message.campaign, message.revision)
    fits = decision is not None and decision.code == message.reason
    trace: Mapping[str, Any] = (decision.trace or {}) if decision is not None and fits else {}
    text = message_text(message, decision, plan, asked.zone)
    kept = kept_back(message, decision, asked)
    text += kept.text(asked.zone)
    began = _told_too_late(case, message, trace)
    if began is not None:
        text += f"; {began.type} was told only {when(began.received_at, asked.zone)}"
        trace = {**trace, "told": began.received_at.isoformat()}
    elif kept.all_the_time:
        trace = {**trace, "stood_still": kept.why}
    cause = _cause(case, message, trace)
    if cause is not None:
        text += f": {decision_text(cause, plan, asked.zone).removeprefix('step skipped: ')}"
    if decision is not None and fits:
        text += _taken_by(case, message, decision, asked)
    subject = f' "{message.subject}"' if message.subject and message.status in SENT else ""
    text += f"{subject}{_response(message, asked)} (step {message.step}, {message.channel})"
    if message.status in SENT:
        return text, "sent", ()
    about = _about(case, message.campaign, asked, plan, message)
    told = message.reason or message.status.value
    code = told.partition(": ")[0]
    if message.status in (MessageStatus.UNKNOWN, MessageStatus.FAILED, MessageStatus.BOUNCED):
        code = message.status.value
    changes = remedy(code, trace, about)
    if message.status is MessageStatus.SKIPPED and code in _OF_ADDRESSES and not asked.as_known:
        changes = _as_permitted_now(case, message, code, about) or changes
    if cause is not None:
        of_cause = replace(about, step=cause.step)
        changes = remedy(cause.code, cause.trace or {}, of_cause) or changes
    if message.status is MessageStatus.CANCELLED and is_event(code):
        changes = (Change(code=code, text=f"nothing: {ended(code)}, and that ended the journey"),)
    return text, code, changes


def _as_permitted_now(
    case: Case, message: LoggedMessage, code: str, about: Circumstances
) -> tuple[Change, ...]:
    """What it takes where what kept the message back is so no more; empty where it still is."""
    if about.channel is None:
        return ()
    purpose: Purpose = "transactional" if message.purpose == "transactional" else "marketing"
    now = refused(case.world, about.channel, purpose, message.topic, about.now)
    if now is None:
        told = "a new entry: by now the customer may be written to"
        return (Change(code=code, text=told),)
    return () if now.code == code else remedy(now.code, now.trace, about)


def _response(message: LoggedMessage, asked: Question) -> str:
    """What the customer is known to have done with it."""
    seen = (("opened", message.opened_at), ("a link clicked", message.clicked_at))
    return "".join(f", {word} {when(at, asked.zone)}" for word, at in seen if at is not None)


def _taken_by(case: Case, message: LoggedMessage, decision: Decision, asked: Question) -> str:
    """Which messages had taken the slots of the cap that kept this one back, sent by then or to be
    sent."""
    trace = decision.trace or {}
    label, topic = trace.get("cap"), trace.get("topic")
    cap = next((one for one in asked.rules.caps if (one.label, one.topic) == (label, topic)), None)
    if decision.code != "cap" or cap is None:
        return ""
    counted = sorted(
        (one.contact.at, one.contact.campaign)
        for one in case.slots
        if one.contact.message_id != message.id
        and one.contact.purpose == "marketing"
        and cap.counts(one.contact)
        and one.contact.at > decision.at - cap.span
        and one.since <= decision.at
    )
    listed = ", ".join(f"{campaign} {when(at, asked.zone)}" for at, campaign in counted)
    return f", taken by {listed}" if listed else ""


def _told_too_late(
    case: Case, message: LoggedMessage, trace: Mapping[str, Any]
) -> LoggedEvent | None:
    """The event that began the message's journey, when it was told after the message's time."""
    expires_at = trace.get("expires_at")
    for event in case.events:
        if any(one.journey_id == message.journey_id for one in event.verdicts):
            is_late = expires_at and event.received_at > datetime.fromisoformat(expires_at)
            return event if is_late else None
    return None


def _cause(case: Case, message: LoggedMessage, trace: Mapping[str, Any]) -> Decision | None:
    """The step that should have made what the message was to carry, and did not."""
    step = trace.get("issued_by")
    found = [
        one
        for one in case.decisions
        if one.journey_id == message.journey_id
        and one.step == step
        and one.kind is DecisionKind.STEP_SKIPPED
    ]
    return found[-1] if step and found and message.reason == "no_coupon" else None


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
    return f"; for {last.entry_key} {of_message(case, last, asked)[0]}"


def _about(
    case: Case,
    campaign: str,
    asked: Question,
    plan: Plan | None,
    message: LoggedMessage | None = None,
) -> Circumstances:
    channels: tuple[Channel, ...] = ("email", "sms", "voice")
    channel = next((one for one in channels if message and message.channel == one), None)
    return Circumstances(
        world=case.world,
        rules=asked.rules,
        now=asked.now,
        campaign=campaign,
        plan=plan or asked.plans.current.get(campaign),
        zone=asked.zone,
        channel=channel,
        message_id=message.id if message else "",
        topic=message.topic if message else None,
    )
