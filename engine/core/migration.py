"""Moving a live journey to a newer revision of its campaign (``in_flight: migrate``)."""

from __future__ import annotations

from engine.core.campaign import Plan
from engine.core.context import Context
from engine.core.decision import DecisionKind
from engine.core.ending import cancel_message, complete, exit_journey
from engine.core.message import MessageStatus
from engine.core.record import decide
from engine.core.steps import stand
from engine.core.verbs import Asking, Delay, SendMessage, Step, WaitFor
from engine.core.view import View, ended_already, order_of
from engine.core.world import Journey, JourneyStatus, Waiting, World


def migrate(
    world: World,
    journey: Journey,
    plan_new: Plan,
    context: Context,
    *,
    plan_old: Plan | None = None,
) -> None:
    """Put a live journey on ``plan_new``.

    Where its step stays, it stays, with the due time that it has. Where its step was removed, the
    journey goes on at the next one of the old plan (``plan_old``) that remains, and ends when none
    does or when the old plan is not known. Ids are what tells steps apart, so only messages and
    waits count, which must have an id of their own in such a campaign. Stored assignments and the
    goal window do not change.
    """
    if journey.status is not JourneyStatus.LIVE or journey.revision == plan_new.revision:
        return
    former, left = journey.revision, journey.step
    index = _place(journey, plan_new, plan_old)
    journey.revision = plan_new.revision
    journey.priority = plan_new.priority
    world.changes.journeys.add(journey.id)
    stays = index is not None and plan_new.steps[index].id == left
    if not (stays and _still_fits(journey, plan_new.steps[index or 0])):
        _call_off(world, journey, context)
        if index is not None:
            stand(journey, plan_new, index)
    trace = {"from": former, "step": left}
    decide(world, journey, DecisionKind.MIGRATED, context, step=journey.step, trace=trace)
    view = View(world, journey, plan_new, context)
    order = order_of(world, journey.order_id)
    ended_by = ended_already(view, order) if plan_new.is_order_keyed and order else None
    if ended_by is not None:  # the former revision let it pass, so nobody will tell it again
        exit_journey(world, journey, ended_by, context)
    elif index is None:
        complete(world, journey, context)


def _place(journey: Journey, new: Plan, old: Plan | None) -> int | None:
    if journey.step in new.step_index:
        return new.step_index[journey.step]
    if old is None or journey.step not in old.step_index:
        return None
    index = old.step_index[journey.step]
    while index < len(old.steps):
        step = old.steps[index]
        if isinstance(step, Delay | WaitFor | SendMessage) and step.id in new.step_index:
            return new.step_index[step.id]
        index = step.next
    return None


def _still_fits(journey: Journey, step: Step) -> bool:
    """Whether the new step of the same id is of the kind that the journey waits in."""
    match journey.waiting:
        case Waiting.DELAY:
            return isinstance(step, Delay)
        case Waiting.EVENT:
            return isinstance(step, WaitFor | Asking)
        case Waiting.MESSAGE:
            return isinstance(step, SendMessage)
        case Waiting.READY | Waiting.HOLD:
            return True


def _call_off(world: World, journey: Journey, context: Context) -> None:
    message = world.messages.get(journey.awaiting or "")
    if message is not None and message.status is MessageStatus.SCHEDULED:
        cancel_message(world, journey, message, "migrated", context)
        # A step makes one message: a later revision that sends here again passes it over.
        journey.told(message.step)["skipped"] = True
