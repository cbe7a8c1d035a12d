"""What one event does to the world of the customer whom it is about."""

from __future__ import annotations

from typing import Final

from engine.core.context import Context
from engine.core.decision import EntryVerdict
from engine.core.journey import on_event
from engine.core.preferences import CHANGED
from engine.core.projection import project
from engine.core.withholding import withhold_refused
from engine.core.world import World
from engine.services.configuration import Configuration
from triggers.event import Event

# What may turn down messages that are scheduled.
_REFUSING: Final = frozenset({"customer.unsubscribed", CHANGED})


def decide(
    configuration: Configuration,
    world: World,
    event: Event,
    context: Context,
    *,
    backfill: bool = False,
) -> list[EntryVerdict]:
    """Take an event in, let programs and campaigns hear of it; what came of each campaign.

    Steps that fall due by it are left to the caller. ``backfill``: it is history, which enrols
    nobody.
    """
    plans, programs = configuration.plans, configuration.programs
    verdicts: list[EntryVerdict] = []
    refuses = False
    for transition in project(world, event):
        programs.follow(world, transition, context, backfill=backfill)
        verdicts += on_event(world, transition, plans, context, enrol=not backfill)
        refuses = refuses or transition.type in _REFUSING
    if refuses:
        withhold_refused(world, plans, context)
    return verdicts
