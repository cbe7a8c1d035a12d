"""A shop's reports of one order, as Shopify tells them: every webhook tells all that it knows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from engine.core.customer import Customer
from engine.core.projection import project
from engine.core.transition import Transition
from engine.core.world import World
from triggers.event import (
    ConsentFact,
    ConsentStatus,
    CustomerFacts,
    Event,
    FulfilmentFacts,
    LineFacts,
    LineQuantity,
    OrderFacts,
    RefundFacts,
    TicketFacts,
)

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
CUSTOMER = "customer-1"


def at(hours: float) -> datetime:
    """So many hours after the order was placed."""
    return START + timedelta(hours=hours)


def event(kind: str, hours: float = 0, *, name: str = "", **told: Any) -> Event:
    """An event of the shop."""
    return Event(
        id=name or f"{kind}@{hours}",
        source=told.pop("source", "shopify"),
        type=kind,
        time=at(hours),
        **told,
    )


def new_world(first: Event) -> World:
    """The world of a customer first heard of by this event."""
    return World(customer=Customer(id=CUSTOMER, created_at=first.time), is_new=True, complete=True)


def run(events: Iterable[Event]) -> tuple[World, list[Transition]]:
    """Everything told to one new customer's world."""
    events = list(events)
    world = new_world(events[0])
    return world, [transition for one in events for transition in project(world, one)]


def rows(world: World) -> dict[str, Any]:
    """What of a world is written to the database."""
    return {
        "customer": asdict(world.customer),
        "orders": {key: asdict(order) for key, order in world.orders.items()},
        "lines": {key: list(order.lines) for key, order in world.orders.items()},
        "parcels": {key: list(order.fulfilments) for key, order in world.orders.items()},
        "refunds": {key: list(order.refunds) for key, order in world.orders.items()},
        "tickets": {key: asdict(ticket) for key, ticket in world.tickets.items()},
        "consents": world.consents,
    }


def lines(*quantities: int, price: int = 10) -> tuple[LineFacts, ...]:
    """Order lines L0, L1, …"""
    return tuple(
        LineFacts(id=f"L{index}", sku=f"S{index}", quantity=quantity, price=Decimal(price))
        for index, quantity in enumerate(quantities)
    )


def pieces(quantities: dict[str, int]) -> tuple[LineQuantity, ...]:
    """Pieces of lines, in a parcel or a refund."""
    return tuple(
        LineQuantity(line_id=line, quantity=quantity) for line, quantity in quantities.items()
    )


@st.composite
def order_lives(draw: st.DrawFn, order_id: str = "1") -> list[Event]:
    """All reports of one order's life, in the order in which things happened.

    Parcels divide the pieces that were sent; a piece refunded before it was sent is in none; a
    refund of pieces that were sent takes them back.
    """
    quantities = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    placed = draw(st.integers(0, 50))
    items = lines(*quantities)
    total = Decimal(10 * sum(quantities))
    unsent = draw(st.integers(0, len(quantities))) if draw(st.booleans()) else 0
    sent = {f"L{index}": q for index, q in enumerate(quantities) if index >= unsent}
    moments: list[tuple[float, str, dict[str, Any]]] = []
    if draw(st.booleans()):
        moments.append((placed + 0.5, "order.paid", {"paid_at": at(placed + 0.5)}))
    if unsent:
        gone = {f"L{index}": quantities[index] for index in range(unsent)}
        refund = _refund("R0", placed + 1, gone, returned=False)
        moments.append((placed + 1, "order.refunded", {"refunds": (refund,)}))
    split = draw(st.booleans()) and len(sent) > 1
    names = list(sent)
    halves = [names[:1], names[1:]] if split else [names]
    for number, half in enumerate(halves if names else []):
        inside = {line: sent[line] for line in half}
        later = draw(st.lists(st.sampled_from(_WAY), max_size=3, unique=True))
        states = ["shipped", *later]
        for step, status in enumerate(sorted(states, key=_ORDER.index)):
            hours = placed + 5 + number * 3 + step * 10
            parcel = FulfilmentFacts(
                id=f"F{number}",
                status=status,  # type: ignore[arg-type]
                at=at(hours),
                carrier="Post",
                tracking_number=draw(st.sampled_from([None, "T1", "T2"])),
                lines=pieces(inside),
            )
            moments.append((hours, _TYPE[status], {"fulfilments": (parcel,)}))
    if len(names) > 0 and draw(st.booleans()):
        back = {names[0]: draw(st.integers(1, sent[names[0]]))}
        refund = _refund("R1", placed + 60, back, returned=True)
        moments.append((placed + 60, "order.refunded", {"refunds": (refund,)}))
    if draw(st.integers(0, 4)) == 0:
        moments.append((placed + 70, "order.cancelled", {"cancelled_at": at(placed + 70)}))
    if draw(st.integers(0, 4)) == 0:
        dispute = {"disputed_at": at(placed + 80), "dispute_id": "D1"}
        moments.append((placed + 80, "order.disputed", dispute))
    moments.sort(key=lambda moment: moment[0])
    return _reports(draw, order_id, placed, items, total, moments)


_WAY = ["out_for_delivery", "delayed", "failed", "delivered"]
_ORDER = ["shipped", *_WAY]
_TYPE = {
    "shipped": "order.shipped",
    "out_for_delivery": "order.out_for_delivery",
    "delayed": "order.delayed",
    "failed": "order.delivery_failed",
    "delivered": "order.delivered",
}


def _refund(name: str, hours: float, gone: dict[str, int], *, returned: bool) -> RefundFacts:
    amount = Decimal(10 * sum(gone.values()))
    return RefundFacts(id=name, amount=amount, at=at(hours), returned=returned, lines=pieces(gone))


def _reports(
    draw: st.DrawFn,
    order_id: str,
    placed: int,
    items: tuple[LineFacts, ...],
    total: Decimal,
    moments: Sequence[tuple[float, str, dict[str, Any]]],
) -> list[Event]:
    customer = CustomerFacts(id="7", email="ada@example.com", email_verified=True)
    own = OrderFacts(
        id=order_id,
        number=f"#{order_id}",
        placed_at=at(placed),
        updated_at=at(placed),
        currency="EUR",
        total=total,
        lines=items,
        is_test=False,
    )
    found = [event("order.placed", placed, name=f"{order_id}-0", order=own, customer=customer)]
    gathered: dict[str, Any] = {}
    for number, (hours, kind, told) in enumerate(moments, 1):
        name = f"{order_id}-{number}"
        for field, value in told.items():
            if isinstance(value, tuple):
                known = {one.id: one for one in gathered.get(field, ())}
                gathered[field] = tuple({**known, value[0].id: value[0]}.values())
            else:
                gathered[field] = value
        if "fulfilments" in told or "refunds" in told or "disputed_at" in told:
            part = OrderFacts(id=order_id, partial=True, **told)
            found.append(event(kind, hours, name=name, order=part))
        if "paid_at" in told or "cancelled_at" in told or draw(st.booleans()):
            kind = kind if "paid_at" in told or "cancelled_at" in told else "order.updated"
            note = {"note": draw(st.sampled_from(["a", "b"]))}
            whole = replace(own, updated_at=at(hours), attributes=note, **gathered)
            told_by = customer if draw(st.booleans()) else replace(customer, first_name="Ada")
            found.append(event(kind, hours, name=f"{name}u", order=whole, customer=told_by))
    return found


@st.composite
def customer_reports(draw: st.DrawFn) -> list[Event]:
    """Reports of one customer, some of them at the same instant with different values."""
    found = []
    for number in range(draw(st.integers(1, 6))):
        hours = draw(st.integers(0, 4))
        consent = {}
        if draw(st.booleans()):
            statuses: list[ConsentStatus] = ["subscribed", "unsubscribed", "pending"]
            status = draw(st.sampled_from(statuses))
            consent = {"email": ConsentFact(status=status, at=at(draw(st.integers(0, 3))))}
        facts = CustomerFacts(
            id="7",
            email="ada@example.com",
            first_name=draw(st.sampled_from([None, "Ada", "Ida"])),
            timezone=draw(st.sampled_from([None, "Europe/Vienna", "UTC"])),
            tags=draw(st.sampled_from([None, (), ("vip",), ("b2b", "vip")])),
            attributes=draw(st.dictionaries(st.sampled_from("xyz"), st.integers(0, 2))),
            consent=consent,  # type: ignore[arg-type]
        )
        found.append(event("customer.updated", hours, name=f"c{number}", customer=facts))
    return found


@st.composite
def ticket_reports(draw: st.DrawFn) -> list[Event]:
    """Reports of one ticket."""
    kinds = ["ticket.opened", "ticket.solved", "ticket.reopened", "ticket.updated", "ticket.rated"]
    found = []
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(kinds))
        facts = TicketFacts(
            id="9",
            status=draw(st.sampled_from([None, "open", "pending", "solved"])),
            subject=draw(st.sampled_from([None, "Help", "Broken"])),
            rating=draw(st.integers(1, 5)) if kind == "ticket.rated" else None,
            order_id=draw(st.sampled_from([None, "shopify:1"])),
        )
        hours = draw(st.integers(0, 5))
        told = CustomerFacts(id="7")
        found.append(
            event(kind, hours, name=f"t{number}", source="zendesk", ticket=facts, customer=told)
        )
    return found
