"""Whose event is it: merges, clashes, orders that wait for their customer, and our own events."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.ports.plans import Compiled
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, House, campaign, email

PAUSE = {"id": "pause", "delay": "5d"}


def welcome(**more: Any) -> dict[str, Any]:
    """One journey a customer, for good."""
    return campaign("hello", "order.placed", [PAUSE, email(template="news")],
                    entry={"key": "customer.id", "re_entry": "never"}, **more)  # fmt: skip


def guest(address: str, *, verified: bool = True) -> dict[str, Any]:
    return {"id": None, "email": address, "email_verified": verified, "phone": None}


def customers(house: House) -> list[tuple[Any, ...]]:
    return house.rows("SELECT id, orders_count FROM customers ORDER BY id")


def statuses(house: House) -> list[tuple[str, str | None]]:
    return sorted(house.rows("SELECT status, reason FROM journeys"))


def test_a_guest_who_makes_an_account_is_one_customer(new_house: NewHouse) -> None:
    house = new_house(welcome())
    house.tell("order.placed", order=1, customer=guest("ada@example.com"))
    house.clock.advance_to(START + HOUR)
    house.tell("order.placed", order=2)
    assert [count for _, count in customers(house)] == [2]
    assert len(house.journeys()) == 1  # the second order found the first one's journey
    house.run(6 * DAY)
    assert len(house.received) == 1


def test_two_who_turn_out_to_be_one_are_joined_into_the_older(new_house: NewHouse) -> None:
    house = new_house(welcome())
    house.tell("order.placed", "ada", order=1, customer={"email": "work@example.com"})
    first = house.id_of("ada")
    house.clock.advance_to(START + HOUR)
    house.tell("order.placed", "ada", order=2, source="other")
    assert len(customers(house)) == 2
    house.clock.advance_to(START + 2 * HOUR)
    # the shop says that the second address is the first customer's, too
    house.tell("customer.updated", "ada")
    assert customers(house) == [(first, 2)]
    assert house.rows("SELECT count(*), count(DISTINCT customer_id) FROM orders") == [(2, 1)]
    assert house.rows("SELECT merged_into FROM aliases") == [(first,)]
    # of two live journeys under one key the older stays
    assert statuses(house) == [("exited", "merged"), ("live", None)]
    house.tell("order.placed", "ada", order=3, source="other")
    assert customers(house) == [(first, 3)]
    house.run(6 * DAY)
    assert len(house.received) == 1


def test_the_ledger_of_the_joined_adds_up(new_house: NewHouse) -> None:
    house = new_house()
    house.tell("order.placed", "ada", order=1, customer={"email": "work@example.com"})
    house.clock.advance_to(START + DAY)
    house.tell("order.placed", "ada", order=2, source="other")
    house.tell("customer.updated", "ada")
    assert house.rows("SELECT orders_count, total_spent FROM customers") == [(2, 1_600_000)]
    with house.app.storage.deciding() as unit:
        (world,) = unit.load([house.id_of("ada")], now=house.clock.now()).values()
    assert world.customer.total_spent == Decimal(160)
    assert (world.customer.first_order_at, world.customer.last_order_at) == (START, START + DAY)


@pytest.mark.parametrize("known", [0, 2, 3, 4])
def test_three_become_one_in_one_batch(new_house: NewHouse, known: int) -> None:
    """``known``: how many of the events came before the batch; nobody is known at 0."""
    house = new_house(welcome())
    told = [
        house.event("order.placed", order=1, customer=guest("ada@example.com"), id="1"),
        house.event("order.placed", order=2, source="other", id="2",
                    customer={"email": None, "phone": "+15045550999", "phone_verified": True}),
        house.event("order.placed", order=3, source="third", id="3",
                    customer={"id": "z", "email": None, "phone": None}),
        house.event("customer.updated", source="third", id="4",
                    customer={"id": "z", "phone": None}),
        house.event("customer.updated", source="third", id="5",
                    customer={"id": "z", "phone": "+15045550999", "phone_verified": True}),
    ]  # fmt: skip
    for each in told[:known]:
        house.tell_all([each])
    house.tell_all(told[known:])
    assert [count for _, count in customers(house)] == [3]
    doubles = 2 if known else 0  # those who are all new at once are one from the start
    assert statuses(house) == [*[("exited", "merged")] * doubles, ("live", None)]
    aliases = dict(house.rows("SELECT customer_id, merged_into FROM aliases"))
    assert set(aliases.values()) <= {customers(house)[0][0]}
    assert len(house.rows("SELECT DISTINCT customer_id FROM events")) == 1
    assert len(house.rows("SELECT DISTINCT customer_id FROM identities")) == 1


def test_who_has_ended_a_campaign_before_a_merge_does_not_begin_it_again(
    new_house: NewHouse,
) -> None:
    brief = campaign("hello", "order.placed", [email(template="news")],
                     entry={"key": "customer.id", "re_entry": "never"})  # fmt: skip
    house = new_house(brief)
    house.tell("customer.created", "ada", customer={"email": "work@example.com"})
    house.clock.advance_to(START + HOUR)
    house.tell("order.placed", "ada", order=2, source="other")
    assert len(house.received) == 1
    house.tell("customer.updated", "ada")
    assert len(customers(house)) == 1
    house.run(DAY)
    house.tell("order.placed", "ada", order=3)
    assert len(house.received) == 1
    assert house.verdicts("order.placed") == ["entered", "re_entry"]


def test_two_ids_of_one_source_stay_apart_and_are_listed_once(new_house: NewHouse) -> None:
    house = new_house()
    same = {"email": "both@example.com"}
    for number in range(4):
        house.tell("order.placed", "ada", order=f"a{number}", customer=same)
        house.tell("order.placed", "ben", order=f"b{number}", customer=same)
        house.clock.advance_to(house.clock.now() + HOUR)
    assert [count for _, count in customers(house)] == [4, 4]
    ((_, conflict),) = house.app.history.conflicts()
    assert {conflict.customer_id, conflict.other_id} == {house.id_of("ada"), house.id_of("ben")}
    assert "shop" in conflict.reason


def test_an_order_that_changes_hands_makes_no_two_customers_one(new_house: NewHouse) -> None:
    """A merchant may put an order under another customer: the order stays, and so do both."""
    house = new_house()
    house.tell("order.placed", "ada", order=1)
    house.tell("order.updated", "ben", order=1)
    house.tell("order.placed", "ben", order=2)
    assert house.id_of("ada") != house.id_of("ben")
    mail = dict(house.rows("SELECT id, email FROM customers"))
    assert mail[house.id_of("ada")] == "ada@example.com"
    assert mail[house.id_of("ben")] == "ben@example.com"
    assert [count for _, count in customers(house)] == [1, 1]


def test_what_was_told_before_anyone_knew_whose_order_it_is_counts(new_house: NewHouse) -> None:
    shipped = campaign("sent", "order.shipped", [email(template="news")])
    house = new_house(shipped)
    house.tell("order.shipped", customer=None, order=1)
    assert customers(house) == []
    assert house.rows("SELECT customer_id FROM orders") == [(None,)]
    house.clock.advance_to(START + HOUR)
    house.tell("order.placed", "ada", order=1, time=(START - HOUR).isoformat())
    assert [count for _, count in customers(house)] == [1]
    assert [one.recipient for one in house.messages()] == ["ada@example.com"]


def test_an_event_of_our_own_is_heard_by_other_campaigns(new_house: NewHouse) -> None:
    emits = campaign("tell", "order.placed", [{"id": "say", "emit_event": "shop.thanked"}])
    hears = campaign("hear", "shop.thanked", [email()])
    house = new_house()
    house.write("config/events.yaml", "version: 1\nevents:\n  shop.thanked: {}\n")
    house.put(emits)
    house.put(hears)
    house.reload()
    assert house.app.loader.diagnostics() == ()
    house.tell("order.placed", "ada", order=1)
    (own,) = house.events("shop.thanked")
    assert (own.source, own.customer_id) == ("lagniappe", house.id_of("ada"))
    assert [one.campaign for one in house.messages()] == ["hear"]


def test_a_chain_of_events_ends(new_house: NewHouse) -> None:
    """Campaigns that cause each other: `check` warns of the circle, and the engine ends it."""
    ping = campaign("ping", "shop.ping", [{"id": "say", "emit_event": "shop.pong"}],
                    entry={"key": "customer.id", "re_entry": "always"})  # fmt: skip
    pong = campaign("pong", "shop.pong", [{"id": "say", "emit_event": "shop.ping"}],
                    entry={"key": "customer.id", "re_entry": "always"})  # fmt: skip
    house = new_house()
    house.write("config/events.yaml", "version: 1\nevents:\n  shop.ping: {}\n  shop.pong: {}\n")
    house.put(ping)
    house.reload()
    loaded = house.app.loader
    compiled = {name: loaded.compile_source(json.dumps(one), f"campaigns/{name}.yaml")
                for name, one in (("ping", ping), ("pong", pong))}  # fmt: skip
    house.app.revisions._source = _Fixed(compiled)  # type: ignore[assignment]
    house.app.revisions.reload(house.clock.now())
    house.tell("shop.ping")
    assert len(house.journeys()) == 9
    chains = [len(_causes(one)) for one in house.events("shop.ping") + house.events("shop.pong")]
    assert max(chains) <= 9


def _causes(event: Any) -> list[str]:
    causes: list[str] = json.loads(event.body).get("causes", [])
    return causes


class _Fixed:
    def __init__(self, plans: dict[str, Any]) -> None:
        self.plans = plans

    def load(self) -> dict[str, Any]:
        return {name: Compiled(plan=plan, source="", file="") for name, plan in self.plans.items()}


def test_history_enrols_nobody(new_house: NewHouse) -> None:
    house = new_house(welcome())
    told = house.event("order.placed", order=1)
    house.app.storage.accept([house.incoming(told, backfill=True)])
    house.app.worker.quiesce()
    assert house.journeys() == []
    assert house.verdicts("order.placed") == ["backfill"]
    assert [count for _, count in customers(house)] == [1]


@pytest.mark.parametrize("door", ["accept", "take"])
def test_what_is_told_twice_counts_once(new_house: NewHouse, door: str) -> None:
    house = new_house(campaign("thanks", "order.placed", [email(template="news")]))
    told = house.event("order.placed", order=1)
    other = house.event("order.placed", "ben", order=2)
    for batch in ([told, told, other], [other, told], [told]):
        incoming = [house.incoming(each) for each in batch]
        if door == "take":
            house.app.ingest.take(incoming)
        else:
            house.app.storage.accept(incoming)
        house.app.worker.quiesce()
        house.clock.advance_to(house.clock.now() + timedelta(minutes=1))
    assert len(house.events("order.placed")) == 2
    assert [count for _, count in customers(house)] == [1, 1]
    assert len(house.received) == 2


def test_one_event_of_two_sources_is_two_events(new_house: NewHouse) -> None:
    house = new_house()
    for source in ("shop", "other"):
        house.tell("customer.created", source=source, id="same")
    assert len(house.events("customer.created")) == 2


def test_an_event_for_a_customer_who_is_gone_changes_nothing(new_house: NewHouse) -> None:
    house = new_house(campaign("hear", "customer.updated", [email()]))
    told = {"id": "1", "source": "lagniappe", "type": "customer.updated",
            "time": START.isoformat(), "customer": {"id": "no-such-customer"}}  # fmt: skip
    house.tell_all([told])
    assert customers(house) == []
    assert house.rows("SELECT count(*) FROM events WHERE state = 0") == [(0,)]  # it is done with
    assert house.received == []
