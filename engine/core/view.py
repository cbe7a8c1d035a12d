"""A journey's conditions against its world: its facts, read when they are asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.core.campaign import EventTrigger, Plan
from engine.core.context import Context
from engine.core.customer import Order, Ticket
from engine.core.evaluate import is_met, shown_values
from engine.core.expression import Condition
from engine.core.facts import Facts
from engine.core.instants import text_of
from engine.core.order_state import facts_of, is_fully_refunded
from engine.core.record import why_not
from engine.core.transition import Transition
from engine.core.verbs import EventMatch
from engine.core.world import Journey, World


class View:
    """What one journey sees at one instant. ``renew`` after anything it may ask has changed."""

    __slots__ = ("_facts", "context", "event", "journey", "plan", "world")

    def __init__(
        self,
        world: World,
        journey: Journey,
        plan: Plan,
        context: Context,
        event: Transition | None = None,
    ) -> None:
        self.world = world
        self.journey = journey
        self.plan = plan
        self.context = context
        self.event = event
        self._facts: Facts | None = None

    def is_met(self, condition: Condition) -> bool:
        """Whether the condition is met now, by the journey's order, ticket and results."""
        return is_met(condition, self._values())

    def why_not(self, condition: Condition) -> dict[str, Any] | None:
        """``record.why_not`` by these values."""
        return why_not(condition, self._values(), self.context)

    def values(self, condition: Condition) -> dict[str, Any]:
        """What a condition looks at, as it is now, fit for JSON."""
        return shown_values(condition, self._values())

    def _values(self) -> Facts:
        if self._facts is None:
            journey = self.journey
            self._facts = Facts(
                self.world,
                self.context.now,
                order_of(self.world, journey.order_id),
                ticket_of(self.world, journey.ticket_id),
                journey.trigger,
                journey.results,
                self.event,
            )
        return self._facts

    def renew(self) -> None:
        """Forget the values read so far."""
        self._facts = None

    def matches(self, match: EventMatch) -> bool:
        """Whether the event that this view was made for is one that ``match`` means.

        The caller has compared the types. An event that carries the object of the entry key must
        carry the journey's own, unless the match is widened to the customer.
        """
        event = self.event
        if event is None:
            return False
        if match.match == "object" and not self._same_object(event):
            return False
        return match.condition is None or self.is_met(match.condition)

    def _same_object(self, event: Transition) -> bool:
        root = self.plan.entry.key.partition(".")[0]
        if root == "order":
            return event.order_id is None or event.order_id == self.journey.order_id
        if root == "ticket":
            return event.ticket_id is None or event.ticket_id == self.journey.ticket_id
        return True

    def is_ended_by(self, match: EventMatch) -> bool:
        """Whether the event ends the journey by this item of ``exit_on``.

        The default of order campaigns knows neither partial refunds nor the campaign's own
        trigger, and holds whenever it happened; one that the author wrote counts from entry on.
        """
        event, plan = self.event, self.plan
        if event is None or not self.matches(match):
            return False
        if not plan.exit_on_full_refund_only:
            return event.time >= began_at(self.journey)
        if _begins(plan, event.type):
            return False
        return event.type != "order.refunded" or _is_full(self.world, event.order_id)


def began_at(journey: Journey) -> datetime:
    """From when events may end it: its entry, or its trigger where a person entered it later."""
    told = journey.trigger.get("time")
    if told is None:
        return journey.entered_at
    return min(journey.entered_at, datetime.fromisoformat(told))


def order_of(world: World, order_id: str | None) -> Order | None:
    """The order as it is now, if there is one."""
    return None if order_id is None else world.orders.get(order_id)


def ticket_of(world: World, ticket_id: str | None) -> Ticket | None:
    """The ticket as it is now, if there is one."""
    return None if ticket_id is None else world.tickets.get(ticket_id)


def ended_already(view: View, order: Order) -> str | None:
    """The ``exit_on`` event of the order that happened before its journey could begin."""
    told = {f"order.{key.partition(':')[0]}" for key in order.facts}
    for match in view.plan.exit_on:
        if match.event not in told:
            continue
        if not view.plan.exit_on_full_refund_only:
            happened = bool(facts_since_entry(view, order, match))
        elif _begins(view.plan, match.event):
            happened = False
        else:
            happened = match.event != "order.refunded" or is_fully_refunded(order)
        if happened:
            return match.event
    return None


def _begins(plan: Plan, event: str) -> bool:
    return isinstance(plan.trigger, EventTrigger) and plan.trigger.event == event


def facts_since_entry(view: View, order: Order, match: EventMatch) -> list[datetime]:
    """When the order's own facts that ``match`` means happened, from the trigger's time on.

    They were told before the trigger was, so no event will tell them again. The trigger itself
    does not count, unless the journey has come to a revision that begins by something else.
    """
    entered = view.journey.entered_at
    since = [at for at in facts_of(order, match.event) if at >= entered]
    if not since:
        return since
    since.sort()
    if since[0] == entered and _begins(view.plan, match.event):
        del since[0]
    return [at for at in since if _fact_counts(view, match, at)]


def _fact_counts(view: View, match: EventMatch, at: datetime) -> bool:
    """A fact keeps its time but not its event's data: what asks for data is not met."""
    if match.condition is None:
        return True
    order_id = view.journey.order_id
    told = Transition(type=match.event, time=at, id=f"{match.event}:{order_id}", order_id=order_id)
    return View(view.world, view.journey, view.plan, view.context, told).is_met(match.condition)


def _is_full(world: World, order_id: str | None) -> bool:
    order = order_of(world, order_id)
    return order is None or is_fully_refunded(order)


def trigger_of(event: Transition) -> dict[str, Any]:
    """The event as a journey keeps it: JSON-able, ``time`` as RFC 3339 text."""
    return {
        "type": event.type,
        "id": event.id,
        "time": text_of(event.time),
        "data": dict(event.data),
        "causes": list(event.causes),
    }
