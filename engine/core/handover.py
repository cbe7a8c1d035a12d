"""The end of a message step: the last look before the hand-over, and what comes of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.core.asking import has_asked
from engine.core.campaign import Plan, Plans
from engine.core.context import Context
from engine.core.coupon import missing_coupon
from engine.core.decision import DecisionKind
from engine.core.ending import cancel_message, complete, exit_journey, release_slot
from engine.core.guarding import defer_trace, drop, guarded
from engine.core.guards import ALLOW, Allow, Defer, Drop, address_of
from engine.core.message import FROZEN, OTHERS_FIRST, SLOTLESS, Message, MessageStatus
from engine.core.record import decide
from engine.core.reviewing import ask_verdict
from engine.core.sending import fall_due
from engine.core.steps import HOLD_RECHECK, go_to
from engine.core.verbs import Asking, AskReview, Exit, SendMessage
from engine.core.view import View
from engine.core.world import Contact, Journey, JourneyStatus, Waiting, World

FROZEN_RECHECK = timedelta(days=7)  # whoever lets a campaign go on releases its messages


def before_sending(
    world: World, message: Message, plans: Plans, context: Context, *, just_made: bool = False
) -> Allow | Defer | Drop:
    """The last look: may this message be handed over now? Changes nothing.

    ``just_made``: it was made at this very instant, to go out at once, and nothing has changed in
    the world since. Its campaign's conditions and the guards were asked then and would say the
    same.

    The world must hold the message's journey, ended or not: a message whose journey cannot be
    found is dropped, because nobody could tell that it had not been called off.
    """
    journey = world.journeys.get(message.journey_id)
    if journey is None or journey.status not in (JourneyStatus.LIVE, JourneyStatus.COMPLETED):
        reason = None if journey is None else journey.reason
        return Drop("journey_ended", {"reason": reason})
    plan = plans.revisions.get((journey.campaign, journey.revision))
    if plan is None or context.keeps_back(journey.campaign, plans):
        return Defer(context.now + FROZEN_RECHECK, "frozen", {"campaign": journey.campaign})
    if just_made:
        return ALLOW
    step = plan.steps[plan.step_index[message.step]] if message.step in plan.step_index else None
    if isinstance(step, SendMessage) and step.coupon is not None:
        missing = missing_coupon(journey, step.coupon, context.now)
        if missing is not None:
            return missing
    view = View(world, journey, plan, context)
    if plan.profile_filter is not None:
        unmet = view.why_not(plan.profile_filter)
        if unmet is not None:
            return Drop("profile_filter", unmet)
    if isinstance(step, AskReview):
        pointless = ask_verdict(world, journey, plan, step, context.now, message.created_at)
        if pointless is not None:
            return pointless
    verdict = guarded(world, message, context)
    if (
        plan.hold_while is not None
        and not isinstance(verdict, Drop)
        and view.is_met(plan.hold_while)
    ):
        return Defer(context.now + HOLD_RECHECK, "hold_while", {})
    return verdict


def on_handed_over(world: World, message: Message, plans: Plans, context: Context) -> None:
    """The message is now ``sending``: its step has ended, and the journey moves on.

    Sets ``status`` and ``recipient`` and counts the attempt; the caller sets ``owner``.
    """
    message.status = MessageStatus.SENDING
    message.reason = None
    message.attempts += 1
    message.recipient = address_of(world.customer, message.channel)
    world.changes.messages.add(message.id)
    move_slot(world, message, context.now)
    journey = world.journeys.get(message.journey_id)
    if journey is None:
        return
    journey.told(message.step)["sent"] = True
    world.changes.journeys.add(journey.id)
    decide(world, journey, DecisionKind.SENT, context, step=message.step, message_id=message.id)
    move_on(world, journey, message, plans, context)


def on_withheld(
    world: World, message: Message, verdict: Defer | Drop, plans: Plans, context: Context
) -> None:
    """Record that the message was not handed over: put off, or withheld for good.

    A held message's lateness counts from when it is looked at again: a hold is meant to last.
    """
    journey = world.journeys.get(message.journey_id)
    if isinstance(verdict, Drop):
        release_slot(world, message.id)
        drop(world, journey, message, verdict, context)
        if journey is not None and journey.status is JourneyStatus.LIVE:
            if verdict.code == "profile_filter":
                exit_journey(world, journey, verdict.code, context, trace=verdict.trace)
            else:
                move_on(world, journey, message, plans, context)
        return
    is_news = verdict.code != message.reason or verdict.code not in (
        "hold_while",
        FROZEN,
        OTHERS_FIRST,
    )
    message.send_at = verdict.until
    message.reason = verdict.code
    if verdict.code in ("hold_while", OTHERS_FIRST):
        fall_due(message, verdict.until)
    world.changes.messages.add(message.id)
    if verdict.code in SLOTLESS:
        release_slot(world, message.id)
    else:
        move_slot(world, message, verdict.until)
    if journey is not None and is_news:
        decide(world, journey, DecisionKind.DEFERRED, context, step=message.step,
               code=verdict.code, message_id=message.id,
               trace=defer_trace(verdict, context))  # fmt: skip


def release_message(view: View, message: Message) -> None:
    """Let a message go that only ``hold_while`` kept back, if that is unmet now."""
    hold, context = view.plan.hold_while, view.context
    if hold is not None and view.is_met(hold):
        return
    message.send_at = context.now
    message.reason = None
    fall_due(message, context.now)
    view.world.changes.messages.add(message.id)
    move_slot(view.world, message, context.now)
    decide(view.world, view.journey, DecisionKind.RELEASED, context, step=message.step,
           code="hold_while", message_id=message.id)  # fmt: skip


def on_retry(
    world: World, message: Message, send_at: datetime, plans: Plans, context: Context
) -> None:
    """The provider surely did not take the message: schedule it again.

    The journey, if it has made nothing since, stands before the message again, so that what
    follows counts from when it is really sent. One that an event has ended calls it off.
    """
    message.status = MessageStatus.SCHEDULED
    message.send_at = send_at
    message.owner = None
    world.changes.messages.add(message.id)
    move_slot(world, message, send_at)
    journey = world.journeys.get(message.journey_id)
    if journey is None:
        return
    plan = plans.revisions.get((journey.campaign, journey.revision))
    if journey.status is JourneyStatus.EXITED and not _left_by_step(journey, plan):
        cancel_message(world, journey, message, journey.reason or "", context)
        return
    has_gone_on = plan is None or _has_made_since(journey, plan, message)
    if plan is not None and not has_gone_on and not _is_followed(world, journey):
        _stand_before(world, journey, plan, message)
    elif journey.status is JourneyStatus.EXITED:
        complete(world, journey, context)  # its last message is still to go out


def on_failed(world: World, message: Message, context: Context) -> None:
    """The provider refused the message for good: it holds no slot, and conditions may ask."""
    message.status = MessageStatus.FAILED
    world.changes.messages.add(message.id)
    release_slot(world, message.id)
    journey = world.journeys.get(message.journey_id)
    if journey is not None:
        journey.told(message.step).update(sent=False, failed=True)
        if journey.waiting is Waiting.EVENT and journey.step == message.step:
            journey.due_at = context.now  # nobody can answer what never arrived
        world.changes.journeys.add(journey.id)


def move_on(
    world: World, journey: Journey, message: Message, plans: Plans, context: Context
) -> None:
    """End the message's step, where the journey still stands at it."""
    if journey.awaiting != message.id:
        return  # it moved on when the message was first handed over
    plan = plans.revisions[journey.campaign, journey.revision]
    step = plan.steps[plan.step_index[message.step]]
    journey.clock = context.now
    asks = isinstance(step, Asking) and has_asked(journey, step)
    go_to(world, journey, plan, step.index if asks else step.next, plans, context)


def move_slot(world: World, message: Message, at: datetime) -> None:
    """Let the message count against the caps at ``at``, and at no other time."""
    last = world.contacts[-1] if world.contacts else None
    if last is not None and last.message_id == message.id and last.at == at:
        return  # it goes out as it was made
    release_slot(world, message.id)
    world.contacts.append(Contact.by(message, at))


def _left_by_step(journey: Journey, plan: Plan | None) -> bool:
    """Whether the journey ended by an ``exit`` step rather than by an event or a filter."""
    if plan is None:
        return False
    return any(isinstance(step, Exit) and step.reason == journey.reason for step in plan.steps)


def _has_made_since(journey: Journey, plan: Plan, message: Message) -> bool:
    """Whether a step after the message's made something: those leave a result behind."""
    index = plan.step_index.get(message.step)
    if index is None or message.step not in journey.results:
        return True
    made = (step for step in plan.steps[index + 1 :] if step.id in journey.results)
    return any(
        "done" in journey.results[step.id] or isinstance(step, SendMessage) for step in made
    ) or (journey.awaiting is not None and journey.awaiting != message.id)


def _is_followed(world: World, journey: Journey) -> bool:
    """Whether the customer has entered again: one key has one live journey, and that is the new."""
    return any(
        other.id != journey.id
        and other.status is JourneyStatus.LIVE
        and (other.campaign, other.entry_key) == (journey.campaign, journey.entry_key)
        for other in world.journeys.values()
    )


def _stand_before(world: World, journey: Journey, plan: Plan, message: Message) -> None:
    index = plan.step_index[message.step]
    later = {step.id for step in plan.steps[index + 1 :]}
    journey.results = {key: told for key, told in journey.results.items() if key not in later}
    journey.told(message.step).pop("sent", None)
    journey.status = JourneyStatus.LIVE
    journey.step = message.step
    journey.waiting = Waiting.MESSAGE
    journey.awaiting = message.id
    journey.due_at = None
    journey.clock = message.due_at
    journey.ended_at = None
    journey.reason = None
    journey.parked = False
    world.changes.journeys.add(journey.id)
