"""Customers, orders, journeys, messages and events to store: plain ones, and any at all."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from engine.core.customer import (
    Consent,
    Customer,
    Fulfilment,
    Line,
    Order,
    ParcelStatus,
    Preferences,
    Refund,
    Suppression,
    Ticket,
    TicketStatus,
)
from engine.core.message import Message, MessageStatus
from engine.core.world import Journey, JourneyStatus, Waiting, World
from engine.ports.stored import Incoming
from engine.storage.store import SqlStorage
from triggers.event import Event

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def customer(key: str, **fields: Any) -> Customer:
    plain: dict[str, Any] = {"id": key, "created_at": NOW}
    return Customer(**plain | fields)


def order(key: str, owner: str | None, lines: int = 1, **fields: Any) -> Order:
    made = [Line(id=str(n), title=f"Tea {n}", price=Decimal("9.90")) for n in range(lines)]
    known: dict[str, Any] = {"id": key, "customer_id": owner, "known": True, "placed_at": NOW}
    return Order(**known | {"lines": {each.id: each for each in made}} | fields)


def journey(key: str, owner: str, **fields: Any) -> Journey:
    plain: dict[str, Any] = {
        "id": key,
        "campaign": "thanks",
        "revision": "r1",
        "entry_key": key,
        "entry_no": 1,
        "customer_id": owner,
        "status": JourneyStatus.LIVE,
        "step": "wait",
        "waiting": Waiting.DELAY,
        "due_at": NOW,
        "clock": NOW,
        "entered_at": NOW,
        "priority": 50,
    }
    return Journey(**plain | fields)


def message(key: str, owner: str, /, **fields: Any) -> Message:
    plain: dict[str, Any] = {
        "id": key,
        "campaign": "thanks",
        "revision": "r1",
        "journey_id": f"journey of {key}",
        "step": "ask",
        "purpose": "marketing",
        "channel": "email",
        "customer_id": owner,
        "entry_key": key,
        "template": "thank_you",
        "status": MessageStatus.SCHEDULED,
        "created_at": NOW,
        "send_at": NOW,
        "due_at": NOW,
        "expires_at": NOW + timedelta(days=1),
    }
    return Message(**plain | fields)


def incoming(key: str, source: str = "shop", **fields: Any) -> Incoming:
    plain: dict[str, Any] = {"id": key, "source": source, "type": "order.placed", "time": NOW}
    event = Event(**plain | fields)
    return Incoming(event=event, body=b'{"id":"%s"}' % key.encode(), received_at=NOW)


def new_world(key: str, *things: Order | Ticket | Journey | Message, **fields: Any) -> World:
    """A world that is all new: everything in it is to be written."""
    world = World(customer=customer(key, **fields), is_new=True)
    return with_changed(world, *things)


def with_changed(world: World, *things: Order | Ticket | Journey | Message) -> World:
    """Put things into a world and say that they changed."""
    for thing in things:
        match thing:
            case Order():
                world.orders[thing.id] = thing
                world.changes.orders |= {thing.id}
                world.changes.lines |= {thing.id}
            case Ticket():
                world.tickets[thing.id] = thing
                world.changes.tickets |= {thing.id}
            case Journey():
                world.journeys[thing.id] = thing
                world.changes.journeys.add(thing.id)
            case Message():
                world.messages[thing.id] = thing
                world.changes.messages.add(thing.id)
    return world


def store(storage: SqlStorage, *worlds: World) -> None:
    """Write worlds in one unit of work."""
    with storage.deciding() as unit:
        for world in worlds:
            unit.save(world)
        unit.commit()


def load(storage: SqlStorage, *keys: str, **options: Any) -> dict[str, World]:
    """Read worlds, whole ones unless told otherwise."""
    with storage.deciding() as unit:
        plain: dict[str, Any] = {"now": NOW, "complete": keys}
        return unit.load(keys, **plain | options)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
keys = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=8)
moments = st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.just(UTC),
)
amounts = st.decimals(-(10**13), 10**13, places=4)
jsons = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
objects = st.dictionaries(texts, jsons, max_size=2)
stamps = st.dictionaries(texts, st.integers(-(2**62), 2**62), max_size=2)
counts = st.integers(0, 2**31 - 1)
tags = st.lists(texts, max_size=2).map(tuple)


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _by_id(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.lists(strategy, max_size=3).map(lambda found: {each.id: each for each in found})


customers = st.builds(
    Customer,
    id=st.just("c"),
    created_at=moments,
    email=_maybe(texts),
    phone=_maybe(texts),
    first_name=_maybe(texts),
    last_name=_maybe(texts),
    locale=_maybe(texts),
    timezone=_maybe(texts),
    country=_maybe(texts),
    region=_maybe(texts),
    postal_code=_maybe(texts),
    zone=_maybe(texts),
    birthday=_maybe(st.dates(date(1, 1, 1))),
    tags=tags,
    attributes=objects,
    orders_count=counts,
    total_spent=amounts,
    first_order_at=_maybe(moments),
    last_order_at=_maybe(moments),
    open_tickets=counts,
    stamps=stamps,
)
lines = st.builds(
    Line,
    id=keys,
    product_id=_maybe(texts),
    variant_id=_maybe(texts),
    sku=_maybe(texts),
    title=texts,
    quantity=counts,
    price=amounts,
    url=_maybe(texts),
    image_url=_maybe(texts),
)
quantities = st.dictionaries(keys, counts, max_size=2)
fulfilments = st.builds(
    Fulfilment,
    id=keys,
    status=st.sampled_from(ParcelStatus),
    at=moments,
    carrier=_maybe(texts),
    tracking_number=_maybe(texts),
    tracking_url=_maybe(texts),
    estimated_at=_maybe(moments),
    lines=quantities,
)
refunds = st.builds(
    Refund,
    id=keys,
    at=moments,
    amount=_maybe(amounts),
    reason=_maybe(texts),
    returned=st.booleans(),
    lines=quantities,
)
orders = st.builds(
    Order,
    id=keys,
    customer_id=st.just("c"),
    known=st.booleans(),
    number=_maybe(texts),
    placed_at=_maybe(moments),
    currency=_maybe(texts),
    total=_maybe(amounts),
    subtotal=_maybe(amounts),
    shipping=_maybe(amounts),
    tax=_maybe(amounts),
    discount=_maybe(amounts),
    discount_codes=tags,
    is_gift=st.booleans(),
    is_test=st.booleans(),
    country=_maybe(texts),
    channel=_maybe(texts),
    status_url=_maybe(texts),
    cancel_reason=_maybe(texts),
    has_open_return=st.booleans(),
    attributes=objects,
    lines=_by_id(lines),
    fulfilments=_by_id(fulfilments),
    refunds=_by_id(refunds),
    facts=st.dictionaries(texts, moments, max_size=2),
    stamps=stamps,
)
tickets = st.builds(
    Ticket,
    id=keys,
    customer_id=st.just("c"),
    order_id=_maybe(texts),
    status=st.sampled_from(TicketStatus),
    subject=_maybe(texts),
    channel=_maybe(texts),
    priority=_maybe(texts),
    tags=tags,
    rating=_maybe(counts),
    opened_at=_maybe(moments),
    solved_at=_maybe(moments),
    stamps=stamps,
)
journeys = st.builds(
    Journey,
    id=keys,
    campaign=texts,
    revision=texts,
    entry_key=texts,
    entry_no=counts,
    customer_id=st.just("c"),
    status=st.sampled_from(JourneyStatus),
    step=texts,
    waiting=st.sampled_from(Waiting),
    due_at=_maybe(moments),
    clock=moments,
    entered_at=moments,
    priority=counts,
    order_id=_maybe(texts),
    ticket_id=_maybe(texts),
    awaiting=_maybe(texts),
    parked=st.booleans(),
    ended_at=_maybe(moments),
    reason=_maybe(texts),
    goal_until=_maybe(moments),
    goal_at=_maybe(moments),
    trigger=objects,
    results=st.dictionaries(texts, objects, max_size=2),
    seen=stamps,
    variants=st.dictionaries(texts, texts, max_size=2),
)
messages = st.builds(
    Message,
    id=keys,
    campaign=texts,
    revision=texts,
    journey_id=texts,
    step=texts,
    purpose=st.sampled_from(["marketing", "transactional"]),
    channel=st.sampled_from(["email", "sms", "voice"]),
    customer_id=st.just("c"),
    entry_key=texts,
    template=texts,
    status=st.sampled_from(MessageStatus),
    created_at=moments,
    send_at=moments,
    due_at=moments,
    expires_at=moments,
    recipient=_maybe(texts),
    order_id=_maybe(texts),
    ticket_id=_maybe(texts),
    variant=_maybe(texts),
    locale=_maybe(texts),
    provider=_maybe(texts),
    sender=_maybe(texts),
    subject=_maybe(texts),
    reason=_maybe(texts),
    error_code=_maybe(texts),
    attempts=counts,
    cost=_maybe(amounts),
    sent_at=_maybe(moments),
    delivered_at=_maybe(moments),
    opened_at=_maybe(moments),
    clicked_at=_maybe(moments),
    provider_message_id=_maybe(texts),
    owner=_maybe(texts),
)
consents = st.builds(
    Consent,
    channel=st.sampled_from(["email", "sms"]),
    address=st.just("a@example.com"),
    status=st.sampled_from(["subscribed", "unsubscribed", "pending"]),
    at=moments,
    source=texts,
    proof=_maybe(texts),
)
preferences = st.builds(
    Preferences,
    channel=st.sampled_from(["email", "sms"]),
    address=st.just("a@example.com"),
    at=moments,
    declined=st.lists(texts, max_size=3, unique=True).map(lambda each: tuple(sorted(each))),
    paused_until=_maybe(moments),
    proof=_maybe(texts),
)
suppressions = st.builds(
    Suppression,
    channel=st.sampled_from(["email", "sms"]),
    address=st.just("a@example.com"),
    scope=st.sampled_from(["marketing", "all"]),
    reason=texts,
    at=moments,
)
