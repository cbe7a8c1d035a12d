"""Priorities: campaigns that compete for one slot under a cap.

Due journeys go in order of priority, so at one instant the higher campaign asks first. This is
for those that come later: a message that a cap (or the survey throttle) would drop takes the slot
of one of lower priority that still waits to go out. While both are unsent the higher wins,
whichever came first; of equals the first keeps its slot.
"""

from __future__ import annotations

from dataclasses import replace

from engine.core.context import Context
from engine.core.ending import release_slot
from engine.core.guarding import drop, guarded
from engine.core.guards import Allow, Defer, Drop
from engine.core.message import Message, MessageStatus
from engine.core.world import Contact, Waiting, World

OUTRANKED = "outranked"
_CONTESTED = frozenset({"cap", "survey_throttle"})


def contest(
    world: World, message: Message, verdict: Drop, context: Context
) -> tuple[Allow | Defer | Drop, list[Message]]:
    """Whether lower messages can make room for one that is to be dropped; changes nothing.

    Gives the verdict with them out of the way, and which they are: none more than needed, the
    lowest first, and of equals the one that would go out last. Without a way it is ``verdict``.
    """
    if verdict.code not in _CONTESTED:
        return verdict, []
    rivals = _rivals(world, message)
    contacts = world.contacts
    for count in range(1, len(rivals) + 1):
        better = _without(world, message, contacts, rivals[:count], context)
        if _is_contested(better):
            continue
        if isinstance(better, Drop):
            break
        losers = rivals[:count]
        for rival in reversed(rivals[: count - 1]):  # under several caps some may not matter
            fewer = [one for one in losers if one is not rival]
            spared = _without(world, message, contacts, fewer, context)
            if not isinstance(spared, Drop):
                losers, better = fewer, spared
        return better, losers
    return verdict, []


def outrank(
    world: World, winner: Message, losers: list[Message], verdict: Drop, context: Context
) -> None:
    """Withhold ``losers`` for good; their journeys are due, and go on after the message's step.

    ``verdict`` is what would have dropped the winner.
    """
    trace = {"by": winner.campaign, "message": winner.id}
    if "cap" in verdict.trace:
        trace["cap"] = verdict.trace["cap"]
    for loser in losers:
        release_slot(world, loser.id)
        journey = world.journeys.get(loser.journey_id)
        drop(world, journey, loser, Drop(OUTRANKED, trace), context)
        if journey is not None and journey.awaiting == loser.id:
            journey.clock = context.now
            journey.waiting = Waiting.READY
            journey.due_at = context.now
            journey.awaiting = None


def make_room(world: World, message: Message, verdict: Drop, context: Context) -> bool:
    """Let lower messages give way to one that is dropped right before sending; whether they did."""
    better, losers = contest(world, message, verdict, context)
    outrank(world, message, losers, verdict, context)
    return not isinstance(better, Drop)


def _rivals(world: World, message: Message) -> list[Message]:
    """Messages of lower priority that wait, the first to give way first."""
    mine = _priority(world, message)
    waiting = [
        (priority, one)
        for one in world.messages.values()
        if one.status is MessageStatus.SCHEDULED
        and one.purpose == "marketing"
        and one.id != message.id
        and (priority := _priority(world, one)) < mine
    ]
    waiting.sort(key=lambda each: (each[0], -each[1].send_at.timestamp(), each[1].id))
    return [one for _, one in waiting]


def _priority(world: World, message: Message) -> int:
    journey = world.journeys.get(message.journey_id)
    return 0 if journey is None else journey.priority


def _without(
    world: World,
    message: Message,
    contacts: list[Contact],
    losers: list[Message],
    context: Context,
) -> Allow | Defer | Drop:
    gone = {one.id for one in losers}
    left = [contact for contact in contacts if contact.message_id not in gone]
    return guarded(replace(world, contacts=left), message, context)


def _is_contested(verdict: Allow | Defer | Drop) -> bool:
    return isinstance(verdict, Drop) and verdict.code in _CONTESTED
