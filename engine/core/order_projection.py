"""What reports tell of an order.

Whatever order they come in, and however often, the same order results: its own fields and its
parcels' are last-writer-wins registers, its refunds only grow, its facts keep their earliest time.

Two facts follow from others. The order is *delivered* when the parcels that have arrived hold every
piece that was not refunded before it was sent; it is *returned* when every piece has come back.
Should a line, or a parcel with a refunded piece, become known only after that, what was said stays
said: a transition happens once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, TypeVar

from engine.core.arrival import BY_TRACKING, by_tracking, delivered_at, known_as, returned_at
from engine.core.assumed_delivery import ASSUMED, undelivered_since
from engine.core.customer import Fulfilment, Line, Order, ParcelStatus, Refund
from engine.core.identity import OWN_SOURCE
from engine.core.registers import outranks, stamp_of, write
from triggers.event import Event, FulfilmentFacts, LineFacts, OrderFacts, RefundFacts

_OWN: Final = (
    "number",
    "currency",
    "total",
    "subtotal",
    "shipping",
    "tax",
    "discount",
    "discount_codes",
    "is_gift",
    "is_test",
    "country",
    "channel",
    "status_url",
    "cancel_reason",
    "has_open_return",
)
_TOLD: Final = attrgetter(*_OWN)
_OF_PARCEL: Final = ("carrier", "tracking_number", "tracking_url", "estimated_at")
_LINES: Final = "lines"
_Part = TypeVar("_Part", Fulfilment, Refund)
_STATUS: Final = {status.value: status for status in ParcelStatus}
_RANK: Final = {status: rank for rank, status in enumerate(ParcelStatus)}
# The fact that a parcel's status is; the others are no steps of its way.
_PARCEL_FACT: Final = {
    "shipped": "shipped",
    "out_for_delivery": "out_for_delivery",
    "delayed": "delayed",
    "failed": "delivery_failed",
    "delivered": "delivered",
    "lost": "lost",
    "returned": "returned",
}
_PARCEL_TOLD: Final = {
    f"order.{fact}": status for status, fact in _PARCEL_FACT.items() if fact != "returned"
}
_TEN_THOUSANDTH: Final = Decimal("0.0001")


@dataclass(slots=True)
class Merged:
    """What one report changed: anything, the lines, and the facts that are new with it."""

    changed: bool = False
    lines: bool = False
    fresh: list[str] = field(default_factory=list)


def merge_order(order: Order, facts: OrderFacts, event: Event) -> Merged:
    """Take in what an event tells of an order.

    The event's own type is a fact too. ``order.delivered`` and the like without a parcel of that
    status mean the parcel that ``data.fulfilment_id`` names, else one that holds the whole order;
    ``order.refunded`` without refunds means one of ``data.amount``, else of everything.
    """
    merged = Merged()
    if event.source == OWN_SOURCE and event.type == "order.delivered":
        _assume(order, event, merged)
        return merged
    version = stamp_of(facts.updated_at or event.time)
    if not facts.partial and not order.known:
        order.known = merged.changed = True
    if _merge_own(order, facts, version):
        merged.changed = True
    if facts.lines is not None:
        _merge_lines(order, facts.lines, version, merged)
    _tell_moments(order, facts, event, merged)
    for parcel in _parcels(facts, event):
        _merge_parcel(order, parcel, version, event, merged)
    for refund in _refunds(facts, event):
        _merge_refund(order, refund, event, merged)
    if order.known:  # until then its lines cannot be
        _conclude(order, merged)
    return merged


def _merge_own(order: Order, facts: OrderFacts, version: int) -> bool:
    stamps = order.stamps
    changed = False
    for name, value in zip(_OWN, _TOLD(facts), strict=True):
        if value is None:
            continue
        if name not in stamps:  # far most reports are an order's first
            setattr(order, name, value)
            stamps[name] = version
            changed = True
        elif write(order, stamps, name, value, version):
            changed = True
    if facts.attributes and write(order, stamps, "attributes", facts.attributes, version):
        changed = True
    return changed


def _merge_lines(order: Order, told: tuple[LineFacts, ...], version: int, merged: Merged) -> None:
    """Lines come as a whole: a later report's take the place of the former ones."""
    known = order.stamps.get(_LINES)
    if known is not None and known > version:
        return
    lines = {line.id: line for line in told}
    is_same = lines == order.lines
    if known == version and (is_same or not outranks(_comparable(lines), _comparable(order.lines))):
        return
    order.stamps[_LINES] = version
    merged.changed = True
    if not is_same:
        order.lines = lines
        merged.lines = True


def _comparable(lines: Mapping[str, Line]) -> list[str]:
    return sorted(repr(line) for line in lines.values())


def _tell_moments(order: Order, facts: OrderFacts, event: Event, merged: Merged) -> None:
    kind, time, data = event.type, event.time, event.data
    placed = facts.placed_at or (time if kind == "order.placed" else None)
    if placed is not None and _tell(order, "placed", placed, merged):
        order.placed_at = order.facts["placed"]
    paid = facts.paid_at or (time if kind == "order.paid" else None)
    if paid is not None:
        _tell(order, "paid", paid, merged)
    cancelled = facts.cancelled_at or (time if kind == "order.cancelled" else None)
    if cancelled is not None:
        _tell(order, "cancelled", cancelled, merged)
        reason = data.get("reason") if kind == "order.cancelled" else None
        if isinstance(reason, str) and facts.cancel_reason is None:
            version = stamp_of(facts.updated_at or time)
            write(order, order.stamps, "cancel_reason", reason, version)
            merged.changed = True
    returned = facts.returned_at or (time if kind == "order.returned" else None)
    if returned is not None:
        _tell(order, "returned", returned, merged)
    disputed = facts.disputed_at or (time if kind == "order.disputed" else None)
    if disputed is not None:
        dispute = facts.dispute_id or _text(data, "dispute_id") or ""
        _tell(order, f"disputed:{dispute}", disputed, merged)


def _tell(order: Order, key: str, at: datetime, merged: Merged) -> bool:
    known = order.facts.get(key)
    if known is None:
        merged.fresh.append(key)
    elif known <= at:
        return False
    order.facts[key] = at
    merged.changed = True
    return True


def _parcels(facts: OrderFacts, event: Event) -> Iterable[FulfilmentFacts]:
    status = _PARCEL_TOLD.get(event.type)
    told = facts.fulfilments
    if status is None or any(parcel.status == status for parcel in told):
        return told
    data = event.data
    itself = FulfilmentFacts(
        id=_text(data, "fulfilment_id") or "",
        status=status,  # type: ignore[arg-type]
        carrier=_text(data, "carrier"),
        tracking_number=_text(data, "tracking_number"),
        tracking_url=_text(data, "tracking_url"),
    )
    return (*told, itself)


def _merge_parcel(
    order: Order, told: FulfilmentFacts, version: int, event: Event, merged: Merged
) -> None:
    at = told.at or event.time
    status = _STATUS[told.status]
    parcel_id = known_as(order, told.id, told.tracking_number)
    parcel = order.fulfilments.get(parcel_id)
    if parcel is None:
        parcel = Fulfilment(id=parcel_id, status=status, at=at)
        order.fulfilments = _with(order.fulfilments, parcel_id, parcel)
        merged.changed = True
    elif (at, _RANK[status]) > (parcel.at, _RANK[parcel.status]):
        parcel.status, parcel.at = status, at
        merged.changed = True
    for name in _OF_PARCEL:
        value = getattr(told, name)
        if value is not None:
            key = f"f:{parcel_id}.{name}"
            if write(parcel, order.stamps, name, value, version, key=key):
                merged.changed = True
    if told.lines:
        lines = {line.line_id: line.quantity for line in told.lines}
        key = f"f:{parcel_id}.lines"
        if write(parcel, order.stamps, "lines", lines, version, key=key):
            merged.changed = True
    _absorb(order, parcel, merged)
    fact = _PARCEL_FACT.get(told.status)
    if fact is not None:
        _tell(order, f"{fact}:{parcel_id}", at, merged)


def _absorb(order: Order, parcel: Fulfilment, merged: Merged) -> None:
    """What a carrier told of a parcel by its number is the parcel's, now that it has the number."""
    number = parcel.tracking_number
    if number is None or parcel.id.startswith(BY_TRACKING):
        return
    other = order.fulfilments.get(by_tracking(number))
    if other is None:
        return
    order.fulfilments = {key: one for key, one in order.fulfilments.items() if one is not other}
    merged.changed = True
    if (other.at, _RANK[other.status]) > (parcel.at, _RANK[parcel.status]):
        parcel.status, parcel.at = other.status, other.at
    for name in (*_OF_PARCEL, "lines"):
        at = order.stamps.pop(f"f:{other.id}.{name}", None)
        if at is not None:
            value = getattr(other, name)
            write(parcel, order.stamps, name, value, at, key=f"f:{parcel.id}.{name}")
    for key in [one for one in order.facts if one.endswith(f":{other.id}")]:
        told, ours = order.facts.pop(key), key.removesuffix(other.id) + parcel.id
        order.facts[ours] = min(told, order.facts.get(ours, told))


def _with(known: Mapping[str, _Part], key: str, part: _Part) -> dict[str, _Part]:
    """These parts and another one, in the order of their ids."""
    return dict(sorted({**known, key: part}.items())) if known else {key: part}


def _refunds(facts: OrderFacts, event: Event) -> Iterable[RefundFacts]:
    if facts.refunds or event.type != "order.refunded":
        return facts.refunds
    data = event.data
    amount = data.get("amount")
    is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
    itself = RefundFacts(
        id=_text(data, "refund_id") or "",
        amount=Decimal(str(amount)).quantize(_TEN_THOUSANDTH) if is_number else None,
        reason=_text(data, "reason"),
        returned=data.get("returned") is True,
    )
    return (itself,)


def _merge_refund(order: Order, told: RefundFacts, event: Event, merged: Merged) -> None:
    """Of what two reports tell of one refund the earlier time and the greater of the rest stays."""
    at = told.at or event.time
    lines: dict[str, int] = {}
    for line in told.lines:
        lines[line.line_id] = max(line.quantity, lines.get(line.line_id, 0))
    known = order.refunds.get(told.id)
    refund = Refund(
        id=told.id,
        at=at,
        amount=told.amount,
        reason=told.reason,
        returned=told.returned,
        lines=lines,
    )
    if known is not None:
        refund = _joined(known, refund)
    if refund != known:
        order.refunds = _with(order.refunds, told.id, refund)
        merged.changed = True
    _tell(order, f"refunded:{told.id}", at, merged)


def _joined(one: Refund, other: Refund) -> Refund:
    amounts = [amount for amount in (one.amount, other.amount) if amount is not None]
    reasons = [reason for reason in (one.reason, other.reason) if reason is not None]
    return Refund(
        id=one.id,
        at=min(one.at, other.at),
        amount=max(amounts, default=None),
        reason=max(reasons, default=None),
        returned=one.returned or other.returned,
        lines={
            line: max(one.lines.get(line, 0), other.lines.get(line, 0))
            for line in sorted({*one.lines, *other.lines})
        },
    )


def _conclude(order: Order, merged: Merged) -> None:
    """The facts that follow from others."""
    if order.fulfilments:
        arrived = delivered_at(order)
        if arrived is not None and (
            order.facts.get("delivered") != arrived or ASSUMED in order.facts
        ):
            if "delivered" not in order.facts:
                merged.fresh.append("delivered")
            order.facts["delivered"] = arrived
            order.facts.pop(ASSUMED, None)
            merged.changed = True
    if order.refunds:
        back = returned_at(order)
        if back is not None:
            _tell(order, "returned", back, merged)


def _assume(order: Order, event: Event, merged: Merged) -> None:
    """Our own word that the order has arrived counts if nothing was heard since it was given."""
    since = undelivered_since(order)
    if since is not None and event.data.get("since") == since.isoformat():
        order.facts["delivered"] = order.facts[ASSUMED] = event.time
        merged.fresh.append("delivered")
        merged.changed = True


def _text(data: dict[str, Any], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) and value else None
