from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.transition import Transition
from tests.core.shop_life import rows, run
from tests.triggers.junk import mutated
from triggers.event import Event, OrderFacts
from triggers.sources.native import deserialize, serialize
from triggers.sources.reading import Reading
from triggers.sources.stripe import EVENTS
from triggers.sources.stripe_facts import money

Send = Callable[..., Reading]
Payload = Callable[[str], bytes]

PLACED = datetime(2026, 3, 1, 8, 58, tzinfo=UTC)
PAID = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = (
    "stripe_checkout_completed",
    "stripe_payment_succeeded",
    "stripe_charge_refunded",
    "stripe_refund_created",
    "stripe_refund_updated",
    "stripe_charge_refunded_rest",
    "stripe_dispute_created",
    "stripe_dispute_closed",
)


def event_of(reading: Reading) -> Event:
    assert reading.rejected is None
    [event] = reading.events
    assert event.source == "stripe"
    assert deserialize(serialize(event)) == event
    return event


def order_of(event: Event) -> OrderFacts:
    assert event.order is not None
    return event.order


def changed(body: bytes, **fields: Any) -> bytes:
    """The event with these fields of its object changed."""
    value = json.loads(body)
    value["data"]["object"] |= fields
    return json.dumps(value).encode()


def with_id(body: bytes, **metadata: str) -> bytes:
    return changed(body, metadata=metadata)


def test_a_paid_checkout_is_a_paid_order(stripe: Send, payload: Payload) -> None:
    event = event_of(stripe(payload("stripe_checkout_completed")))
    order = order_of(event)
    assert (event.id, event.type, event.time) == ("evt_1", "order.paid", PAID)
    assert (order.id, order.source, order.currency, order.partial) == ("pi_1", None, "EUR", False)
    assert (order.placed_at, order.paid_at, order.is_test) == (PLACED, PAID, None)
    amounts = (order.total, order.subtotal, order.shipping, order.tax, order.discount)
    assert amounts == tuple(map(Decimal, ("47.90", "48.00", "4.90", "7.98", "5.00")))
    assert (order.country, order.discount_codes) == ("DE", ("promo_welcome5",))
    customer = event.customer
    assert customer is not None
    assert (customer.id, customer.email, customer.phone) == (
        "cus_26",
        "anna.huber@example.com",
        "+436601234567",
    )
    assert (customer.first_name, customer.last_name) == ("Anna", "Maria Huber")
    assert (customer.locale, customer.country, customer.email_verified) == ("de", "AT", False)
    assert customer.consent["email"].status == "subscribed"


def test_a_checkout_counts_as_paid_only_when_it_is(stripe: Send, payload: Payload) -> None:
    event = event_of(stripe(payload("stripe_checkout_unpaid")))
    assert (event.type, order_of(event).paid_at) == ("order.updated", None)
    assert order_of(event).placed_at == PLACED
    event = event_of(stripe(payload("stripe_checkout_async_succeeded")))
    assert (event.type, order_of(event).paid_at) == ("order.paid", PAID + 3 * DAY)
    assert order_of(event).placed_at == PLACED
    event = event_of(stripe(payload("stripe_checkout_async_failed")))
    order = order_of(event)
    assert (event.type, order.cancel_reason, order.partial) == (
        "order.cancelled",
        "payment_failed",
        True,
    )
    free = changed(payload("stripe_checkout_completed"), payment_status="no_payment_required")
    assert order_of(event_of(stripe(free))).paid_at == PAID
    saved = changed(payload("stripe_checkout_completed"), mode="setup")
    assert stripe(saved) == Reading()


def test_an_order_of_test_mode_is_a_test(stripe: Send, payload: Payload) -> None:
    for name in NAMES:
        body = json.dumps({**json.loads(payload(name)), "livemode": False}).encode()
        for event in stripe(body).events:
            assert order_of(event).is_test is True


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        (4790, "eur", "47.90"),
        (500, "jpy", "500"),
        (500, "KRW", "500"),
        (5120, "kwd", "5.12"),
        (5, "bhd", "0.005"),
        (500, "isk", "5"),
        (500, "ugx", "5"),
        ("1099", "usd", "10.99"),
        (0, "usd", "0"),
    ],
)
def test_amounts_are_in_the_smallest_unit(amount: object, currency: str, expected: str) -> None:
    assert money(amount, currency) == Decimal(expected)


def test_a_refund_is_one_whichever_event_tells_it(stripe: Send, payload: Payload) -> None:
    by_charge = order_of(event_of(stripe(payload("stripe_charge_refunded"))))
    by_refund = order_of(event_of(stripe(payload("stripe_refund_created"))))
    assert by_charge.refunds[0].id == by_refund.refunds[0].id == "ch_1:req_refund1"
    assert by_charge.refunds[0].amount == by_refund.refunds[0].amount == Decimal(24)
    assert by_refund.refunds[0].reason == "requested_by_customer"
    rest = order_of(event_of(stripe(payload("stripe_charge_refunded_rest"))))
    assert rest.refunds[0].amount == Decimal("23.90")
    old = {**json.loads(payload("stripe_charge_refunded")), "request": "req_refund1"}
    told = order_of(event_of(stripe(json.dumps(old).encode())))
    assert told.refunds[0].id == "ch_1:req_refund1"


def test_a_refund_that_no_request_made_is_told_by_the_charge(
    stripe: Send, payload: Payload
) -> None:
    def anonymous(name: str) -> bytes:
        return json.dumps({**json.loads(payload(name)), "request": None}).encode()

    assert stripe(anonymous("stripe_refund_created")) == Reading()
    ids = [
        order_of(event_of(stripe(anonymous(name)))).refunds[0].id
        for name in ("stripe_charge_refunded", "stripe_charge_refunded_rest")
    ]
    assert ids == ["ch_1:2400", "ch_1:4790"]
    for name in ("stripe_refund_updated",):
        assert stripe(payload(name)) == Reading()


def test_a_dispute(stripe: Send, payload: Payload) -> None:
    for name in ("stripe_dispute_created", "stripe_dispute_closed"):
        event = event_of(stripe(payload(name)))
        order = order_of(event)
        assert (event.type, order.id, order.dispute_id) == ("order.disputed", "pi_1", "du_1")
        assert order.disputed_at == PAID + timedelta(seconds=600000)


def test_payments_of_the_shops_own_orders_tell_only_of_the_payment(
    stripe: Send, payload: Payload
) -> None:
    for metadata, settings, source in (
        ({"order_id": "shopify:1001"}, {}, "shopify"),
        ({"order_id": "1001"}, {"order_source": "shop"}, "shop"),
        ({"order": "1001"}, {"order_source": "shop", "order_key": "order"}, "shop"),
    ):
        for name in NAMES:
            reading = stripe(with_id(payload(name), **metadata), **settings)
            if not reading.events:
                assert name == "stripe_refund_updated"
                continue
            event = event_of(reading)
            order = order_of(event)
            assert (order.id, order.source, order.partial) == ("1001", source, True)
            assert event.customer is None
            assert order.total is None
            assert order.placed_at is None
    unpaid = with_id(payload("stripe_checkout_unpaid"), order_id="shopify:1001")
    assert stripe(unpaid) == Reading()
    named = changed(payload("stripe_checkout_completed"), metadata={})
    assert order_of(event_of(stripe(named, order_source="shop"))).id == "cart-9"


def test_a_payment_that_names_no_order_of_the_shop_is_listed(
    stripe: Send, payload: Payload
) -> None:
    for name in NAMES:
        body = changed(payload(name), client_reference_id=None)
        reading = stripe(body, order_source="shop", order_key="order")
        assert reading.events == ()
        if name.startswith("stripe_refund"):  # charge.refunded tells it
            assert reading.rejected is None
        else:
            assert reading.rejected is not None
            assert "metadata.order is missing" in reading.rejected.reason


def test_an_own_id_without_a_source_is_stripes(stripe: Send, payload: Payload) -> None:
    order = order_of(event_of(stripe(with_id(payload("stripe_checkout_completed"), order_id="7"))))
    assert (order.id, order.source, order.total) == ("7", None, Decimal("47.90"))


def test_older_and_newer_shapes_are_read(stripe: Send, payload: Payload) -> None:
    session = payload("stripe_checkout_completed")
    details = {"address": {"country": "CH"}, "name": "Anna"}
    for fields in (
        {"collected_information": None, "shipping_details": details},
        {"collected_information": None, "shipping": details},
        {"customer": {"id": "cus_26", "object": "customer"}, "payment_intent": {"id": "pi_1"}},
    ):
        event = event_of(stripe(changed(session, **fields)))
        assert order_of(event).country == ("DE" if "customer" in fields else "CH")
        assert order_of(event).id == "pi_1"
        assert event.customer is not None
        assert event.customer.id == "cus_26"
    billed = {"data": [{"billing_details": {"email": "old@example.com", "address": {}}}]}
    intent = changed(payload("stripe_payment_succeeded"), charges=billed, latest_charge=None)
    customer = event_of(stripe(intent)).customer
    assert customer is not None
    assert customer.email == "old@example.com"
    guest = changed(session, customer=None)
    customer = event_of(stripe(guest)).customer
    assert customer is not None
    assert (customer.id, customer.email) == (None, "anna.huber@example.com")


def test_what_cannot_be_understood_is_rejected_with_the_reason(
    stripe: Send, payload: Payload
) -> None:
    for body, reason in [
        (b"[]", "not a JSON object"),
        (b'{"id": "evt_9", "type": "charge.refund"}', 'did you mean "charge.refunded"'),
        (b'{"id": "evt_9", "type": "charge.refunded"}', "data.object is missing"),
        (b'{"id": "evt_9", "type": "charge.refunded", "data": {"object": {"a": 1}}}', "no id"),
    ]:
        reading = stripe(body)
        assert reading.events == ()
        assert reading.rejected is not None
        assert reason in reading.rejected.reason
        assert reading.rejected.id in ("evt_9", None)


def test_events_doubled_and_in_any_order_end_alike(stripe: Send, payload: Payload) -> None:
    events = [event for name in NAMES for event in stripe(payload(name)).events]
    world, transitions = run(events)
    expected, happened = rows(world), _of_the_order(transitions)
    assert [each.split(":")[0] for each in sorted(happened)] == [
        "order.disputed",
        "order.paid",
        "order.placed",
        "order.refunded",
        "order.refunded",
    ]
    [order] = world.orders.values()
    assert sum(one.amount or 0 for one in order.refunds.values()) == Decimal("47.90")
    chance = random.Random(1)
    for _ in range(300):
        doubled = events * 2
        chance.shuffle(doubled)
        again, others = run(doubled)
        assert rows(again) == expected
        assert _of_the_order(others) == happened


def _of_the_order(transitions: list[Transition]) -> set[str]:
    return {
        one.id
        for one in transitions
        if one.type.startswith("order.") and one.type != "order.updated"
    }


@given(st.sampled_from(sorted(NAMES)), st.sampled_from([None, "shop"]), st.data())
def test_any_junk_in_a_payload_is_an_event_or_rejected(
    stripe: Send, name: str, source: str | None, data: st.DataObject
) -> None:
    body = (Path(__file__).parent / "payloads" / f"{name}.json").read_bytes()
    reading = stripe(mutated(body, data), order_source=source)
    assert len(reading.events) + (reading.rejected is not None) <= 1
    for event in reading.events:
        assert deserialize(serialize(event)) == event


@given(st.sampled_from([*EVENTS, "", "a.b"]), st.binary(max_size=100))
def test_any_bytes_are_an_event_or_rejected(stripe: Send, kind: str, body: bytes) -> None:
    for sent in (body, b'{"type": "%s", "data": {"object": ' % kind.encode() + body + b"}}"):
        reading = stripe(sent)
        assert len(reading.events) + (reading.rejected is not None) <= 1
