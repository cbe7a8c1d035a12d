"""Rows to the frozen answers of ``engine.ports.history``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import orjson

from engine.core.decision import Decision, DecisionKind, EntryVerdict, VerdictCode
from engine.core.message import MessageStatus
from engine.core.world import JourneyStatus, Waiting
from engine.ports.history import LoggedCall, LoggedEvent, LoggedJourney, LoggedMessage
from engine.storage.scalars import amount, moment, moment_or_none

MESSAGE = (
    "id, campaign, revision, journey_id, step, purpose, variant, locale, entry_key, order_id,"
    " ticket_id, customer_id, channel, provider, sender, recipient, template, subject, status,"
    " reason, error_code, attempts, cost, created_at, send_at, due_at, expires_at, sent_at,"
    " delivered_at, opened_at, clicked_at, provider_message_id, topic"
)
EVENT = (
    'seq, source, id, type, "time", received_at, backfill, state, customer_id, reason, verdicts,'
    " body"
)
JOURNEY = (
    "id, campaign, revision, entry_key, entry_no, customer_id, order_id, ticket_id, status, step,"
    " waiting, parked, due_at, entered_at, ended_at, reason, goal_until, goal_at, data"
)
CALL = "journey_id, campaign, step, created_at, reason, attempts, status"
DECISION = "customer_id, campaign, revision, journey_id, entries"

_STATES: tuple[Literal["waiting", "processed", "rejected"], ...] = (
    "waiting",
    "processed",
    "rejected",
)


def message_of(row: Sequence[Any]) -> LoggedMessage:
    """The answer for a row of ``MESSAGE`` columns."""
    return LoggedMessage(
        id=row[0],
        campaign=row[1],
        revision=row[2],
        journey_id=row[3],
        step=row[4],
        purpose=row[5],
        variant=row[6],
        locale=row[7],
        entry_key=row[8],
        order_id=row[9],
        ticket_id=row[10],
        customer_id=row[11],
        channel=row[12],
        provider=row[13],
        sender=row[14],
        recipient=row[15],
        template=row[16],
        subject=row[17],
        status=MessageStatus(row[18]),
        reason=row[19],
        error_code=row[20],
        attempts=row[21],
        cost=amount(row[22]),
        created_at=moment(row[23]),
        send_at=moment(row[24]),
        due_at=moment(row[25]),
        expires_at=moment(row[26]),
        sent_at=moment_or_none(row[27]),
        delivered_at=moment_or_none(row[28]),
        opened_at=moment_or_none(row[29]),
        clicked_at=moment_or_none(row[30]),
        provider_message_id=row[31],
        topic=row[32],
    )


def event_of(row: Sequence[Any]) -> LoggedEvent:
    """The answer for a row of ``EVENT`` columns."""
    verdicts = orjson.loads(row[10]) if row[10] else ()
    return LoggedEvent(
        seq=row[0],
        source=row[1],
        id=row[2],
        type=row[3],
        time=moment(row[4]),
        received_at=moment(row[5]),
        backfill=bool(row[6]),
        state=_STATES[row[7]],
        customer_id=row[8],
        reason=row[9],
        verdicts=tuple(
            EntryVerdict(
                campaign=campaign,
                revision=revision,
                code=VerdictCode(code),
                transition=transition,
                journey_id=journey_id,
                trace=trace,
            )
            for campaign, revision, code, transition, journey_id, trace in verdicts
        ),
        body=row[11],
    )


def journey_of(row: Sequence[Any]) -> LoggedJourney:
    """The answer for a row of ``JOURNEY`` columns."""
    trigger, _results, _seen, variants = orjson.loads(row[18])
    return LoggedJourney(
        id=row[0],
        campaign=row[1],
        revision=row[2],
        entry_key=row[3],
        entry_no=row[4],
        customer_id=row[5],
        order_id=row[6],
        ticket_id=row[7],
        status=JourneyStatus(row[8]),
        step=row[9],
        waiting=Waiting(row[10]),
        parked=bool(row[11]),
        due_at=moment_or_none(row[12]),
        entered_at=moment(row[13]),
        ended_at=moment_or_none(row[14]),
        reason=row[15],
        goal_until=moment_or_none(row[16]),
        goal_at=moment_or_none(row[17]),
        trigger=trigger,
        variants=variants,
    )


def decisions_of(rows: Iterable[Sequence[Any]]) -> tuple[Decision, ...]:
    """The decisions in rows of ``DECISION`` columns, in their order."""
    return tuple(
        Decision(
            kind=DecisionKind(kind),
            at=moment(at),
            customer_id=customer_id,
            campaign=campaign,
            revision=revision,
            journey_id=journey_id,
            step=step,
            code=code,
            message_id=message_id,
            trace=trace,
        )
        for customer_id, campaign, revision, journey_id, entries in rows
        for at, kind, step, code, message_id, trace in orjson.loads(entries)
    )


def call_of(row: Sequence[Any]) -> LoggedCall:
    """The call in a row of ``CALL`` columns."""
    return LoggedCall(
        journey_id=row[0],
        campaign=row[1],
        step=row[2],
        at=moment(row[3]),
        reason=row[4],
        attempts=row[5],
        final=row[6] == "failed",
    )
