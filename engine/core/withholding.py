"""Scheduled messages that may not go out any more: withheld now, not when they fall due."""

from __future__ import annotations

from engine.core.campaign import Plans
from engine.core.context import Context
from engine.core.guards import refused
from engine.core.handover import on_withheld
from engine.core.message import MessageStatus
from engine.core.world import World


def withhold_refused(world: World, plans: Plans, context: Context) -> None:
    """Withhold what the address has come to refuse: by a bounce, an opt-out, a topic, a pause.

    A message for after the pause stays. Those of a campaign that is gone wait with it, and are
    looked at again before the hand-over like any other; so is one without an address, which may
    still be given. They go in the order in which they would be handed over: what comes after one in
    its journey may take the place that another's successor would have.
    """
    for message in sorted(world.messages.values(), key=lambda one: (one.send_at, one.id)):
        if (
            message.status is not MessageStatus.SCHEDULED
            or (message.campaign, message.revision) not in plans.revisions
        ):
            continue
        at = max(message.send_at, context.now)
        refusal = refused(world, message.channel, message.purpose, message.topic, at)
        if refusal is not None and refusal.code != "no_address":
            on_withheld(world, message, refusal, plans, context)
