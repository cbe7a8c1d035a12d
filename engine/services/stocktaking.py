"""Every night: what goes with what, when things are used up, and who the best customers are.

The shop's orders are read a page of customers at a time and kept as numbers, everything is
computed in memory, and only what has changed is written, in short transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import structlog

from config.policy import Policy
from engine.core.book import Record
from engine.core.campaign import CampaignStatus, EventTrigger, Plans
from engine.core.shopping import (
    BOOK,
    PAGE,
    REPLENISH_DUE,
    Reminding,
    refills_of,
    with_refills,
)
from engine.core.verbs import SendMessage
from engine.ports.clock import Clock
from engine.ports.shopping import Buyer, ShoppingStorage
from engine.programs.intervals import Habits, habits_of
from engine.programs.purchases import Purchases
from engine.programs.shelving import Shelving
from engine.programs.shopping_page import Night, newest_products, reminding_of
from engine.programs.spend_classes import Spender, scores
from triggers.schedule import next_fire

log = structlog.get_logger(__name__)

NIGHTLY: Final = "30 3 * * *"  # on the shop's clock
AGAIN: Final = timedelta(hours=20)  # a night that was missed is made up for, none is doubled
PAGE_SIZE: Final = 500
_READ: Final = 100  # customers whose orders are in memory at once
_SHELF_PAGE: Final = 2000
_ROOTS: Final = ("recommendations", "replenishment")
_FIELDS: Final = frozenset(
    f"customer.{name}"
    for name in (
        "rfm", "recency_score", "frequency_score", "value_score", "product_ids", "replenish_at"
    )
)  # fmt: skip
_Each = TypeVar("_Each")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a night came to."""

    customers: int
    products: int
    pages: int  # written anew


@dataclass(slots=True, kw_only=True)
class Stocktaking:
    """Computes recommendations, dates and scores.

    ``wanted`` tells whether any campaign uses them; people look at them in any case.
    ``pause`` is called between two pages, so that others come to work; it returns False to stop.
    What was not reached then stays as the night before left it.
    """

    storage: ShoppingStorage
    policy: Callable[[], Policy]
    clock: Clock
    wanted: Callable[[], bool]
    pause: Callable[[], bool] = field(default=lambda: True)

    def run(self) -> Taken | None:
        """Compute everything anew; None when it was told to stop, or another process is at it."""
        with self.storage.alone() as is_alone:
            return self._run() if is_alone else None

    def run_unless_done(self) -> Taken | None:
        """Compute everything anew unless that was done less than ``AGAIN`` ago."""
        taken_at = self.storage.taken_at()
        if taken_at is not None and self.clock.now() - taken_at < AGAIN:
            return None
        return self.run()

    def next_night(self, after: datetime) -> datetime:
        """The first moment after this one at which the stock is taken, on the shop's clock."""
        return night_after(after, self.policy().zone)

    def _run(self) -> Taken | None:
        policy, now = self.policy(), self.clock.now()
        rules = policy.recommendations
        purchases = Purchases(now - timedelta(seconds=rules.look_back.nominal_seconds))
        spenders: dict[str, Spender | None] = {}
        for buyers in self._pages():
            for buyer in buyers:
                spenders[buyer.customer_id] = buyer.spender
                purchases.add(buyer.customer_id, buyer.orders)
            if not self.pause():
                return None
        market, habits = habits_of(purchases)
        if not self.pause():
            return None
        shelf = Shelving(purchases, market, rules).everything()
        if not self.pause():
            return None
        for shelved in _in_pages(shelf, _SHELF_PAGE):
            self.storage.fill_shelf(shelved, now)
            if not self.pause():
                return None
        self.storage.clear_shelf(now)
        reminding = reminding_of(policy.recommendations, policy.zone)
        writer = _Pages(
            now=now,
            night=Night.at(
                now,
                purchases,
                market.rhythms(),
                least=rules.least_orders,
                remind_before=reminding.before,
            ),
            habits=habits,
            reminding=reminding,
            scores=scores({who: one for who, one in spenders.items() if one is not None}),
        )
        written = 0
        for customers in _in_pages(list(spenders), PAGE_SIZE):
            written += self.storage.rewrite_pages(customers, writer.page)
            if not self.pause():
                return None
        taken = Taken(customers=len(spenders), products=len(purchases.products), pages=written)
        log.info("stock_taken", customers=taken.customers, products=taken.products, pages=written)
        return taken

    def _pages(self) -> Iterator[Sequence[Buyer]]:
        after = ""
        while buyers := self.storage.buyers(after, _READ):
            yield buyers
            after = buyers[-1].customer_id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pages:
    """What is known of all customers at once, as far as one customer's page needs it."""

    now: datetime
    night: Night
    habits: Mapping[str, Habits]
    reminding: Reminding
    scores: Mapping[str, Sequence[int]]

    def page(self, customer_id: str, held: Record | None) -> Record | None:
        """The customer's page; None when it says the same as before."""
        purchases = self.night.purchases
        told = {(one.product_id, one.order_id) for one in refills_of(held) if one.told}
        refills = self.night.refills(self.habits.get(customer_id, {}), told)
        baskets = purchases.customers.get(customer_id, ())
        data: dict[str, Any] = {"products": newest_products(purchases, baskets)}
        if customer_id in self.scores:
            data["rfm"] = list(self.scores[customer_id])
        base = Record(book=BOOK, key=PAGE, at=self.now, data=data)
        made = with_refills(base, refills, self.reminding)
        if held is not None and (held.data, held.due_at) == (made.data, made.due_at):
            return None
        return made


def night_after(moment: datetime, zone: ZoneInfo) -> datetime:
    """When the stock is taken next, on a shop's clock."""
    return next_fire(NIGHTLY, zone, moment).at


def is_wanted(plans: Plans, reads: Callable[[str, str], bool]) -> bool:
    """Whether a live campaign begins with, asks or tells anything of what nights compute.

    ``reads``: whether a template reads anything of a root.
    """
    return any(
        plan.status is CampaignStatus.LIVE
        and (
            (isinstance(plan.trigger, EventTrigger) and plan.trigger.event == REPLENISH_DUE)
            or REPLENISH_DUE in plan.watches
            or not _FIELDS.isdisjoint(plan.reads)
            or any(
                reads(step.template, root)
                for step in plan.steps
                if isinstance(step, SendMessage)
                for root in _ROOTS
            )
        )
        for plan in plans.current.values()
    )


def _in_pages(values: Sequence[_Each], size: int) -> Iterator[Sequence[_Each]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
