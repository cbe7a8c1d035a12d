"""A customer's counters, kept by the difference that each order makes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from engine.core.customer import ZERO, Customer, Order
from engine.core.value import value_class
from engine.core.world import World


@value_class(kw_only=False)
class Share:
    """What one order adds to its customer's counters."""

    spent: Decimal
    at: datetime | None  # when it was placed, as far as that is known


def share_of(order: Order) -> Share | None:
    """The order's share; None while it does not count.

    Orders that are tests, cancelled, without customer or not known yet do not count. Where nobody
    told when the order was placed, its earliest fact stands in.
    """
    if not order.known or order.is_test or order.customer_id is None or "cancelled" in order.facts:
        return None
    return Share(_net(order), order.placed_at or min(order.facts.values(), default=None))


def count(world: World, before: Share | None, order: Order) -> None:
    """Bring the counters up to date after a change of ``order``, whose share was ``before``.

    When an order that was the first or the last stops counting, or turns out to be of another
    time, all orders are looked at; that is right only if the world has all (``World.complete``).
    """
    after = share_of(order)
    if after == before:
        return
    customer = world.customer
    customer.orders_count += (after is not None) - (before is not None)
    customer.total_spent += (after.spent if after else ZERO) - (before.spent if before else ZERO)
    world.changes.customer = True
    left = before.at if before is not None else None
    joined = after.at if after is not None else None
    ends = (customer.first_order_at, customer.last_order_at)
    if left is not None and left != joined and left in ends:
        _look_at_all(world)
    if joined is not None:
        _include(customer, joined)


def _include(customer: Customer, at: datetime) -> None:
    if customer.first_order_at is None or at < customer.first_order_at:
        customer.first_order_at = at
    if customer.last_order_at is None or at > customer.last_order_at:
        customer.last_order_at = at


def _look_at_all(world: World) -> None:
    customer = world.customer
    if not (world.complete or world.is_new or customer.orders_count == 0):
        return
    customer.first_order_at = customer.last_order_at = None
    for order in world.orders.values():
        share = share_of(order)
        if share is not None and share.at is not None:
            _include(customer, share.at)


def _net(order: Order) -> Decimal:
    """The total less what was given back; a refund that tells no more is one of everything."""
    left = order.total or ZERO
    for refund in order.refunds.values():
        if refund.amount is not None:
            left -= refund.amount
        elif refund.lines:
            for line_id, quantity in refund.lines.items():
                line = order.lines.get(line_id)
                left -= line.price * quantity if line is not None else ZERO
        else:
            return ZERO
    return max(left, ZERO)
