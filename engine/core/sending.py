"""A message from the moment its step falls due: made, withheld or put off.

Guards are asked when the step is decided and again right before the hand-over
(``engine.core.handover``). The row is made in either case, so that the log tells what was withheld.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from engine.core import guards, ids
from engine.core.campaign import Plan
from engine.core.context import VOLUME_LIMIT, Context
from engine.core.decision import DecisionKind
from engine.core.ending import exit_journey
from engine.core.guards import Allow, Defer, Drop
from engine.core.message import Message, MessageStatus
from engine.core.record import decide, trace_of
from engine.core.verbs import SendMessage
from engine.core.view import View
from engine.core.world import Contact, Journey, Waiting, World

MADE = ("sent", "skipped", "failed")  # results that say that a step has had its one message


def make_message(view: View, step: SendMessage) -> int | None:
    """Decide a message step: the journey waits for its message, goes on, or has ended."""
    world, journey, plan, context = view.world, view.journey, view.plan, view.context
    if any(journey.results.get(step.id, {}).get(name) for name in MADE):
        decide(world, journey, DecisionKind.STEP_SKIPPED, context, step=step.id,
               code="already_made")  # fmt: skip
        return step.next
    if plan.profile_filter is not None:
        unmet = view.evaluate(plan.profile_filter)
        if not unmet.met:
            exit_journey(world, journey, "profile_filter", context, trace=trace_of(unmet))
            return None
    message = _new_message(view, step)
    verdict = guarded(world, message, context)
    if isinstance(verdict, Drop):
        world.messages[message.id] = message
        drop(world, journey, message, verdict, context)
        journey.clock = context.now
        return step.next
    if plan.volume_limit is not None and not context.shared.take_volume(
        plan.id, plan.volume_limit, context.now
    ):
        _brake(view, step)
        return None
    deferred = isinstance(verdict, Defer)
    if isinstance(verdict, Defer):
        message.send_at = verdict.until
        message.reason = verdict.code
    world.messages[message.id] = message
    world.changes.messages.add(message.id)
    world.contacts.append(Contact.by(message, message.send_at))
    journey.waiting = Waiting.MESSAGE
    journey.awaiting = message.id
    journey.due_at = None
    decide(
        world,
        journey,
        DecisionKind.DEFERRED if deferred else DecisionKind.MESSAGE,
        context,
        step=step.id,
        code=message.reason or "",
        message_id=message.id,
        trace=defer_trace(verdict) if isinstance(verdict, Defer) else None,
    )
    return None


def guarded(world: World, message: Message, context: Context) -> Allow | Defer | Drop:
    """The guards' verdict and lateness: what would only be sent too late is dropped at once."""
    if context.now > message.expires_at:
        return Drop(code="too_late", trace=_lateness(message))
    verdict = guards.check(
        world,
        channel=message.channel,
        purpose=message.purpose,
        topic=message.topic,
        message_id=message.id,
        campaign=message.campaign,
        created_at=message.created_at,
        now=context.now,
        rules=context.rules,
    )
    if isinstance(verdict, Defer) and verdict.until > message.expires_at:
        trace = {**_lateness(message), "guard": verdict.code, "until": verdict.until.isoformat()}
        return Drop(code="too_late", trace={**trace, **verdict.trace})
    return verdict


def drop(
    world: World, journey: Journey | None, message: Message, verdict: Drop, context: Context
) -> None:
    """Record that a message is withheld for good; moving the journey on is the caller's."""
    message.status = MessageStatus.SKIPPED
    message.reason = verdict.code
    world.changes.messages.add(message.id)
    if journey is None:
        return
    journey.results.setdefault(message.step, {})["skipped"] = True
    world.changes.journeys.add(journey.id)
    decide(world, journey, DecisionKind.DROPPED, context, step=message.step, code=verdict.code,
           message_id=message.id, trace=verdict.trace)  # fmt: skip


def defer_trace(verdict: Defer) -> dict[str, Any]:
    """A deferral's trace: the guard's own values and the moment it named."""
    return {**verdict.trace, "until": verdict.until.isoformat()}


def lateness_limit(step: SendMessage, context: Context) -> timedelta:
    """How late the step's message may be; a day is 24 hours (``timing.is_too_late``)."""
    limit = step.max_lateness or context.rules.max_lateness[step.channel]
    return timedelta(seconds=limit.nominal_seconds)


def _new_message(view: View, step: SendMessage) -> Message:
    journey, plan, context = view.journey, view.plan, view.context
    customer = view.world.customer
    channel = step.channel
    due = journey.clock
    return Message(
        id=ids.message_id(journey.id, step.id),
        campaign=plan.id,
        revision=plan.revision,
        journey_id=journey.id,
        step=step.id,
        purpose=plan.purpose,
        topic=plan.topic,
        channel=channel,
        customer_id=customer.id,
        entry_key=journey.entry_key,
        template=step.template,
        status=MessageStatus.SCHEDULED,
        created_at=context.now,
        send_at=context.now,
        due_at=due,
        expires_at=due + lateness_limit(step, context),
        recipient=guards.address_of(customer, channel),
        order_id=journey.order_id,
        ticket_id=journey.ticket_id,
        variant=_variant(journey, plan),
        locale=customer.locale,
    )


def _variant(journey: Journey, plan: Plan) -> str | None:
    """The variant of the last split taken."""
    taken = [step for step in journey.variants if "variant" in journey.results.get(step, {})]
    if not taken:
        return None
    return journey.variants[max(taken, key=lambda step: plan.step_index.get(step, -1))]


def _lateness(message: Message) -> dict[str, Any]:
    return {"due_at": _text(message.due_at), "expires_at": _text(message.expires_at)}


def _text(moment: datetime) -> str:
    return moment.isoformat()


def _brake(view: View, step: SendMessage) -> None:
    """The campaign has reached its volume limit: it stands still until somebody resumes it."""
    plan, journey, context = view.plan, view.journey, view.context
    context.braked[plan.id] = VOLUME_LIMIT
    journey.parked = True
    decide(view.world, journey, DecisionKind.HELD, context, step=step.id, code=VOLUME_LIMIT,
           trace={"limit": str(plan.volume_limit)})  # fmt: skip
