"""A message from the moment its step falls due: made, withheld or put off.

Guards are asked when the step is decided and again right before the hand-over
(``engine.core.handover``). The row is made in either case, so that the log tells what was withheld.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.core import guards, ids
from engine.core.campaign import Plan
from engine.core.context import VOLUME_LIMIT, Context
from engine.core.coupon import missing_coupon
from engine.core.decision import DecisionKind
from engine.core.ending import exit_journey
from engine.core.guarding import defer_trace, drop, guarded
from engine.core.guards import Defer, Drop
from engine.core.message import OTHERS_FIRST, SLOTLESS, Message, MessageStatus
from engine.core.outranking import OUTRANKED, contest, outrank
from engine.core.record import decide
from engine.core.reviewing import ask_verdict
from engine.core.verbs import AskReview, AskSurvey, SendMessage
from engine.core.view import View
from engine.core.world import Contact, Journey, Waiting

MADE = ("sent", "skipped", "failed")  # results that say that a step has had its one message


def make_message(view: View, step: SendMessage) -> int | None:
    """Decide a message step: the journey waits for its message, goes on, or has ended."""
    world, journey, plan, context = view.world, view.journey, view.plan, view.context
    result = journey.results.get(step.id)
    if result and any(result.get(name) for name in MADE):
        made = world.messages.get(ids.message_id(journey.id, step.id))
        if made is None or made.reason != OUTRANKED:  # which tells why the journey comes by again
            decide(world, journey, DecisionKind.STEP_SKIPPED, context, step=step.id,
                   code="already_made")  # fmt: skip
        return step.next
    if plan.profile_filter is not None:
        unmet = view.why_not(plan.profile_filter)
        if unmet is not None:
            exit_journey(world, journey, "profile_filter", context, trace=unmet)
            return None
    message = _new_message(view, step)
    verdict = (
        missing_coupon(journey, step.coupon, context.now)
        or (
            ask_verdict(world, journey, plan, step, context.now, context.now)
            if isinstance(step, AskReview)
            else None
        )
        or guarded(world, message, context)
    )
    refusal = verdict
    losers: list[Message] = []
    if isinstance(verdict, Drop):
        verdict, losers = contest(world, message, verdict, context)
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
    if isinstance(refusal, Drop):
        outrank(world, message, losers, refusal, context)
    deferred = isinstance(verdict, Defer)
    if isinstance(verdict, Defer):
        message.send_at = verdict.until
        message.reason = verdict.code
        if verdict.code == OTHERS_FIRST:
            fall_due(message, verdict.until)
    world.messages[message.id] = message
    world.changes.messages.add(message.id)
    if message.reason not in SLOTLESS:
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
        trace=defer_trace(verdict, context) if isinstance(verdict, Defer) else None,
    )
    return None


def lateness_limit(step: SendMessage, context: Context) -> timedelta:
    """How late the step's message may be; a day is 24 hours (``timing.is_too_late``)."""
    limit = step.max_lateness or context.rules.max_lateness[step.channel]
    return limit.nominal


def fall_due(message: Message, at: datetime) -> None:
    """Let the message's lateness count from ``at``: what it waited until then was meant."""
    message.expires_at = at + (message.expires_at - message.due_at)
    message.due_at = at


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
        topic=_topic(view, step),
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


def _topic(view: View, step: SendMessage) -> str | None:
    """The campaign's; a survey is a survey, whatever the rest of its campaign is about."""
    if isinstance(step, AskSurvey):
        surveys = view.context.rules.surveys
        if surveys is not None:
            return surveys.topic
    return view.plan.topic


def _variant(journey: Journey, plan: Plan) -> str | None:
    """The variant of the last split taken."""
    if not journey.variants:
        return None
    taken = [step for step in journey.variants if "variant" in journey.results.get(step, {})]
    if not taken:
        return None
    return journey.variants[max(taken, key=lambda step: plan.step_index.get(step, -1))]


def _brake(view: View, step: SendMessage) -> None:
    """The campaign has reached its volume limit: it stands still until somebody resumes it."""
    plan, journey, context = view.plan, view.journey, view.context
    context.braked[plan.id] = VOLUME_LIMIT
    journey.parked = True
    decide(view.world, journey, DecisionKind.HELD, context, step=step.id, code=VOLUME_LIMIT,
           trace={"limit": str(plan.volume_limit)})  # fmt: skip
