"""Loyalty from the first order to the last point, on the real services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.core.points import BOOK, loyalty_page
from engine.programs.loyalty_ledger import Line, read_ledger
from engine.programs.loyalty_text import told
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, TEMPLATES, House, campaign, email

LOYALTY: dict[str, Any] = {
    "orders": "1 per 1.00",
    "pending": {"after_delivery": "14d", "after_order": "30d"},
    "tiers": [{"id": "silver", "name": "Silver", "points": 75, "period": "365d", "grace": "30d"}],
    "actions": [{"event": "review.submitted", "points": 10}],
    "redeem": {"five_off": 50},
    "expire": {"after": "200d", "warn": "30d"},
}
OFFERS = {"five_off": {"value": "5 off"}}
TEMPLATES_OF_POINTS = {
    **TEMPLATES,
    "points/subject.txt": "{{ loyalty.balance }} points, {{ loyalty.tier_name | default('no') }} "
    "tier",
    "points/body.txt": "{{ loyalty.pending }} wait.\n{{ links.unsubscribe }}\n",
    "points/body.html": '<html><body><a href="{{ links.unsubscribe }}">No more</a></body></html>',
}


def club(new_house: NewHouse, *more: Any, **loyalty: Any) -> House:
    return new_house(
        campaign("risen", "tier.reached", [email("news", "points")], purpose="marketing"),
        campaign("fading", "points.expiring", [email("warn", "points")], purpose="marketing"),
        *more,
        store={"loyalty": {**LOYALTY, **loyalty}, "offers": OFFERS},
        templates=TEMPLATES_OF_POINTS,
    )  # fmt: skip


def page(house: House, key: str = "ada") -> dict[str, Any]:
    with house.app.storage.deciding() as unit:
        unit.open_books({BOOK})
        found = house.id_of(key)
        return dict(loyalty_page(unit.load([found], now=house.clock.now())[found]))


def lines(house: House, key: str = "ada") -> Sequence[Line]:
    with house.app.storage.deciding() as unit:
        unit.open_books({BOOK})
        found = house.id_of(key)
        return read_ledger(unit.load([found], now=house.clock.now())[found].book(BOOK))[1]


def subjects(house: House) -> list[str]:
    return [one.content.subject or "" for one in house.received]


def test_points_wait_mature_make_a_tier_come_back_and_expire(new_house: NewHouse) -> None:
    house = club(new_house)
    house.tell("order.paid", order=1)
    house.tell("order.delivered", order=1)
    assert (page(house)["balance"], page(house)["pending"]) == (0, 80)
    house.run(15 * DAY)
    assert (page(house)["balance"], page(house)["tier"]) == (80, "silver")
    assert subjects(house) == ["80 points, Silver tier"]
    house.tell("order.refunded", order=1, data={"refund_id": "r1", "amount": 20})
    house.tell("order.refunded", order=1, data={"refund_id": "r1", "amount": 20}, id="again")
    assert page(house)["balance"] == 60
    house.run(40 * DAY)
    assert page(house)["tier"] is None  # its grace is over
    house.run(120 * DAY)
    assert subjects(house)[1:] == ["60 points, no tier"]
    house.run(30 * DAY)
    assert (page(house)["balance"], page(house)["expires_at"]) == (0, None)
    causes = [told(line) for line in lines(house) if line.points]
    assert causes == [
        "the order shop:1 can no longer be returned",
        "refund r1 of the order shop:1",
        "expired, for nothing had happened for so long",
    ]
    assert len(house.events("tier.reached")) == len(house.events("points.expiring")) == 1


def test_an_order_is_entered_once_however_often_it_is_told(new_house: NewHouse) -> None:
    """Also when its amounts come back from the database, which writes 20.00 as 20."""
    house = club(new_house)
    order = {"id": "1", "total": "20.00",
             "lines": [{"id": "1", "sku": "A", "price": "10.00", "quantity": 2}]}  # fmt: skip
    refund = {"data": {"refund_id": "r1", "amount": "10.00"}}
    for kind in ("placed", "paid", "shipped", "delivered", "refunded", "refunded"):
        more = refund if kind == "refunded" else {}
        house.tell_all([{**house.event(f"order.{kind}", **more), "order": order}])
        house.run(HOUR)
    with house.app.storage.deciding() as unit:
        unit.open_books({BOOK})
        found = house.id_of("ada")
        book = unit.load([found], now=house.clock.now())[found].book(BOOK)
    entries = [one.data["kind"] for one in book if "kind" in one.data]
    assert sorted(entries) == ["order", "refund"]


def test_a_changed_policy_reaches_every_account_once(new_house: NewHouse) -> None:
    house = club(new_house, pending="0s", expire=None)
    house.tell("order.paid", order=1, data={})
    for key in ("bob", "cem"):
        house.tell("points.adjust", key, data={"points": 10})
    house.run(400 * DAY)  # nothing happens
    assert [page(house, key)["tier"] for key in ("ada", "bob")] == [None, None]
    lower = [{"id": "blue", "name": "Blue", "points": 60}]
    changed = {**LOYALTY, "tiers": lower, "pending": "0s"}
    house.write_store({"loyalty": changed, "offers": OFFERS})
    house.reload()
    house.run(HOUR)
    assert page(house)["tier"] == "blue"
    assert len(house.events("tier.reached")) == 2
    assert len(house.events("points.expiring")) == 3  # nobody is left out
    looks = "SELECT due_at FROM books WHERE key = 'account' ORDER BY customer_id"
    before = house.rows(looks)
    house.reload()
    house.restart()
    assert house.rows(looks) == before


def test_a_campaign_gives_points_once_and_conditions_see_them(new_house: NewHouse) -> None:
    give = {"id": "gift", "award_points": {"points": 1, "per": 2, "reason": "welcome"}}
    ask = {
        "branch": [{"if": "customer.points == 40 && gift.points == 40", "steps": [email("yes")]}]
    }
    house = club(
        new_house, campaign("welcome", "order.placed", [give, ask], purpose="marketing")
    )  # fmt: skip
    house.tell("order.placed", order=1)
    house.tell("order.placed", order=1, id="again")
    assert page(house)["balance"] == 40
    assert [one.campaign for one in house.messages()] == ["welcome"]
    assert [event.type for event in house.events("points.earned")] == ["points.earned"]
    house.tell("order.refunded", order=1, data={"refund_id": "r1", "amount": 40})
    assert page(house)["balance"] == 20


def test_a_reward_is_asked_for_by_an_event_and_becomes_a_coupon(new_house: NewHouse) -> None:
    house = club(new_house, pending="0s")
    house.tell("order.paid", order=1)
    asked = house.tell("points.redeem", data={"offer": "five_off"})
    house.tell_all([asked])
    assert page(house)["balance"] == 30
    (redeemed,) = house.events("points.redeemed")
    coupons = house.rows("SELECT data FROM books WHERE book = 'coupons'")
    assert len(coupons) == 1, redeemed


def test_two_records_of_one_person_have_one_account(new_house: NewHouse) -> None:
    house = club(new_house, pending="0s", first_order=50)
    house.tell("order.paid", "ada", order=1, customer={"email": "work@example.com"})
    house.clock.advance_to(house.clock.now() + HOUR)
    house.tell("order.paid", "ada", order=2, source="other")
    assert house.rows("SELECT count(*) FROM books WHERE key = 'account'") == [(2,)]
    house.clock.advance_to(house.clock.now() + HOUR)
    house.tell("customer.updated", "ada")
    assert house.rows("SELECT count(*) FROM books WHERE key = 'account'") == [(1,)]
    assert page(house)["balance"] == 80 + 80 + 50  # one customer has one first order


def test_a_schedule_finds_customers_by_their_points(new_house: NewHouse) -> None:
    daily = {
        "schedule": {"cron": "0 9 * * *", "timezone": "America/Chicago"},
        "segment": "customer.points >= 100 && customer.tier == 'silver'",
    }
    house = club(new_house, campaign("rich", daily, [email("offer")]), pending="0s")
    house.tell("order.paid", "ada", order=1)
    house.tell("order.paid", "bob", order=2)
    house.tell("order.paid", "bob", order=3)
    house.sweep()
    house.sweep(house.clock.now() + DAY + HOUR)
    found = [one for one in house.messages("rich") if one.step == "offer"]
    assert [one.customer_id for one in found] == [house.id_of("bob")]
