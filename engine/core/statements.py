"""What is told of an address alone, of nobody in particular: imported consents and suppressions.

A list from another tool knows addresses, not customers. Its lines bring no customer into being,
join none and enrol none; they change what may be sent to the address, whoever turns out to have it.
"""

from __future__ import annotations

from typing import Final

from engine.core.customer import Consent
from engine.core.permissions import COMPLAINT, HARD_BOUNCE, STOP, take_consent, take_suppression
from engine.core.world import World
from triggers.catalog import CONSENT_RECORDED
from triggers.event import Event

# Statuses that block the address besides; all but the bounce are also the owner's own word.
_BLOCKS: Final = {"bounced": HARD_BOUNCE, "complained": COMPLAINT, "stopped": STOP}
_TOLD: Final = {
    "subscribed": "subscribed",
    "unsubscribed": "unsubscribed",
    "pending": "pending",
    "complained": "unsubscribed",
    "stopped": "unsubscribed",
}


def address_told(event: Event) -> tuple[str, str] | None:
    """The (channel, address) that such an event is about; None when it is another kind of event."""
    if event.type != CONSENT_RECORDED:
        return None
    channel, address = event.data.get("channel"), event.data.get("address")
    if (
        event.customer is not None
        or event.order is not None
        or event.ticket is not None
        or not isinstance(channel, str)
        or not isinstance(address, str)
    ):
        return None
    return channel, address


def take_statement(world: World, event: Event) -> None:
    """Take in what is told of an address. The world is nobody's and holds what is known of it."""
    about = address_told(event)
    status, proof = event.data.get("status"), event.data.get("proof")
    if about is None or not isinstance(status, str):
        return
    channel, address = about
    if status in _TOLD:
        consent = Consent(
            channel=channel,
            address=address,
            status=_TOLD[status],
            at=event.time,
            source=event.source,
            proof=proof if isinstance(proof, str) else None,
        )
        take_consent(world, consent)
    if status in _BLOCKS:
        take_suppression(world, channel, address, _BLOCKS[status], event.time)
