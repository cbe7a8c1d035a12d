from __future__ import annotations

import hashlib
import hmac
import itertools
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.shop_life import at, event, lines, pieces, rows, run
from tests.triggers.junk import mutated
from triggers.event import Event, FulfilmentFacts, OrderFacts
from triggers.sources.carrier import STATUSES, Carrier
from triggers.sources.native import deserialize, serialize
from triggers.sources.reading import Reading

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
NEWS: dict[str, Any] = {
    "id": "news-77",
    "order_id": "shopify:1",
    "tracking_number": "RR 123456789 AT",
    "status": "out_for_delivery",
    "time": "2026-03-04T06:10:00Z",
    "carrier": "Austrian Post",
    "tracking_url": "https://post.example/RR123456789AT",
    "estimated_at": "2026-03-04T17:00:00Z",
}


def send(body: bytes, order_source: str | None = None) -> Reading:
    signature = hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    headers = {"X-Lagniappe-Signature": f"sha256={signature}"}
    source = Carrier(order_source=order_source)
    return source.read(headers, body, secrets=["secret"], received_at=NOW)


def read(**changed: Any) -> Event:
    reading = send(json.dumps(NEWS | changed).encode())
    assert reading.rejected is None
    [found] = reading.events
    assert deserialize(serialize(found)) == found
    return found


def test_news_of_a_parcel() -> None:
    found = read()
    assert (found.id, found.source, found.type) == ("news-77", "carrier", "order.out_for_delivery")
    assert found.order is not None
    assert (found.order.id, found.order.source, found.order.partial) == ("1", "shopify", True)
    [parcel] = found.order.fulfilments
    assert (parcel.status, parcel.carrier) == ("out_for_delivery", "Austrian Post")
    assert parcel.at == found.time == datetime(2026, 3, 4, 6, 10, tzinfo=UTC)
    bare = json.dumps(NEWS | {"order_id": 1}).encode()
    [named] = send(bare, order_source="shop").events
    assert named.order is not None
    assert (named.order.id, named.order.source) == ("1", "shop")


@pytest.mark.parametrize(
    ("word", "status", "kind"),
    [
        ("in_transit", "shipped", "order.shipped"),
        ("InTransit", "shipped", "order.shipped"),
        ("OUT FOR DELIVERY", "out_for_delivery", "order.out_for_delivery"),
        ("AttemptFail", "failed", "order.delivery_failed"),
        ("return_to_sender", "returned", "order.updated"),
        ("pre_transit", "pending", "order.updated"),
        ("lost", "lost", "order.lost"),
        ("Delivered", "delivered", "order.delivered"),
    ],
)
def test_statuses_of_many_services_are_one(word: str, status: str, kind: str) -> None:
    found = read(status=word)
    assert found.order is not None
    assert (found.order.fulfilments[0].status, found.type) == (status, kind)


def test_what_cannot_be_understood_is_rejected_with_the_reason() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"order_id": None}, "order_id is missing"),
        ({"tracking_number": ""}, "tracking_number is missing"),
        ({"status": "deliverd"}, 'did you mean "delivered"'),
        ({"order_id": "1"}, "names no source"),
        ({"time": "soon"}, "ISO 8601"),
        ({"time": "2026-03-04T06:10:00"}, "no offset"),
    ]
    for changed, reason in cases:
        reading = send(json.dumps(NEWS | changed).encode())
        assert reading.events == ()
        assert reading.rejected is not None
        assert reason in reading.rejected.reason
    assert send(b"[]").rejected is not None


def placed() -> Event:
    own = OrderFacts(id="1", placed_at=at(0), total=Decimal(30), lines=lines(2, 1))
    return event("order.placed", 0, order=own)


def packed(name: str, hours: float, number: str | None, inside: dict[str, int]) -> Event:
    parcel = FulfilmentFacts(
        id=name, status="shipped", at=at(hours), tracking_number=number, lines=pieces(inside)
    )
    part = OrderFacts(id="1", partial=True, fulfilments=(parcel,))
    return event("order.shipped", hours, name=f"{name}@{hours}", order=part)


def news(number: str, status: str, hours: float) -> Event:
    return read(
        id=f"{number}{status}", tracking_number=number, status=status, time=at(hours).isoformat()
    )


def happened(events: tuple[Event, ...] | list[Event]) -> list[str]:
    _, transitions = run(events)
    return sorted(
        one.type
        for one in transitions
        if one.type.startswith("order.") and one.type != "order.updated"
    )


def test_the_shops_parcel_and_the_carriers_are_one_whichever_is_told_first() -> None:
    events = [
        placed(),
        packed("F0", 10, "RR1", {"L0": 2}),
        packed("F1", 12, "rr-2", {"L1": 1}),
        news("R R1", "delivered", 40),
        news("RR2", "in_transit", 20),
        news("RR2", "delivered", 60),
    ]
    world, _ = run(events)
    expected = rows(world)
    [order] = world.orders.values()
    assert set(order.fulfilments) == {"F0", "F1"}
    assert order.facts["delivered"] == at(60)
    for shuffled in itertools.permutations(events):
        assert rows(run(shuffled)[0])["orders"] == expected["orders"]
        assert happened(shuffled) == [
            "order.delivered",
            "order.placed",
            "order.shipped",
            "order.shipped",
        ]


def test_a_number_that_the_shop_learns_later() -> None:
    events = [placed(), packed("F0", 10, None, {"L0": 2, "L1": 1}), news("RR1", "delivered", 40)]
    for shuffled in itertools.permutations(events):
        world, _ = run([*shuffled, packed("F0", 50, "RR1", {"L0": 2, "L1": 1})])
        [order] = world.orders.values()
        assert set(order.fulfilments) == {"F0"}
        assert order.facts["delivered"] == at(40)
        assert "delivered:F0" in order.facts


def test_of_parcels_that_only_carriers_know_all_must_arrive() -> None:
    first, second = news("RR1", "in_transit", 10), news("RR2", "in_transit", 11)
    one, other = news("RR1", "delivered", 40), news("RR2", "delivered", 60)
    world, _ = run([placed(), first, second, one])
    [order] = world.orders.values()
    assert "delivered" not in order.facts
    world, _ = run([placed(), first, second, one, other])
    [order] = world.orders.values()
    assert order.facts["delivered"] == at(60)
    world, _ = run([placed(), first, second, one, news("RR2", "lost", 60)])
    [order] = world.orders.values()
    assert order.facts["delivered"] == at(40)


def test_the_shops_mere_word_that_it_sent_the_order_waits_for_nothing() -> None:
    events = [placed(), packed("completed", 10, None, {}), news("RR1", "delivered", 40)]
    for shuffled in itertools.permutations(events):
        assert happened(shuffled).count("order.delivered") == 1


@given(st.data())
def test_any_junk_is_an_event_or_rejected(data: st.DataObject) -> None:
    reading = send(mutated(json.dumps(NEWS | {"lines": [{"line_id": 1}]}).encode(), data))
    assert len(reading.events) + (reading.rejected is not None) == 1
    for found in reading.events:
        assert deserialize(serialize(found)) == found


def test_every_word_is_written_as_it_is_compared() -> None:
    assert all(word.isalpha() and word.islower() for word in STATUSES)
