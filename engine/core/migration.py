"""Moving a live journey to a newer revision of its campaign (``in_flight: migrate``)."""

from __future__ import annotations

import re
from typing import Final

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

# What a step is called that has no id of its own: its place, as ``engine.authoring.layout`` says.
_BY_PLACE: Final = re.compile(r"step(_\d+)+")
_NOT_MADE: Final = frozenset({Waiting.READY, Waiting.HOLD, Waiting.DELAY})


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
    does or when the old plan is not known. Ids are what tells steps apart, so in such a campaign
    each has one of its own; a step that only was given one since is the same step. Stored
    assignments and the goal window do not change.
    """
    if journey.status is not JourneyStatus.LIVE or journey.revision == plan_new.revision:
        return
    former, left = journey.revision, journey.step
    journey.revision = plan_new.revision
    journey.priority = plan_new.priority
    world.changes.journeys.add(journey.id)
    index = _same(journey, plan_new, plan_old)
    if index is not None and _still_fits(journey, plan_new.steps[index]):
        journey.step = plan_new.steps[index].id
    else:
        _call_off(world, journey, context)
        if index is None:
            index = _following(journey, plan_new, plan_old)
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


def _same(journey: Journey, new: Plan, old: Plan | None) -> int | None:
    """Where the step that the journey stands before or waits in is in the new plan."""
    if journey.step in new.step_index:
        return new.step_index[journey.step]
    index = None if old is None else old.step_index.get(journey.step)
    if old is None or index is None:
        return None
    step = old.steps[index]
    if journey.waiting in _NOT_MADE or isinstance(step, WaitFor):
        return _named_since(step, new, old)
    return None  # its message was made in the name that it had, and is answered by that


def _following(journey: Journey, new: Plan, old: Plan | None) -> int | None:
    """Where the next step of the old plan that remains is in the new one."""
    if old is None or journey.step not in old.step_index:
        return None
    index = old.steps[old.step_index[journey.step]].next
    while index < len(old.steps):
        step = old.steps[index]
        found = new.step_index.get(step.id)
        if found is None:
            found = _named_since(step, new, old)
        if found is not None:
            return found
        index = step.next
    return None


def _named_since(step: Step, new: Plan, old: Plan) -> int | None:
    """Where a step without an id is that was given one: one of its kind, new by its id, as far
    from the next step that both plans have as before, or from the last one, or from the start."""
    if not _BY_PLACE.fullmatch(step.id):
        return None
    places = [step.index]
    for others in (reversed(old.steps[: step.index]), old.steps[step.index + 1 :]):
        known = next((each for each in others if each.id in new.step_index), None)
        if known is not None:
            places.insert(0, new.step_index[known.id] + step.index - known.index)
    for place in places:
        if 0 <= place < len(new.steps):
            found = new.steps[place]
            if type(found) is type(step) and found.id not in old.step_index:
                return place
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
