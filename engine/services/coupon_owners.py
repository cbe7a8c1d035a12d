"""Codes that somebody else used: whoever was given a code hears of it, whichever order it was."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from config.offers import Offers
from engine.core.coupon import same_code
from engine.core.projection import order_key
from engine.ports.storage import UnitOfWork
from engine.ports.stored import Incoming
from engine.services.batch import OWN_SOURCE
from triggers.event import CustomerFacts, Event
from triggers.sources.native import serialize


@dataclass(frozen=True, slots=True)
class Use:
    """One code on one order, told by an event; ``customer_id`` is whose order it is."""

    code: str
    order_id: str
    customer_id: str | None
    event: Event
    received_at: datetime


def uses(event: Event, customer_id: str | None, received_at: datetime) -> Iterator[Use]:
    """The codes that an event tells of; a test order uses none."""
    order, order_id = event.order, order_key(event)
    if order is None or order_id is None or order.is_test or not order.discount_codes:
        return
    for code in order.discount_codes:
        yield Use(same_code(code), order_id, customer_id, event, received_at)


def tell_owners(unit: UnitOfWork, told: Iterable[Use], offers: Offers) -> None:
    """Report to each other customer who was given one of these codes that it was used.

    A code that is the same for everybody is whoever's uses it, and so is one's own. One look-up a
    batch, and none when no order used a code. The report is an event of our own, which names the
    order without being about it: that is another customer's.
    """
    shared = {same_code(offer.code) for offer in offers.values() if offer.code is not None}
    by_code: dict[str, list[Use]] = {}
    for use in told:
        if use.code in shared:
            continue
        by_code.setdefault(use.code, []).append(use)
    if not by_code:
        return
    holders = unit.coupon_holders(by_code)
    unit.enqueue(
        _report(use, owner)
        for code, found in by_code.items()
        for owner in sorted(holders.get(code, ()))
        for use in found
        if use.customer_id not in holders[code]
    )


def _report(use: Use, owner: str) -> Incoming:
    event = Event(
        id=f"coupon.redeemed:{use.code}:{use.order_id}:{owner}",
        source=OWN_SOURCE,
        type="coupon.redeemed",
        time=use.event.time,
        customer=CustomerFacts(id=owner),
        data={"code": use.code, "order_id": use.order_id},
    )
    return Incoming(event=event, body=serialize(event), received_at=use.received_at)
