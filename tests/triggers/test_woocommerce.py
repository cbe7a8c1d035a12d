from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
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
from triggers.sources.woocommerce import TOPICS

Send = Callable[..., Reading]
Payload = Callable[[str], bytes]

TOPIC_OF = {
    "woocommerce_order_created": "order.created",
    "woocommerce_order_guest": "order.created",
    "woocommerce_order_processing": "order.updated",
    "woocommerce_order_completed": "order.updated",
    "woocommerce_order_refunded": "order.updated",
    "woocommerce_order_fully_refunded": "order.updated",
    "woocommerce_customer_updated": "customer.updated",
}


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def event_of(reading: Reading) -> Event:
    assert reading.rejected is None
    [event] = reading.events
    assert event.source == "woocommerce"
    assert deserialize(serialize(event)) == event
    return event


def order_of(event: Event) -> OrderFacts:
    assert event.order is not None
    return event.order


def edited(body: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(body), **fields}).encode()


def test_an_order_is_told_as_the_shop_shows_it(woocommerce: Send, payload: Payload) -> None:
    event = event_of(woocommerce("order.updated", payload("woocommerce_order_processing")))
    order = order_of(event)
    assert (event.type, event.time) == ("order.updated", at(1, 9, 5))
    assert (order.id, order.number, order.currency, order.partial) == ("727", "#727", "EUR", False)
    assert (order.placed_at, order.paid_at) == (at(1, 9), at(1, 9, 4, 58))
    amounts = (order.total, order.subtotal, order.shipping, order.tax, order.discount)
    assert amounts == tuple(map(Decimal, ("47.90", "43.00", "4.90", "7.99", "5.00")))
    assert (order.discount_codes, order.is_gift, order.country) == (("welcome5",), True, "DE")
    assert order.attributes == {"status": "processing", "payment_method": "stripe"}
    assert order.lines is not None
    assert [
        (line.id, line.product_id, line.variant_id, line.sku, line.quantity, line.price)
        for line in order.lines
    ] == [
        ("315", "93", None, "LAV-100", 2, Decimal(12)),
        ("316", "22", "23", "CED-100", 1, Decimal(24)),
    ]
    assert [line.image_url for line in order.lines] == ["https://seifenhaus.example/lav.jpg", None]
    customer = event.customer
    assert customer is not None
    assert (customer.id, customer.email) == ("26", "anna.huber@example.com")
    assert (customer.phone, customer.country, customer.locale) == ("0660 1234567", "AT", "de")
    assert not customer.email_verified
    assert customer.consent == {}


def test_prices_without_tax_stay_without(woocommerce: Send, payload: Payload) -> None:
    order = order_of(event_of(woocommerce("order.created", payload("woocommerce_order_guest"))))
    assert (order.subtotal, order.shipping, order.discount) == tuple(
        map(Decimal, ("35.83", "4.08", "4.17"))
    )
    assert order.lines is not None
    assert [line.price for line in order.lines] == [Decimal(10), Decimal(20)]
    assert order.discount_codes == ()


def test_a_guest_has_only_the_orders_address(woocommerce: Send, payload: Payload) -> None:
    event = event_of(woocommerce("order.created", payload("woocommerce_order_guest")))
    assert (event.type, event.time) == ("order.placed", at(1, 9))
    customer = event.customer
    assert customer is not None
    assert (customer.id, customer.email, customer.phone) == (None, "gast@example.com", None)
    nobody = edited(payload("woocommerce_order_guest"), billing={}, shipping=None)
    assert event_of(woocommerce("order.created", nobody)).customer is None


@pytest.mark.parametrize(
    ("status", "paid", "partial", "kind"),
    [
        ("pending", None, True, "order.updated"),
        ("failed", None, True, "order.updated"),
        ("on-hold", None, False, "order.placed"),
        ("processing", None, False, "order.placed"),  # cash on delivery
        ("processing", "2026-03-01T09:04:58", False, "order.placed"),
        ("wc-invoiced", None, False, "order.placed"),  # a state of a plugin's
        ("failed", "2026-03-01T09:04:58", False, "order.placed"),
        ("cancelled", None, True, "order.cancelled"),
        ("cancelled", "2026-03-01T09:04:58", False, "order.placed"),
        ("trash", None, True, "order.cancelled"),
    ],
)
def test_a_state_says_whether_the_shop_took_the_order(
    woocommerce: Send, payload: Payload, status: str, paid: str | None, partial: bool, kind: str
) -> None:
    body = edited(payload("woocommerce_order_created"), status=status, date_paid_gmt=paid)
    event = event_of(woocommerce("order.created", body))
    order = order_of(event)
    assert (order.partial, event.type) == (partial, kind)
    assert order.placed_at == (None if partial else at(1, 9))
    assert (order.paid_at is not None) == (paid is not None)
    assert (order.cancelled_at is not None) == (status in ("cancelled", "trash"))
    assert order.cancel_reason == ("deleted" if status == "trash" else None)


@pytest.mark.parametrize("status", ["checkout-draft", "auto-draft"])
def test_what_is_being_typed_at_the_checkout_is_not_taken(
    woocommerce: Send, payload: Payload, status: str
) -> None:
    body = edited(payload("woocommerce_order_created"), status=status)
    assert woocommerce("order.created", body) == Reading()


def test_parcels_come_from_shipment_tracking(woocommerce: Send, payload: Payload) -> None:
    order = order_of(event_of(woocommerce("order.updated", payload("woocommerce_order_completed"))))
    one, two = order.fulfilments
    assert (one.status, one.carrier, one.tracking_number) == (
        "shipped",
        "austrian-post",
        "RR123456789AT",
    )
    assert (one.at, one.tracking_url) == (at(2, 0), None)
    assert (two.carrier, two.tracking_url, two.at) == (
        "Radbote",
        "https://radbote.example/t/77",
        at(3, 0),
    )


def test_a_day_of_shipping_is_never_before_the_order(woocommerce: Send, payload: Payload) -> None:
    value = json.loads(payload("woocommerce_order_completed"))
    items = value["meta_data"][-1]["value"]
    items[0]["date_shipped"], items[1]["date_shipped"] = "2026-03-01", "soon"
    value["meta_data"][-1]["value"] = {"1": items[0], "4": items[1]}
    order = order_of(event_of(woocommerce("order.updated", json.dumps(value).encode())))
    assert [parcel.at for parcel in order.fulfilments] == [at(1, 9), None]


def test_a_completed_order_is_a_shipped_one(woocommerce: Send, payload: Payload) -> None:
    body = edited(payload("woocommerce_order_completed"), meta_data=[])
    [parcel] = order_of(event_of(woocommerce("order.updated", body))).fulfilments
    assert (parcel.status, parcel.at, parcel.lines) == ("shipped", at(3, 7, 30), ())
    virtual = edited(body, needs_processing=False)
    assert order_of(event_of(woocommerce("order.updated", virtual))).fulfilments == ()


def test_refunds_are_told_with_the_order(woocommerce: Send, payload: Payload) -> None:
    body = payload("woocommerce_order_fully_refunded")
    order = order_of(event_of(woocommerce("order.updated", body)))
    assert [(one.id, one.amount, one.reason) for one in order.refunds] == [
        ("741", Decimal(24), "zerbrochen"),
        ("742", Decimal("23.90"), None),
    ]
    [whole] = order_of(event_of(woocommerce("order.updated", edited(body, refunds=[])))).refunds
    assert (whole.amount, whole.at) == (None, at(7, 10))


def test_a_deleted_order_is_cancelled(woocommerce: Send, payload: Payload) -> None:
    event = event_of(woocommerce("order.deleted", payload("woocommerce_order_deleted")))
    order = order_of(event)
    assert (event.type, event.time) == ("order.cancelled", at(10, 12))
    assert (order.id, order.partial, order.cancel_reason) == ("727", True, "deleted")


def test_a_customer(woocommerce: Send, payload: Payload) -> None:
    event = event_of(woocommerce("customer.updated", payload("woocommerce_customer_updated")))
    customer = event.customer
    assert customer is not None
    assert (event.type, event.time) == ("customer.updated", at(10, 6))
    assert (customer.id, customer.email) == ("26", "anna.huber@example.com")
    assert (customer.phone, customer.country) == ("+43 660 1234567", "AT")
    assert woocommerce("customer.deleted", b'{"id": 26}') == Reading()


def test_the_ping_is_answered_and_tells_nothing(woocommerce: Send) -> None:
    def ping(body: bytes) -> Reading:
        from triggers.sources import SOURCES

        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        source = SOURCES["woocommerce"]
        return source.read(headers, body, secrets=["s"], received_at=at(1, 1))

    from triggers.sources.signatures import SignatureError

    assert ping(b"webhook_id=5") == Reading()
    for other in (b"webhook_id=5&id=1", b"webhook_id=", b'{"id": 1}', b"", b" webhook_id=5"):
        with pytest.raises(SignatureError, match="missing"):
            ping(other)


def test_ids_differ_for_two_orders_of_one_second(woocommerce: Send, payload: Payload) -> None:
    body = payload("woocommerce_order_created")
    one = woocommerce("order.created", body, Delivery_ID="same")
    other = woocommerce("order.created", edited(body, id=728), Delivery_ID="same")
    again = woocommerce("order.created", body, Delivery_ID="another")
    assert event_of(one).id == event_of(again).id != event_of(other).id


def test_what_cannot_be_understood_is_rejected_with_the_reason(
    woocommerce: Send, payload: Payload
) -> None:
    order = payload("woocommerce_order_created")
    for topic, body, reason in [
        ("order.update", order, 'not one that Lagniappe reads; did you mean "order.updated"'),
        ("action.woocommerce_add_to_cart", b"{}", "not one that Lagniappe reads"),
        (None, order, "X-WC-Webhook-Topic is missing"),
        ("order.created", b"[]", "not a JSON object"),
        ("order.created", b'{"order": {"id": 1}}', "id is missing"),
        ("order.created", edited(order, status="on-hold", date_created_gmt="soon"), "ISO 8601"),
        ("order.deleted", b"{}", "id is missing"),
    ]:
        reading = woocommerce(topic, body)
        assert reading.events == ()
        assert reading.rejected is not None
        assert reason in reading.rejected.reason
        assert reading.rejected.body == body.decode()


def test_webhooks_doubled_and_in_any_order_end_alike(woocommerce: Send, payload: Payload) -> None:
    names = [name for name in TOPIC_OF if "guest" not in name]
    events = [event_of(woocommerce(TOPIC_OF[name], payload(name))) for name in names]
    body = edited(payload("woocommerce_order_refunded"), status="cancelled")
    events.append(event_of(woocommerce("order.updated", body)))
    world, transitions = run(events)
    expected, happened = rows(world), _of_the_order(transitions)
    assert [each.split(":")[0] for each in sorted(happened)] == [
        "order.cancelled",
        "order.paid",
        "order.placed",
        "order.refunded",
        "order.refunded",
        "order.shipped",
        "order.shipped",
    ]
    chance = random.Random(1)
    for _ in range(300):
        doubled = events * 2
        chance.shuffle(doubled)
        again, others = run(doubled)
        assert rows(again) == expected
        assert _of_the_order(others) == happened
        told = [one.id for one in others if one.type == "order.paid"]
        assert told == ["order.paid:woocommerce:727"]


def test_an_order_that_is_never_paid_tells_campaigns_nothing(
    woocommerce: Send, payload: Payload
) -> None:
    body = payload("woocommerce_order_created")
    cancelled = edited(body, status="cancelled", date_modified_gmt="2026-03-01T10:00:00")
    events = [event_of(woocommerce("order.created", body))]
    events.append(event_of(woocommerce("order.updated", cancelled)))
    world, transitions = run(events)
    assert not _of_the_order(transitions)
    assert world.customer.orders_count == 0


def _of_the_order(transitions: list[Transition]) -> set[str]:
    kinds = ("order.updated",)
    return {
        one.id for one in transitions if one.type.startswith("order.") and one.type not in kinds
    }


@given(st.sampled_from(sorted(TOPIC_OF)), st.data())
def test_any_junk_in_a_payload_is_an_event_or_rejected(
    woocommerce: Send, name: str, data: st.DataObject
) -> None:
    body = (Path(__file__).parent / "payloads" / f"{name}.json").read_bytes()
    reading = woocommerce(TOPIC_OF[name], mutated(body, data))
    assert len(reading.events) + (reading.rejected is not None) <= 1
    for event in reading.events:
        assert deserialize(serialize(event)) == event


@given(st.sampled_from([*TOPICS, "", "a.b"]), st.binary(max_size=100))
def test_any_bytes_are_an_event_or_rejected(woocommerce: Send, topic: str, body: bytes) -> None:
    reading = woocommerce(topic, body)
    assert len(reading.events) + (reading.rejected is not None) == 1
    assert reading.rejected is None or "\x00" not in reading.rejected.body
