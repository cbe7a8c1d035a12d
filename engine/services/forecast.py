"""What comes next for a customer if nothing else happens: the core itself, run ahead.

A copy of the customer's world lives on under a virtual clock: journeys take their steps, messages
go out at once when no guard speaks against it, schedules fire, the shop's programs look again at
what falls due. Nothing is written, no provider is asked, and what customers share (volumes, pools)
is only supposed (``engine.services.supposing``). Orders come to count as delivered. What hangs on
another customer, and what is computed at night from everybody's orders, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from engine.core.assumed_delivery import undelivered_since
from engine.core.beside import CUSTOMER
from engine.core.campaign import CampaignStatus, EventTrigger, Plan, ScheduleTrigger
from engine.core.context import Context
from engine.core.customer import Order
from engine.core.decision import Decision, DecisionKind
from engine.core.guards import Allow, Defer, Drop, zone_of
from engine.core.handover import FROZEN_RECHECK
from engine.core.journey import (
    before_sending,
    make_room,
    next_due,
    on_event,
    on_handed_over,
    on_step,
    on_withheld,
)
from engine.core.message import FROZEN, Message, MessageStatus
from engine.core.projection import project
from engine.core.transition import Transition
from engine.core.world import Changes, JourneyStatus, World
from engine.ports.stored import Undelivered
from engine.services.case import Case, Question, plan_of
from engine.services.coming import Coming, arrival, coming_of, waits_now
from engine.services.deliveries import assumed, due_at, is_stale
from engine.services.fired import Fired, cron_of
from engine.services.supposing import Supposed, context_of
from triggers.schedule import Occurrence, next_fire

STEPS: Final = 20
HORIZON: Final = timedelta(days=400)
_ROUNDS: Final = 10_000  # moments that are looked at; a daily schedule has 400
_AT_ONE_MOMENT: Final = 100  # more means that campaigns start each other in a ring


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What is to come, in order of time.

    ``ended``: ``quiet`` when nothing more would happen by itself, else which bound was reached.
    """

    coming: tuple[Coming, ...]
    until: datetime
    ended: Literal["quiet", "steps", "horizon"]


def forecast(
    case: Case,
    asked: Question,
    *,
    campaign: str | None = None,
    journey: str | None = None,
    order: str | None = None,
    steps: int = STEPS,
    horizon: timedelta = HORIZON,
) -> Forecast:
    """Look ahead from ``asked.now``, at most so many steps and so far.

    Every campaign of the customer lives on, because they share caps and gaps; only what belongs
    to ``campaign``, to one ``journey`` or to the journeys about one ``order`` is told. The world is
    left as it is.
    """
    ahead = _Ahead.of(case, asked)

    def is_asked_for(of: str, about: str) -> bool:
        if journey is not None:
            return about == journey
        entered = ahead.world.journeys.get(about)
        is_of_order = order is None or (entered is not None and entered.order_id == order)
        return campaign in (None, of) and is_of_order

    told = [one for one in waits_now(ahead.world, asked) if is_asked_for(one.campaign, one.journey)]
    read, end = 0, asked.now + horizon
    ended: Literal["quiet", "steps", "horizon"] = "horizon"
    now = asked.now
    for _ in range(_ROUNDS):
        ahead.live(now)
        decisions = ahead.world.changes.decisions
        fresh = [one for one in decisions[read:] if is_asked_for(one.campaign, one.journey_id)]
        read = len(decisions)
        is_whole = campaign is None and journey is None
        told += [
            arrival(each, now)
            for each in ahead.arrived
            if fresh or (is_whole and order in (None, each.id))
        ]
        told += _in_words(fresh, ahead, asked)
        if len(told) >= steps:
            ended = "steps"
            break
        following = ahead.next_moment(now)
        if following is None or following > end:
            ended = "quiet" if following is None else "horizon"
            break
        now = following
    return Forecast(coming=tuple(told[:steps]), until=now, ended=ended)


def _in_words(decisions: Iterable[Decision], ahead: _Ahead, asked: Question) -> Iterable[Coming]:
    for one in decisions:
        plan = plan_of(asked.plans, one.campaign, one.revision)
        message = ahead.world.messages.get(one.message_id or "")
        put_off = ahead.put_off.get(one.message_id or "")
        if one.kind is DecisionKind.DEFERRED and one.message_id is not None:
            ahead.put_off[one.message_id] = one
        told = coming_of(one, plan, message, put_off, asked.zone)
        if told is not None:
            yield told


@dataclass(slots=True, kw_only=True)
class _Ahead:
    """The copy that lives on. ``put_off``: the last deferral of each message, told with it."""

    world: World
    asked: Question
    shared: Supposed
    fires: dict[str, Occurrence] = field(default_factory=dict)
    put_off: dict[str, Decision] = field(default_factory=dict)
    arrived: list[Order] = field(default_factory=list)  # by assumption, at the last moment
    told: int = 0  # of the events that the world reports

    @classmethod
    def of(cls, case: Case, asked: Question) -> _Ahead:
        copy = deepcopy(case.world)
        copy.changes = Changes()
        ahead = cls(world=copy, asked=asked, shared=Supposed(free=asked.free_codes))
        for one in case.decisions:
            if one.kind is DecisionKind.DEFERRED and one.message_id is not None:
                ahead.put_off[one.message_id] = one
        for plan in asked.plans.current.values():
            if _fires(plan) and not asked.plans.is_frozen(plan.id):
                ahead.fires[plan.id] = ahead._next_fire(plan, asked.now)
        return ahead

    def live(self, now: datetime) -> None:
        """All that happens at one moment, in the daemon's order."""
        context = context_of(self.asked, now, self.shared)
        plans = self.asked.plans
        self._keep_back(context)
        for campaign, fire in sorted(self.fires.items()):
            if fire.at <= now:
                plan = plans.current[campaign]
                Fired.of(plan, fire.key, fire.at).enrol(self.world, plans, context)
                self.fires[campaign] = self._next_fire(plan, now)
        self._assume_deliveries(context)
        for _ in range(_AT_ONE_MOMENT):
            self._look_at_books(context)
            moved = self._take_steps(context)
            moved |= self._hand_over(context)
            self.asked.programs.settle(self.world, plans, context)
            moved |= self._tell_own(context)
            if not moved:
                break

    def next_moment(self, now: datetime) -> datetime | None:
        """When something is due next; None when nothing ever is."""
        plans = self.asked.plans
        moments = [fire.at for fire in self.fires.values()]
        moments += [
            journey.due_at
            for journey in self.world.journeys.values()
            if journey.due_at is not None
            and journey.status is JourneyStatus.LIVE
            and not journey.parked
        ]
        moments += [
            message.send_at
            for message in self.world.messages.values()
            if message.status is MessageStatus.SCHEDULED and not plans.is_frozen(message.campaign)
        ]
        moments += [one.due_at for one in self.world.books.values() if one.due_at is not None]
        moments += [at for _, at in self._on_their_way()]
        return min((at for at in moments if at > now), default=None)

    def _next_fire(self, plan: Plan, after: datetime) -> Occurrence:
        trigger, rules = plan.trigger, self.asked.rules
        name = trigger.zone if isinstance(trigger, ScheduleTrigger) else None
        own = zone_of(self.world.customer, rules)
        zone = own if name is None else rules.zones.get(name, rules.store_zone)
        return next_fire(cron_of(plan), zone, after)

    def _on_their_way(self) -> list[tuple[Undelivered, datetime]]:
        """The orders that come to count as delivered, and when, in this order."""
        found: list[tuple[Undelivered, datetime]] = []
        for order in self.world.orders.values():
            since = undelivered_since(order)
            if since is not None:
                waiting = Undelivered(
                    order_id=order.id,
                    customer_id=self.world.customer.id,
                    since=since,
                    country=order.country,
                )
                at = due_at(waiting, self.asked.delivery)
                if at is not None:
                    found.append((waiting, at))
        return sorted(found, key=lambda one: (one[1], one[0].order_id))

    def _assume_deliveries(self, context: Context) -> None:
        due = [(each, at) for each, at in self._on_their_way() if at <= context.now]
        self.arrived = [self.world.orders[each.order_id] for each, _ in due]
        for each, at in due:
            backfill = is_stale(at, context.now)
            for transition in project(self.world, assumed(each, at)):
                self._hear(transition, context, backfill=backfill)

    def _hear(self, transition: Transition, context: Context, *, backfill: bool = False) -> None:
        plans = self.asked.plans
        self.asked.programs.follow(self.world, transition, context, backfill=backfill)
        on_event(self.world, transition, plans, context, enrol=not backfill)

    def _look_at_books(self, context: Context) -> None:
        due = self.world.books.due(context.now)
        for record in sorted(due, key=lambda one: (one.due_at or one.at, one.book, one.key)):
            self.asked.programs.on_due(self.world, record, context)

    def _take_steps(self, context: Context) -> bool:
        moved = False
        while (journey := next_due(self.world, context.now)) is not None:
            on_step(self.world, journey, self.asked.plans, context)
            moved = True
        return moved

    def _keep_back(self, context: Context) -> None:
        """Put off what a campaign that stands still keeps, as the daemon does every week."""
        for message in self._due_messages(context, frozen=True):
            is_first = context.now == self.asked.now
            looked_at = context.now if is_first else message.send_at
            late = (context.now - looked_at) // FROZEN_RECHECK
            until = looked_at + (late + 1) * FROZEN_RECHECK
            on_withheld(self.world, message, Defer(until, FROZEN), self.asked.plans, context)

    def _hand_over(self, context: Context) -> bool:
        moved = False
        while due := self._due_messages(context, frozen=False):
            message, moved = due[0], True
            verdict = self._verdict(message, context)
            if isinstance(verdict, Allow):
                on_handed_over(self.world, message, self.asked.plans, context)
                message.status, message.sent_at = MessageStatus.SENT, context.now
            else:
                on_withheld(self.world, message, verdict, self.asked.plans, context)
        return moved

    def _verdict(self, message: Message, context: Context) -> Allow | Defer | Drop:
        if message.channel not in self.asked.channels:
            return Drop("no_sender", {"channel": message.channel})
        plans = self.asked.plans
        verdict = before_sending(self.world, message, plans, context)
        if isinstance(verdict, Drop) and make_room(self.world, message, verdict, context):
            return before_sending(self.world, message, plans, context)
        return verdict

    def _due_messages(self, context: Context, *, frozen: bool) -> list[Message]:
        due = [
            message
            for message in self.world.messages.values()
            if message.status is MessageStatus.SCHEDULED
            and message.send_at <= context.now
            and self.asked.plans.is_frozen(message.campaign) is frozen
        ]
        return sorted(due, key=lambda one: (one.send_at, one.id))

    def _tell_own(self, context: Context) -> bool:
        """Let campaigns and programs hear what the world has reported of this customer alone."""
        emitted = self.world.changes.emitted
        fresh = [one for one in emitted[self.told :] if not one.to and CUSTOMER not in one.data]
        self.told = len(emitted)
        for each in fresh:
            transition = Transition(
                type=each.type,
                time=each.time,
                id=each.id,
                order_id=each.order_id,
                ticket_id=each.ticket_id,
                data=each.data,
                causes=each.causes,
            )
            self._hear(transition, context)
        return bool(fresh)


def _fires(plan: Plan) -> bool:
    return plan.status is CampaignStatus.LIVE and not isinstance(plan.trigger, EventTrigger)
