"""What a receipt does to its customer's world: the message's row, the address, what is scheduled.

The event that campaigns see of it is told afterwards, like any other (``engine.services.receive``).
"""

from __future__ import annotations

from typing import Final

from engine.core import delivery
from engine.core.campaign import Plans
from engine.core.context import Context
from engine.core.customer import Suppression
from engine.core.ending import release_slot
from engine.core.guards import Drop, address_of
from engine.core.handover import on_withheld
from engine.core.message import COUNTED, Message, MessageStatus
from engine.core.profile import UNSUBSCRIBED
from engine.core.receipt import Receipt, Verdict
from engine.core.settling import note_sent
from engine.core.world import World

_REASONS: Final = {
    Verdict.DEAD: "hard_bounce",
    Verdict.STOPPED: "stop",
    Verdict.REPORTED: "complaint",
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
    if delivery.can_have_receipts(message):
        _judge_address(world, message, receipt, plans, context)


def withdraws_consent(receipt: Receipt) -> bool:
    """Whether the receipt takes back the permission to market to the address."""
    return receipt.verdict in (Verdict.STOPPED, Verdict.REPORTED, Verdict.UNWANTED)


def _judge_address(
    world: World, message: Message, receipt: Receipt, plans: Plans, context: Context
) -> None:
    """Suppress the address that the message went to, and withhold what is scheduled for it."""
    if receipt.verdict is Verdict.NOTHING or message.recipient is None:
        return
    key = (message.channel, message.recipient)
    scope = "all" if receipt.verdict in (Verdict.DEAD, Verdict.STOPPED) else "marketing"
    held = world.suppressions.get(key)
    if held is None or (held.scope != "all" and scope == "all"):
        consent = world.consents.get(key)
        if (
            scope == "marketing"
            and consent is not None
            and consent.status == "subscribed"
            and consent.at > receipt.at
        ):
            return  # permission was given again since
        held = Suppression(
            channel=message.channel,
            address=message.recipient,
            scope=scope,
            reason=_REASONS[receipt.verdict],
            at=receipt.at,
        )
        world.suppressions[key] = held
        world.changes.suppressions.append(held)
    _withhold(world, held, plans, context)


def _withhold(world: World, suppression: Suppression, plans: Plans, context: Context) -> None:
    """Drop scheduled messages now, rather than when they fall due."""
    for message in list(world.messages.values()):
        if (
            message.status is MessageStatus.SCHEDULED
            and message.channel == suppression.channel
            and (suppression.scope == "all" or message.purpose == "marketing")
            and address_of(world.customer, message.channel) == suppression.address
            and (message.campaign, message.revision) in plans.revisions
        ):
            trace = {"reason": suppression.reason, "scope": suppression.scope}
            on_withheld(world, message, Drop("suppressed", trace), plans, context)
