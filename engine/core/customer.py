"""The things a decision is about: customers, their orders and tickets, and the right to write.

Plain mutable objects, one set per customer, owned by a ``World``. Every field that several reports
may tell is kept with the time of the report that told it (``stamps``), so the order in which
reports arrive never changes the outcome (a last-writer-wins register per field).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

from engine.core.registers import shared_stamps
from engine.core.value import value_class
from triggers.event import LineFacts

ZERO = Decimal(0)
_NOTHING: Final[Mapping[str, Any]] = {}


def nothing() -> Mapping[str, Any]:
    """Of what most have nothing: one mapping for them all, into which nobody writes."""
    return _NOTHING


@dataclass(slots=True, kw_only=True)
class Customer:
    """One person, whatever number of platforms know them.

    The counters (``orders_count`` … ``open_tickets``) follow from the orders and tickets and are
    kept by ``engine.core.projection``; orders that are tests or cancelled do not count, and
    ``total_spent`` is net of refunds, in the shop's currency.
    """

    id: str
    created_at: datetime  # when the shop first knew them: the oldest event's time
    email: str | None = None  # lower-case domain, trimmed
    phone: str | None = None  # E.164
    first_name: str | None = None
    last_name: str | None = None
    locale: str | None = None
    timezone: str | None = None
    country: str | None = None
    region: str | None = None  # ISO 3166-2, with or without its country
    postal_code: str | None = None
    street: str | None = None  # with the house number
    birthday: date | None = None
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=nothing)
    orders_count: int = 0
    total_spent: Decimal = ZERO
    first_order_at: datetime | None = None
    last_order_at: datetime | None = None
    open_tickets: int = 0
    zone: str | None = None  # where schedules look at them, as last saved; None: the store's
    stamps: dict[str, int] = field(default_factory=shared_stamps)  # microseconds, by field


Line: TypeAlias = LineFacts
"""One order line, as it was told: no report changes one, a later one's take its place."""


class ParcelStatus(StrEnum):
    """Where a parcel is; later members never give way to earlier ones at the same time."""

    PENDING = "pending"
    SHIPPED = "shipped"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELAYED = "delayed"
    FAILED = "failed"
    DELIVERED = "delivered"
    LOST = "lost"
    RETURNED = "returned"  # to its sender
    CANCELLED = "cancelled"


@dataclass(slots=True, kw_only=True)
class Fulfilment:
    """One parcel and the pieces in it (``lines`` empty: everything in the order)."""

    id: str
    status: ParcelStatus
    at: datetime  # when it reached that status
    carrier: str | None = None
    tracking_number: str | None = None
    tracking_url: str | None = None
    estimated_at: datetime | None = None
    lines: Mapping[str, int] = field(default_factory=nothing)


@dataclass(slots=True, kw_only=True)
class Refund:
    """Money given back, and for which pieces."""

    id: str
    at: datetime
    amount: Decimal | None = None  # None: the source did not say
    reason: str | None = None
    returned: bool = False
    lines: Mapping[str, int] = field(default_factory=nothing)


@dataclass(slots=True, kw_only=True)
class Order:
    """One order.

    ``facts`` is the set of transitions that have happened, by key (``paid``, ``shipped:<parcel>``,
    ``refunded:<refund>``, …) with their times: a grow-only set, so a fact told twice is one fact.
    ``known`` turns true with the first report that carries the order's own fields; until then
    facts gather silently and their transitions wait.
    """

    id: str  # "<source>:<the platform's id>"
    customer_id: str | None = None
    known: bool = False
    number: str | None = None
    placed_at: datetime | None = None
    currency: str | None = None
    total: Decimal | None = None
    subtotal: Decimal | None = None
    shipping: Decimal | None = None
    tax: Decimal | None = None
    discount: Decimal | None = None
    discount_codes: tuple[str, ...] = ()
    is_gift: bool = False
    is_test: bool = False
    country: str | None = None
    channel: str | None = None
    status_url: str | None = None
    cancel_reason: str | None = None
    has_open_return: bool = False
    attributes: Mapping[str, Any] = field(default_factory=nothing)
    lines: Mapping[str, Line] = field(default_factory=nothing)
    fulfilments: Mapping[str, Fulfilment] = field(default_factory=nothing)
    refunds: Mapping[str, Refund] = field(default_factory=nothing)
    facts: dict[str, datetime] = field(default_factory=dict)
    stamps: dict[str, int] = field(default_factory=dict)


class TicketStatus(StrEnum):
    """A support ticket's state; ``pending`` waits for the customer and still counts as open."""

    OPEN = "open"
    PENDING = "pending"
    SOLVED = "solved"


@dataclass(slots=True, kw_only=True)
class Ticket:
    """One support ticket."""

    id: str  # "<source>:<the platform's id>"
    customer_id: str | None = None
    order_id: str | None = None
    status: TicketStatus = TicketStatus.OPEN
    subject: str | None = None
    channel: str | None = None
    priority: str | None = None
    tags: tuple[str, ...] = ()
    rating: int | None = None
    opened_at: datetime | None = None
    solved_at: datetime | None = None
    stamps: dict[str, int] = field(default_factory=dict)


@value_class
class Consent:
    """The permission to market to one address on one channel, as last given or withdrawn."""

    channel: str
    address: str
    status: str  # subscribed | unsubscribed | pending
    at: datetime
    source: str
    proof: str | None = None
    purpose: str = "marketing"  # transactional messages need none: they serve the order itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that must not be written to.

    ``scope`` is ``marketing`` (an unsubscribe) or ``all`` (hard bounce, STOP, erasure).
    """

    channel: str
    address: str
    scope: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """What the owner of an address wants less of, as they last said; they bind marketing only.

    They narrow a consent and never stand for one. ``declined`` are ids of the store's topics, in
    order; until ``paused_until`` nothing of marketing goes to the address.
    """

    channel: str
    address: str
    at: datetime
    declined: tuple[str, ...] = ()
    paused_until: datetime | None = None
    proof: str | None = None
