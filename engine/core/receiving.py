"""What a receipt does to its customer's world: the message's row, the address, what is scheduled.

The event that campaigns see of it is told afterwards, like any other (``engine.services.receive``).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from engine.core import delivery
from engine.core.campaign import Plans
from engine.core.context import Context
from engine.core.ending import release_slot
from engine.core.message import COUNTED, Message
from engine.core.permissions import (
    COMPLAINT,
    HARD_BOUNCE,
    STOP,
    UNSUBSCRIBED,
    take_suppression,
)
from engine.core.receipt import Receipt, Verdict
from engine.core.settling import note_sent
from engine.core.withholding import withhold_refused
from engine.core.world import World

_REASONS: Final = {
    Verdict.DEAD: HARD_BOUNCE,
    Verdict.STOPPED: STOP,
    Verdict.REPORTED: COMPLAINT,
    Verdict.UNWANTED: UNSUBSCRIBED,
}


def on_receipt(
    world: World, message: Message, receipt: Receipt, plans: Plans, context: Context
) -> None:
    """Take one receipt in. The world holds the message, and what is known of its recipient."""
    in_doubt, former = delivery.is_in_doubt(message), message.status
    if delivery.apply(message, receipt):
        world.changes.messages.add(message.id)
        if in_doubt:
            by = "look_up" if receipt.looked_up else "receipt"
            trace = {"by": by, "kind": receipt.kind.value, "provider": receipt.provider}
            note_sent(world, message, former, plans, context, trace)
        elif message.status not in COUNTED:
            release_slot(world, message.id)
    if receipt.verdict is not Verdict.NOTHING and delivery.can_have_receipts(message):
        judge_address(world, message, receipt.verdict, receipt.at, plans, context)


def withdraws_consent(verdict: Verdict) -> bool:
    """Whether the verdict takes back the permission to market to the address."""
    return verdict in (Verdict.STOPPED, Verdict.REPORTED, Verdict.UNWANTED)


def judge_address(
    world: World,
    message: Message,
    verdict: Verdict,
    at: datetime,
    plans: Plans,
    context: Context,
) -> None:
    """Suppress the address that the message went to, and withhold what is scheduled for it.

    The world must hold what is known of that address, which may be a former one.
    """
    reason = _REASONS.get(verdict)
    if reason is None or message.recipient is None:
        return
    held = take_suppression(world, message.channel, message.recipient, reason, at)
    if held is not None:
        withhold_refused(world, plans, context)
