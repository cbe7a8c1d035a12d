"""A customer's case as it was known at a moment in the past, from what is on record now.

Events count from when they were received, decisions from when they were made. Where journeys and
messages stood follows from the last decision about them; what a provider reported follows from its
times, and so do the contacts that caps count. Consents, points and the profile have no past here:
rulings name their values as they were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from engine.core.decision import Decision, DecisionKind
from engine.core.message import MessageStatus
from engine.core.steps import HOLD_RECHECK
from engine.core.world import JourneyStatus, Waiting
from engine.ports.history import LoggedJourney, LoggedMessage
from engine.services.case import Case, slots_of

_ENDS = {
    DecisionKind.EXITED: JourneyStatus.EXITED,
    DecisionKind.COMPLETED: JourneyStatus.COMPLETED,
}
_WAITS = {
    "delay": Waiting.DELAY,
    "wait_for": Waiting.EVENT,
    "response": Waiting.EVENT,
}
_REPORTED = (MessageStatus.BOUNCED, MessageStatus.FAILED, MessageStatus.UNKNOWN)


def as_known(case: Case, at: datetime) -> Case:
    """The case with nothing in it that came after ``at``."""
    decisions = tuple(one for one in case.decisions if one.at <= at)
    messages = tuple(
        _message_then(one, decisions, at) for one in case.messages if one.created_at <= at
    )
    begun = {
        one.journey_id
        for one in decisions
        if one.kind in (DecisionKind.ENTERED, DecisionKind.HELD_OUT)
    }
    slots = slots_of(messages)
    return replace(
        case,
        world=replace(case.world, contacts=[one.contact for one in slots]),
        decisions=decisions,
        messages=messages,
        journeys=tuple(
            _journey_then(one, decisions, at) for one in case.journeys if one.id in begun
        ),
        events=tuple(one for one in case.events if one.received_at <= at),
        calls=tuple(one for one in case.calls if one.at <= at),
        slots=slots,
    )


def _message_then(
    message: LoggedMessage, decisions: Sequence[Decision], at: datetime
) -> LoggedMessage:
    own = [one for one in decisions if one.message_id == message.id]
    kinds = {one.kind for one in own}
    then = replace(
        message,
        delivered_at=_by(message.delivered_at, at),
        opened_at=_by(message.opened_at, at),
        clicked_at=_by(message.clicked_at, at),
    )
    if DecisionKind.DROPPED in kinds:
        dropped = next(one for one in own if one.kind is DecisionKind.DROPPED)
        return replace(then, status=MessageStatus.SKIPPED, reason=dropped.code)
    if DecisionKind.CANCELLED in kinds:
        cancelled = next(one for one in own if one.kind is DecisionKind.CANCELLED)
        return replace(then, status=MessageStatus.CANCELLED, reason=cancelled.code)
    if DecisionKind.SENT in kinds:
        if message.status in _REPORTED:
            return then
        delivered = then.delivered_at is not None
        status = MessageStatus.DELIVERED if delivered else MessageStatus.SENT
        sent = next(one for one in own if one.kind is DecisionKind.SENT)
        return replace(then, status=status, reason=None, sent_at=message.sent_at or sent.at)
    deferred = [one for one in own if one.kind is DecisionKind.DEFERRED]
    until = (deferred[-1].trace or {}).get("until") if deferred else None
    return replace(
        then,
        status=MessageStatus.SCHEDULED,
        reason=deferred[-1].code if deferred else None,
        send_at=message.created_at if until is None else datetime.fromisoformat(until),
        sent_at=None,
        attempts=0,
    )


def _journey_then(
    journey: LoggedJourney, decisions: Sequence[Decision], at: datetime
) -> LoggedJourney:
    own = [one for one in decisions if one.journey_id == journey.id]
    for one in own:
        if one.kind in _ENDS:
            reason = one.code or None
            ended = replace(journey, status=_ENDS[one.kind], ended_at=one.at, reason=reason)
            return replace(ended, due_at=None, parked=False)
    stands = [one for one in own if one.kind is not DecisionKind.GOAL][-1]
    if stands.kind is DecisionKind.HELD_OUT:
        return journey
    live = replace(
        journey, status=JourneyStatus.LIVE, parked=False, ended_at=None, reason=None, due_at=None
    )
    waiting, due_at = _wait_of(stands, at)
    return replace(live, step=stands.step or journey.step, waiting=waiting, due_at=due_at)


def _wait_of(decision: Decision, at: datetime) -> tuple[Waiting, datetime | None]:
    """What the journey stood before at ``at``, this decision being the last."""
    until = (decision.trace or {}).get("until")
    due = None if until is None else datetime.fromisoformat(until)
    match decision.kind:
        case DecisionKind.WAITED:
            return _WAITS.get(decision.code, Waiting.EVENT), due
        case DecisionKind.MESSAGE | DecisionKind.DEFERRED:
            return Waiting.MESSAGE, None
        case DecisionKind.HELD:
            looks = (at - decision.at) // HOLD_RECHECK  # that found it held still: none is recorded
            return Waiting.HOLD, decision.at + (looks + 1) * HOLD_RECHECK
        case DecisionKind.ENTERED:
            starts_at = (decision.trace or {}).get("starts_at")  # of an entry by hand
            return Waiting.READY, datetime.fromisoformat(starts_at) if starts_at else decision.at
        case _:
            return Waiting.READY, decision.at


def _by(moment: datetime | None, at: datetime) -> datetime | None:
    return moment if moment is not None and moment <= at else None
