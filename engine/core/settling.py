"""How doubt about a message ends: it was sent, it is sent again, or it is given up.

A hand-over without a clear answer leaves a message ``unknown``; its journey has moved on, counting
it as sent. Nothing is ever blindly sent again: only evidence, a person or the shop's own policy
(``on_unknown``) ends the doubt.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from engine.core.campaign import Plans
from engine.core.context import Context
from engine.core.decision import DecisionKind
from engine.core.delivery import ABANDONED
from engine.core.ending import release_slot
from engine.core.handover import move_on, move_slot, on_retry
from engine.core.message import COUNTED, Message, MessageStatus
from engine.core.record import decide
from engine.core.world import World

Ending = Literal["sent", "resend", "abandon"]

CODES: Final = {"sent": "sent", "resend": "resend", "abandon": ABANDONED}


def note_sent(
    world: World,
    message: Message,
    former: MessageStatus,
    plans: Plans,
    context: Context,
    trace: dict[str, Any],
) -> None:
    """The provider had the message after all; its status says so already, ``former`` did not.

    A journey that stood before it again, to try once more, goes on.
    """
    world.changes.messages.add(message.id)
    message.send_at = min(message.send_at, context.now)  # it need not go out later any more
    if message.status in COUNTED:
        move_slot(world, message, message.counts_at)
    else:
        release_slot(world, message.id)
    journey = world.journeys.get(message.journey_id)
    if journey is None or former is MessageStatus.SENDING:
        return  # the answer to the hand-over is still under way: there was no doubt
    result = journey.told(message.step)
    result["sent"] = True
    for name in ("skipped", "failed"):
        result.pop(name, None)
    world.changes.journeys.add(journey.id)
    decide(world, journey, DecisionKind.SETTLED, context, step=message.step, code="sent",
           message_id=message.id, trace=trace)  # fmt: skip
    if (journey.campaign, journey.revision) in plans.revisions:
        move_on(world, journey, message, plans, context)


def settle(
    world: World,
    message: Message,
    ending: Ending,
    plans: Plans,
    context: Context,
    trace: dict[str, Any],
) -> None:
    """End the doubt about an ``unknown`` message without further evidence.

    ``trace`` says who decided: ``{"by": "person"}`` or ``{"by": "on_unknown", "after": "1h"}``.
    Raises ValueError when the message is not in doubt.
    """
    if message.status is not MessageStatus.UNKNOWN:
        raise ValueError(f"the message is {message.status.value}, not unknown")
    world.changes.messages.add(message.id)
    message.owner = None
    journey = world.journeys.get(message.journey_id)
    if journey is not None:
        decide(world, journey, DecisionKind.SETTLED, context, step=message.step,
               code=CODES[ending], message_id=message.id, trace=trace)  # fmt: skip
    message.reason = message.error_code = None
    if ending == "sent":
        message.status = MessageStatus.SENT
    elif ending == "resend":
        message.sent_at = None
        on_retry(world, message, context.now, plans, context)
    else:
        message.status = MessageStatus.CANCELLED
        message.reason = ABANDONED
        release_slot(world, message.id)
        if journey is not None:
            journey.told(message.step).update(sent=False, failed=True)
            world.changes.journeys.add(journey.id)
