"""What counts towards tiers, and until when."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Final
from zoneinfo import ZoneInfo

from config.loyalty import Tier
from engine.core.timing import add
from engine.core.value import value_class

_ROOM: Final = timedelta(days=2)  # more than clocks and calendars ever shift a span of days
_PLACES: Final = 4  # of money


class Scores:
    """Scores in the order of their times, each summed up with all before it.

    ``spend`` is in ten-thousandths of the shop's currency.
    """

    __slots__ = ("at", "points", "spend")

    def __init__(self, scores: Iterable[tuple[datetime, int, int]] = ()) -> None:
        self.at: list[datetime] = []
        self.points: list[int] = []
        self.spend: list[int] = []
        for at, points, spend in sorted(scores):
            self.add(at, points, spend)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scores) and (self.at, self.points, self.spend) == (
            other.at, other.points, other.spend,
        )  # fmt: skip

    def add(self, at: datetime, points: int, spend: int) -> None:
        """One more, whenever it was."""
        place = bisect_right(self.at, at)
        self.at.insert(place, at)
        for sums, more in ((self.points, points), (self.spend, spend)):
            sums.insert(place, sums[place - 1] if place else 0)
            if more:
                for behind in range(place, len(sums)):
                    sums[behind] += more

    def first_after(self, now: datetime) -> datetime | None:
        """The first that is still to come."""
        if not self.at or self.at[-1] <= now:
            return None
        return self.at[bisect_right(self.at, now)]


@value_class
class Counting:
    """What of the scores counts at a moment."""

    scores: Scores
    now: datetime
    zone: ZoneInfo

    def missing(self, tier: Tier) -> Decimal:
        """The points, or the money, still missing for a tier; zero or below when it is reached."""
        counted = self._counted(tier)
        if tier.points is not None:
            return Decimal(tier.points - counted)
        spend = Decimal(counted).scaleb(-_PLACES) if counted else Decimal(0)
        return (tier.spend or Decimal(0)) - spend

    def short_at(self, tier: Tier) -> datetime | None:
        """When what counts has become too little for a tier that is reached, if nothing comes."""
        sums = self._sums(tier)
        end = bisect_right(self.scores.at, self.now)
        most = sums[end - 1] - _least(tier) if end else 0
        return self._leaves_at(tier, bisect_right(sums, most, hi=end))

    def less_at(self, tier: Tier) -> datetime | None:
        """When the next of what counts for a tier is too old to count."""
        return self._leaves_at(tier, 0)

    def _counted(self, tier: Tier) -> int:
        at, now = self.scores.at, self.now
        sums, end = self._sums(tier), bisect_right(at, now)
        if not end:
            return 0
        if tier.period is None:
            return sums[end - 1]
        since = now - timedelta(seconds=tier.period.nominal_seconds)
        if at[0] > since + _ROOM:
            return sums[end - 1]
        begin, sure = bisect_left(at, since - _ROOM), bisect_right(at, since + _ROOM)
        counted = sums[end - 1] - sums[sure - 1] if sure < end else 0
        for place in range(begin, min(sure, end)):
            if now < add(at[place], tier.period, self.zone):
                counted += _one(sums, place)
        return counted

    def _leaves_at(self, tier: Tier, begin: int) -> datetime | None:
        """When the next of those from ``begin`` on leaves."""
        period, at = tier.period, self.scores.at
        if period is None:
            return None
        sums, nominal = self._sums(tier), timedelta(seconds=period.nominal_seconds)
        found: datetime | None = None
        begin = max(begin, bisect_left(at, self.now - nominal - _ROOM))
        for place in range(begin, len(at)):
            if found is not None and at[place] + nominal - _ROOM > found:
                break  # and none after it ends sooner
            if _one(sums, place):
                end = add(at[place], period, self.zone)
                if end > self.now and (found is None or end < found):
                    found = end
        return found

    def _sums(self, tier: Tier) -> list[int]:
        return self.scores.points if tier.points is not None else self.scores.spend


def _least(tier: Tier) -> int:
    """What a tier takes, as the scores are counted."""
    if tier.points is not None:
        return tier.points
    spend = (tier.spend or Decimal(0)).scaleb(_PLACES)
    return int(spend.to_integral_value(rounding=ROUND_CEILING))


def _one(sums: list[int], place: int) -> int:
    return sums[place] - sums[place - 1] if place else sums[0]
