"""What the owner of an address says on the preference page: declined topics, a pause.

Only an event of our own tells them, with the address in its data, as an opt-out does: they belong
to the address that the message went to, which need not be the customer's present one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from engine.core.customer import Preferences
from engine.core.identity import OWN_SOURCE
from engine.core.permissions import take_preferences
from engine.core.registers import stamp_of
from engine.core.transition import Transition
from engine.core.world import World
from triggers.event import Event

CHANGED: Final = "preferences.changed"


def project_preferences(world: World, event: Event) -> list[Transition]:
    """Take in what the event tells of preferences; the transition that this causes, if any."""
    told = preferences_told(event)
    if told is None or not take_preferences(world, told):
        return []
    until = told.paused_until
    return [
        Transition(
            type=CHANGED,
            time=event.time,
            id=f"{CHANGED}:{world.customer.id}:{told.channel}:{stamp_of(told.at)}",
            data={
                "channel": told.channel,
                "declined": list(told.declined),
                "paused_until": None if until is None else until.isoformat(),
            },
            causes=event.causes,
        )
    ]


def preferences_told(event: Event) -> Preferences | None:
    """The preferences that an event of our own tells; None when it tells none."""
    data = event.data
    channel, address, declined = data.get("channel"), data.get("address"), data.get("declined")
    if (
        event.type != CHANGED
        or event.source != OWN_SOURCE
        or not isinstance(channel, str)
        or not isinstance(address, str)
        or not isinstance(declined, list)
    ):
        return None
    until, proof = data.get("paused_until"), data.get("proof")
    return Preferences(
        channel=channel,
        address=address,
        at=event.time,
        declined=tuple(sorted(str(topic) for topic in declined)),
        paused_until=datetime.fromisoformat(until) if isinstance(until, str) else None,
        proof=proof if isinstance(proof, str) else None,
    )
