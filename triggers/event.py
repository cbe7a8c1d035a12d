"""What happened: one frozen Event, whatever platform told it.

A *source* (``triggers.sources``) turns bytes into Events; nothing behind it knows the platform.
An Event *reports facts* about a customer, an order or a ticket. What campaigns see are the
*transitions* that those facts cause (``engine.core.projection``): "paid" is one transition however
many Events report it.

The dataclasses are validated straight from JSON by pydantic (``triggers.sources.native``), in one
pass; the constraints stand in the types.
"""

from __future__ import annotations

from dataclasses import field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    Field,
    StringConstraints,
    with_config,
)

from triggers.value import value_class

# PostgreSQL cannot store NUL in text; refusing it at the door keeps both databases alike.
_NO_NUL = r"^[^\x00]*$"
Key = Annotated[
    str,
    StringConstraints(min_length=1, max_length=255, pattern=_NO_NUL),
    Field(coerce_numbers_to_str=True),  # many shops' ids are numbers
]
Text = Annotated[str, StringConstraints(max_length=2000, pattern=_NO_NUL)]
EventType = Annotated[
    str,
    StringConstraints(
        min_length=3, max_length=100, pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$"
    ),
]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Amount = Annotated[Decimal, Field(max_digits=18, decimal_places=4, allow_inf_nan=False)]
Quantity = Annotated[int, Field(ge=0, le=1_000_000)]


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:  # within a day of year 1 or year 9999
        raise ValueError("is outside the years 1 to 9999") from error


Instant = Annotated[AwareDatetime, AfterValidator(_in_utc)]  # validated to an aware UTC datetime

Channel = Literal["email", "sms", "voice"]
ConsentStatus = Literal["subscribed", "unsubscribed", "pending"]
FulfilmentStatus = Literal[
    "pending",
    "shipped",
    "out_for_delivery",
    "delayed",
    "failed",
    "delivered",
    "lost",
    "returned",  # to its sender
    "cancelled",
]
TicketStatus = Literal["open", "pending", "solved"]

# A misspelt field would otherwise be lost silently.
_EXACT = ConfigDict(extra="forbid")


@with_config(_EXACT)
@value_class
class ConsentFact:
    """What a source says of the permission to market on one channel."""

    status: ConsentStatus
    at: Instant | None = None  # when it was given or withdrawn; the event's time when absent
    proof: Text | None = None  # form, checkbox wording, opt-in level


@with_config(_EXACT)
@value_class
class CustomerFacts:
    """The customer as this event tells it. ``None`` means "not told", never "empty"."""

    id: Key | None = None  # the source's own id of the customer
    email: Text | None = None
    email_verified: bool = False  # only a verified address matches another customer record
    phone: Text | None = None  # E.164 where the source knows it
    phone_verified: bool = False
    first_name: Text | None = None
    last_name: Text | None = None
    locale: Text | None = None  # BCP 47, for instance "de-AT"
    timezone: Text | None = None  # IANA name
    country: Text | None = None  # ISO 3166-1 alpha-2
    region: Text | None = None  # state or province, ISO 3166-2: "IN" or "US-IN"
    postal_code: Text | None = None  # ZIP code
    street: Text | None = None  # street and house number
    birthday: date | None = None
    tags: tuple[Text, ...] | None = None  # the full set, replacing the source's former set
    attributes: dict[str, Any] = field(default_factory=dict)
    consent: dict[Channel, ConsentFact] = field(default_factory=dict)


@with_config(_EXACT)
@value_class
class LineFacts:
    """One order line."""

    id: Key
    product_id: Key | None = None
    variant_id: Key | None = None
    sku: Text | None = None
    title: Text = ""
    quantity: Quantity = 1
    price: Amount = Decimal(0)  # of one piece, in the order's currency
    url: Text | None = None
    image_url: Text | None = None


@with_config(_EXACT)
@value_class
class LineQuantity:
    """So many pieces of one line (in a fulfilment, in a refund)."""

    line_id: Key
    quantity: Quantity
    amount: Amount | None = None


@with_config(_EXACT)
@value_class
class FulfilmentFacts:
    """One parcel of an order. A split shipment has several, each with its own id."""

    id: Key
    status: FulfilmentStatus
    at: Instant | None = None  # when it reached that status; the event's time when absent
    carrier: Text | None = None
    tracking_number: Text | None = None
    tracking_url: Text | None = None
    estimated_at: Instant | None = None
    lines: tuple[LineQuantity, ...] = ()  # empty: every line of the order


@with_config(_EXACT)
@value_class
class RefundFacts:
    """One refund. ``returned`` says that goods came back with it."""

    id: Key
    amount: Amount | None = None
    at: Instant | None = None
    reason: Text | None = None
    returned: bool = False
    lines: tuple[LineQuantity, ...] = ()


@with_config(_EXACT)
@value_class
class OrderFacts:
    """The order as this event tells it; ``None`` means "not told".

    ``partial`` marks a report that carries no order fields of its own (Shopify's fulfilment and
    refund webhooks): transitions of an order known only from such reports wait until its own
    fields arrive, so that the order of delivery changes nothing.
    """

    id: Key
    source: Key | None = None  # the platform that owns it, when the event's source is another
    partial: bool = False
    number: Text | None = None  # what the customer sees, "#1001"
    placed_at: Instant | None = None
    updated_at: Instant | None = None  # version of the order's own fields; event time if absent
    currency: Currency | None = None
    total: Amount | None = None
    subtotal: Amount | None = None
    shipping: Amount | None = None
    tax: Amount | None = None
    discount: Amount | None = None
    discount_codes: tuple[Text, ...] | None = None
    is_gift: bool | None = None
    is_test: bool | None = None
    country: Text | None = None  # of delivery
    channel: Text | None = None  # web, pos, ...
    status_url: Text | None = None
    paid_at: Instant | None = None
    cancelled_at: Instant | None = None
    cancel_reason: Text | None = None
    returned_at: Instant | None = None
    disputed_at: Instant | None = None
    dispute_id: Key | None = None
    has_open_return: bool | None = None
    lines: tuple[LineFacts, ...] | None = None
    fulfilments: tuple[FulfilmentFacts, ...] = ()
    refunds: tuple[RefundFacts, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)


@with_config(_EXACT)
@value_class
class TicketFacts:
    """The support ticket as this event tells it."""

    id: Key
    source: Key | None = None
    status: TicketStatus | None = None
    subject: Text | None = None
    channel: Text | None = None
    priority: Text | None = None
    tags: tuple[Text, ...] | None = None
    order_id: Key | None = None
    rating: Annotated[int, Field(ge=0, le=10)] | None = None
    updated_at: Instant | None = None


@with_config(_EXACT)
@value_class
class Event:
    """One thing that happened, unique by (``source``, ``id``).

    ``time`` is when it happened, as its source says. ``causes`` is the chain of campaigns whose
    ``emit_event`` led here, oldest first; a chain longer than 8 is refused.
    """

    id: Key
    source: Key
    type: EventType
    time: Instant
    customer: CustomerFacts | None = None
    order: OrderFacts | None = None
    ticket: TicketFacts | None = None
    data: dict[str, Any] = field(default_factory=dict)
    causes: Annotated[tuple[Key, ...], Field(max_length=8)] = ()


@value_class
class Rejected:
    """A verified payload that no Event could be made of: kept and listed, never lost."""

    source: str
    id: str | None
    reason: str  # one sentence: what is wrong and where
    body: str
    received_at: datetime
