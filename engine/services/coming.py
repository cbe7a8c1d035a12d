"""What is to come, step by step, in words: decisions of a forecast, told in the present tense."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from engine.core.campaign import Plan, ScheduleTrigger
from engine.core.customer import Order
from engine.core.decision import Decision, DecisionKind
from engine.core.message import Message
from engine.core.reasons import withheld
from engine.core.trace import decision_text
from engine.core.verbs import AskReview, AskSurvey, AssignCall, Branch, SendMessage, Step, WaitFor
from engine.core.wording import when
from engine.core.world import Journey, JourneyStatus, Waiting, World
from engine.services.case import Question, plan_of, step_of

# Not told: what the next line says anyway, or what a person does not wait for.
_UNTOLD = frozenset({DecisionKind.MESSAGE, DecisionKind.DEFERRED, DecisionKind.ASSIGNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One thing that would happen at ``at``.

    ``kind`` is that of the decision, ``waits`` for a wait that has begun before, and ``arrived``
    for an order that comes to count as delivered, which is of no campaign. ``code`` and ``trace``
    are the decision's. ``moved_by`` is the guard that puts a message off to this moment,
    ``otherwise`` what happens instead, should the event come that is waited for.
    """

    at: datetime
    kind: str
    campaign: str
    journey: str
    step: str
    text: str
    code: str = ""
    channel: str | None = None
    template: str | None = None
    moved_by: str | None = None
    otherwise: str | None = None
    trace: dict[str, Any] | None = None


def coming_of(
    decision: Decision,
    plan: Plan | None,
    message: Message | None,
    put_off: Decision | None,
    zone: tzinfo,
) -> Coming | None:
    """One decision of a forecast; None for those that need no line of their own.

    ``put_off`` is the last deferral of the decision's message.
    """
    kind, step = decision.kind, step_of(plan, decision.step)
    if kind in _UNTOLD or (kind is DecisionKind.WAITED and decision.code == "delay"):
        return None
    otherwise: str | None = None
    moved_by: str | None = None
    match kind:
        case DecisionKind.SENT:
            text = _message(message, step)
            if put_off is not None:
                moved_by = put_off.code
                text += f" (put off: {withheld(moved_by, _values(put_off.trace), zone=zone)})"
        case DecisionKind.DROPPED:
            text = f"{_message(message, step)}: {decision_text(decision, plan, zone)}"
        case DecisionKind.WAITED:
            until = (decision.trace or {}).get("until")
            text = f"waits for {awaited(step)}, until {when(until, zone)} at the latest"
            otherwise = _then(plan, step, awaited(step))
        case DecisionKind.TIMED_OUT:
            text = f"{awaited(step)} has not come: goes on"
        case DecisionKind.ENTERED:
            text = _enters(plan)
        case DecisionKind.BRANCHED:
            text = decision_text(decision, plan, zone).replace("took", "takes", 1)
        case DecisionKind.COMPLETED:
            text = "ends: that was its last step"
        case DecisionKind.EXITED:
            text = decision_text(decision, plan, zone).replace("left", "leaves", 1)
        case _:
            text = decision_text(decision, plan, zone)
    return Coming(
        at=decision.at,
        kind=kind.value,
        campaign=decision.campaign,
        journey=decision.journey_id,
        step=decision.step,
        text=text,
        code=decision.code,
        channel=message.channel if message is not None else None,
        template=message.template if message is not None else None,
        moved_by=moved_by,
        otherwise=otherwise,
        trace=decision.trace,
    )


def arrival(order: Order, at: datetime) -> Coming:
    """An order counts as delivered, because nobody says that it was."""
    return Coming(
        at=at,
        kind="arrived",
        campaign="",
        journey="",
        step="",
        text=f"order {order.number or order.id} counts as delivered: nobody says more of it",
    )


def awaited(step: Step | None) -> str:
    """What a step waits for, in words."""
    match step:
        case WaitFor(match=None, until=until) if until is not None:
            return " ".join(until.source.split())
        case WaitFor(match=match) if match is not None:
            condition = match.condition
            return match.event + (f" with {condition.source}" if condition is not None else "")
        case AskSurvey():
            return f"the answer to its {step.kind.upper()} survey"
        case AssignCall():
            return "the outcome of its call"
        case AskReview():
            return "a review"
        case _:
            return "its event"


def waits_now(world: World, asked: Question) -> Iterator[Coming]:
    """The journeys that stand still or wait for an event now: these lines come first."""
    for journey in sorted(world.journeys.values(), key=lambda one: (one.due_at is None, one.id)):
        if journey.status is not JourneyStatus.LIVE:
            continue
        plan = plan_of(asked.plans, journey.campaign, journey.revision)
        step = step_of(plan, journey.step)
        if asked.plans.is_frozen(journey.campaign):
            text = "stands still until the campaign goes on"
            yield _line(journey, asked.now, "held", text, "frozen", None)
        elif journey.waiting is Waiting.EVENT:
            until = when(journey.due_at, asked.zone)
            text = f"waits for {awaited(step)}, until {until} at the latest"
            yield _line(journey, asked.now, "waits", text, "wait_for",
                        _then(plan, step, awaited(step)))  # fmt: skip
        elif journey.waiting is Waiting.HOLD:
            source = "" if plan is None or plan.hold_while is None else plan.hold_while.source
            text = f"is held as long as {' '.join(source.split()) or 'hold_while is met'}"
            yield _line(journey, asked.now, "held", text, "hold_while", None)


def _line(
    journey: Journey, at: datetime, kind: str, text: str, code: str, otherwise: str | None
) -> Coming:
    return Coming(
        at=at,
        kind=kind,
        campaign=journey.campaign,
        journey=journey.id,
        step=journey.step,
        text=text,
        code=code,
        otherwise=otherwise,
    )


def _message(message: Message | None, step: Step | None) -> str:
    if message is not None:
        return f'{message.channel} "{message.template}"'
    return f'{step.channel} "{step.template}"' if isinstance(step, SendMessage) else "message"


def _enters(plan: Plan | None) -> str:
    trigger = None if plan is None else plan.trigger
    if isinstance(trigger, ScheduleTrigger):
        return f"enters by its schedule: {' '.join(trigger.segment.source.split())}"
    return "enters"


def _then(plan: Plan | None, step: Step | None, wanted: str) -> str:
    """What comes at once, should that be what is waited for."""
    following = None
    if plan is not None and step is not None and step.next < len(plan.steps):
        following = plan.steps[step.next]
    if following is None:
        return f"if {wanted} comes before: ends"
    return f"if {wanted} comes before: at once {_described(following)}"


def _described(step: Step) -> str:
    if isinstance(step, SendMessage):
        told = f'{step.id}, {step.channel} "{step.template}"'
    elif isinstance(step, Branch):
        arms = [
            "else" if arm.condition is None else " ".join(arm.condition.source.split())
            for arm in step.arms
        ]
        told = f"{step.id}, by {' / '.join(arms)}"
    else:
        told = step.id
    condition = "" if step.condition is None else f" if {' '.join(step.condition.source.split())}"
    return told + condition


def _values(trace: dict[str, Any] | None) -> dict[str, Any]:
    """The moment itself stands at the head of the line."""
    return {key: value for key, value in (trace or {}).items() if key != "until"}
