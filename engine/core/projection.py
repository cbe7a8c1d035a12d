"""From what sources report to what is so, and to what campaigns see of it.

``project`` takes one event into one customer's world: it brings the customer, their orders, tickets
and consents up to date, and returns the transitions that this caused. Webhooks come doubled and in
any order. The state that results is always the same, and so are the transitions of orders: their
ids derive from what happened, their times from when it happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Final

from engine.core.arrival import arrivals
from engine.core.assumed_delivery import ASSUMED
from engine.core.counters import count, share_of
from engine.core.customer import Customer, Order, Ticket
from engine.core.order_projection import Merged, merge_order
from engine.core.order_state import is_fully_refunded
from engine.core.preferences import CHANGED, project_preferences
from engine.core.profile import project_customer
from engine.core.ticket_projection import merge_ticket, project_ticket
from engine.core.transition import Transition
from engine.core.world import World
from triggers.event import Event, OrderFacts, TicketFacts
from triggers.event_types import BUILT_IN

# Every report of these is a transition; the other derived types come of facts.
_PASSING: Final = frozenset({"customer.updated", "order.updated", "ticket.updated"})
_DERIVED: Final = frozenset(spec.name for spec in BUILT_IN.types.values() if spec.derived)
# The way of an order, for facts of one instant.
_WAY: Final = {
    kind: rank
    for rank, kind in enumerate(
        (
            "placed",
            "paid",
            "shipped",
            "out_for_delivery",
            "delayed",
            "delivery_failed",
            "lost",
            "delivered",
            "refunded",
            "returned",
            "disputed",
            "cancelled",
        )
    )
}
_NAMING: Final = frozenset({"id", "source", "partial"})
_TOLD: Final = attrgetter(*(one.name for one in fields(OrderFacts) if one.name not in _NAMING))
_NOTHING: Final = _TOLD(OrderFacts(id=""))
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OF_PARCEL: Final = frozenset({"shipped", "out_for_delivery", "delayed", "delivery_failed", "lost"})


def order_key(event: Event) -> str | None:
    """Our id of the order that the event names, ``<source>:<the platform's id>``."""
    order = event.order
    return None if order is None else f"{order.source or event.source}:{order.id}"


def ticket_key(event: Event) -> str | None:
    """Our id of the ticket that the event names."""
    ticket = event.ticket
    return None if ticket is None else f"{ticket.source or event.source}:{ticket.id}"


def ticket_order_key(event: Event) -> str | None:
    """Our id of the order that the event's ticket is about.

    A help desk knows the number of an order but not the platform that it is of, so a bare number
    names none: it takes the event's own order, or a number with its source (``shopify:1001``).
    """
    if event.ticket is None:
        return None
    if event.order is not None:
        return order_key(event)
    told = event.ticket.order_id
    return told if told is not None and ":" in told else None


def needs_complete(event: Event) -> bool:
    """Whether the event may change which order was the first or the last.

    Then ``project`` needs a world that has all the customer's orders.
    """
    order = event.order
    return order is not None and (
        event.type == "order.cancelled" or order.cancelled_at is not None or order.is_test is True
    )


def project(world: World, event: Event) -> list[Transition]:
    """Take one event into its customer's world; the transitions that it caused, in order of time.

    The world must hold the event's order and ticket if they exist, also those that had no customer
    so far (``project_orphan``): what was known of them comes out now. ``world.consents`` must hold
    what is known of the addresses that the event tells. ``world.changes`` gains all that changed.
    """
    kind, order, ticket = event.type, event.order, event.ticket
    transitions = project_customer(world, event)
    if kind == CHANGED:
        transitions += project_preferences(world, event)
    order_id = ticket_id = None
    if order is not None:
        order_id = f"{order.source or event.source}:{order.id}"
        if _tells_order(event) or (order.partial and not _has_order(world, order_id)):
            transitions += _project_order(world, order_id, order, event)
    if ticket is not None:
        ticket_id = f"{ticket.source or event.source}:{ticket.id}"
        if _tells_ticket(event):
            about = ticket_order_key(event)
            transitions += project_ticket(world, ticket_id, about, ticket, event)
    if len(transitions) > 1:
        transitions.sort(key=_by_time)
    if kind not in _DERIVED or (kind in _PASSING and (order is None or not order.partial)):
        transitions.append(passed_on(event, order_id, ticket_id))
    return transitions


def project_orphan(order: Order | None, event: Event) -> Order:
    """Gather what an event tells of an order whose customer nobody has named yet.

    Raises ValueError when the event names no order.
    """
    key = order_key(event)
    if event.order is None or key is None:
        raise ValueError("an event without order")
    if order is None:
        order = Order(id=key)
    if _tells_order(event):
        merge_order(order, event.order, event)
    return order


def project_orphan_ticket(ticket: Ticket | None, event: Event) -> Ticket:
    """Gather what an event tells of a ticket whose customer nobody has named yet.

    Raises ValueError when the event names no ticket.
    """
    key = ticket_key(event)
    if event.ticket is None or key is None:
        raise ValueError("an event without ticket")
    if ticket is None:
        ticket = Ticket(id=key)
    if _tells_ticket(event):
        merge_ticket(ticket, ticket_order_key(event), event.ticket, event)
    return ticket


def past_transitions(order: Order, kind: str, events: Iterable[Event]) -> list[Transition]:
    """What campaigns saw of an order's facts behind an event type such as ``order.refunded``.

    ``events`` are reports of the order: what a transition tells beside the fact is the latest's
    of that type.
    """
    own = [each for each in events if each.type == kind and order_key(each) == order.id]
    told = max(own, key=lambda each: (each.time, each.id), default=None)
    if told is None:
        told = Event(id="", source="", type="order.updated", time=_BEGINNING)
    fact = kind.removeprefix("order.")
    return [
        _transition(order, key, told)
        for key in order.facts
        if key == fact or (key.partition(":")[0] == fact and fact != "delivered")
    ]


def is_change_of(kind: str) -> bool:
    """Whether campaigns see of this type what has changed of a customer or a ticket, whichever
    report told it, and not the reports themselves."""
    return kind in _DERIVED and kind not in _PASSING and not kind.startswith("order.")


def past_changes(customer: Customer, kind: str, events: Iterable[Event]) -> list[Transition]:
    """What campaigns saw of a customer and their tickets, of one type.

    ``events``: all of theirs that are kept, in the order in which they came. A customer whose first
    events are not kept any more is no newer for that.
    """
    known = Customer(id=customer.id, created_at=customer.created_at)
    world = World(customer=known, is_new=True)
    found = [one for event in events for one in project(world, event) if one.type == kind]
    if kind == "customer.created":
        return [replace(one, time=min(one.time, customer.created_at)) for one in found]
    return found


def _tells_order(event: Event) -> bool:
    """Whether the event tells of its order, or only names it, as a survey's answer does."""
    order = event.order
    return order is not None and (event.type.startswith("order.") or _TOLD(order) != _NOTHING)


def _has_order(world: World, key: str) -> bool:
    """Whether the customer is known to have the order."""
    order = world.orders.get(key)
    return order is not None and order.customer_id is not None


def _tells_ticket(event: Event) -> bool:
    ticket = event.ticket
    return ticket is not None and (
        event.type.startswith("ticket.")
        or ticket != TicketFacts(id=ticket.id, source=ticket.source)
    )


def _project_order(world: World, key: str, facts: OrderFacts, event: Event) -> list[Transition]:
    order = world.orders.get(key)
    changes = world.changes
    if order is None:
        order = world.orders[key] = Order(id=key)
    was_open = order.known and order.customer_id is not None
    before = share_of(order) if was_open else None
    is_joining = order.customer_id is None
    if is_joining:
        order.customer_id = world.customer.id
    merged = merge_order(order, facts, event)
    if merged.changed or is_joining:
        changes.orders |= {key}
        if merged.lines or (is_joining and order.lines):
            changes.lines |= {key}
    if not order.known:
        return []
    if merged.changed or is_joining:
        count(world, before, order)
    return _told(order, event, merged, was_open)


def _told(order: Order, event: Event, merged: Merged, was_open: bool) -> list[Transition]:
    """The transitions of new facts; of all facts when the order has only now become known."""
    keys = merged.fresh if was_open else list(order.facts)
    # That one parcel has arrived is not yet that the order has.
    return [
        _transition(order, key, event)
        for key in keys
        if key != ASSUMED and not key.startswith("delivered:")
    ]


def _transition(order: Order, key: str, event: Event) -> Transition:
    kind, separator, part = key.partition(":")
    name = f"order.{kind}"
    data: dict[str, Any] = dict(event.data) if event.data and event.type == name else {}
    if kind in _OF_PARCEL:
        _describe_parcel(data, order, part)
    elif kind == "delivered":
        arrived = arrivals(order)
        is_assumed = ASSUMED in order.facts
        latest = max(order.fulfilments.values(), key=lambda parcel: (parcel.at, parcel.id))
        _describe_parcel(data, order, latest.id if is_assumed else arrived[-1][1].id)
        data["assumed"] = is_assumed
        data.pop("since", None)
    elif kind == "returned" and part:
        _describe_parcel(data, order, part)
    elif kind == "refunded":
        _describe_refund(data, order, part)
    elif kind == "cancelled":
        data["reason"] = order.cancel_reason
    elif kind == "disputed":
        data["dispute_id"] = part or None
    return Transition(
        type=name,
        time=order.facts[key],
        id=f"{name}:{order.id}{separator}{part}",
        order_id=order.id,
        data=data,
        causes=event.causes,
    )


def _describe_parcel(data: dict[str, Any], order: Order, parcel_id: str) -> None:
    parcel = order.fulfilments[parcel_id]
    estimated = parcel.estimated_at
    data.update(
        fulfilment_id=parcel_id,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        carrier=parcel.carrier,
        estimated_at=None if estimated is None else estimated.isoformat(),
    )


def _describe_refund(data: dict[str, Any], order: Order, refund_id: str) -> None:
    refund = order.refunds[refund_id]
    data.update(
        refund_id=refund_id,
        amount=None if refund.amount is None else float(refund.amount),
        full=is_fully_refunded(order),
        returned=refund.returned,
        reason=refund.reason,
    )


def passed_on(event: Event, order_id: str | None, ticket_id: str | None) -> Transition:
    """The event as campaigns see it where its type derives from nothing."""
    return Transition(
        type=event.type,
        time=event.time,
        id=f"{event.source}:{event.id}",
        order_id=order_id,
        ticket_id=ticket_id,
        data=event.data,
        causes=event.causes,
    )


def _by_time(transition: Transition) -> tuple[datetime, int, str]:
    kind = transition.type.partition(".")[2]
    return transition.time, _WAY.get(kind, -1), transition.id
