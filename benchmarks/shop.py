"""Events of a shop with as many customers as a measurement needs; the same each time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.ports.stored import Incoming
from triggers.event import (
    ConsentFact,
    CustomerFacts,
    Event,
    FulfilmentFacts,
    LineFacts,
    OrderFacts,
    RefundFacts,
    TicketFacts,
)
from triggers.sources.native import serialize

# An afternoon in America: no quiet hours for most customers, whenever the benchmark is run.
START = datetime(2026, 10, 1, 18, tzinfo=UTC)
_SOURCE = "shop"
_ZONES = ("America/Chicago", "America/New_York", "America/Los_Angeles", "Europe/London")
_NAMES = ("Ann", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gia", "Hugo")
_GOODS = (("Chicory", "18.00"), ("Coffee pot", "35.00"), ("Filé powder", "7.50"))


def first_order(number: int, at: datetime) -> Event:
    """The first order of a customer nobody knew: three lines, consent to marketing by email."""
    return Event(
        id=f"placed-{number}",
        source=_SOURCE,
        type="order.placed",
        time=at,
        customer=_customer(number),
        order=_order(f"o{number}", at),
    )


def first_orders(count: int, start: datetime = START, first: int = 0) -> list[Event]:
    """The worst case: every event is a first order."""
    return [first_order(first + number, start) for number in range(count)]


def lives(orders: int, start: datetime = START, days: int = 3) -> list[Event]:
    """The events of orders placed over some days, in order of time: about four an order.

    A third of the orders are by customers who have ordered before; one in twelve is refunded, one
    in fifteen leads to a ticket.
    """
    events: list[Event] = []
    for number in range(orders):
        at = start + timedelta(days=days) * (number / orders)
        events += _life(number, at)
    return sorted(events, key=lambda event: (event.time, event.source, event.id))


def _life(number: int, at: datetime) -> Iterator[Event]:
    earlier = number // 2 if _share("again", number) < 1 / 3 else number
    customer, order_id = _customer(earlier), f"o{number}"
    yield Event(
        id=f"placed-{number}",
        source=_SOURCE,
        type="order.placed",
        time=at,
        customer=customer,
        order=_order(order_id, at),
    )
    named = OrderFacts(id=order_id, partial=True)
    yield _told("paid", number, at + timedelta(minutes=2), named)
    sent = OrderFacts(
        id=order_id,
        partial=True,
        fulfilments=(
            FulfilmentFacts(id="1", status="shipped", carrier="UPS", tracking_number=f"1Z{number}"),
        ),
    )
    yield _told("shipped", number, at + timedelta(hours=20), sent)
    arrived = OrderFacts(
        id=order_id, partial=True, fulfilments=(FulfilmentFacts(id="1", status="delivered"),)
    )
    yield _told("delivered", number, at + timedelta(hours=60), arrived)
    if _share("refund", number) < 1 / 12:
        refund = RefundFacts(id="1", amount=Decimal("78.50"))
        facts = OrderFacts(id=order_id, partial=True, refunds=(refund,))
        yield _told("refunded", number, at + timedelta(hours=70), facts)
    if _share("ticket", number) < 1 / 15:
        yield Event(
            id=f"ticket-{number}",
            source="desk",
            type="ticket.opened",
            time=at + timedelta(hours=30),
            customer=CustomerFacts(email=customer.email, email_verified=True),
            ticket=TicketFacts(id=str(number), status="open", subject="Where is it?"),
        )


def _told(kind: str, number: int, at: datetime, order: OrderFacts) -> Event:
    return Event(id=f"{kind}-{number}", source=_SOURCE, type=f"order.{kind}", time=at, order=order)


def _customer(number: int) -> CustomerFacts:
    return CustomerFacts(
        id=str(number),
        email=f"c{number}@example.com",
        email_verified=True,
        first_name=_NAMES[number % len(_NAMES)],
        last_name="Dupont",
        timezone=_ZONES[number % len(_ZONES)],
        locale="en-US",
        country="US",
        consent={"email": ConsentFact(status="subscribed")},
    )


def _order(order_id: str, at: datetime) -> OrderFacts:
    lines = tuple(
        LineFacts(id=str(index), title=title, quantity=1, price=Decimal(price))
        for index, (title, price) in enumerate(_GOODS)
    )
    return OrderFacts(
        id=order_id,
        number=f"#{order_id}",
        placed_at=at,
        currency="USD",
        total=Decimal("60.50"),
        subtotal=Decimal("60.50"),
        lines=lines,
    )


def _share(*label: object) -> float:
    text = "\0".join(map(str, label)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / (1 << 48)


def arriving(events: Sequence[Event], at: datetime | None = None) -> list[Incoming]:
    """Events as they come in: each at its own time unless ``at`` says otherwise."""
    return [
        Incoming(event=event, body=serialize(event), received_at=at or event.time)
        for event in events
    ]
