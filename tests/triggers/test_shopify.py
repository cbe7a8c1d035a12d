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

from tests.triggers.junk import mutated
from triggers.event import Event, OrderFacts
from triggers.sources import shopify_facts
from triggers.sources.native import deserialize, serialize
from triggers.sources.reading import Reading
from triggers.sources.shopify import TOPICS

Send = Callable[..., Reading]
Payload = Callable[[str], bytes]

TOPIC_OF = {
    "shopify_order_create": "orders/create",
    "shopify_order_guest": "orders/create",
    "shopify_order_updated": "orders/updated",
    "shopify_order_cancelled": "orders/cancelled",
    "shopify_fulfillment_create": "fulfillments/create",
    "shopify_fulfillment_update": "fulfillments/update",
    "shopify_refund_create": "refunds/create",
    "shopify_dispute_create": "disputes/create",
    "shopify_customer_update": "customers/update",
    "shopify_email_consent_update": "customers_email_marketing_consent/update",
}


def at(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=UTC)


def event_of(reading: Reading) -> Event:
    assert reading.rejected is None
    [event] = reading.events
    assert event.source == "shopify"
    assert deserialize(serialize(event)) == event
    return event


def order_of(event: Event) -> OrderFacts:
    assert event.order is not None
    return event.order


def edited(body: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(body), **fields}).encode()


def test_an_order_is_told_in_the_shops_currency(shopify: Send, payload: Payload) -> None:
    event = event_of(shopify("orders/create", payload("shopify_order_create"), Event_Id="e1"))
    order = order_of(event)
    assert (event.id, event.type, event.time) == ("orders/create:e1", "order.placed", at(1, 9))
    assert (order.id, order.number, order.currency) == ("5500000000001", "#1001", "EUR")
    assert (order.total, order.shipping, order.tax) == tuple(
        map(Decimal, ("47.90", "4.90", "7.98"))
    )
    assert order.discount_codes == ("WELCOME5",)
    assert order.is_gift is True
    assert order.is_test is False
    assert not order.partial
    assert order.lines is not None
    assert [(line.sku, line.quantity, line.price) for line in order.lines] == [
        ("LAV-100", 2, Decimal("12.00")),
        ("CED-100", 1, Decimal("24.00")),
    ]
    customer = event.customer
    assert customer is not None
    assert (customer.id, customer.email_verified) == ("7310000000001", True)
    assert (customer.locale, customer.country) == ("de-AT", "AT")
    assert customer.tags == ("vip", "newsletter")
    assert customer.consent["email"].status == "subscribed"
    assert customer.consent["email"].at == datetime(2026, 2, 27, 17, 2, 11, tzinfo=UTC)
    assert "sms" not in customer.consent


def test_a_bare_order_of_nobody_is_read(shopify: Send, payload: Payload) -> None:
    event = event_of(shopify("orders/create", payload("shopify_order_guest")))
    order = order_of(event)
    assert event.customer is None
    assert (order.id, order.total, order.is_test) == ("5500000000002", Decimal(19), True)
    assert order.paid_at is None
    assert order.lines is not None
    assert (order.lines[0].product_id, order.lines[0].quantity) == (None, 1)


def test_a_guests_address_is_not_verified(shopify: Send, payload: Payload) -> None:
    body = edited(payload("shopify_order_guest"), email="gast@example.com", phone="+43660")
    customer = event_of(shopify("orders/create", body)).customer
    assert customer is not None
    assert (customer.id, customer.email, customer.phone) == (None, "gast@example.com", "+43660")
    assert not customer.email_verified
    assert customer.consent == {}


def test_an_accounts_permission_never_moves_to_the_orders_address(
    shopify: Send, payload: Payload
) -> None:
    account = json.loads(payload("shopify_customer_update"))
    account.update(email=None, phone=None)
    account["email_marketing_consent"]["state"] = "subscribed"
    body = edited(payload("shopify_order_create"), customer=account, phone="+43999")
    customer = event_of(shopify("orders/create", body)).customer
    assert customer is not None
    assert (customer.email, customer.phone) == ("anna.huber@example.com", "+43999")
    assert customer.consent == {}
    assert not customer.email_verified


def test_every_webhook_of_an_order_tells_the_same_facts_the_same(
    shopify: Send, payload: Payload
) -> None:
    """Whatever arrives, doubled and in whatever order, the facts keyed by id are equal."""
    names = [name for name in TOPIC_OF if "guest" not in name and "cancelled" not in name]
    webhooks = [(TOPIC_OF[name], payload(name)) for name in names] * 2
    webhooks += [("orders/paid", payload("shopify_order_create"))]

    def facts(order: list[tuple[str, bytes]]) -> dict[tuple[str, ...], Any]:
        known: dict[tuple[str, ...], Any] = {}
        for topic, body in order:
            event = event_of(shopify(topic, body, Event_Id=f"id of {body[:99]!r}"[:60]))
            known["event", event.id] = event
            if event.order is None:
                continue
            for parcel in event.order.fulfilments:
                kept = known.setdefault(("parcel", parcel.id, parcel.status), parcel)
                assert kept == parcel
            for refund in event.order.refunds:
                assert known.setdefault(("refund", refund.id), refund) == refund
            if event.order.paid_at:
                paid = known.setdefault(("paid", event.order.id), event.order.paid_at)
                assert paid == event.order.paid_at
        return known

    straight = facts(webhooks)
    for seed in range(10):
        shuffled = webhooks.copy()
        random.Random(seed).shuffle(shuffled)
        assert facts(shuffled) == straight


def test_paid_is_told_by_every_later_financial_status(shopify: Send, payload: Payload) -> None:
    body = payload("shopify_order_create")
    for status in ("paid", "partially_refunded", "refunded"):
        order = order_of(event_of(shopify("orders/updated", edited(body, financial_status=status))))
        assert order.paid_at == at(1, 8, 59, 58)
    for unpaid in ("pending", "authorized", "partially_paid", "voided", "expired", None):
        order = order_of(event_of(shopify("orders/updated", edited(body, financial_status=unpaid))))
        assert order.paid_at is None
    terms = {"payment_schedules": [{"completed_at": "2026-03-05T10:00:00Z"}]}
    order = order_of(event_of(shopify("orders/paid", edited(body, payment_terms=terms))))
    assert order.paid_at == at(5, 10)


@pytest.mark.parametrize(
    ("status", "shipment", "kind", "parcel", "moment"),
    [
        ("success", None, "order.shipped", "shipped", at(2, 7)),
        ("success", "label_printed", "order.updated", "pending", at(2, 7)),
        ("success", "in_transit", "order.shipped", "shipped", at(2, 7)),
        ("success", "out_for_delivery", "order.out_for_delivery", "out_for_delivery", None),
        ("success", "attempted_delivery", "order.delivery_failed", "failed", None),
        ("success", "failure", "order.delivery_failed", "failed", None),
        ("success", "delayed", "order.delayed", "delayed", None),
        ("success", "delivered", "order.delivered", "delivered", None),
        ("success", "a_word_of_2027", "order.shipped", "shipped", at(2, 7)),
        ("cancelled", "in_transit", "order.updated", "cancelled", None),
        ("pending", None, "order.updated", "pending", at(2, 7)),
        ("error", None, "order.updated", "cancelled", None),
    ],
)
def test_a_fulfilments_two_statuses_give_one(
    shopify: Send,
    payload: Payload,
    status: str,
    shipment: str | None,
    kind: str,
    parcel: str,
    moment: datetime | None,
) -> None:
    body = edited(payload("shopify_fulfillment_update"), status=status, shipment_status=shipment)
    event = event_of(shopify("fulfillments/update", body))
    order = order_of(event)
    [facts] = order.fulfilments
    assert (event.type, facts.status) == (kind, parcel)
    assert event.time == facts.at == (moment or at(4, 13, 30))
    assert order.partial
    assert order.total is None
    assert [(line.line_id, line.quantity) for line in facts.lines] == [("14100000000001", 2)]


def test_a_refund_is_counted_in_the_shops_currency(shopify: Send, payload: Payload) -> None:
    body = payload("shopify_refund_create")
    event = event_of(shopify("refunds/create", body))
    order = order_of(event)
    [refund] = order.refunds
    assert (event.type, order.partial, refund.returned) == ("order.refunded", True, True)
    assert (refund.amount, refund.at) == (Decimal("24.00"), at(6, 10))
    assert (refund.lines[0].quantity, refund.lines[0].amount) == (1, Decimal("24.00"))


def test_only_money_that_moved_counts_as_refunded(shopify: Send, payload: Payload) -> None:
    body = payload("shopify_refund_create")
    [paid] = json.loads(body)["transactions"]

    def amount(transactions: Any, **fields: Any) -> Decimal | None:
        changed = edited(body, transactions=transactions, **fields)
        return order_of(event_of(shopify("refunds/create", changed))).refunds[0].amount

    assert amount([]) == 0
    assert amount(None) is None
    assert amount([paid, {**paid, "status": "failure"}]) == 24
    assert amount([paid, {**paid, "kind": "void"}]) == 24
    assert amount([paid, {**paid, "amount": "10.00", "currency": "EUR"}]) == 34
    set_ = {"shop_money": {"amount": "23.99"}}
    assert amount([{**paid, "amount_set": set_}]) == Decimal("23.99")
    # Shipping only: the rate is that of the adjustment.
    money = {
        "shop_money": {"amount": "-4.90", "currency_code": "EUR"},
        "presentment_money": {"amount": "-5.39", "currency_code": "USD"},
    }
    adjustments = [{"kind": "shipping_refund", "amount": "-4.90", "amount_set": money}]
    shipping = [{**paid, "amount": "5.39"}]
    got = amount(shipping, refund_line_items=[], order_adjustments=adjustments)
    assert got == Decimal("4.90")
    assert amount([{**paid, "currency": "EUR"}], refund_line_items=[]) == Decimal("26.40")


def test_a_cancellation_and_a_dispute(shopify: Send, payload: Payload) -> None:
    event = event_of(shopify("orders/cancelled", payload("shopify_order_cancelled")))
    order = order_of(event)
    assert (event.type, event.time, order.cancel_reason) == (
        "order.cancelled",
        at(1, 11),
        "customer",
    )
    assert order.cancelled_at == at(1, 11)
    assert not order.refunds[0].returned
    event = event_of(shopify("disputes/create", payload("shopify_dispute_create")))
    order = order_of(event)
    assert (event.type, order.dispute_id, order.partial) == ("order.disputed", "285000000001", True)
    assert event.time == order.disputed_at == at(8, 0)


def test_consent_changes_are_facts(shopify: Send, payload: Payload) -> None:
    customer = event_of(shopify("customers/update", payload("shopify_customer_update"))).customer
    assert customer is not None
    assert customer.consent["email"].status == "unsubscribed"
    assert customer.consent["sms"].status == "subscribed"
    assert customer.consent["sms"].at == at(9, 6)
    body = payload("shopify_email_consent_update")
    customer = event_of(shopify("customers_email_marketing_consent/update", body)).customer
    assert customer is not None
    assert (customer.id, customer.consent["email"].status) == ("7310000000001", "unsubscribed")
    assert customer.consent["email"].at == at(10, 6)


@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("subscribed", "subscribed"),
        ("SUBSCRIBED", "subscribed"),
        ("pending", "pending"),
        ("unsubscribed", "unsubscribed"),
        ("redacted", "unsubscribed"),
        ("invalid", "unsubscribed"),
    ],
)
@pytest.mark.parametrize("level", ["single_opt_in", "confirmed_opt_in", "unknown", None])
@pytest.mark.parametrize("dated", [True, False])
def test_marketing_consent_with_its_level_and_time(
    shopify: Send,
    payload: Payload,
    channel: str,
    state: str,
    status: str,
    level: str | None,
    dated: bool,
) -> None:
    told = {"state": state, "opt_in_level": level,
            "consent_updated_at": "2026-03-01T10:00:00+01:00" if dated else None}  # fmt: skip
    plain = {"email_marketing_consent": None, "sms_marketing_consent": None}
    consents = {**plain, f"{channel}_marketing_consent": told}
    body = edited(payload("shopify_customer_update"), created_at="2026-01-02T00:00:00Z", **consents)
    customer = event_of(shopify("customers/update", body)).customer
    assert customer is not None
    assert set(customer.consent) == {channel}
    (fact,) = customer.consent.values()
    assert fact.status == status
    if dated:
        assert fact.at == at(1, 9)
    else:
        # A permission without its time never outweighs a withdrawal; a withdrawal counts from now.
        created = datetime(2026, 1, 2, tzinfo=UTC)
        assert fact.at == (None if status == "unsubscribed" else created)
    assert (level or "unknown") in (fact.proof or "")
    assert (state in (fact.proof or "")) == (state in ("redacted", "invalid"))


@pytest.mark.parametrize("topic", ["orders/create", "orders/updated"])
def test_a_tick_at_the_checkout_alone_permits_nothing(
    shopify: Send, payload: Payload, topic: str
) -> None:
    account = json.loads(payload("shopify_order_create"))["customer"]
    account |= {"email_marketing_consent": None, "sms_marketing_consent": None,
                "accepts_marketing": True}  # fmt: skip
    for name, fields in (
        ("shopify_order_create", {"customer": account}),
        ("shopify_order_guest", {"email": "guest@example.com"}),
    ):
        body = edited(payload(name), buyer_accepts_marketing=True, **fields)
        customer = event_of(shopify(topic, body)).customer
        assert customer is not None
        assert customer.consent == {}


@pytest.mark.parametrize("state", ["not_subscribed", "nonsense", None])
def test_nobodys_decision_is_no_consent_fact(
    shopify: Send, payload: Payload, state: str | None
) -> None:
    body = edited(payload("shopify_customer_update"), email_marketing_consent={"state": state})
    customer = event_of(shopify("customers/update", body)).customer
    assert customer is not None
    assert "email" not in customer.consent


def test_ids_are_scoped_by_topic_and_fall_back(shopify: Send, payload: Payload) -> None:
    body = payload("shopify_order_create")

    def identity(topic: str, sent: bytes, **headers: str) -> str:
        return event_of(shopify(topic, sent, **headers)).id

    both = {"Event_Id": "e1", "Webhook_Id": "w1"}
    assert identity("orders/create", body, **both) == "orders/create:e1"
    assert identity("orders/paid", body, **both) == "orders/paid:e1"
    assert identity("orders/paid", body, Webhook_Id="w1") == "orders/paid:w1"
    assert identity("orders/paid", body) == identity("orders/paid", body)
    assert identity("orders/paid", body) != identity("orders/paid", body + b" ")


def test_what_cannot_be_understood_is_rejected_with_the_reason(
    shopify: Send, payload: Payload
) -> None:
    order = payload("shopify_order_create")
    for topic, body, reason in [
        ("orders/creat", order, 'not one that Lagniappe reads; did you mean "orders/create"'),
        ("shop/redact", b"{}", "not one that Lagniappe reads"),
        (None, order, "X-Shopify-Topic is missing"),
        ("orders/create", b"[]", "not a JSON object"),
        ("orders/create", b"{", "not a JSON object"),
        ("orders/create", b"{}", "id is missing"),
        ("orders/create", edited(order, created_at="soon"), "ISO 8601"),
        ("refunds/create", b'{"id": 1}', "order_id is missing"),
        ("disputes/create", b'{"id": 1, "initiated_at": null}', "initiated_at is missing"),
    ]:
        reading = shopify(topic, body, Event_Id="e9")
        assert reading.events == ()
        assert reading.rejected is not None
        assert reason in reading.rejected.reason
        assert reading.rejected.body == body.decode()
        assert reading.rejected.id == f"{topic or ''}:e9"


def test_a_missing_time_is_when_shopify_sent_it(shopify: Send, payload: Payload) -> None:
    body = edited(payload("shopify_customer_update"), updated_at=None)
    sent = event_of(
        shopify("customers/update", body, Triggered_At="2026-03-10T08:00:00.123456789Z")
    )
    assert sent.time == at(10, 8).replace(microsecond=123456)
    assert event_of(shopify("customers/update", body)).time == at(10, 12)


_NAMES = sorted(TOPIC_OF)


@given(st.sampled_from(_NAMES), st.data())
def test_any_junk_in_a_real_payload_is_an_event_or_rejected(
    shopify: Send, name: str, data: st.DataObject
) -> None:
    body = (Path(__file__).parent / "payloads" / f"{name}.json").read_bytes()
    reading = shopify(TOPIC_OF[name], mutated(body, data))
    assert len(reading.events) + (reading.rejected is not None) == 1
    for event in reading.events:
        assert deserialize(serialize(event)) == event


@given(st.sampled_from([*TOPICS, "", "a/b"]), st.binary(max_size=100))
def test_any_bytes_are_an_event_or_rejected(shopify: Send, topic: str, body: bytes) -> None:
    reading = shopify(topic, body)
    assert len(reading.events) + (reading.rejected is not None) == 1
    assert reading.rejected is None or "\x00" not in reading.rejected.body


def test_an_address_tells_its_state_and_postal_code() -> None:
    address = {"country_code": "US", "province_code": "IN", "zip": "46320"}
    told = shopify_facts.customer({"id": 1, "default_address": address})
    place = {"country": "US", "region": "IN", "postal_code": "46320"}
    assert {name: told.get(name) for name in place} == place
    ordered = shopify_facts.order_customer({"email": "a@example.com", "shipping_address": address})
    assert ordered is not None
    assert {name: ordered.get(name) for name in place} == place
    nowhere = shopify_facts.customer({"id": 1, "default_address": {"province_code": "IN"}})
    assert not nowhere.keys() & place.keys(), "a state without its country says nothing"
