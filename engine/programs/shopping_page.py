"""What a customer's page says after a night: products bought, and what will be used up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

from config.recommendations import Recommendations
from engine.core.instants import instant, microseconds
from engine.core.shopping import Refill, Reminding
from engine.programs.intervals import Habit, Habits, Rhythm, used_up
from engine.programs.purchases import Basket, Purchases
from engine.programs.replenishing import LATEST

_MOST_PRODUCTS: Final = 300  # on a customer's page, the newest first
_MOST_REFILLS: Final = 20
_AHEAD: Final = timedelta(days=60)  # later nights tell of what is used up later

Key = tuple[str, str]  # product and order
Dated = tuple[int, str, int]
"""When something is used up in microseconds since the epoch, the product's key and its number."""
_Dated = TypeVar("_Dated", Dated, tuple[int, str, int, int])


class Rhythms(Protocol):
    """How every product is bought again."""

    def get(self, product: int, /) -> Rhythm | None:
        """One product's rhythm, if it was ever bought again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """What of the shop one customer's page needs. ``least``: intervals that show a rhythm.

    ``begin`` and ``end``, in microseconds since the epoch: what is used up then stands on a page.
    """

    purchases: Purchases
    rhythms: Rhythms
    least: int
    begin: int
    end: int

    @classmethod
    def at(
        cls,
        now: datetime,
        purchases: Purchases,
        rhythms: Rhythms,
        *,
        least: int,
        remind_before: timedelta,
    ) -> Night:
        """The night of a moment: what is used up from now on, and what is still to be told of."""
        return cls(
            purchases=purchases,
            rhythms=rhythms,
            least=least,
            begin=microseconds(now - max(timedelta(), LATEST - remind_before)),
            end=microseconds(now + _AHEAD),
        )

    def dated(self, habits: Iterable[tuple[int, Habit]]) -> list[Dated]:
        """What of these, by product, is used up in this night's time."""
        found: list[Dated] = []
        for product, habit in habits:
            at = used_up(habit, self.rhythms.get(product), self.least)
            if at is not None and self.begin <= at <= self.end:
                found.append((at, self.purchases.products[product].key, product))
        return found

    def refills(self, habits: Habits, told: Collection[Key]) -> list[Refill]:
        """What a customer's page says of what will be used up, soonest first."""
        dated = self.dated(habits.items())
        shown = {one for one in dated if (one[1], habits[one[2]].order_id) in told}
        shown.update(soonest(one for one in dated if one not in shown))
        found: list[Refill] = []
        for one in sorted(shown):
            habit = habits[one[2]]
            is_told = (one[1], habit.order_id) in told
            found.append(self.refill(one, habit.order_id, habit.last_at, told=is_told))
        return found

    def refill(self, dated: Dated, order_id: str, last_at: int, *, told: bool) -> Refill:
        """One of them as the page has it. ``last_at``: when it was last bought, by that order."""
        at, key, product = dated
        known = self.purchases.products[product]
        return Refill(
            product_id=key,
            title=known.title,
            url=known.url,
            image_url=known.image_url,
            order_id=order_id,
            last_bought_at=instant(last_at),
            date=instant(at),
            told=told,
        )


def reminding_of(rules: Recommendations, zone: ZoneInfo) -> Reminding:
    """When a shop reminds its customers."""
    before = timedelta(seconds=rules.remind_before.nominal_seconds)
    return Reminding(before=before, zone=zone)


def soonest(untold: Iterable[_Dated]) -> list[_Dated]:
    """What of all that was not told yet has room on a page."""
    return sorted(untold)[:_MOST_REFILLS]


def newest_products(purchases: Purchases, baskets: Sequence[Basket]) -> list[str]:
    """A customer's products by key, the newest first."""
    newest = (product for one in reversed(baskets) for product in one.products)
    return [purchases.products[one].key for one in list(dict.fromkeys(newest))[:_MOST_PRODUCTS]]
