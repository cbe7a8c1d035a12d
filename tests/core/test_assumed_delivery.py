"""What counts as delivered without anybody's word, and what the carrier's word does to it."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.assumed_delivery import ASSUMED, DeliveryRules, undelivered_since
from engine.core.customer import Order
from engine.core.projection import project
from engine.core.transition import Transition
from engine.core.world import World
from tests.core.shop_life import at, event, lines, order_lives, pieces, rows, run
from triggers.event import Event, FulfilmentFacts, OrderFacts, RefundFacts

DAY = timedelta(days=1)


def placed() -> Event:
    own = OrderFacts(id="1", placed_at=at(0), total=Decimal(30), lines=lines(2, 1))
    return event("order.placed", 0, order=own)


def parcel(name: str, status: str, hours: float, inside: dict[str, int], **more: Any) -> Event:
    told = FulfilmentFacts(id=name, status=status, at=at(hours), lines=pieces(inside), **more)  # type: ignore[arg-type]
    part = OrderFacts(id="1", partial=True, fulfilments=(told,))
    return event("order.updated", hours, name=f"{name}{status}{hours}", order=part)


def both() -> list[Event]:
    """Two parcels that hold the whole order."""
    return [
        placed(),
        parcel("F0", "shipped", 10, {"L0": 2}),
        parcel("F1", "shipped", 30, {"L1": 1}),
    ]


def order_of(world: World) -> Order:
    [order] = world.orders.values()
    return order


def assumption(order: Order, hours: float = 400) -> Event:
    since = undelivered_since(order)
    assert since is not None
    return assumed(since.isoformat(), hours)


def assumed(since: str, hours: float = 400) -> Event:
    part = OrderFacts(id="1", source="shopify", partial=True)
    data = {"assumed": True, "since": since}
    return event("order.delivered", hours, source="lagniappe", order=part, data=data)


def delivered(transitions: list[Transition]) -> list[Transition]:
    return [one for one in transitions if one.type == "order.delivered"]


@pytest.mark.parametrize(
    ("more", "since"),
    [
        ([], 30),
        ([parcel("F0", "delivered", 50, {"L0": 2})], 30),
        ([parcel("F1", "out_for_delivery", 60, {"L1": 1})], 60),
        ([parcel("F1", "delayed", 60, {"L1": 1})], 60),
        ([parcel("F1", "delayed", 60, {"L1": 1}, estimated_at=at(200))], 200),
        ([parcel("F1", "failed", 60, {"L1": 1})], None),
        (
            [
                parcel("F1", "failed", 60, {"L1": 1}),
                parcel("F1", "out_for_delivery", 80, {"L1": 1}),
            ],
            80,
        ),
        ([parcel("F1", "lost", 60, {"L1": 1})], None),
        ([parcel("F1", "returned", 60, {"L1": 1})], None),
        ([parcel("F1", "cancelled", 60, {"L1": 1})], None),  # its piece is still in the house
        ([parcel("F2", "pending", 60, {"L1": 1})], None),
        ([event("order.cancelled", 60, order=OrderFacts(id="1", partial=True))], None),
        ([event("order.disputed", 60, order=OrderFacts(id="1", partial=True))], None),
        ([event("order.returned", 60, order=OrderFacts(id="1", partial=True))], None),
        ([event("order.refunded", 60, order=OrderFacts(id="1", partial=True))], None),
        (
            [
                event(
                    "order.refunded",
                    60,
                    order=OrderFacts(
                        id="1", partial=True, refunds=(RefundFacts(id="R", amount=Decimal(3)),)
                    ),
                )
            ],
            30,
        ),
        (
            [
                parcel("F0", "delivered", 50, {"L0": 2}),
                parcel("F1", "delivered", 70, {"L1": 1}),
            ],
            None,
        ),
    ],
)
def test_an_order_waits_only_while_nothing_but_its_arrival_is_missing(
    more: list[Event], since: float | None
) -> None:
    for events in itertools.permutations([*both(), *more]):
        order = order_of(run(events)[0])
        assert undelivered_since(order) == (None if since is None else at(since))


def test_an_order_of_which_a_piece_has_not_left_is_not_waited_for() -> None:
    world, _ = run([placed(), parcel("F0", "shipped", 10, {"L0": 2})])
    assert undelivered_since(order_of(world)) is None
    unknown, _ = run([parcel("F0", "shipped", 10, {})])
    assert undelivered_since(order_of(unknown)) is None  # nobody knows the order yet


def test_an_assumption_is_told_once_and_says_what_it_is() -> None:
    world, _ = run(both())
    word = assumption(order_of(world))
    [told] = delivered(project(world, word))
    assert (told.id, told.time) == ("order.delivered:shopify:1", at(400))
    assert (told.data["assumed"], told.data["fulfilment_id"]) == (True, "F1")
    assert "since" not in told.data
    assert ASSUMED in order_of(world).facts
    assert undelivered_since(order_of(world)) is None
    assert not delivered(project(world, word))
    assert not delivered(project(world, replace(word, id="again")))


def test_the_carriers_word_takes_its_place_and_triggers_nothing() -> None:
    late = [parcel("F0", "delivered", 50, {"L0": 2}), parcel("F1", "delivered", 500, {"L1": 1})]
    world, _ = run(both())
    word = assumption(order_of(world))
    assert len(delivered(project(world, word))) == 1
    for one in late:
        assert not delivered(project(world, one))
    assert order_of(world).facts["delivered"] == at(500)
    assert ASSUMED not in order_of(world).facts
    straight, transitions = run([*both(), *late, word])
    assert rows(straight)["orders"] == rows(world)["orders"]
    [told] = delivered(transitions)
    assert told.data["assumed"] is False


@pytest.mark.parametrize("status", ["failed", "lost", "returned", "delayed", "out_for_delivery"])
def test_any_news_meanwhile_makes_the_assumption_void(status: str) -> None:
    world, _ = run(both())
    word = assumption(order_of(world))
    project(world, parcel("F1", status, 399, {"L1": 1}))
    assert not delivered(project(world, word))
    assert "delivered" not in order_of(world).facts


@given(life=order_lives(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_an_order_arrives_once_whenever_it_is_assumed(
    life: list[Event], data: st.DataObject
) -> None:
    """An assumption at any point changes nothing of where the real reports lead."""
    straight, _ = run(life)
    where = data.draw(st.integers(1, len(life)))
    world, transitions = run(life[:where])
    since = undelivered_since(order_of(world)) if world.orders else None
    if since is not None:
        order_id = order_of(world).id.partition(":")[2]
        part = OrderFacts(id=order_id, source="shopify", partial=True)
        word = replace(assumed(since.isoformat(), 10_000), order=part)
        transitions += project(world, word)
        assert len(delivered(transitions)) == 1
    for one in life[where:]:
        transitions += project(world, one)
    assert len(delivered(transitions)) <= 1
    facts, expected = order_of(world).facts, order_of(straight).facts
    if ASSUMED not in facts:
        assert facts == expected
        assert rows(world)["orders"] == rows(straight)["orders"]
    else:
        assert "delivered" not in expected


def test_rules_differ_by_country() -> None:
    rules = DeliveryRules(after=14 * DAY, by_country={"AU": 28 * DAY, "AT": 5 * DAY})
    spans = [rules.span(country) for country in ("AU", "at", "US", None)]
    assert spans == [28 * DAY, 5 * DAY, 14 * DAY, 14 * DAY]
    assert rules.shortest == 5 * DAY
    assert DeliveryRules().shortest is None
    assert DeliveryRules(by_country={"AU": DAY}).span("US") is None
