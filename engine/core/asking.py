"""Steps that ask something and wait for the response: the customer's, or that of who calls them.

The response is an event. It names the journey and the step that asked (``data.journey``,
``data.step``); one from outside that names none, a survey tool's for instance, answers the step
that asked for the same kind of thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.core.campaign import Plan, Plans
from engine.core.decision import DecisionKind
from engine.core.guards import zone_of
from engine.core.message import Message
from engine.core.record import decide, until
from engine.core.reviewing import SUBMITTED, asked_by
from engine.core.survey import ANSWERED
from engine.core.timing import add
from engine.core.transition import Transition
from engine.core.verbs import Asking, AskReview, AskSurvey, AssignCall
from engine.core.view import View, order_of
from engine.core.world import Journey, JourneyStatus, Waiting, World

CALLED: Final = "call.completed"
NOT_REACHED: Final = "call.no_answer"
# What each response says of the step, and which of its data later conditions may ask.
_TOLD: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    ANSWERED: ("answered", ("score", "comment")),
    CALLED: ("completed", ("outcome", "note")),
    NOT_REACHED: ("no_answer", ("outcome", "note")),
}
# What may be a response to a step that asks.
RESPONSES: Final = frozenset({SUBMITTED, *_TOLD})


def has_asked(journey: Journey, step: Asking) -> bool:
    """Whether the step's question has gone out, so that only its response is still to come."""
    asked = "assigned" if isinstance(step, AssignCall) else "sent"
    return bool(journey.results.get(step.id, {}).get(asked))


def waiting_survey(world: World, message: Message, plans: Plans) -> AskSurvey | None:
    """The survey that a message asked, as long as its journey waits for the answer."""
    journey = world.journeys.get(message.journey_id)
    if (
        journey is None
        or journey.status is not JourneyStatus.LIVE
        or journey.waiting is not Waiting.EVENT
        or journey.step != message.step
    ):
        return None
    plan = plans.revisions.get((journey.campaign, journey.revision))
    index = None if plan is None else plan.step_index.get(message.step)
    step = None if plan is None or index is None else plan.steps[index]
    return step if isinstance(step, AskSurvey) else None


def await_response(view: View, step: Asking) -> int | None:
    """Wait for the response from now on; the index of the next step when it is here already."""
    journey, context = view.journey, view.context
    results = journey.results[step.id]
    told = (*(name for name, _ in _TOLD.values()), "reviewed")
    if step.timeout is None or any(results.get(name) for name in told):
        return step.next
    deadline = add(journey.clock, step.timeout, zone_of(view.world.customer, context.rules))
    journey.waiting = Waiting.EVENT
    journey.due_at = max(deadline, context.now)
    decide(view.world, journey, DecisionKind.WAITED, context, step=step.id, code="response",
           trace=until(deadline, context))  # fmt: skip
    return None


def note_response(view: View, event: Transition) -> Asking | None:
    """Keep a response for the step that asked; that step, when the journey waits there for it.

    A later answer to the same question replaces the former.
    """
    journey = view.journey
    if event.type == SUBMITTED:
        return _note_review(view, event)
    step = _asked_by(journey, view.plan, event)
    if step is None:
        return None
    told, values = _TOLD[event.type]
    given = {name: event.data[name] for name in values if name in event.data}
    journey.told(step.id).update({told: True, **given})
    view.world.changes.journeys.add(journey.id)
    view.renew()
    waits = journey.waiting is Waiting.EVENT and journey.step == step.id
    return step if waits else None


def _note_review(view: View, event: Transition) -> Asking | None:
    """Keep a review for every request of the journey that it responds to."""
    journey = view.journey
    steps = asked_by(journey, view.plan, event, order_of(view.world, journey.order_id))
    for asked in steps:
        journey.told(asked).update(reviewed=True, rating=event.data.get("rating"))
    if not steps:
        return None
    view.world.changes.journeys.add(journey.id)
    view.renew()
    if journey.waiting is not Waiting.EVENT or journey.step not in steps:
        return None
    step = view.plan.steps[view.plan.step_index[journey.step]]
    return step if isinstance(step, AskReview) else None


def _asked_by(journey: Journey, plan: Plan, event: Transition) -> Asking | None:
    if event.type not in _TOLD:
        return None
    is_answer = event.type == ANSWERED
    named = event.data.get("journey")
    for step in plan.asks:
        if isinstance(step, AskReview):
            continue
        if isinstance(step, AskSurvey) is not is_answer or not has_asked(journey, step):
            continue
        if named is None:
            if not isinstance(step, AskSurvey):
                continue
            if event.data.get("kind") == step.kind and event.time >= journey.entered_at:
                return step
        elif named == journey.id and event.data.get("step") == step.id:
            return step
    return None
