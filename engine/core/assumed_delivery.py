"""Orders that count as delivered because nobody says that they were.

Many carriers never tell. A shop may decide that an order which was shipped so many days ago, and
of which nothing else was heard, has arrived (``delivery`` in ``config/store.yaml``). What is
assumed is one fact like any other, marked as such; the carrier's word, should it come after all,
takes its place and triggers nothing a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from engine.core.arrival import has_all_left
from engine.core.customer import Order, ParcelStatus
from engine.core.order_state import fact_time, is_fully_refunded

ASSUMED: Final = "assumed"  # the fact that marks "delivered" as an assumption

_ON_THE_WAY: Final = (ParcelStatus.SHIPPED, ParcelStatus.OUT_FOR_DELIVERY, ParcelStatus.DELAYED)
_OVER: Final = (ParcelStatus.DELIVERED, ParcelStatus.CANCELLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRules:
    """How long after the last news of its parcels an order counts as delivered.

    ``after`` None: never, but in the countries of delivery (ISO 3166-1 alpha-2) that
    ``by_country`` names.
    """

    after: timedelta | None = None
    by_country: Mapping[str, timedelta] = field(default_factory=dict)

    def span(self, country: str | None) -> timedelta | None:
        """The wait in a country; None: nothing is assumed there."""
        return self.by_country.get((country or "").upper(), self.after)

    @property
    def shortest(self) -> timedelta | None:
        """The least of all waits; None where nothing is ever assumed."""
        spans = [*self.by_country.values(), *([] if self.after is None else [self.after])]
        return min(spans, default=None)


def undelivered_since(order: Order) -> datetime | None:
    """The last news of an order that is on its way and of which only the arrival is missing.

    None for an order that is not wholly on its way, has arrived, was cancelled, disputed, returned
    or refunded in full, or has a parcel that is lost, sent back or was tried in vain. A parcel that
    is late counts from the day for which it was announced anew.
    """
    if not order.fulfilments or not order.known or "delivered" in order.facts:
        return None
    news: list[datetime] = []
    for parcel in order.fulfilments.values():
        if parcel.status in _OVER:
            continue
        if parcel.status not in _ON_THE_WAY:
            return None
        news.append(parcel.at)
        if parcel.status is ParcelStatus.DELAYED and parcel.estimated_at is not None:
            news.append(parcel.estimated_at)
    if not news or not has_all_left(order) or is_fully_refunded(order):
        return None
    if any(fact_time(order, kind) is not None for kind in ("cancelled", "returned", "disputed")):
        return None
    return max(news)
