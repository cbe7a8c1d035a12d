"""Replenishment: what a customer bought and will soon have used up, told once for each purchase.

The dates stand on the customer's page (``engine.core.shopping``), which is written at night from
the shop's orders. What has happened since then is read from the customer's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from engine.core.book import Record
from engine.core.context import Context, Taken
from engine.core.ids import replenishment_id
from engine.core.shopping import (
    BOOK,
    REPLENISH_DUE,
    Refill,
    Reminding,
    after_telling,
    due_refills,
    still_last,
)
from engine.core.transition import Transition
from engine.core.verbs import ProgramStep
from engine.core.world import Emitted, Journey, World

LATEST: Final = timedelta(days=3)
"""What fell due longer ago is not told: a shop that begins today does not write to everybody."""


@dataclass(frozen=True, slots=True)
class Replenishing:
    """Tells ``product.replenish_due`` some time before the day on which something is used up."""

    reminding: Reminding
    books: frozenset[str] = frozenset({BOOK})
    follows: frozenset[str] = frozenset()

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        """Nothing: the page is written at night."""

    def on_due(self, world: World, record: Record, context: Context) -> None:
        """Tell what is soon used up; not what was bought anew, refunded or cancelled since."""
        now = context.now
        due = due_refills(record, self.reminding.until(now))
        since = now - LATEST + self.reminding.before
        for refill in still_last(world, record, [one for one in due if one.date >= since]):
            world.report(_news(world.customer.id, refill, now))
        world.write(after_telling(record, due, self.reminding))

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        """None of the steps of campaigns is this program's."""
        return None


def _news(customer_id: str, refill: Refill, now: datetime) -> Emitted:
    data = {"product_id": refill.product_id, "title": refill.title}
    if refill.url is not None:
        data["url"] = refill.url
    if refill.image_url is not None:
        data["image_url"] = refill.image_url
    data["date"] = refill.date.isoformat()
    data["last_bought_at"] = refill.last_bought_at.isoformat()
    data["order_id"] = refill.order_id
    return Emitted(
        id=replenishment_id(customer_id, refill.product_id, refill.order_id),
        type=REPLENISH_DUE,
        time=now,
        data=data,
        causes=(),
    )
