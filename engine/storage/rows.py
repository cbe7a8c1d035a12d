"""Rows to objects and back: plain tuples in the column order of ``tables``."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from engine.core.customer import (
    Consent,
    Customer,
    Fulfilment,
    Line,
    Order,
    ParcelStatus,
    Refund,
    Suppression,
    Ticket,
    TicketStatus,
)
from engine.core.message import Message, MessageStatus
from engine.core.world import Journey, JourneyStatus, Waiting
from engine.storage.bulk import Row

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONEY = Decimal(10_000)


def micros(moment: datetime) -> int:
    """Microseconds since the epoch."""
    gone = moment - EPOCH
    return (gone.days * 86_400 + gone.seconds) * 1_000_000 + gone.microseconds


def moment(micros: int) -> datetime:
    """The UTC datetime of a stored time."""
    return EPOCH + timedelta(microseconds=micros)


def micros_or_none(at: datetime | None) -> int | None:
    """``micros``, letting None through."""
    return None if at is None else micros(at)


def moment_or_none(at: int | None) -> datetime | None:
    """``moment``, letting None through."""
    return None if at is None else EPOCH + timedelta(microseconds=at)


def money(amount: Decimal | None) -> int | None:
    """Ten-thousandths of the currency unit."""
    return None if amount is None else int((amount * MONEY).to_integral_value())


def amount(stored: int | None) -> Decimal | None:
    """The Decimal of a stored amount."""
    return None if stored is None else Decimal(stored) / MONEY


def dump(value: Any) -> str:
    """Compact JSON text."""
    return orjson.dumps(value).decode()


def customer_row(c: Customer) -> Row:
    """A ``customers`` row."""
    return (
        c.id,
        micros(c.created_at),
        c.email,
        c.phone,
        c.first_name,
        c.last_name,
        c.locale,
        c.timezone,
        c.country,
        c.birthday.isoformat() if c.birthday else None,
        dump(c.tags) if c.tags else "[]",
        dump(c.attributes) if c.attributes else "{}",
        c.orders_count,
        money(c.total_spent),
        micros_or_none(c.first_order_at),
        micros_or_none(c.last_order_at),
        c.open_tickets,
        dump(c.stamps),
    )


def customer_of(row: Any) -> Customer:
    """The customer of a ``customers`` row."""
    return Customer(
        id=row[0],
        created_at=moment(row[1]),
        email=row[2],
        phone=row[3],
        first_name=row[4],
        last_name=row[5],
        locale=row[6],
        timezone=row[7],
        country=row[8],
        birthday=date.fromisoformat(row[9]) if row[9] else None,
        tags=() if row[10] == "[]" else tuple(orjson.loads(row[10])),
        attributes={} if row[11] == "{}" else orjson.loads(row[11]),
        orders_count=row[12],
        total_spent=Decimal(row[13]) / MONEY,
        first_order_at=moment_or_none(row[14]),
        last_order_at=moment_or_none(row[15]),
        open_tickets=row[16],
        stamps=orjson.loads(row[17]),
    )


def order_row(o: Order) -> Row:
    """An ``orders`` row; its lines are rows of their own."""
    return (
        o.id,
        o.customer_id,
        o.known,
        o.number,
        micros_or_none(o.placed_at),
        o.currency,
        money(o.total),
        money(o.subtotal),
        money(o.shipping),
        money(o.tax),
        money(o.discount),
        dump(o.discount_codes) if o.discount_codes else "[]",
        o.is_gift,
        o.is_test,
        o.country,
        o.channel,
        o.status_url,
        o.cancel_reason,
        o.has_open_return,
        dump(o.attributes) if o.attributes else "{}",
        dump([_fulfilment(f) for f in o.fulfilments.values()]) if o.fulfilments else "[]",
        dump([_refund(r) for r in o.refunds.values()]) if o.refunds else "[]",
        dump({key: micros(at) for key, at in o.facts.items()}),
        dump(o.stamps),
    )


def order_of(row: Any) -> Order:
    """The order of an ``orders`` row, without its lines."""
    return Order(
        id=row[0],
        customer_id=row[1],
        known=bool(row[2]),
        number=row[3],
        placed_at=moment_or_none(row[4]),
        currency=row[5],
        total=amount(row[6]),
        subtotal=amount(row[7]),
        shipping=amount(row[8]),
        tax=amount(row[9]),
        discount=amount(row[10]),
        discount_codes=() if row[11] == "[]" else tuple(orjson.loads(row[11])),
        is_gift=bool(row[12]),
        is_test=bool(row[13]),
        country=row[14],
        channel=row[15],
        status_url=row[16],
        cancel_reason=row[17],
        has_open_return=bool(row[18]),
        attributes={} if row[19] == "{}" else orjson.loads(row[19]),
        fulfilments={}
        if row[20] == "[]"
        else {f[0]: _fulfilment_of(f) for f in orjson.loads(row[20])},
        refunds={} if row[21] == "[]" else {r[0]: _refund_of(r) for r in orjson.loads(row[21])},
        facts={key: moment(at) for key, at in orjson.loads(row[22]).items()},
        stamps=orjson.loads(row[23]),
    )


def _fulfilment(f: Fulfilment) -> list[Any]:
    return [
        f.id,
        f.status.value,
        micros(f.at),
        f.carrier,
        f.tracking_number,
        f.tracking_url,
        micros_or_none(f.estimated_at),
        f.lines,
    ]


def _fulfilment_of(row: list[Any]) -> Fulfilment:
    return Fulfilment(
        id=row[0],
        status=ParcelStatus(row[1]),
        at=moment(row[2]),
        carrier=row[3],
        tracking_number=row[4],
        tracking_url=row[5],
        estimated_at=moment_or_none(row[6]),
        lines=row[7],
    )


def _refund(r: Refund) -> list[Any]:
    return [r.id, micros(r.at), money(r.amount), r.reason, r.returned, r.lines]


def _refund_of(row: list[Any]) -> Refund:
    return Refund(
        id=row[0],
        at=moment(row[1]),
        amount=amount(row[2]),
        reason=row[3],
        returned=row[4],
        lines=row[5],
    )


def line_row(order_id: str, line: Line) -> Row:
    """An ``order_lines`` row."""
    return (
        order_id,
        line.id,
        line.product_id,
        line.variant_id,
        line.sku,
        line.title,
        line.quantity,
        money(line.price),
        line.url,
        line.image_url,
    )


def line_of(row: Any) -> Line:
    """The line of an ``order_lines`` row (``row[0]`` is its order)."""
    return Line(
        id=row[1],
        product_id=row[2],
        variant_id=row[3],
        sku=row[4],
        title=row[5],
        quantity=row[6],
        price=Decimal(row[7]) / MONEY,
        url=row[8],
        image_url=row[9],
    )


def ticket_row(t: Ticket) -> Row:
    """A ``tickets`` row."""
    return (
        t.id,
        t.customer_id,
        t.order_id,
        t.status.value,
        t.subject,
        t.channel,
        t.priority,
        dump(t.tags) if t.tags else "[]",
        t.rating,
        micros_or_none(t.opened_at),
        micros_or_none(t.solved_at),
        dump(t.stamps),
    )


def ticket_of(row: Any) -> Ticket:
    """The ticket of a ``tickets`` row."""
    return Ticket(
        id=row[0],
        customer_id=row[1],
        order_id=row[2],
        status=TicketStatus(row[3]),
        subject=row[4],
        channel=row[5],
        priority=row[6],
        tags=() if row[7] == "[]" else tuple(orjson.loads(row[7])),
        rating=row[8],
        opened_at=moment_or_none(row[9]),
        solved_at=moment_or_none(row[10]),
        stamps=orjson.loads(row[11]),
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
    )


def consent_row(c: Consent) -> Row:
    """A ``consents`` (and ``consent_history``) row."""
    return (c.channel, c.address, c.status, micros(c.at), c.source, c.proof)


def consent_of(row: Any) -> Consent:
    """The consent of a ``consents`` row."""
    return Consent(
        channel=row[0],
        address=row[1],
        status=row[2],
        at=moment(row[3]),
        source=row[4],
        proof=row[5],
    )


def suppression_row(s: Suppression) -> Row:
    """A ``suppressions`` row."""
    return (s.channel, s.address, s.scope, s.reason, micros(s.at))


def suppression_of(row: Any) -> Suppression:
    """The suppression of a ``suppressions`` row."""
    return Suppression(
        channel=row[0], address=row[1], scope=row[2], reason=row[3], at=moment(row[4])
    )
