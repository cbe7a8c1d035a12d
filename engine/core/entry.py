"""Who enters a campaign: the verdict on one event (or schedule) for one campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from config.durations import Duration
from engine.core import ids
from engine.core.campaign import Plan, Plans
from engine.core.context import Context
from engine.core.customer import Order
from engine.core.decision import DecisionKind, EntryVerdict, VerdictCode
from engine.core.ending import complete
from engine.core.evaluate import shown_values
from engine.core.facts import Facts, value_of
from engine.core.guards import zone_of
from engine.core.instants import microseconds, text_of
from engine.core.record import decide, why_not
from engine.core.timing import add, is_too_late
from engine.core.transition import Transition
from engine.core.value import value_class
from engine.core.verbs import EventMatch, Split
from engine.core.view import (
    View,
    ended_already,
    facts_since_entry,
    order_of,
    ticket_of,
    trigger_of,
)
from engine.core.world import Journey, JourneyStatus, Waiting, World

MAX_CAUSES = 8
BY_HAND = "by_hand"  # the code of an entry that a person made


def entries(
    world: World, event: Transition, plans: Plans, context: Context, *, enrol: bool
) -> list[EntryVerdict]:
    """The verdict of each campaign that this event could have enrolled the customer in.

    What their filters look at is read once for all of them. Without ``enrol`` (history being
    recorded) nobody enters, and each says so.
    """
    candidates = plans.by_event.get(event.type, ())
    if not candidates:
        return []
    if not enrol:
        return [_verdict(plan, event, VerdictCode.BACKFILL) for plan in candidates]
    attempt = _Attempt(world, event, plans, context)
    return [attempt.enter(plan) for plan in candidates]


def enrol_by_schedule(
    world: World,
    plan: Plan,
    entry_key: str,
    occurrence: Transition,
    plans: Plans,
    context: Context,
) -> EntryVerdict:
    """The verdict of a schedule or date campaign on one customer at one occurrence.

    ``occurrence`` stands in for the event: its time is the fire's, where the clocks start. The
    segment is evaluated again, on the world as it is now. ``entry_key`` tells the occurrence by
    its local date; the customer's id is put before it unless it stands there already, because
    keys are unique over all customers. An occurrence is entered once, in whatever zone the customer
    lives by then. With ``re_entry: {after: …}`` the customer alone is the
    key: what counts is the time since their last entry, whichever occurrence that was.
    """
    customer = world.customer.id
    key = entry_key if entry_key.startswith(customer) else f"{customer}:{entry_key}"
    if isinstance(plan.entry.re_entry, Duration):
        key = customer
    return _Attempt(world, occurrence, plans, context).enter(plan, key)


@value_class
class ByHand:
    """An entry for an event of the past. ``starts_at``: when the first step is to be taken;
    ``later``: what has happened to the customer since that event, and may end the campaign."""

    starts_at: datetime
    later: Sequence[Transition] = field(default_factory=tuple)


def enrol_by_hand(
    world: World,
    plan: Plan,
    trigger: Transition,
    by_hand: ByHand,
    plans: Plans,
    context: Context,
) -> EntryVerdict:
    """The verdict of an event campaign on an event of the past, long after it was told.

    The conditions of entry see the world as it is now, and the event as it was. ``max_age`` is
    waived. Nobody enters who has entered since the event, or whom something that has happened since
    would have taken out. The journey counts as entered now; its steps count from ``starts_at``,
    and so does the goal's window, while what a ``wait_for`` waits for counts from the event on.
    """
    return _Attempt(world, trigger, plans, context, by_hand).enter(plan)


def last_entry(
    world: World, plan: Plan, triggers: Sequence[Transition], plans: Plans, context: Context
) -> datetime | None:
    """When the customer last entered the campaign, by one of these events or in a live journey."""
    keys = [_Attempt(world, each, plans, context).key(plan) for each in triggers]
    past = [world.past.find(plan.id, key, world.customer.id) for key in keys if key]
    found = [each.entered_at for each in world.journeys.values() if each.campaign == plan.id]
    return max((*found, *(each.entered_at for each in past if each is not None)), default=None)


class _Attempt:
    """One event knocking at the doors of its candidates."""

    __slots__ = ("_deadlines", "_facts", "_is_late", "_refused", "_trigger", "by_hand", "context",
                 "event", "order", "order_id", "plans", "ticket", "world")  # fmt: skip

    def __init__(
        self,
        world: World,
        event: Transition,
        plans: Plans,
        context: Context,
        by_hand: ByHand | None = None,
    ) -> None:
        self.by_hand = by_hand
        self.world = world
        self.event = event
        self.plans = plans
        self.context = context
        told, ticket = event.order_id, event.ticket_id
        self.ticket = None if ticket is None else ticket_of(world, ticket)
        self.order_id = self.ticket.order_id if told is None and self.ticket else told
        self.order = None if self.order_id is None else order_of(world, self.order_id)
        self._trigger: dict[str, Any] | None = None
        self._refused: VerdictCode | None = None  # what no campaign takes
        if self.order is not None and self.order.is_test:
            self._refused = VerdictCode.TEST_ORDER
        elif event.causes and len(event.causes) > MAX_CAUSES:
            self._refused = VerdictCode.CHAIN_TOO_LONG
        self._is_late = event.time < context.now
        self._facts = Facts(world, context.now, self.order, self.ticket, event=event)
        self._deadlines: dict[Duration, datetime] = {}

    @property
    def trigger(self) -> dict[str, Any]:
        """The event as a journey keeps it; of most events none does."""
        if self._trigger is None:
            self._trigger = trigger_of(self.event)
        return self._trigger

    def enter(self, plan: Plan, key: str | None = None) -> EntryVerdict:
        """Enrol, or say why not; ``key`` is that of an occurrence, else it is the event's."""
        event, context, world = self.event, self.context, self.world
        refused = self._refused
        if context.is_frozen(plan.id, self.plans):
            refused = VerdictCode.FROZEN
        elif refused is None and self._is_late and self._is_too_late(plan):
            refused = VerdictCode.TOO_OLD
        if refused is not None:
            return _verdict(plan, event, refused, trace=self._circumstance(plan, refused))
        if plan.reads_event:
            self._facts.trigger = self.trigger
        for condition in plan.entry_conditions:
            unmet = why_not(condition, self._facts, context)
            if unmet is not None:
                of_profile = condition is plan.profile_filter
                code = VerdictCode.PROFILE_FILTER if of_profile else VerdictCode.FILTER
                return _verdict(plan, event, code, trace=unmet)
        scheduled = key is not None
        key = key if key is not None else self.key(plan)
        if key is None:
            return _verdict(plan, event, VerdictCode.NO_KEY, trace={"key": plan.entry.key})
        entry_no, refusal, trace = self._re_entry(plan, key, once=scheduled)
        if refusal is not None:
            return _verdict(plan, event, refusal, trace=trace)
        journey = self._journey(plan, key, entry_no)
        view = View(world, journey, plan, context)
        ended_by = None
        if plan.is_order_keyed and self.order is not None and plan.exit_on:
            ended_by = ended_already(view, self.order)
        if ended_by is None and self.by_hand is not None:
            ended_by = self._ended_since(view, self.by_hand)
        if ended_by is not None:
            return _verdict(plan, event, VerdictCode.EXIT_ALREADY, trace={"event": ended_by})
        return self._begin(view)

    def _ended_since(self, view: View, by_hand: ByHand) -> str | None:
        """The event after the trigger that would have ended a journey of then."""
        for event in by_hand.later:
            watch = view.plan.watches.get(event.type)
            if watch is None or not watch.exits:
                continue
            seen = View(view.world, view.journey, view.plan, self.context, event)
            if any(seen.is_ended_by(match) for match in watch.exits):
                return event.type
        return None

    def _is_too_late(self, plan: Plan) -> bool:
        """Whether the event was told later than the campaign takes it."""
        if plan.max_age is None or self.by_hand is not None:
            return False
        return is_too_late(self.event.time, self.context.now, plan.max_age)

    def _circumstance(self, plan: Plan, refused: VerdictCode) -> dict[str, Any] | None:
        """How late the event was told, or what the campaign stands still for."""
        if refused is VerdictCode.TOO_OLD:
            return {"happened": self.event.time.isoformat(), "told": self.context.now.isoformat()}
        if refused is not VerdictCode.FROZEN:
            return None
        held = self.plans.held.get(plan.id) or self.context.braked.get(plan.id)
        return {"status": plan.status.value} if held is None else {"held": held}

    def key(self, plan: Plan) -> str | None:
        """The entry key. Ids are unique over all customers; any other value is made so."""
        match plan.entry.key:
            case "order.id":
                return self.order_id or None
            case "ticket.id":
                return self.event.ticket_id or None
            case "customer.id":
                return self.world.customer.id
            case name:
                value = value_of(name, self.world, order=self.order, ticket=self.ticket,
                                 trigger=self.trigger, now=self.context.now)  # fmt: skip
        if value is None or value == "":
            return None
        text = value.isoformat() if isinstance(value, datetime) else str(value)
        return f"{self.world.customer.id}:{text}"

    def _re_entry(
        self, plan: Plan, key: str, *, once: bool
    ) -> tuple[int, VerdictCode | None, dict[str, Any] | None]:
        """The number that this entry would have, and what speaks against it."""
        campaign = plan.id
        number, entered = 0, None
        for journey in self.world.journeys.values():
            if journey.campaign == campaign and journey.entry_key == key:
                if journey.status is JourneyStatus.LIVE:
                    return 0, VerdictCode.ALREADY_IN, {"journey": journey.id}
                if journey.entry_no >= number:
                    number, entered = journey.entry_no, journey.entered_at
        past = self.world.past.find(campaign, key, self.world.customer.id)
        if past is not None and past.entry_no > number:
            number, entered = past
        is_again = self.by_hand is not None and entered is not None and entered >= self.event.time
        if entered is None or (plan.entry.re_entry == "always" and not once and not is_again):
            return number + 1, None, None
        again: datetime | None = None
        if isinstance(plan.entry.re_entry, Duration) and not is_again:
            zone = zone_of(self.world.customer, self.context.rules)
            again = add(entered, plan.entry.re_entry, zone)
            if self.event.time >= again:
                return number + 1, None, None
        if not self.context.keeping.traces:
            return 0, VerdictCode.RE_ENTRY, None
        trace = {"entered_at": text_of(entered), "re_entry": str(plan.entry.re_entry)}
        if again is not None:
            trace["again_at"] = text_of(again)
        return 0, VerdictCode.RE_ENTRY, trace

    def _journey(self, plan: Plan, key: str, entry_no: int) -> Journey:
        """The journey to be; its clock starts at the event's time, however late it is told."""
        event = self.event
        first = plan.steps[0].id if plan.steps else ""
        return Journey(
            id=ids.journey_id(plan.id, key, entry_no),
            campaign=plan.id,
            revision=plan.revision,
            entry_key=key,
            entry_no=entry_no,
            customer_id=self.world.customer.id,
            status=JourneyStatus.LIVE,
            step=first,
            waiting=Waiting.READY,
            due_at=event.time,
            clock=event.time,
            entered_at=event.time,
            priority=plan.priority,
            order_id=self.order_id,
            ticket_id=event.ticket_id,
            trigger=self.trigger,
        )

    def _begin(self, view: View) -> EntryVerdict:
        world, journey, plan, context = view.world, view.journey, view.plan, view.context
        customer = world.customer.id
        if plan.splits:
            journey.variants = {step.id: variant_for(plan, step, customer) for step in plan.splits}
        code, told = "", self._met(plan) if context.keeping.traces else {}
        if self.by_hand is not None:
            code = BY_HAND
            told |= self._begin_late(view, self.by_hand)
        if plan.goal is not None:
            journey.goal_until = self._deadline(plan.goal.within)
        world.journeys[journey.id] = journey
        world.changes.journeys.add(journey.id)
        standing = ids.share(plan.id, "holdout", customer) if plan.holdout else 0.0
        if standing < plan.holdout:
            journey.status = JourneyStatus.HOLDOUT
            journey.step, journey.due_at = "", None
            outcome = VerdictCode.HELD_OUT
            share = {"share": round(standing, 3), "holdout": float(plan.holdout)}
            decide(world, journey, DecisionKind.HELD_OUT, context, code=code, trace=share)
        else:
            outcome = VerdictCode.ENTERED
            decide(world, journey, DecisionKind.ENTERED, context, step=journey.step, code=code,
                   trace=told or None)  # fmt: skip
        if self.by_hand is None:
            self._recall(view)
        if not plan.steps and journey.status is JourneyStatus.LIVE:
            complete(world, journey, context)
        return _verdict(plan, self.event, outcome, journey_id=journey.id)

    def _met(self, plan: Plan) -> dict[str, Any]:
        """The values by which the conditions of entry are met, for the decision's trace."""
        values: dict[str, object] = {}
        for condition in plan.entry_conditions:
            values.update(shown_values(condition, self._facts))
        return {"met": values} if values else {}

    def _begin_late(self, view: View, by_hand: ByHand) -> dict[str, Any]:
        """Move the journey's clock to when it is to start; what the decision tells of that."""
        journey, event = view.journey, self.event
        self._recall(view)  # since the event; the goal has no window yet, so only waits are filled
        journey.entered_at = self.context.now
        journey.clock = journey.due_at = by_hand.starts_at
        return {
            "event": event.type,
            "happened": event.time.isoformat(),
            "starts_at": by_hand.starts_at.isoformat(),
        }

    def _deadline(self, within: Duration) -> datetime:
        """The end of a goal's window; campaigns often have the same, and zones are slow."""
        known = self._deadlines.get(within)
        if known is None:
            zone = zone_of(self.world.customer, self.context.rules)
            start = self.event.time if self.by_hand is None else self.by_hand.starts_at
            known = self._deadlines[within] = add(start, within, zone)
        return known

    def _recall(self, view: View) -> None:
        """Count what the order has been through since the trigger but was told before it."""
        order, plan, journey = self.order, view.plan, view.journey
        if order is None:
            return
        for step in plan.waits:
            if step.match is not None:
                times = self._told(view, order, step.match)
                if times:
                    at = times[0] if step.since == "entry" else times[-1]
                    journey.seen = {**journey.seen, step.id: microseconds(at)}
        if plan.goal is not None and journey.goal_until is not None:
            for at in self._told(view, order, plan.goal.match):
                if at <= journey.goal_until:
                    journey.goal_at = at
                    trace = {"event": plan.goal.match.event}
                    decide(view.world, journey, DecisionKind.GOAL, view.context, trace=trace)
                    break

    @staticmethod
    def _told(view: View, order: Order, match: EventMatch) -> list[datetime]:
        return facts_since_entry(view, order, match) if match.event.startswith("order.") else []


def variant_for(plan: Plan, step: Split, customer_id: str) -> str:
    """The variant that a split gives to a customer, by hash of (campaign, step, customer)."""
    total = sum(variant.weight for variant in step.variants)
    standing = ids.share(plan.id, step.id, customer_id) * total / 100
    for variant in step.variants:
        standing -= variant.weight
        if standing < 0:
            return variant.name
    return step.variants[-1].name


def _verdict(
    plan: Plan,
    event: Transition,
    code: VerdictCode,
    *,
    journey_id: str | None = None,
    trace: dict[str, Any] | None = None,
) -> EntryVerdict:
    return EntryVerdict(
        campaign=plan.id,
        revision=plan.revision,
        code=code,
        transition=event.type,
        journey_id=journey_id,
        trace=trace,
    )
