"""Journeys and messages: rows to objects and back, in column order of ``tables``."""

from __future__ import annotations

from typing import Any

import orjson

from engine.core.message import Message, MessageStatus
from engine.core.world import Journey, JourneyStatus, Waiting
from engine.storage.bulk import Row
from engine.storage.scalars import (
    amount,
    dump,
    micros,
    micros_or_none,
    moment,
    moment_or_none,
    money,
)


def journey_row(j: Journey) -> Row:
    """A ``journeys`` row."""
    return (
        j.id,
        j.campaign,
        j.revision,
        j.entry_key,
        j.entry_no,
        j.customer_id,
        j.status.value,
        j.step,
        j.waiting.value,
        micros_or_none(j.due_at),
        micros(j.clock),
        micros(j.entered_at),
        j.priority,
        j.order_id,
        j.ticket_id,
        j.awaiting,
        j.parked,
        micros_or_none(j.ended_at),
        j.reason,
        micros_or_none(j.goal_until),
        micros_or_none(j.goal_at),
        dump([j.trigger, j.results, j.seen, j.variants]),
    )


def journey_of(row: Any) -> Journey:
    """The journey of a ``journeys`` row."""
    trigger, results, seen, variants = orjson.loads(row[21])
    return Journey(
        id=row[0],
        campaign=row[1],
        revision=row[2],
        entry_key=row[3],
        entry_no=row[4],
        customer_id=row[5],
        status=JourneyStatus(row[6]),
        step=row[7],
        waiting=Waiting(row[8]),
        due_at=moment_or_none(row[9]),
        clock=moment(row[10]),
        entered_at=moment(row[11]),
        priority=row[12],
        order_id=row[13],
        ticket_id=row[14],
        awaiting=row[15],
        parked=bool(row[16]),
        ended_at=moment_or_none(row[17]),
        reason=row[18],
        goal_until=moment_or_none(row[19]),
        goal_at=moment_or_none(row[20]),
        trigger=trigger,
        results=results,
        seen=seen,
        variants=variants,
    )


def message_row(m: Message) -> Row:
    """A ``messages`` row."""
    return (
        m.id,
        m.campaign,
        m.revision,
        m.journey_id,
        m.step,
        m.purpose,
        m.channel,
        m.customer_id,
        m.entry_key,
        m.template,
        m.status.value,
        micros(m.created_at),
        micros(m.send_at),
        micros(m.due_at),
        micros(m.expires_at),
        m.recipient,
        m.order_id,
        m.ticket_id,
        m.variant,
        m.locale,
        m.provider,
        m.sender,
        m.subject,
        m.reason,
        m.error_code,
        m.attempts,
        money(m.cost),
        micros_or_none(m.sent_at),
        micros_or_none(m.delivered_at),
        micros_or_none(m.opened_at),
        micros_or_none(m.clicked_at),
        m.provider_message_id,
        m.owner,
        m.topic,
    )


def message_of(row: Any) -> Message:
    """The message of a ``messages`` row."""
    return Message(
        id=row[0],
        campaign=row[1],
        revision=row[2],
        journey_id=row[3],
        step=row[4],
        purpose=row[5],
        channel=row[6],
        customer_id=row[7],
        entry_key=row[8],
        template=row[9],
        status=MessageStatus(row[10]),
        created_at=moment(row[11]),
        send_at=moment(row[12]),
        due_at=moment(row[13]),
        expires_at=moment(row[14]),
        recipient=row[15],
        order_id=row[16],
        ticket_id=row[17],
        variant=row[18],
        locale=row[19],
        provider=row[20],
        sender=row[21],
        subject=row[22],
        reason=row[23],
        error_code=row[24],
        attempts=row[25],
        cost=amount(row[26]),
        sent_at=moment_or_none(row[27]),
        delivered_at=moment_or_none(row[28]),
        opened_at=moment_or_none(row[29]),
        clicked_at=moment_or_none(row[30]),
        provider_message_id=row[31],
        owner=row[32],
        topic=row[33],
    )
