"""What an order's gathered facts add up to. Pure functions of one order as it is now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from engine.core.customer import ZERO, Line, Order, ParcelStatus

# Facts of a whole order. A parcel's arrival is a fact of its own; the order is delivered when all
# of it has arrived.
_OF_ORDER = frozenset({"placed", "paid", "delivered", "cancelled"})


def fact_time(order: Order, kind: str) -> datetime | None:
    """When a fact of this kind (``paid``, ``shipped``, …) first happened; None if it has not."""
    found = order.facts.get(kind)
    if found is not None or kind in _OF_ORDER:
        return found
    facts, prefix, first = order.facts, f"{kind}:", None
    for key in facts:
        # Few facts are of a part; the others need no closer look.
        if ":" in key and key.startswith(prefix) and (first is None or facts[key] < first):
            first = facts[key]
    return first


def facts_of(order: Order, event: str) -> Iterator[datetime]:
    """The times of all facts behind an event type such as ``order.refunded``."""
    root, _, kind = event.partition(".")
    if root != "order":
        return
    if kind in _OF_ORDER:
        if kind in order.facts:
            yield order.facts[kind]
        return
    part = f"{kind}:"
    for key, at in order.facts.items():
        if key == kind or key.startswith(part):
            yield at


def refunded_total(order: Order) -> Decimal:
    """Money given back so far, as far as the sources said amounts."""
    return sum((one.amount for one in order.refunds.values() if one.amount is not None), ZERO)


def is_fully_refunded(order: Order) -> bool:
    """Whether nothing of the order is left: all its money or all its pieces were given back.

    In doubt it is: a refund of unknown amount and pieces, or of an order of unknown total, is
    taken for a full one, because a message after a refund hurts more than one too few.
    """
    refunds = order.refunds.values()
    if not refunds:
        return fact_time(order, "refunded") is not None
    if any(one.amount is None and not one.lines for one in refunds):
        return True
    if _all_pieces_back(order):
        return True
    if order.total is None:
        return not any(one.lines for one in refunds)
    amounts_known = all(one.amount is not None for one in refunds)
    return amounts_known and refunded_total(order) >= order.total


def is_undone(order: Order) -> bool:
    """Whether the order was cancelled, disputed or refunded in full."""
    undone = fact_time(order, "cancelled") is not None or fact_time(order, "disputed") is not None
    return undone or is_fully_refunded(order)


def kept_pieces(order: Order, line: Line) -> int:
    """Pieces of the line that were neither paid back nor sent back."""
    paid_back = sum([one.lines.get(line.id, 0) for one in order.refunds.values()])
    return line.quantity - max(paid_back, pieces_in(order, line, ParcelStatus.RETURNED))


def pieces_in(order: Order, line: Line, status: ParcelStatus) -> int:
    """The line's pieces in parcels of a status; a parcel of unknown content holds them all."""
    return sum(
        [
            parcel.lines.get(line.id, 0) if parcel.lines else line.quantity
            for parcel in order.fulfilments.values()
            if parcel.status is status
        ]
    )


def _all_pieces_back(order: Order) -> bool:
    if not order.lines:
        return False
    back: dict[str, int] = {}
    for refund in order.refunds.values():
        for line, quantity in refund.lines.items():
            back[line] = back.get(line, 0) + quantity
    return all(back.get(line.id, 0) >= line.quantity for line in order.lines.values())
