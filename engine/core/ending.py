"""How a journey ends, and what becomes of the messages it has scheduled."""

from __future__ import annotations

from typing import Any

from engine.core.context import Context
from engine.core.decision import DecisionKind
from engine.core.message import Message, MessageStatus
from engine.core.record import decide
from engine.core.world import Journey, JourneyStatus, Waiting, World


def exit_journey(
    world: World,
    journey: Journey,
    reason: str,
    context: Context,
    *,
    trace: dict[str, Any] | None = None,
) -> None:
    """End a journey before its last step and withdraw what it has scheduled.

    A message whose hand-over is under way cannot be called back: that is noted as ``too_late``.
    """
    if journey.status not in (JourneyStatus.LIVE, JourneyStatus.COMPLETED):
        return
    step = journey.step
    _end(world, journey, JourneyStatus.EXITED, reason, context)
    decide(world, journey, DecisionKind.EXITED, context, step=step, code=reason, trace=trace)
    for message in list(world.messages.values()):
        if message.journey_id != journey.id:
            continue
        if message.status is MessageStatus.SCHEDULED:
            cancel_message(world, journey, message, reason, context)
        elif message.status is MessageStatus.SENDING:
            decide(
                world,
                journey,
                DecisionKind.TOO_LATE,
                context,
                step=message.step,
                code=reason,
                message_id=message.id,
            )


def complete(world: World, journey: Journey, context: Context) -> None:
    """End a journey that has taken its last step."""
    _end(world, journey, JourneyStatus.COMPLETED, "completed", context)
    decide(world, journey, DecisionKind.COMPLETED, context)


def cancel_message(
    world: World, journey: Journey, message: Message, reason: str, context: Context
) -> None:
    """Withdraw a scheduled message and give back its slot of the cap."""
    message.status = MessageStatus.CANCELLED
    message.reason = reason
    world.changes.messages.add(message.id)
    release_slot(world, message.id)
    decide(
        world,
        journey,
        DecisionKind.CANCELLED,
        context,
        step=message.step,
        code=reason,
        message_id=message.id,
    )


def release_slot(world: World, message_id: str) -> None:
    """Take a message that will not be sent out of what the caps count."""
    world.contacts[:] = [one for one in world.contacts if one.message_id != message_id]


def _end(
    world: World, journey: Journey, status: JourneyStatus, reason: str, context: Context
) -> None:
    journey.status = status
    journey.reason = reason
    journey.ended_at = context.now
    journey.step = ""
    journey.waiting = Waiting.READY
    journey.due_at = None
    journey.awaiting = None
    journey.parked = False
    world.changes.journeys.add(journey.id)
