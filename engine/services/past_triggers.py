"""The events of the past that a campaign would have started on, and what came after them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from engine.core.campaign import EventTrigger, Plan
from engine.core.projection import (
    is_change_of,
    order_key,
    passed_on,
    past_changes,
    past_transitions,
    ticket_key,
)
from engine.core.transition import Transition
from engine.core.world import World
from engine.ports.past import Past
from triggers.event import Event

_EVER: Final = datetime.min.replace(tzinfo=UTC)


def events_of(
    plan: Plan, past: Past, customers: Sequence[str], since: datetime
) -> Mapping[str, Sequence[Event]]:
    """The events by which a campaign's triggers since a time, and its exits, can be known.

    What has changed of a customer or a ticket only all that was told of them can say.
    """
    trigger = {plan.trigger.event} if isinstance(plan.trigger, EventTrigger) else set()
    wanted = trigger | {match.event for match in plan.exit_on}
    if any(is_change_of(kind) for kind in wanted):
        return past.events(customers, None, _EVER)
    return past.events(customers, wanted, since)


def triggers_of(
    plan: Plan, world: World, events: Sequence[Event], since: datetime, until: datetime
) -> list[Transition]:
    """What would have started the campaign for this customer, the newest first.

    ``world`` has all of their orders; ``events`` are theirs.
    """
    assert isinstance(plan.trigger, EventTrigger)
    found = {
        one.id: one
        for one in _transitions(plan.trigger.event, world, events)
        if since <= one.time < until
    }
    return sorted(found.values(), key=lambda one: (one.time, one.id), reverse=True)


def later_than(
    trigger: Transition, plan: Plan, world: World, events: Sequence[Event]
) -> list[Transition]:
    """What has happened to the customer since ``trigger`` that the campaign may end by."""
    return [
        one
        for kind in sorted({match.event for match in plan.exit_on})
        for one in _transitions(kind, world, events)
        if one.time >= trigger.time and one.id != trigger.id
    ]


def _transitions(kind: str, world: World, events: Sequence[Event]) -> Iterator[Transition]:
    """An order's facts tell what was, whichever report told them first, and what has changed of a
    customer or a ticket is found as it was then; all else was an event."""
    if kind.startswith("order.") and kind != "order.updated":
        for order in world.orders.values():
            if order.known:
                yield from past_transitions(order, kind, events)
        return
    if is_change_of(kind):
        yield from past_changes(world.customer, kind, events)
        return
    for event in events:
        if event.type == kind and not event.data.get("machine"):
            yield passed_on(event, order_key(event), ticket_key(event))
