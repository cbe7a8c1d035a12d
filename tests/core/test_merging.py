"""Two customers become one: everything moves, nothing doubles, nothing widens."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.context import Context
from engine.core.customer import Consent, Customer
from engine.core.decision import DecisionKind
from engine.core.guards import GuardRules
from engine.core.merging import merge_worlds
from engine.core.message import Message, MessageStatus
from engine.core.projection import project
from engine.core.world import Contact, Journey, JourneyStatus, Waiting, World
from engine.programs.program import Programs
from tests.core.shop import Volume
from tests.core.shop_life import at, customer_reports, order_lives, ticket_reports
from triggers.event import Event

NOW = at(500)


def context() -> Context:
    rules = GuardRules(
        store_zone=ZoneInfo("UTC"), zones={}, quiet={}, caps=(), min_gap=None, max_lateness={}
    )
    return Context(now=NOW, rules=rules, shared=Volume(), programs=Programs())


def a_world(name: str, hours: float = 0) -> World:
    return World(customer=Customer(id=name, created_at=at(hours)), complete=True)


def journey(name: str, customer: str, key: str, hours: float, **more: Any) -> Journey:
    return Journey(
        id=name,
        campaign="welcome",
        revision="r1",
        entry_key=key,
        entry_no=1,
        customer_id=customer,
        status=JourneyStatus.LIVE,
        step="ask",
        waiting=Waiting.MESSAGE,
        due_at=None,
        clock=at(hours),
        entered_at=at(hours),
        priority=50,
        **more,
    )


def message(name: str, of: Journey) -> Message:
    return Message(
        id=name,
        campaign="welcome",
        revision="r1",
        journey_id=of.id,
        step="ask",
        purpose="marketing",
        channel="email",
        customer_id=of.customer_id,
        entry_key=of.entry_key,
        template="hello",
        status=MessageStatus.SCHEDULED,
        created_at=at(1),
        send_at=at(600),
        due_at=at(1),
        expires_at=at(900),
    )


def with_journey(world: World, hours: float, key: str) -> Journey:
    name = world.customer.id
    found = journey(f"journey-{name}", name, key, hours)
    planned = message(f"message-{name}", found)
    world.journeys[found.id] = found
    world.messages[planned.id] = planned
    world.contacts.append(Contact(planned.id, at(600), "email", "marketing", "welcome"))
    return found


def test_of_two_live_journeys_under_one_key_the_older_stays() -> None:
    older, younger = a_world("a"), a_world("b", 1)
    leaving = with_journey(older, 20, "a")
    staying = with_journey(younger, 10, "b")
    merge_worlds(older, younger, context())
    assert staying.status is JourneyStatus.LIVE
    assert (staying.entry_key, staying.customer_id) == ("a", "a")
    assert (leaving.status, leaving.reason) == (JourneyStatus.EXITED, "merged")
    assert older.messages["message-a"].status is MessageStatus.CANCELLED
    assert older.messages["message-b"].status is MessageStatus.SCHEDULED
    assert [contact.message_id for contact in older.contacts] == ["message-b"]
    assert older.changes.journeys == {"journey-a", "journey-b"}
    assert older.changes.messages == {"message-a", "message-b"}
    kinds = [decision.kind for decision in older.changes.decisions]
    assert kinds == [DecisionKind.EXITED, DecisionKind.CANCELLED]


def test_journeys_under_other_keys_go_on_and_keep_their_assignments() -> None:
    older, younger = a_world("a"), a_world("b", 1)
    with_journey(older, 10, "shopify:1")
    moved = with_journey(younger, 20, "shopify:2")
    moved.variants = {"split": "B"}
    merge_worlds(older, younger, context())
    assert {one.status for one in older.journeys.values()} == {JourneyStatus.LIVE}
    assert moved.variants == {"split": "B"}
    assert older.messages["message-b"].customer_id == "a"
    assert not older.changes.decisions


def test_what_has_been_entered_once_is_not_entered_again() -> None:
    older, younger = a_world("a"), a_world("b", 1)
    for world, number in ((older, 1), (younger, 2)):
        customer = world.customer.id
        world.past.note(
            "welcome", f"{customer}:2026-03-01", customer, entry_no=number, entered_at=at(number)
        )
    merge_worlds(older, younger, context())
    assert older.past.find("welcome", "a:2026-03-01", "a") == (2, at(2))
    assert len(older.past) == 1


def test_a_merge_never_widens_consent() -> None:
    def consent(address: str, status: str, hours: float) -> Consent:
        return Consent(
            channel="email", address=address, status=status, at=at(hours), source="shopify"
        )

    older, younger = a_world("a"), a_world("b", 1)
    older.consents[("email", "a@x.co")] = consent("a@x.co", "unsubscribed", 5)
    younger.consents[("email", "a@x.co")] = consent("a@x.co", "subscribed", 4)
    younger.consents[("email", "b@x.co")] = consent("b@x.co", "subscribed", 4)
    merge_worlds(older, younger, context())
    assert older.consents[("email", "a@x.co")].status == "unsubscribed"
    assert older.consents[("email", "b@x.co")].status == "subscribed"
    assert not older.changes.consents


_LIVES = st.tuples(order_lives("1"), order_lives("2"), customer_reports(), ticket_reports())


@given(lives=_LIVES, data=st.data())
@settings(max_examples=100, deadline=None)
def test_two_halves_merged_are_what_one_customer_would_have_been(
    lives: tuple[list[Event], ...], data: st.DataObject
) -> None:
    one, two, profile, desk = lives
    cut = data.draw(st.integers(0, len(profile)))
    halves = ([*one, *profile[:cut]], [*two, *profile[cut:], *desk])
    worlds = []
    for name, events in zip("ab", halves, strict=True):
        world = a_world(name, 900)
        world.is_new = True
        for event in events:
            project(world, event)
        worlds.append(world)
    older, younger = worlds
    merge_worlds(older, younger, context())
    whole = a_world("a", 900)
    whole.is_new = True
    for event in (*halves[0], *halves[1]):
        project(whole, event)
    assert asdict(older.customer) == asdict(whole.customer)
    assert {key: asdict(order) for key, order in older.orders.items()} == {
        key: asdict(order) for key, order in whole.orders.items()
    }
    assert older.tickets == whole.tickets
    assert older.consents == whole.consents
    assert older.changes.orders == {"shopify:1", "shopify:2"}
    assert older.changes.lines == {"shopify:1", "shopify:2"}
    assert older.changes.customer
    assert not younger.changes.any


def test_the_older_record_keeps_its_age() -> None:
    older, younger = a_world("a"), a_world("b", 7)
    younger.customer.first_order_at = younger.customer.last_order_at = at(8)
    merge_worlds(older, younger, context())
    assert older.customer.created_at == at(0)
    assert older.customer.first_order_at == at(8)
    assert older.customer.last_order_at == at(8)
