"""When an order has arrived as a whole, and what of it is still to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from engine.core.customer import Fulfilment, Order, ParcelStatus

GONE: Final = (ParcelStatus.LOST, ParcelStatus.RETURNED, ParcelStatus.CANCELLED)
# The id of a parcel that only its carrier has told of, by its tracking number.
BY_TRACKING: Final = "tracking:"


def by_tracking(number: str) -> str:
    """The id of a parcel that is known by its number alone, however that is spaced."""
    return BY_TRACKING + "".join(filter(str.isalnum, number)).upper()


def known_as(order: Order, told_id: str, number: str | None) -> str:
    """The id under which the order has a parcel that a carrier tells of, by its number.

    The shop's own parcel with that number, else one of the carrier's own.
    """
    if number is None or not told_id.startswith(BY_TRACKING):
        return told_id
    own = by_tracking(number)
    return min(
        (
            parcel.id
            for parcel in order.fulfilments.values()
            if parcel.tracking_number is not None and by_tracking(parcel.tracking_number) == own
        ),
        key=lambda one: (one.startswith(BY_TRACKING), one),
        default=own,
    )


def arrivals(order: Order) -> list[tuple[datetime, Fulfilment]]:
    """The parcels that have arrived, in the order in which they did."""
    found = [
        (at, parcel)
        for parcel in order.fulfilments.values()
        if (at := order.facts.get(f"delivered:{parcel.id}")) is not None
    ]
    found.sort(key=lambda one: (one[0], one[1].id))
    return found


def delivered_at(order: Order) -> datetime | None:
    """When the last of the parcels arrived that the order needed to be complete."""
    arrived = arrivals(order)
    if not arrived:
        return None
    missing = to_deliver(order)
    has_unknown = False
    for at, parcel in arrived:
        if not parcel.lines:
            # A carrier does not say what is in a parcel, so one of several proves nothing alone.
            if not parcel.id.startswith(BY_TRACKING):
                return at
            has_unknown = True
        take_off(missing, parcel.lines)
        if order.lines and not missing:
            return at
    if order.lines and not has_unknown:
        return None
    # All that can be said then is whether every parcel known so far has arrived.
    there = {parcel.id for _, parcel in arrived}
    expected = (
        parcel for parcel in order.fulfilments.values() if _is_expected(parcel, has_unknown)
    )
    return arrived[-1][0] if all(parcel.id in there for parcel in expected) else None


def _is_expected(parcel: Fulfilment, has_unknown: bool) -> bool:
    """Not what is gone; nor, beside parcels that carriers tell of, the shop's word that
    "it" was sent."""
    is_mere_word = not parcel.lines and parcel.tracking_number is None
    return parcel.status not in GONE and not (has_unknown and is_mere_word)


def to_deliver(order: Order) -> dict[str, int]:
    """Pieces by line that have to arrive.

    Refunded ones need not, unless they came back (so they had arrived) or are in a parcel.
    """
    packed = _packed(order)
    left = {line.id: line.quantity for line in order.lines.values()}
    for refund in order.refunds.values():
        if not refund.returned:
            for line, quantity in refund.lines.items():
                if line in left:
                    left[line] -= quantity
    needed = {}
    for line_id, quantity in left.items():
        pieces = min(order.lines[line_id].quantity, max(quantity, packed.get(line_id, 0)))
        if pieces > 0:
            needed[line_id] = pieces
    return needed


def has_all_left(order: Order) -> bool:
    """Whether every piece that has to arrive is in some parcel, as far as that is told."""
    parcels = [parcel for parcel in order.fulfilments.values() if parcel.status not in GONE]
    if any(not parcel.lines for parcel in parcels):
        return True
    packed = _packed(order)
    return all(packed.get(line, 0) >= pieces for line, pieces in to_deliver(order).items())


def _packed(order: Order) -> dict[str, int]:
    packed: dict[str, int] = {}
    for parcel in order.fulfilments.values():
        if parcel.status not in GONE:
            for line, quantity in parcel.lines.items():
                packed[line] = packed.get(line, 0) + quantity
    return packed


def returned_at(order: Order) -> datetime | None:
    """When the last piece came back; a return that names no pieces is one of everything."""
    missing = {line.id: line.quantity for line in order.lines.values() if line.quantity > 0}
    back = sorted(
        (refund for refund in order.refunds.values() if refund.returned),
        key=lambda refund: (refund.at, refund.id),
    )
    for refund in back:
        if not refund.lines:
            return refund.at
        take_off(missing, refund.lines)
        if order.lines and not missing:
            return refund.at
    return None


def take_off(missing: dict[str, int], pieces: Mapping[str, int]) -> None:
    """Take pieces by line off those that are missing."""
    for line, quantity in pieces.items():
        left = missing.get(line)
        if left is not None:
            if left > quantity:
                missing[line] = left - quantity
            else:
                del missing[line]
