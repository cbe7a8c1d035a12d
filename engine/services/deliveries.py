"""Orders of which nobody says that they have arrived: after some days they count as delivered.

There is no job for an order. Each look reads, by an index that holds only orders on their way,
those whose last news is old enough, and stores one event of our own for each. Its id derives from
the order and that news, so a look that was cut short, or two at once, tell nothing twice; and it
is believed only if nothing was heard meanwhile (``engine.core.order_projection``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from config.policy import Delivery
from engine.core import ids
from engine.core.assumed_delivery import DeliveryRules
from engine.ports.clock import Clock
from engine.ports.decisions import Parcels
from engine.ports.stored import Incoming, Undelivered
from engine.services.batch import OWN_SOURCE, order_reference
from triggers.event import CustomerFacts, Event
from triggers.sources.native import serialize

log = structlog.get_logger(__name__)

PAGE: Final = 500
# Older ones were on their way before the shop assumed anything, or were imported: noted, and no
# campaign greets a parcel of last year.
STALE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deliveries:
    """The use case that the ticker wakes. ``wake`` is told when there are events to process."""

    storage: Parcels
    policy: Callable[[], Delivery]
    clock: Clock
    wake: Callable[[], None] = lambda: None

    def least(self) -> timedelta | None:
        """The shortest time after which any order counts as delivered; None: none ever does."""
        return compile_delivery(self.policy()).shortest

    def run(self) -> int:
        """Tell of orders that count as delivered by now; how many there were."""
        rules, now = compile_delivery(self.policy()), self.clock.now()
        if rules.shortest is None:
            return 0
        before, told = now - rules.shortest, 0
        cursor: Undelivered | None = None
        while True:
            page = self.storage.undelivered(before, cursor, PAGE)
            due = [(each, at) for each in page if (at := due_at(each, rules)) and at <= now]
            self.storage.accept([_incoming(each, at, now) for each, at in due])
            told += len(due)
            if len(page) < PAGE:
                break
            cursor = page[-1]
        if told:
            log.info("deliveries_assumed", orders=told)
            self.wake()
        return told


def compile_delivery(policy: Delivery) -> DeliveryRules:
    """The rules of a policy; a day is 24 hours."""
    after = policy.assume_delivered_after
    return DeliveryRules(
        after=None if after is None else after.nominal,
        by_country={country: span.nominal for country, span in policy.by_country.items()},
    )


def due_at(order: Undelivered, rules: DeliveryRules) -> datetime | None:
    """When an order counts as delivered if nobody says more; None: it never does."""
    span = rules.span(order.country)
    return None if span is None else order.since + span


def assumed(order: Undelivered, at: datetime) -> Event:
    """Our own word that an order has arrived."""
    return Event(
        id=ids.assumption_id(order.order_id, order.since.isoformat()),
        source=OWN_SOURCE,
        type="order.delivered",
        time=at,
        customer=CustomerFacts(id=order.customer_id),
        order=order_reference(order.order_id),
        data={"assumed": True, "since": order.since.isoformat()},
    )


def is_stale(at: datetime, now: datetime) -> bool:
    """Whether an arrival is so long ago that it is only noted."""
    return now - at > STALE


def _incoming(order: Undelivered, at: datetime, now: datetime) -> Incoming:
    event = assumed(order, at)
    return Incoming(
        event=event, body=serialize(event), received_at=now, backfill=is_stale(at, now)
    )  # fmt: skip
