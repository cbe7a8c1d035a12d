"""Whether a message may go out, its lateness included, and the record of one that may not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.core import guards
from engine.core.context import Context
from engine.core.decision import DecisionKind
from engine.core.guards import Allow, Defer, Drop
from engine.core.message import Message, MessageStatus
from engine.core.record import decide, until
from engine.core.world import Journey, World


def guarded(world: World, message: Message, context: Context) -> Allow | Defer | Drop:
    """The guards' verdict and lateness: what would only be sent too late is dropped at once."""
    if context.now > message.expires_at:
        return Drop(code="too_late", trace=_lateness(message))
    verdict = guards.check(
        world, message, context.now, context.rules, explain=context.keeping.traces
    )
    if isinstance(verdict, Defer) and verdict.until > message.expires_at:
        trace = {**_lateness(message), "guard": verdict.code, "until": verdict.until.isoformat()}
        return Drop(code="too_late", trace={**trace, **verdict.trace})
    return verdict


def drop(
    world: World, journey: Journey | None, message: Message, verdict: Drop, context: Context
) -> None:
    """Record that a message is withheld for good; moving the journey on is the caller's."""
    message.status = MessageStatus.SKIPPED
    message.reason = verdict.code
    world.changes.messages.add(message.id)
    if journey is None:
        return
    journey.told(message.step)["skipped"] = True
    world.changes.journeys.add(journey.id)
    decide(world, journey, DecisionKind.DROPPED, context, step=message.step, code=verdict.code,
           message_id=message.id, trace=verdict.trace)  # fmt: skip


def defer_trace(verdict: Defer, context: Context) -> dict[str, Any] | None:
    """A deferral's trace: the guard's own values and the moment it named."""
    told = until(verdict.until, context)
    return told and {**verdict.trace, **told}


def _lateness(message: Message) -> dict[str, Any]:
    return {"due_at": _text(message.due_at), "expires_at": _text(message.expires_at)}


def _text(moment: datetime) -> str:
    return moment.isoformat()
