"""Customers, orders and tickets: rows to objects and back, in the column order of ``tables``."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import orjson

from engine.core.assumed_delivery import undelivered_since
from engine.core.customer import (
    Customer,
    Fulfilment,
    Line,
    Order,
    ParcelStatus,
    Refund,
    Ticket,
    TicketStatus,
)
from engine.storage.bulk import Row
from engine.storage.scalars import (
    MONEY,
    amount,
    dump,
    dump_sorted,
    micros,
    micros_or_none,
    moment,
    moment_or_none,
    money,
)


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
        dump_sorted(c.attributes) if c.attributes else "{}",
        c.orders_count,
        money(c.total_spent),
        micros_or_none(c.first_order_at),
        micros_or_none(c.last_order_at),
        c.open_tickets,
        dump_sorted(c.stamps),
        c.region,
        c.postal_code,
        c.street,
        c.zone,
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
        region=row[18],
        postal_code=row[19],
        street=row[20],
        zone=row[21],
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
        dump_sorted(o.attributes) if o.attributes else "{}",
        dump([_fulfilment(f) for f in o.fulfilments.values()]) if o.fulfilments else "[]",
        dump([_refund(r) for r in o.refunds.values()]) if o.refunds else "[]",
        dump_sorted({key: micros(at) for key, at in o.facts.items()}),
        dump_sorted(o.stamps),
        micros_or_none(undelivered_since(o)),
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


def line_rows(order: Order) -> list[Row]:
    """The ``order_lines`` rows of an order."""
    return [
        _line_row(order.id, line, position) for position, line in enumerate(order.lines.values())
    ]


def _line_row(order_id: str, line: Line, position: int) -> Row:
    return (
        order_id,
        line.id,
        line.product_id,
        line.variant_id,
        line.sku,
        line.title,
        position,
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
        quantity=row[7],
        price=Decimal(row[8]) / MONEY,
        url=row[9],
        image_url=row[10],
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
        dump_sorted(t.stamps),
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
