"""What one event does to the world of the customer whom it is about."""

from __future__ import annotations

from typing import Final

from engine.core.context import Context
from engine.core.decision import EntryVerdict, VerdictCode
from engine.core.journey import concerns_any, on_event
from engine.core.preferences import CHANGED
from engine.core.projection import project
from engine.core.withholding import withhold_refused
from engine.core.world import World
from engine.services.configuration import Configuration
from triggers.event import Event

# What may turn down messages that are scheduled.
_REFUSING: Final = frozenset({"customer.unsubscribed", CHANGED})
_ENTERS: Final = frozenset({VerdictCode.ENTERED, VerdictCode.HELD_OUT})


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


class InTurn:
    """Decides events of one moment, each seeing the last one's effects.

    Programs tell many things of a customer at once, and nearly all come to nothing: who is in a
    campaign already is so for each of them. What was said of one holds for the next one like it,
    while nothing has happened to the customer in between. So nothing may be changed in a world
    from one of its events to the next.
    """

    def __init__(self, configuration: Configuration, context: Context) -> None:
        self._configuration = configuration
        self._context = context
        self._world: World | None = None  # whose event it was
        self._former: Event | None = None  # the last event, if it came to nothing
        self._verdicts: list[EntryVerdict] = []  # of that

    def decide(self, world: World, event: Event) -> list[EntryVerdict]:
        """As ``decide`` does."""
        former = self._former
        if former is not None and self._world is world and self._is_like(former, world, event):
            return self._verdicts
        verdicts = decide(self._configuration, world, event, self._context)
        self._world, self._former, self._verdicts = world, None, verdicts
        if (
            event.type in self._configuration.unread
            and event.order is None
            and event.ticket is None
            and not any(one.code in _ENTERS or one.transition != event.type for one in verdicts)
        ):
            self._former = event
        return verdicts

    def _is_like(self, former: Event, world: World, event: Event) -> bool:
        """Whether the next event tells what the former did, as far as anybody looks at it."""
        return (
            event.customer is former.customer
            and event.type == former.type
            and event.time == former.time
            and event.order is None
            and event.ticket is None
            and event.causes == former.causes
            and event.source == former.source
            and not concerns_any(world, event.type, self._configuration.plans)
        )
