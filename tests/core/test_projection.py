"""The same reports end in the same state, in whatever order and however often they come."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.counters import share_of
from engine.core.projection import needs_complete, project, project_orphan
from engine.core.transition import Transition
from engine.core.world import World
from tests.core.shop_life import (
    CUSTOMER,
    at,
    customer_reports,
    event,
    lines,
    new_world,
    order_lives,
    pieces,
    rows,
    run,
    ticket_reports,
)
from triggers.event import (
    ConsentFact,
    ConsentStatus,
    CustomerFacts,
    Event,
    FulfilmentFacts,
    OrderFacts,
    RefundFacts,
    TicketFacts,
)

# The first event of a customer makes them known, whichever it is.
_FIRST = "customer.created"


def told(transitions: list[Transition]) -> set[tuple[str, object]]:
    return {(one.id, one.time) for one in transitions if one.type != _FIRST}


@given(life=order_lives(), data=st.data())
@settings(max_examples=300, deadline=None)
def test_an_order_is_the_same_in_whatever_order_it_is_told(
    life: list[Event], data: st.DataObject
) -> None:
    world, transitions = run(life)
    shuffled = data.draw(st.permutations(life * 2))
    again, others = run(shuffled)
    assert rows(again) == rows(world)
    assert told(others) == told(transitions)
    facts = [one.id for one in others if one.type not in ("order.updated", "customer.updated")]
    assert len(facts) == len(set(facts)), "each happens once"


@given(lives=st.tuples(order_lives("1"), order_lives("2"), order_lives("3")), data=st.data())
@settings(max_examples=60, deadline=None)
def test_counters_follow_from_the_orders(
    lives: tuple[list[Event], ...], data: st.DataObject
) -> None:
    events = list(itertools.chain(*lives))
    first, _ = run(events)
    world, _ = run(data.draw(st.permutations(events)))
    assert rows(world)["customer"] == rows(first)["customer"]
    shares = [share for order in world.orders.values() if (share := share_of(order))]
    customer = world.customer
    assert customer.orders_count == len(shares)
    assert customer.total_spent == sum((share.spent for share in shares), Decimal(0))
    moments = [share.at for share in shares if share.at is not None]
    assert customer.first_order_at == min(moments, default=None)
    assert customer.last_order_at == max(moments, default=None)


@given(reports=customer_reports(), data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_customer_is_the_same_in_whatever_order_they_are_told(
    reports: list[Event], data: st.DataObject
) -> None:
    world, _ = run(reports)
    again, _ = run(data.draw(st.permutations(reports * 2)))
    assert rows(again) == rows(world)


@given(reports=ticket_reports(), data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_ticket_is_the_same_in_whatever_order_it_is_told(
    reports: list[Event], data: st.DataObject
) -> None:
    world, _ = run(reports)
    again, _ = run(data.draw(st.permutations(reports * 2)))
    assert rows(again) == rows(world)
    is_open = again.tickets["zendesk:9"].status != "solved"
    assert again.customer.open_tickets == int(is_open)


@given(life=order_lives(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_what_an_order_without_customer_gathered_comes_out_with_the_customer(
    life: list[Event], data: st.DataObject
) -> None:
    whole, transitions = run(life)
    shuffled = data.draw(st.permutations(life))
    # Webhooks of parcels and refunds name no customer: until one does, the order is an orphan.
    naming = next(index for index, one in enumerate(shuffled) if one.customer is not None)
    orphan = None
    for one in shuffled[:naming]:
        orphan = project_orphan(orphan, one)
    world = new_world(shuffled[naming])
    if orphan is not None:
        world.orders[orphan.id] = orphan
    others = [found for one in shuffled[naming:] for found in project(world, one)]
    assert rows(world)["orders"] == rows(whole)["orders"]
    assert told(others) == told(transitions)
    assert "shopify:1" in world.changes.lines


@given(life=order_lives(), data=st.data())
@settings(max_examples=150, deadline=None)
def test_changes_name_what_changed_and_nothing_else(life: list[Event], data: st.DataObject) -> None:
    events = data.draw(st.permutations(life * 2))
    world = new_world(events[0])
    for one in events:
        before = rows(world)
        world.changes = type(world.changes)()
        project(world, one)
        after = rows(world)
        assert world.changes.customer == (before["customer"] != after["customer"])
        assert bool(world.changes.orders) == (before["orders"] != after["orders"])
        was = before["orders"].get("shopify:1", {}).get("lines", {})
        assert bool(world.changes.lines) == (was != after["orders"]["shopify:1"]["lines"])
        assert not world.changes.consents


def _types(transitions: list[Transition]) -> list[str]:
    return [one.type for one in transitions if one.type != _FIRST]


WHO = CustomerFacts(id="7")


def _order(kind: str, hours: float = 0, **own: object) -> Event:
    data = own.pop("data", {})
    return event(kind, hours, order=OrderFacts(id="1", **own), customer=WHO, data=data)  # type: ignore[arg-type]


def test_paid_is_one_event_however_many_webhooks_tell_it() -> None:
    paid = {"placed_at": at(0), "paid_at": at(1), "total": Decimal(20)}
    _, transitions = run(
        [
            _order("order.placed", 0, **paid),
            _order("order.paid", 1, **paid),
            _order("order.updated", 2, **paid),
        ]
    )
    assert _types(transitions) == ["order.placed", "order.paid", "order.updated"]
    paid_one = transitions[2]
    assert (paid_one.id, paid_one.time) == ("order.paid:shopify:1", at(1))


def test_the_type_alone_is_a_fact() -> None:
    world, transitions = run(
        [
            _order("order.paid", 1, total=Decimal(20)),
            _order("order.shipped", 2, data={"tracking_number": "T1"}),
            _order("order.delivered", 5),
            _order("order.refunded", 9),
        ]
    )
    assert _types(transitions) == [
        "order.paid",
        "order.shipped",
        "order.delivered",
        "order.refunded",
    ]
    shipped, refunded = transitions[2], transitions[4]
    assert shipped.data["tracking_number"] == "T1"
    assert refunded.data["full"] is True
    assert world.customer.total_spent == 0
    assert world.customer.orders_count == 1


def test_naming_an_order_changes_nothing_but_whose_it_is() -> None:
    named = OrderFacts(id="1", partial=True)
    world, transitions = run([event("message.opened", 2, order=named)])
    (order,) = world.orders.values()
    assert (order.customer_id, order.known) == (CUSTOMER, False)
    assert world.changes.orders == {order.id}
    assert [one.order_id for one in transitions if one.type != _FIRST] == [order.id]
    project(world, event("order.placed", 1, order=OrderFacts(id="1", total=Decimal(20))))
    before = rows(world)
    world.changes.orders = frozenset()
    project(world, event("message.clicked", 3, order=named))
    assert rows(world) == before
    assert not world.changes.orders


def test_a_partial_report_waits_for_the_order_itself() -> None:
    parcel = FulfilmentFacts(id="F", status="shipped", at=at(3))
    early = event("order.shipped", 3, order=OrderFacts(id="1", partial=True, fulfilments=(parcel,)))
    world = new_world(early)
    assert _types(project(world, early)) == []
    assert world.customer.orders_count == 0
    placed = _order("order.placed", 0, placed_at=at(0), total=Decimal(5))
    late = project(world, placed)
    assert [(one.type, one.time) for one in late] == [
        ("order.placed", at(0)),
        ("order.shipped", at(3)),
    ]


def test_a_report_of_an_old_order_tells_when_it_was_placed() -> None:
    _, transitions = run([_order("order.updated", 9000, placed_at=at(0), total=Decimal(5))])
    placed = [one for one in transitions if one.type == "order.placed"]
    assert [one.time for one in placed] == [at(0)]


def _parcel(name: str, status: str, hours: float, inside: dict[str, int]) -> Event:
    parcel = FulfilmentFacts(id=name, status=status, at=at(hours), lines=pieces(inside))  # type: ignore[arg-type]
    part = OrderFacts(id="1", partial=True, fulfilments=(parcel,))
    kind = "order.delivered" if status == "delivered" else "order.shipped"
    return event(kind, hours, name=f"{name}{status}", order=part)


def _placed() -> Event:
    return _order("order.placed", 0, placed_at=at(0), total=Decimal(30), lines=lines(2, 1))


def test_an_order_is_delivered_when_its_last_piece_is() -> None:
    first = _parcel("F0", "delivered", 20, {"L0": 1})
    second = _parcel("F1", "delivered", 40, {"L0": 1, "L1": 1})
    for events in itertools.permutations([_placed(), first, second]):
        world, transitions = run(events)
        delivered = [one for one in transitions if one.type == "order.delivered"]
        assert [one.time for one in delivered] == [at(40)]
        assert delivered[0].data["fulfilment_id"] == "F1"
        assert world.orders["shopify:1"].facts["delivered"] == at(40)


def _refund(inside: dict[str, int], *, returned: bool, hours: float = 50) -> Event:
    refund = RefundFacts(
        id="R", amount=Decimal(10), at=at(hours), returned=returned, lines=pieces(inside)
    )
    part = OrderFacts(id="1", partial=True, refunds=(refund,))
    return event("order.refunded", hours, name=f"R{returned}", order=part)


def test_a_piece_refunded_instead_of_sent_is_not_waited_for() -> None:
    sent = _parcel("F0", "delivered", 20, {"L0": 2})
    cancelled = _refund({"L1": 1}, returned=False)
    for events in itertools.permutations([_placed(), sent, cancelled]):
        _, transitions = run(events)
        assert [one.time for one in transitions if one.type == "order.delivered"] == [at(20)]


def test_a_refunded_piece_that_is_on_its_way_is_waited_for() -> None:
    sent = _parcel("F0", "delivered", 20, {"L0": 2})
    on_its_way = _parcel("F1", "shipped", 30, {"L1": 1})
    goodwill = _refund({"L1": 1}, returned=False, hours=31)
    _, transitions = run([_placed(), on_its_way, goodwill, sent])
    assert "order.delivered" not in _types(transitions)
    _, transitions = run([_placed(), on_its_way, goodwill, sent, _parcel("F1", "lost", 60, {})])
    assert "order.delivered" in _types(transitions), "a lost parcel is not waited for"


def test_an_order_is_returned_when_every_piece_is_back() -> None:
    a_part = _refund({"L0": 2}, returned=True, hours=50)
    assert a_part.order is not None
    rest = RefundFacts(id="R2", at=at(60), returned=True, lines=pieces({"L1": 1}))
    later = event("order.refunded", 60, order=OrderFacts(id="1", partial=True, refunds=(rest,)))
    _, transitions = run([_placed(), a_part])
    assert "order.returned" not in _types(transitions)
    for events in itertools.permutations([_placed(), a_part, later]):
        _, transitions = run(events)
        assert [one.time for one in transitions if one.type == "order.returned"] == [at(60)]


def test_only_events_that_may_move_the_first_or_last_order_need_all_of_them() -> None:
    assert needs_complete(_order("order.cancelled", 3))
    assert needs_complete(_order("order.updated", 3, cancelled_at=at(2)))
    assert needs_complete(_order("order.updated", 3, is_test=True))
    assert not needs_complete(_order("order.updated", 3, is_test=False))
    assert not needs_complete(event("survey.answered"))


def test_an_incomplete_world_keeps_what_it_cannot_know() -> None:
    world, _ = run([_order("order.placed", 5, placed_at=at(5), total=Decimal(5))])
    world.is_new = world.complete = False
    world.customer.orders_count, world.customer.first_order_at = 2, at(1)
    project(world, _order("order.cancelled", 6))
    assert world.customer.orders_count == 1
    assert world.customer.first_order_at == at(1)


def test_an_event_that_only_names_an_order_makes_none() -> None:
    answered = event(
        "survey.answered", 5, order=OrderFacts(id="1"), customer=WHO, data={"score": 9}
    )
    world, transitions = run([answered])
    assert world.orders == {}
    (one,) = (each for each in transitions if each.type != _FIRST)
    assert (one.order_id, one.data, one.id) == (
        "shopify:1",
        {"score": 9},
        "shopify:survey.answered@5",
    )


def _consent_world() -> World:
    world = new_world(event("customer.created"))
    world.customer.email = "ada@example.com"
    world.customer.phone = "+436601234567"
    return world


@pytest.mark.parametrize("kind", ["customer.subscribed", "customer.unsubscribed"])
def test_what_is_told_of_one_channel_says_nothing_of_another(kind: str) -> None:
    world = _consent_world()
    before = dict(world.consents)
    status: ConsentStatus = "subscribed" if kind == "customer.subscribed" else "unsubscribed"
    told = CustomerFacts(consent={"sms": ConsentFact(status=status)})
    project(world, event(kind, 1, customer=told))
    changed = {key for key, consent in world.consents.items() if before.get(key) != consent}
    assert {channel for channel, _ in changed} == {"sms"}


def test_a_subscription_without_consent_facts_is_one_to_email() -> None:
    world = _consent_world()
    subscribed = event("customer.subscribed", 1, customer=WHO)
    transitions = [*project(world, subscribed), *project(world, subscribed)]
    assert [one.id for one in transitions if one.type == "customer.subscribed"] == [
        f"customer.subscribed:{CUSTOMER}:email:{int(at(1).timestamp()) * 1_000_000}"
    ]
    by_sms = event("customer.unsubscribed", 2, customer=WHO, data={"channel": "sms"})
    (change,) = project(world, by_sms)
    assert change.data == {"channel": "sms"}
    assert world.consents[("email", "ada@example.com")].status == "subscribed"
    assert world.consents[("sms", "+436601234567")].status == "unsubscribed"


def test_a_late_permission_does_not_outweigh_a_withdrawal() -> None:
    world = _consent_world()
    project(world, event("customer.unsubscribed", 5, customer=WHO))
    late = project(world, event("customer.subscribed", 4, customer=WHO))
    assert late == []
    assert world.consents[("email", "ada@example.com")].status == "unsubscribed"


def test_a_ticket_tells_its_turns_once() -> None:
    def report(kind: str, hours: float) -> Event:
        return event(kind, hours, customer=WHO, ticket=_ticket_of(kind))

    events = [
        report("ticket.opened", 1),
        report("ticket.solved", 2),
        report("ticket.solved", 2),
        report("ticket.reopened", 3),
        report("ticket.solved", 2.5),  # late: nothing new
        report("ticket.solved", 4),
        report("ticket.rated", 5),
        report("ticket.rated", 5),
    ]
    world, transitions = run(events)
    assert [(one.type, one.time) for one in transitions if one.type != _FIRST] == [
        ("ticket.opened", at(1)),
        ("ticket.solved", at(2)),
        ("ticket.reopened", at(3)),
        ("ticket.solved", at(4)),
        ("ticket.rated", at(5)),
    ]
    assert world.customer.open_tickets == 0
    assert world.tickets["shopify:9"].order_id == "shopify:1001"


def _ticket_of(kind: str) -> TicketFacts:
    return TicketFacts(
        id="9", rating=5 if kind == "ticket.rated" else None, order_id="shopify:1001"
    )


def test_a_corrected_tracking_number_stays_corrected() -> None:
    def told(number: str, version: float) -> Event:
        parcel = FulfilmentFacts(id="F", status="shipped", at=at(3), tracking_number=number)
        part = OrderFacts(id="1", partial=True, updated_at=at(version), fulfilments=(parcel,))
        return event("order.shipped", 3, name=number, order=part)

    for events in itertools.permutations([_placed(), told("Z-wrong", 3), told("A-right", 4)]):
        world, transitions = run(events)
        assert world.orders["shopify:1"].fulfilments["F"].tracking_number == "A-right"
        assert _types(transitions).count("order.shipped") == 1
