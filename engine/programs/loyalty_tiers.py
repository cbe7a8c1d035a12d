"""Tiers: who has risen, who falls short and has grace left, who has fallen.

A rise counts at once and is told once. Who no longer qualifies keeps the tier for its grace; the
book tells when that began, when it was needed no more, or that the customer fell.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.loyalty import Tier
from engine.core.book import Record
from engine.core.timing import add
from engine.core.value import value_class
from engine.programs.loyalty_ledger import Ledger
from engine.programs.loyalty_scores import Counting, Scores

PREFIX: Final = "tier:"
_NONE: Final = -1  # the rank of a customer without tier


@value_class
class Standing:
    """A customer's tier, the one above it, and the points, or the money, missing for that.

    ``change`` is what the book is still to tell, None when it is up to date; then ``review_at`` is
    when the passing of time next changes anything of this.
    """

    tier: Tier | None = None
    following: Tier | None = None
    missing: Decimal | int | None = None
    change: dict[str, Any] | None = None
    review_at: datetime | None = None


_NOWHERE: Final = Standing()
_NO_SCORES: Final = Scores()


def standing(tiers: Sequence[Tier], ledger: Ledger, now: datetime, zone: ZoneInfo) -> Standing:
    """Where a customer stands; the caller writes ``change`` and asks again until there is none."""
    if not tiers:
        return _NOWHERE
    if ledger.scores is None and not ledger.tiers:
        return Standing(following=tiers[0], missing=tiers[0].points or tiers[0].spend)
    counting = Counting(scores=ledger.scores or _NO_SCORES, now=now, zone=zone)
    lacking = [counting.missing(tier) for tier in tiers]
    earned = max((rank for rank, most in enumerate(lacking) if most <= 0), default=_NONE)
    told: Sequence[Record] = ()
    held = _NONE
    if ledger.tiers:
        told = sorted(ledger.tiers, key=lambda one: (one.at, one.key))
        held = _held(told, {tier.id: rank for rank, tier in enumerate(tiers)})
    tier = tiers[held] if held != _NONE else None
    if earned > held:
        risen = {"change": "rose", "tier": tiers[earned].id, "previous": tier.id if tier else None}
        return Standing(tier=tier, change=risen)
    looks = [counting.scores.first_after(now)]
    if tier is not None:
        until = _grace(told, tier)
        change = _falling(tiers, held, earned, until, now, zone)
        if change is not None:
            return Standing(tier=tier, change=change)
        looks.append(until if earned < held else counting.short_at(tier))
    following = tiers[held + 1] if held + 1 < len(tiers) else None
    if following is not None:
        looks.append(counting.less_at(following))
    return Standing(
        tier=tier,
        following=following,
        missing=None if following is None else lacking[held + 1],
        review_at=min((one for one in looks if one is not None), default=None),
    )


def _falling(
    tiers: Sequence[Tier],
    held: int,
    earned: int,
    until: datetime | None,
    now: datetime,
    zone: ZoneInfo,
) -> dict[str, Any] | None:
    """What is to be told of a tier that a customer holds and may have earned no more."""
    tier = tiers[held]
    if earned == held:
        return None if until is None else {"change": "kept", "tier": tier.id}
    if until is None:
        ends = add(now, tier.grace, zone).isoformat()
        return {"change": "grace", "tier": tier.id, "until": ends}
    if until > now:
        return None
    lower = tiers[earned].id if earned != _NONE else None
    return {"change": "fell", "from": tier.id, "tier": lower}


def _held(told: Sequence[Record], ranks: dict[str, int]) -> int:
    """The highest tier that was risen to and not fallen from since.

    Of two customers who turned out to be one, the higher tier stays.
    """
    held: list[int] = []
    for record in told:
        data = record.data
        if data["change"] == "rose":
            held.append(ranks.get(data["tier"], _NONE))
        elif data["change"] == "fell":
            left = ranks.get(data["from"], _NONE)
            held = [rank for rank in held if rank > left]
            held.append(ranks.get(data["tier"] or "", _NONE))
    return max(held, default=_NONE)


def _grace(told: Sequence[Record], tier: Tier) -> datetime | None:
    """Until when the customer keeps a tier that they no longer qualify for."""
    until: datetime | None = None
    for record in told:
        if record.data["change"] == "grace" and record.data["tier"] == tier.id:
            until = datetime.fromisoformat(record.data["until"])
        elif record.data["change"] in ("kept", "rose", "fell"):
            until = None
    return until
