"""The heart: what an event and the passing of time do to a customer's journeys.

Everything here is a function of the world, the plans and the context. ``on_event`` enrols, ends,
wakes and scores; ``on_step`` takes the steps that are due; the rest follows a message from its
hand-over on. At one instant the caller tells events first, in (time, source, id) order, then takes
due journeys as ``next_due`` names them, then hands over messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.core.asking import RESPONSES, note_response
from engine.core.campaign import Plan, Plans, Watch
from engine.core.context import Context
from engine.core.decision import DecisionKind, EntryVerdict
from engine.core.ending import complete, exit_journey
from engine.core.entry import ByHand, enrol_by_hand, enrol_by_schedule, entries, last_entry
from engine.core.handover import (
    before_sending,
    on_failed,
    on_handed_over,
    on_retry,
    on_withheld,
    release_message,
)
from engine.core.instants import microseconds
from engine.core.message import MessageStatus
from engine.core.migration import migrate
from engine.core.outranking import make_room
from engine.core.record import decide
from engine.core.steps import HOLD_RECHECK, stand, take_steps, time_out
from engine.core.transition import Transition
from engine.core.verbs import Asking, EventMatch, WaitFor
from engine.core.view import View
from engine.core.world import Journey, JourneyStatus, Waiting, World

__all__ = [
    "ByHand",
    "before_sending",
    "concerns_any",
    "enrol_by_hand",
    "enrol_by_schedule",
    "exit_journey",
    "hears",
    "last_entry",
    "make_room",
    "migrate",
    "next_due",
    "note_news",
    "note_receipt",
    "on_event",
    "on_failed",
    "on_handed_over",
    "on_retry",
    "on_step",
    "on_withheld",
]

# For a condition, which may be met or unmet by whatever happens.
_MAY_WAIT_FOR_ANYTHING = frozenset({Waiting.EVENT, Waiting.MESSAGE, Waiting.HOLD})
_RECEIPTS = {
    f"message.{kind}": kind
    for kind in ("sent", "delivered", "opened", "clicked", "bounced", "failed", "replied")
}


def on_event(
    world: World,
    transition: Transition,
    plans: Plans,
    context: Context,
    *,
    enrol: bool = True,
) -> list[EntryVerdict]:
    """Let one transition of the customer do what it does: end, wake, release and score journeys,
    then enrol. It takes no steps: journeys that may go on are due now.

    Returns one verdict for each campaign that it could have enrolled the customer in; ``enrol``
    False (history being recorded) makes each of them ``backfill``. What a machine did with a
    message (``data.machine``) moves nothing. A frozen campaign's journeys are told as well, so
    that nothing is lost meanwhile; they just take no step.
    """
    kind = transition.type
    if kind.startswith("message."):
        if transition.data.get("machine"):
            return []
        note_receipt(world, kind, transition.data, plans)
    if world.journeys:
        for journey, plan in _concerned(world.journeys, kind, plans):
            _tell(View(world, journey, plan, context, transition), transition)
    if kind not in plans.by_event:
        return []
    return entries(world, transition, plans, context, enrol=enrol)


def hears(world: World, kind: str, plans: Plans) -> bool:
    """Whether an event of this type can do anything to the customer's journeys, or enrol them."""
    return kind in plans.by_event or concerns_any(world, kind, plans)


def concerns_any(world: World, kind: str, plans: Plans) -> bool:
    """Whether an event of this type can do anything to the customer's journeys."""
    return bool(_concerned(world.journeys, kind, plans))


def _concerned(
    journeys: Mapping[str, Journey], kind: str, plans: Plans
) -> Sequence[tuple[Journey, Plan]]:
    """The journeys to which an event of this type can do anything, in the order in which they are
    told. What it does to one of them makes no difference to whether it concerns another."""
    revisions = plans.revisions
    is_watched = kind in plans.watched or kind in RESPONSES
    found: list[tuple[Journey, Plan]] = []
    for journey in journeys.values():
        if is_watched or (
            journey.status is JourneyStatus.LIVE and journey.waiting in _MAY_WAIT_FOR_ANYTHING
        ):
            plan = revisions.get((journey.campaign, journey.revision))
            if plan is not None and _concerns(kind, journey, plan):
                found.append((journey, plan))
    if len(found) > 1:
        found.sort(key=_rank)
    return found


def _rank(told: tuple[Journey, Plan]) -> tuple[int, str]:
    return -told[0].priority, told[0].id


def _concerns(kind: str, journey: Journey, plan: Plan) -> bool:
    """Whether an event of this type can do anything to the journey as it stands."""
    if kind in plan.watches:
        return True
    if journey.status is not JourneyStatus.LIVE:
        return False
    if plan.asks and kind in RESPONSES:
        return True
    waiting = journey.waiting
    if waiting is Waiting.EVENT:
        return plan.waits_for_condition
    if waiting is Waiting.MESSAGE:
        return plan.hold_while is not None
    return waiting is Waiting.HOLD


def on_step(world: World, journey: Journey, plans: Plans, context: Context) -> None:
    """Take the journey's due steps until it waits or ends; nothing when nothing is due.

    A journey of a frozen campaign, or whose revision is not known, is parked instead.
    """
    if journey.status is not JourneyStatus.LIVE or journey.waiting is Waiting.MESSAGE:
        return
    due, now = journey.due_at, context.now
    if due is None or due > now:
        return
    world.changes.journeys.add(journey.id)
    plan = plans.revisions.get((journey.campaign, journey.revision))
    index = None if plan is None else plan.step_index.get(journey.step)
    if plan is None or index is None or context.is_frozen(journey.campaign, plans):
        journey.parked = True
        return
    journey.parked = False
    view = View(world, journey, plan, context)
    step = plan.steps[index]
    match journey.waiting:
        case Waiting.DELAY:
            journey.clock = due
            index = step.next
        case Waiting.EVENT:
            assert isinstance(step, WaitFor | Asking)
            index = time_out(view, step, due)
        case Waiting.HOLD:
            if plan.hold_while is not None and view.is_met(plan.hold_while):
                journey.due_at = now + HOLD_RECHECK
                return
            _release(view, due)
        case Waiting.READY:
            pass
    take_steps(view, index)


def next_due(world: World, now: datetime) -> Journey | None:
    """The journey to take a step first: higher priority number first, then due time, then id."""
    found: Journey | None = None
    rank: tuple[int, datetime, str] | None = None
    for journey in world.journeys.values():
        due = journey.due_at
        if (
            due is not None
            and due <= now
            and journey.status is JourneyStatus.LIVE
            and not journey.parked
        ):
            own = (-journey.priority, due, journey.id)
            if rank is None or own < rank:
                found, rank = journey, own
    return found


def _tell(view: View, event: Transition) -> None:
    """What one event does to one journey."""
    world, journey, plan = view.world, view.journey, view.plan
    watch = plan.watches.get(event.type)
    if watch is not None:
        if watch.is_goal and plan.goal is not None:
            _score(view, event, plan.goal.match)
        if watch.exits and _ends(view, watch):
            trace = {"event": event.id}
            exit_journey(world, journey, event.type, view.context, trace=trace)
    if journey.status is not JourneyStatus.LIVE:
        return
    if watch is not None and watch.waits:
        _see(view, event, watch)
    if plan.asks and event.type in RESPONSES and (asked := note_response(view, event)) is not None:
        _wake(view, event, asked)
    if journey.waiting is Waiting.EVENT and plan.waits_for_condition:
        step = _standing_at(journey, plan)
        if step is not None and step.until is not None and view.is_met(step.until):
            _wake(view, event, step)
    if journey.waiting is Waiting.HOLD:
        if plan.hold_while is None or not view.is_met(plan.hold_while):
            _release(view, event.time)
    elif journey.waiting is Waiting.MESSAGE and plan.hold_while is not None:
        message = world.messages.get(journey.awaiting or "")
        if message is not None and message.reason == "hold_while":
            release_message(view, message)


def _score(view: View, event: Transition, match: EventMatch) -> None:
    """Count the goal, once, within its window; the journey may have ended meanwhile."""
    journey = view.journey
    if journey.goal_at is not None or journey.goal_until is None:
        return
    if journey.entered_at <= event.time <= journey.goal_until and view.matches(match):
        journey.goal_at = event.time
        view.world.changes.journeys.add(journey.id)
        trace = {"event": event.id}
        decide(view.world, journey, DecisionKind.GOAL, view.context, trace=trace)


def _ends(view: View, watch: Watch) -> bool:
    """Whether the event ends the journey; a completed one only matters while its last message is
    being handed over, which must not be tried again then."""
    journey = view.journey
    if journey.status is JourneyStatus.COMPLETED:
        messages = view.world.messages.values()
        if not any(
            message.journey_id == journey.id
            and message.status in (MessageStatus.SENDING, MessageStatus.SCHEDULED)
            for message in messages
        ):
            return False
    elif journey.status is not JourneyStatus.LIVE:
        return False
    return any(view.is_ended_by(match) for match in watch.exits)


def note_receipt(world: World, kind: str, data: Mapping[str, Any], plans: Plans) -> None:
    """``note_news`` of an event about a message; nothing of what a machine did with it."""
    if not data.get("machine"):
        step, named = data.get("step"), data.get("journey")
        if step and isinstance(named, str):
            note_news(world, kind, named, step, plans)


def note_news(world: World, kind: str, named: str, step: str, plans: Plans) -> None:
    """Keep what became of a step's message with the journey that made it, for conditions that ask.

    ``kind`` is the type of the event that tells it, ``named`` the journey's id.
    """
    told, journey = _RECEIPTS.get(kind), world.journeys.get(named)
    if told is None or journey is None:
        return
    if (journey.campaign, journey.revision) in plans.revisions:
        journey.told(step)[told] = True
        world.changes.journeys.add(named)


def _see(view: View, event: Transition, watch: Watch) -> None:
    """Remember the event for waits still to come; end the one that the journey stands in.

    A wait since entry keeps the first such event, one since now the last: that is the one that may
    still fall into its time.
    """
    journey = view.journey
    if event.time < journey.entered_at:
        return
    at = microseconds(event.time)
    for wait in watch.waits:
        if wait.index < view.plan.step_index.get(journey.step, 0):
            continue
        if wait.match is None or not view.matches(wait.match):
            continue
        known = journey.seen.get(wait.id)
        if known is None or (at < known if wait.since == "entry" else at > known):
            journey.seen = {**journey.seen, wait.id: at}
            view.world.changes.journeys.add(journey.id)
        stands_there = journey.waiting is Waiting.EVENT and journey.step == wait.id
        if stands_there and (wait.since == "entry" or event.time >= journey.clock):
            _wake(view, event, wait)


def _standing_at(journey: Journey, plan: Plan) -> WaitFor | None:
    index = plan.step_index.get(journey.step)
    step = None if index is None else plan.steps[index]
    return step if isinstance(step, WaitFor) else None


def _wake(view: View, event: Transition, step: WaitFor | Asking) -> None:
    """End a wait at the event's time, though not before its own start; too late is a time-out."""
    world, journey, context = view.world, view.journey, view.context
    if journey.due_at is not None and event.time > journey.due_at:
        return
    journey.clock = max(journey.clock, event.time)
    if isinstance(step, WaitFor):
        journey.told(step.id)["happened"] = True
    view.renew()
    world.changes.journeys.add(journey.id)
    trace = {"event": event.id}
    decide(world, journey, DecisionKind.WOKE, context, step=step.id, code=event.type, trace=trace)
    if step.next >= len(view.plan.steps):
        complete(world, journey, context)
    else:
        stand(journey, view.plan, step.next)


def _release(view: View, at: datetime) -> None:
    """Let a held journey go on; its step falls due at the release."""
    journey = view.journey
    journey.clock = max(journey.clock, at)
    journey.waiting = Waiting.READY
    journey.due_at = journey.clock
    view.world.changes.journeys.add(journey.id)
    decide(view.world, journey, DecisionKind.RELEASED, view.context, step=journey.step,
           code="hold_while")  # fmt: skip
