"""Events of a history come back from the disk as they would from JSON."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.packed import pack, unpack
from triggers.event import CustomerFacts, Event
from triggers.sources.native import deserialize, serialize, validate

texts = st.sampled_from(["", "a", "Soap", "ü😀"])
keys = st.sampled_from(["1", "b-2", "ü"])
moments = st.datetimes().map(lambda one: one.replace(year=2020).isoformat() + "Z")
amounts = st.sampled_from(["0", "0.00", "1.50", "-3", "12345678901234.5678"])
flags = st.booleans()
free = st.dictionaries(
    texts,
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
        max_leaves=4,
    ),
    max_size=2,
)


def facts(needed: dict[str, Any] | None = None, **told: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(needed or {}, optional=told)


def several(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(one, max_size=2)


pieces = facts({"line_id": keys, "quantity": st.integers(0, 9)}, amount=amounts)
lines = facts(
    {"id": keys}, product_id=keys, variant_id=keys, sku=texts, title=texts,
    quantity=st.integers(0, 9), price=amounts, url=texts, image_url=texts,
)  # fmt: skip
customers = facts(
    id=keys, email=texts, email_verified=flags, phone=texts, phone_verified=flags,
    first_name=texts, last_name=texts, locale=texts, timezone=texts, country=texts, region=texts,
    postal_code=texts, street=texts, birthday=st.dates().map(str), tags=several(texts),
    attributes=free,
    consent=st.dictionaries(
        st.sampled_from(["email", "sms", "voice"]),
        facts({"status": st.sampled_from(["subscribed", "pending"])}, at=moments, proof=texts),
    ),
)  # fmt: skip
parcels = facts(
    {"id": keys, "status": st.sampled_from(["shipped", "delivered"])}, at=moments, carrier=texts,
    tracking_number=texts, tracking_url=texts, estimated_at=moments, lines=several(pieces),
)  # fmt: skip
refunds = facts(
    {"id": keys}, amount=amounts, at=moments, reason=texts, returned=flags, lines=several(pieces)
)
orders = facts(
    {"id": keys}, source=keys, partial=flags, number=texts, placed_at=moments, updated_at=moments,
    currency=st.just("USD"), total=amounts, subtotal=amounts, shipping=amounts, tax=amounts,
    discount=amounts, discount_codes=several(texts), is_gift=flags, is_test=flags, country=texts,
    channel=texts, status_url=texts, paid_at=moments, cancelled_at=moments, cancel_reason=texts,
    returned_at=moments, disputed_at=moments, dispute_id=keys, has_open_return=flags,
    lines=several(lines), fulfilments=several(parcels), refunds=several(refunds), attributes=free,
)  # fmt: skip
tickets = facts(
    {"id": keys}, source=keys, status=st.sampled_from(["open", "solved"]), subject=texts,
    channel=texts, priority=texts, tags=several(texts), order_id=keys, rating=st.integers(0, 10),
    updated_at=moments,
)  # fmt: skip
events = facts(
    {"id": keys, "source": keys, "type": st.just("order.placed"), "time": moments},
    customer=customers, order=orders, ticket=tickets, data=free, causes=several(keys),
)  # fmt: skip


@given(events)
def test_an_event_comes_back_as_from_json(told: dict[str, Any]) -> None:
    event = validate(told)
    packed = pack(event)
    assert repr(unpack(packed)) == repr(deserialize(serialize(event)))
    assert packed != serialize(event)


def test_what_only_json_can_tell_goes_by_json() -> None:
    told = {"id": "1", "source": "shop", "type": "order.placed", "time": "2026-03-02T10:00:00Z"}
    event = validate({**told, "customer": {"attributes": {"size": ("S", "M")}}})
    assert event.customer == CustomerFacts(attributes={"size": ("S", "M")})
    back = unpack(pack(event))
    assert back == Event(
        id=event.id, source=event.source, type=event.type, time=event.time,
        customer=CustomerFacts(attributes={"size": ["S", "M"]}),
    )  # fmt: skip
