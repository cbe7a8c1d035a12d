"""Giving back: a coupon whose messages were all dropped, refused or called off never left.

What may have left counts as left: a message in doubt, also when it was tried again after that. One
that a receipt calls bounced or failed reached nobody, unless the offer would rather be sure
(``when_undelivered: keep``), for its text was at the other end. A code is given back when no
message that could still carry it is to come, which the journey's end settles at the latest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from config.offers import Offer
from engine.core.campaign import Plans
from engine.core.context import CodeState, Context
from engine.core.coupon import BOOK, GIVEN, Coupon, coupons_of
from engine.core.delivery import ABANDONED
from engine.core.message import Message, MessageStatus
from engine.core.world import Journey, JourneyStatus, World

_DOUBT: Final = "?"  # after a message's id: it may have arrived, whatever is told later
_UNSENT: Final = frozenset(
    {
        MessageStatus.SCHEDULED,
        MessageStatus.SKIPPED,
        MessageStatus.CANCELLED,
    }
)


_UNDELIVERED: Final = frozenset({MessageStatus.BOUNCED, MessageStatus.FAILED})


def settle(world: World, plans: Plans, context: Context, offers: Mapping[str, Offer]) -> None:
    """Look at what has become of the messages that carry coupons, and give back what never left."""
    for record in world.books.of(BOOK):
        data = record.data
        if data["status"] != "issued":
            continue
        changed: dict[str, list[str] | None] = {}
        for holder, known in data["holders"].items():
            journey = world.journeys.get(holder.rpartition(":")[0])
            if journey is None:
                continue
            offer = offers.get(data["offer"])
            is_lenient = offer is not None and offer.when_undelivered == "give_back"
            left = _left(world, plans, journey, holder, known, is_lenient=is_lenient)
            if left != known:
                changed[holder] = left
        if not changed:
            continue
        now = {**data["holders"], **changed}
        holders = {holder: left for holder, left in now.items() if left is not None}
        if holders:
            world.write(replace(record, data={**data, "holders": holders}))
        else:
            _release(world, Coupon.of(record), context)


def _left(
    world: World,
    plans: Plans,
    journey: Journey,
    holder: str,
    known: list[str],
    *,
    is_lenient: bool,
) -> list[str] | None:
    """What has left of a holder's messages, beyond what is known; None: nothing has, nor can."""
    plan = plans.revisions.get((journey.campaign, journey.revision))
    if plan is None:
        return known
    step_id = holder.rpartition(":")[2]
    steps = plan.carriers.get(step_id)
    if steps is None:
        return known or [GIVEN]  # no message of ours tells it: it was given by being issued
    names = {step.id for step in steps}
    left, waits = dict.fromkeys(known), False
    for message in world.messages.values():
        if message.journey_id != journey.id or message.step not in names:
            continue
        if message.status is MessageStatus.SCHEDULED:
            waits = True
        if is_in_doubt(message):
            left[message.id + _DOUBT] = None
        undelivered = is_lenient and message.status in _UNDELIVERED
        if message.status in _UNSENT or undelivered or _is_refused(message):
            left.pop(message.id, None)
        else:
            left[message.id] = None
    if left or waits:
        return list(left)
    if journey.status is not JourneyStatus.LIVE:
        return None
    here = plan.step_index.get(journey.step, 0)
    return [] if any(step.index >= here for step in steps) else None


def _is_refused(message: Message) -> bool:
    """Whether the provider never took it; one that fails later was taken."""
    return message.status is MessageStatus.FAILED and message.sent_at is None


def is_in_doubt(message: Message) -> bool:
    """Whether it may have arrived although nobody says so."""
    abandoned = message.status is MessageStatus.CANCELLED and message.reason == ABANDONED
    return message.status is MessageStatus.UNKNOWN or abandoned


def leave_behind(world: World, context: Context) -> None:
    """Settle the codes of a customer who is erased: free what never left, end what did."""
    for coupon in coupons_of(world):
        if coupon.pool is not None and coupon.status == "issued":
            state: CodeState = "expired" if coupon.has_left else "free"
            context.shared.settle_code(coupon.pool, coupon.code, coupon.cause, state)


def _release(world: World, coupon: Coupon, context: Context) -> None:
    if coupon.pool is not None:
        context.shared.settle_code(coupon.pool, coupon.code, coupon.cause, "free")
    world.write(replace(coupon, status="released", holders={}, due_at=None).record)
    for holder in coupon.holders:
        journey_id, _, step = holder.rpartition(":")
        journey = world.journeys.get(journey_id)
        if journey is not None and step in journey.results:
            journey.told(step).update(issued=False, code=None)
            world.changes.journeys.add(journey.id)
