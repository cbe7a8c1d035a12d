"""Taking steps: one function a verb, until the journey waits or ends.

Steps only go forward, and only delays, waits and messages take time; ``journey.clock`` says from
when the next step counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, assert_never

from engine.core.asking import await_response, has_asked
from engine.core.campaign import Plan, Plans
from engine.core.context import Context
from engine.core.decision import DecisionKind
from engine.core.ending import complete, exit_journey
from engine.core.entry import MAX_CAUSES, variant_for
from engine.core.expression import Condition
from engine.core.guards import zone_of
from engine.core.instants import instant, microseconds, text_of
from engine.core.record import decide, until
from engine.core.sending import make_message
from engine.core.timing import add, delay_until
from engine.core.verbs import (
    Asking,
    Branch,
    CallWebhook,
    Delay,
    EmitEvent,
    Exit,
    ProgramMessage,
    ProgramStep,
    SendMessage,
    Split,
    Step,
    UpdateCustomer,
    WaitFor,
)
from engine.core.view import View, order_of
from engine.core.world import Emitted, Journey, Waiting, WebhookCall, World

HOLD_RECHECK = timedelta(days=1)
_NOT_HELD = (Delay, WaitFor, Exit)


def go_to(
    world: World, journey: Journey, plan: Plan, index: int, plans: Plans, context: Context
) -> None:
    """Stand before a step and take it, and those that follow, unless the campaign is frozen."""
    if index >= len(plan.steps):
        complete(world, journey, context)
        return
    stand(journey, plan, index)
    world.changes.journeys.add(journey.id)
    if context.is_frozen(plan.id, plans):
        journey.parked = True
        return
    journey.parked = False
    take_steps(View(world, journey, plan, context), index)


def stand(journey: Journey, plan: Plan, index: int) -> None:
    """Stand before a step, ready to take it from ``journey.clock`` on."""
    journey.step = plan.steps[index].id
    journey.waiting = Waiting.READY
    journey.due_at = journey.clock
    journey.awaiting = None


def take_steps(view: View, index: int) -> None:
    """Take steps from ``index`` until the journey waits or ends."""
    steps = view.plan.steps
    for _ in range(len(steps) + 1):
        if index >= len(steps):
            complete(view.world, view.journey, view.context)
            return
        stand(view.journey, view.plan, index)
        following = _take(view, steps[index])
        if following is None:
            return
        index = following
    # A plan's steps only lead forward, so no plan that compiles comes here.
    exit_journey(view.world, view.journey, "step_limit", view.context)


def is_held(view: View, step: Step) -> bool:
    """Whether ``hold_while`` keeps the journey from taking this step; hold it if so.

    Delays and waits pass meanwhile: what a hold keeps back is what the customer would notice, and
    the choices that lead there.
    """
    condition = view.plan.hold_while
    if condition is None or isinstance(step, _NOT_HELD):
        return False
    if not view.is_met(condition):
        return False
    journey, context = view.journey, view.context
    journey.waiting = Waiting.HOLD
    journey.due_at = context.now + HOLD_RECHECK
    decide(view.world, journey, DecisionKind.HELD, context, step=step.id, code="hold_while")
    return True


def _take(view: View, step: Step) -> int | None:
    """Take one step; the index of the next, or None when the journey waits or has ended."""
    results = view.journey.results
    if step.id in results and isinstance(step, Asking) and has_asked(view.journey, step):
        return await_response(view, step)
    if is_held(view, step):
        return None
    if step.condition is not None and (unmet := view.why_not(step.condition)) is not None:
        if isinstance(step, SendMessage):
            note_result(view, step, "skipped")
        _decide(view, DecisionKind.STEP_SKIPPED, step, code="if", trace=unmet)
        return step.next
    match step:
        case Delay():
            return _delay(view, step)
        case WaitFor():
            return _wait_for(view, step)
        case Branch():
            return _branch(view, step)
        case Split():
            return _split(view, step)
        case ProgramMessage():
            return _program_message(view, step)
        case SendMessage():
            return _message(view, step)
        case UpdateCustomer():
            return _update_customer(view, step)
        case EmitEvent():
            return _emit_event(view, step)
        case CallWebhook():
            return _call_webhook(view, step)
        case ProgramStep():
            return _program_step(view, step)
        case Exit():
            exit_journey(view.world, view.journey, step.reason, view.context,
                         trace=_met(view, step.condition))  # fmt: skip
            return None
        case _:
            assert_never(step)


def _message(view: View, step: SendMessage) -> int | None:
    following = make_message(view, step)
    view.renew()
    return following


def _program_message(view: View, step: ProgramMessage) -> int | None:
    """A message that goes out only when its program has ready what it is about."""
    taken = view.context.programs.take(view.world, view.journey, step, view.context)
    if not taken.done:
        note_result(view, step, "skipped")
        trace = dict(taken.trace) or None
        _decide(view, DecisionKind.STEP_SKIPPED, step, code=taken.code, trace=trace)
        return step.next
    for name, result in taken.results.items():
        note_result(view, step, name, result)
    return _message(view, step)


def note_result(view: View, step: Step, name: str, value: object = True) -> None:
    """Keep what later conditions may ask of a step."""
    view.journey.told(step.id)[name] = value
    view.renew()


def _decide(view: View, kind: DecisionKind, step: Step, *, code: str = "",
            trace: dict[str, Any] | None = None) -> None:  # fmt: skip
    decide(view.world, view.journey, kind, view.context, step=step.id, code=code, trace=trace)


def _delay(view: View, step: Delay) -> int | None:
    journey, context = view.journey, view.context
    zone = zone_of(view.world.customer, context.rules)
    due = delay_until(journey.clock, for_=step.for_, until=step.until, days=step.days, zone=zone)
    trace: dict[str, Any] | None = None
    if context.keeping.traces:
        trace = {"from": text_of(journey.clock), "until": text_of(due), "zone": zone.key}
    _decide(view, DecisionKind.WAITED, step, code="delay", trace=trace)
    if due <= context.now:
        journey.clock = due
        return step.next
    journey.waiting = Waiting.DELAY
    journey.due_at = due
    return None


def _wait_for(view: View, step: WaitFor) -> int | None:
    journey, context = view.journey, view.context
    deadline = add(journey.clock, step.timeout, zone_of(view.world.customer, context.rules))
    came_at = _came_at(view, step)
    if came_at is not None and came_at <= deadline:
        journey.clock = came_at
        note_result(view, step, "happened")
        _decide(view, DecisionKind.WOKE, step, code="already", trace={"at": came_at.isoformat()})
        return step.next
    if deadline <= context.now:
        return time_out(view, step, deadline)
    journey.waiting = Waiting.EVENT
    journey.due_at = deadline
    _decide(view, DecisionKind.WAITED, step, code="wait_for", trace=until(deadline, context))
    return None


def _came_at(view: View, step: WaitFor) -> datetime | None:
    """When a wait that only just begins is over already: what it waits for has come."""
    journey = view.journey
    if step.until is not None and view.is_met(step.until):
        return journey.clock
    seen = journey.seen.get(step.id)
    if seen is None or (step.since == "now" and seen < microseconds(journey.clock)):
        return None
    return max(instant(seen), journey.clock)


def time_out(view: View, step: WaitFor | Asking, deadline: datetime) -> int:
    """End a wait whose event did not come; the clock goes to the time-out."""
    view.journey.clock = deadline
    note_result(view, step, "timed_out")
    _decide(view, DecisionKind.TIMED_OUT, step, trace=until(deadline, view.context))
    return step.next


def _branch(view: View, step: Branch) -> int:
    unmet: list[dict[str, Any]] = []
    for number, arm in enumerate(step.arms):
        if arm.condition is not None and (why := view.why_not(arm.condition)) is not None:
            unmet.append(why)
            continue
        trace = {**({"unmet": unmet} if unmet else {}), **(_met(view, arm.condition) or {})}
        _decide(view, DecisionKind.BRANCHED, step, code=f"arm_{number + 1}", trace=trace or None)
        return arm.target
    _decide(view, DecisionKind.BRANCHED, step, code="no_arm", trace={"unmet": unmet})
    return step.next


def _met(view: View, condition: Condition | None) -> dict[str, Any] | None:
    """The trace of a condition that is met, if there is one and traces are kept."""
    if condition is None or not view.context.keeping.traces:
        return None
    return {"met": view.values(condition)}


def _split(view: View, step: Split) -> int:
    journey = view.journey
    name = journey.variants.get(step.id)
    chosen = next((variant for variant in step.variants if variant.name == name), None)
    if chosen is None:  # a revision brought this split, or took the stored variant away
        name = variant_for(view.plan, step, journey.customer_id)
        chosen = next(variant for variant in step.variants if variant.name == name)
        journey.variants = {**journey.variants, step.id: chosen.name}
    note_result(view, step, "variant", chosen.name)
    _decide(view, DecisionKind.ASSIGNED, step, code=chosen.name)
    return chosen.target


def _update_customer(view: View, step: UpdateCustomer) -> int:
    customer = view.world.customer
    stamp = microseconds(view.context.now)
    removed = set(step.remove_tags)
    tags = [tag for tag in dict.fromkeys((*customer.tags, *step.add_tags)) if tag not in removed]
    if tuple(tags) != customer.tags:
        customer.tags = tuple(tags)
        customer.stamps["tags"] = stamp
    if step.attributes:
        customer.attributes = {**customer.attributes, **step.attributes}
    for name in step.attributes:
        customer.stamps[f"attributes.{name}"] = stamp
    view.world.changes.customer = True
    note_result(view, step, "done")
    trace = {
        "add_tags": list(step.add_tags),
        "remove_tags": list(step.remove_tags),
        "attributes": sorted(step.attributes),
    }
    _decide(view, DecisionKind.UPDATED, step, trace={k: v for k, v in trace.items() if v})
    return step.next


def _emit_event(view: View, step: EmitEvent) -> int:
    journey = view.journey
    causes = (*journey.trigger.get("causes", ()), journey.campaign)
    if len(causes) > MAX_CAUSES:
        trace = {"causes": list(causes)}
        _decide(view, DecisionKind.STEP_SKIPPED, step, code="chain_too_long", trace=trace)
        return step.next
    emitted = Emitted(
        id=f"{journey.id}:{step.id}",
        type=step.event,
        time=view.context.now,
        data=dict(step.data),
        causes=causes,
        order_id=journey.order_id,
        ticket_id=journey.ticket_id,
    )
    view.world.changes.emitted.append(emitted)
    note_result(view, step, "done")
    _decide(view, DecisionKind.EMITTED, step, code=step.event, trace={"event": emitted.id})
    return step.next


def _call_webhook(view: View, step: CallWebhook) -> int:
    journey, world = view.journey, view.world
    call = WebhookCall(
        id=f"{journey.id}:{step.id}",
        journey_id=journey.id,
        step=step.id,
        campaign=journey.campaign,
        url=step.url,
        body=_facts(view, step),
        created_at=view.context.now,
    )
    world.changes.webhooks += (call,)
    note_result(view, step, "done")
    _decide(view, DecisionKind.CALLED, step, trace={"call": call.id})
    return step.next


def _program_step(view: View, step: ProgramStep) -> int | None:
    context = view.context
    taken = context.programs.take(view.world, view.journey, step, context)
    for name, result in taken.results.items():
        note_result(view, step, name, result)
    trace = dict(taken.trace) or None
    if taken.done:
        note_result(view, step, "done")
        _decide(view, DecisionKind.DONE, step, code=taken.code, trace=trace)
        if isinstance(step, Asking):
            return await_response(view, step)
    else:
        _decide(view, DecisionKind.STEP_SKIPPED, step, code=taken.code, trace=trace)
    return step.next


def _facts(view: View, step: CallWebhook) -> dict[str, Any]:
    journey, customer = view.journey, view.world.customer
    order = order_of(view.world, journey.order_id)
    return {
        "campaign": journey.campaign,
        "journey": journey.id,
        "step": step.id,
        "customer": {
            "id": customer.id,
            "email": customer.email,
            "phone": customer.phone,
            "first_name": customer.first_name,
            "last_name": customer.last_name,
        },
        "order": None
        if order is None
        else {
            "id": order.id,
            "number": order.number,
            "currency": order.currency,
            "total": None if order.total is None else str(order.total),
        },
        "ticket": None if journey.ticket_id is None else {"id": journey.ticket_id},
        "trigger": {key: journey.trigger.get(key) for key in ("type", "id", "time", "data")},
        "data": dict(step.data),
    }
