"""Tiers: who has risen, who falls short and has grace left, who has fallen.

A rise counts at once and is told once. Who no longer qualifies keeps the tier for its grace; the
book tells when that began, when it was needed no more, or that the customer fell.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.durations import Duration
from config.loyalty import Tier
from engine.core.book import Record
from engine.core.timing import add
from engine.core.value import value_class
from engine.programs.loyalty_ledger import Score

PREFIX: Final = "tier:"
_ROOM: Final = timedelta(days=2)  # more than clocks and calendars ever shift a span of days
_NONE: Final = -1  # the rank of a customer without tier


@value_class
class Standing:
    """A customer's tier. ``change`` is what the book is still to tell, None when it is up to date.

    ``review_at`` is when the passing of time may next change it.
    """

    tier: Tier | None
    change: dict[str, Any] | None
    review_at: datetime | None


def standing(
    tiers: Sequence[Tier],
    records: Iterable[Record],
    scores: Sequence[Score],
    now: datetime,
    zone: ZoneInfo,
) -> Standing:
    """Where a customer stands; the caller writes ``change`` and asks again until there is none."""
    told = sorted(records, key=lambda one: (one.at, one.key))
    ranks = {tier.id: rank for rank, tier in enumerate(tiers)}
    held = _held(told, ranks)
    earned = max(
        (rank for rank, tier in enumerate(tiers) if qualifies(tier, scores, now, zone)),
        default=_NONE,
    )
    tier = tiers[held] if held != _NONE else None
    change: dict[str, Any] | None
    if earned > held:
        change = {"change": "rose", "tier": tiers[earned].id, "previous": tier.id if tier else None}
        return Standing(tier=tier, change=change, review_at=None)
    if tier is None:
        return Standing(tier=None, change=None, review_at=None)
    until = _grace(told, tier)
    if earned == held:
        change = None if until is None else {"change": "kept", "tier": tier.id}
        return Standing(tier=tier, change=change, review_at=_leaves_at(tier, scores, now, zone))
    if until is None:
        ends = add(now, tier.grace, zone).isoformat()
        return Standing(
            tier=tier, change={"change": "grace", "tier": tier.id, "until": ends}, review_at=None
        )
    if until <= now:
        lower = tiers[earned].id if earned != _NONE else None
        return Standing(
            tier=tier, change={"change": "fell", "from": tier.id, "tier": lower}, review_at=None
        )
    return Standing(tier=tier, change=None, review_at=until)


def qualifies(tier: Tier, scores: Sequence[Score], now: datetime, zone: ZoneInfo) -> bool:
    """Whether what counts at ``now`` is enough for a tier."""
    return missing(tier, scores, now, zone) <= 0


def missing(tier: Tier, scores: Sequence[Score], now: datetime, zone: ZoneInfo) -> Decimal:
    """The points, or the money, that are still missing for a tier; below zero when passed.

    ``scores`` stand in the order of their times.
    """
    end = bisect_right(scores, now, key=_at)
    begin, sure = _window(scores, tier.period, now)
    counted = [one for one in scores[begin:sure] if one.at <= now and _still(one, tier, now, zone)]
    counted += scores[max(begin, sure) : end]
    if tier.points is not None:
        return Decimal(tier.points - sum(one.points for one in counted))
    return (tier.spend or Decimal(0)) - sum((one.spend for one in counted), Decimal(0))


def _window(scores: Sequence[Score], period: Duration | None, now: datetime) -> tuple[int, int]:
    """From which score on any may still count, and from which on all do."""
    if period is None:
        return 0, 0
    since = now - timedelta(seconds=period.nominal_seconds)
    return bisect_left(scores, since - _ROOM, key=_at), bisect_right(scores, since + _ROOM, key=_at)


def _at(score: Score) -> datetime:
    return score.at


def _still(score: Score, tier: Tier, now: datetime, zone: ZoneInfo) -> bool:
    return tier.period is None or now < add(score.at, tier.period, zone)


def _leaves_at(
    tier: Tier, scores: Sequence[Score], now: datetime, zone: ZoneInfo
) -> datetime | None:
    """When the next of what counts is too old to count."""
    period = tier.period
    if period is None:
        return None
    nominal, found = timedelta(seconds=period.nominal_seconds), None
    for one in scores[_window(scores, period, now)[0] :]:
        if found is not None and one.at + nominal - _ROOM > found:
            break  # and none after it ends sooner
        if one.points or one.spend:
            end = add(one.at, period, zone)
            if end > now and (found is None or end < found):
                found = end
    return found


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
