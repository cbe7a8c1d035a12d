"""From the history of orders over the night to what messages suggest and remind of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.fast_forward import fast_forward
from engine.services import deciding
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, TEMPLATES, House, campaign, email
from triggers.sources.native import Refused, parse_line

BODY = (
    "{% for one in recommendations.together %}"
    "with {{ one.reason }}: {{ one.title }} {{ one.url }}\n{% endfor %}"
    "{% for one in recommendations.next %}after {{ one.reason }}: {{ one.title }}\n{% endfor %}"
    "{% for one in recommendations.popular %}popular: {{ one.title }}\n{% endfor %}"
    "{{ links.unsubscribe }}"
)
REFILL = (
    "{% for one in replenishment.products %}{{ one.title }} {{ one.date | date('medium') }}"
    " since {{ one.last_bought_at | date('medium') }}\n{% endfor %}{{ links.unsubscribe }}"
)
MORE = {
    **TEMPLATES,
    "ideas/subject.txt": "Ideas", "ideas/body.txt": BODY,
    "ideas/body.html": '<html><body><a href="{{ links.unsubscribe }}">No more</a></body></html>',
    "refill/subject.txt": "Running low", "refill/body.txt": REFILL,
    "refill/body.html": '<html><body><a href="{{ links.unsubscribe }}">No more</a></body></html>',
}  # fmt: skip
IDEAS = campaign("ideas", "order.delivered", [{"id": "w", "delay": "1d"}, email("ask", "ideas")],
                 purpose="marketing")  # fmt: skip
LOW = campaign(
    "low", "product.replenish_due", [email("remind", "refill")], purpose="marketing",
    entry={"key": "trigger.data.product_id", "re_entry": "always"}, exit_on=["order.placed"],
)  # fmt: skip


def order(house: House, key: str, number: str, at: datetime, *products: str,
          kind: str = "order.placed", **more: Any) -> dict[str, Any]:  # fmt: skip
    lines = [
        {"id": f"l-{name}", "product_id": name, "title": name.title(), "quantity": 1, "price": "9",
         "url": f"https://shop.example.com/{name}"}
        for name in products
    ]  # fmt: skip
    told = house.event(kind, key, time=at.isoformat(), id=f"{kind}:{number}")
    told["order"] = {"id": number, "number": f"#{number}", "total": "99.00", "currency": "USD",
                     "lines": lines, **more}  # fmt: skip
    return told


def history(house: House) -> list[dict[str, Any]]:
    """Twelve customers who buy pots with filters, cups a month later, and coffee every 30 days."""
    told = []
    for number in range(12):
        key, start = f"c{number}", START - 200 * DAY + number * HOUR
        told.append(order(house, key, f"{number}-a", start, "pot", "filter"))
        told.append(order(house, key, f"{number}-b", start + 30 * DAY, "cup"))
        for month in range(3, 6):
            at = start + month * 30 * DAY
            told.append(order(house, key, f"{number}-{month}", at, "coffee"))
    for number in range(20):  # others, so that pairs are not met by chance
        at = START - 100 * DAY + number * HOUR
        told.append(order(house, f"o{number}", f"o-{number}", at, "tea", f"single{number}"))
    return told


def backfill(house: House, told: Sequence[dict[str, Any]]) -> None:
    house.app.storage.accept([house.incoming(one, backfill=True) for one in told])
    house.app.worker.quiesce()


def page(house: House, key: str) -> dict[str, Any]:
    sql = f"SELECT data FROM books WHERE book = 'shopping' AND customer_id = '{house.id_of(key)}'"
    ((data,),) = house.rows(sql)
    found: dict[str, Any] = json.loads(data)
    return found


def refill_days(house: House, key: str) -> dict[str, int]:
    """In how many days from now each product is used up."""
    now = house.clock.now()
    return {
        one["product_id"]: round((datetime.fromisoformat(one["date"]) - now) / DAY)
        for one in page(house, key)["refills"]
    }


@pytest.fixture
def house(new_house: NewHouse) -> House:
    house = new_house(IDEAS, LOW, templates=MORE)
    backfill(house, history(house))
    return house


def test_a_message_suggests_what_goes_with_the_order(house: House) -> None:
    house.app.stocktaking.run()
    house.tell_all([order(house, "ada", "1", START, "pot")])
    house.tell_all([order(house, "ada", "1", START + HOUR, "pot", kind="order.delivered")])
    house.run(2 * DAY)
    text = house.received[-1].content.text
    assert "with Pot: Filter https://shop.example.com/filter" in text
    assert "after Pot: Cup" in text
    assert "popular: Tea" in text
    assert text.count("Filter") == 2  # one of them because many buy it
    assert "Single" not in text
    assert "popular: Pot" not in text  # has it


def test_nothing_is_suggested_before_the_first_night_and_the_message_goes_out(house: House) -> None:
    house.tell_all([order(house, "ada", "1", START, "pot", kind="order.delivered")])
    house.run(2 * DAY)
    assert house.received[-1].content.text.startswith("http")


def test_what_is_soon_used_up_is_told_and_reminded_of_once(house: House) -> None:
    # Bought on days 90, 120 and 150 of 200 days ago: the next would be on day 180.
    fresh = START - 15 * DAY
    told = [order(house, "ada", f"f-{n}", fresh - n * 30 * DAY, "coffee") for n in (2, 1, 0)]
    backfill(house, told)
    taken = house.app.stocktaking.run()
    assert taken is not None
    assert taken.customers == 33
    assert refill_days(house, "ada") == {"coffee": 15}
    assert refill_days(house, "c1") == {}  # it is long past
    house.run(11 * DAY)
    house.app.stocktaking.run()
    assert house.received == []
    house.run(2 * DAY)
    (event,) = house.events("product.replenish_due")
    (message,) = house.received
    assert message.to == "ada@example.com"
    assert "Coffee Mar 17, 2026 since Feb 15, 2026" in message.content.text
    for _ in range(4):  # no other night tells it again
        house.app.stocktaking.run()
        house.run(DAY)
    assert len(house.events("product.replenish_due")) == 1
    assert len(house.received) == 1
    # The next purchase is the next cycle.
    house.tell_all([order(house, "ada", "again", house.clock.now(), "coffee")])
    house.app.stocktaking.run()
    house.run(40 * DAY)
    assert len(house.events("product.replenish_due")) == 2
    assert event.id != house.events("product.replenish_due")[1].id


def test_what_no_campaign_could_be_told_of_at_once_is_told_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is due is noted whatever campaigns make of it."""
    fresh = START - 15 * DAY
    told = [order(house, "ada", f"f-{n}", fresh - n * 30 * DAY, "coffee") for n in (2, 1, 0)]
    backfill(house, told)
    house.app.stocktaking.run()

    def fails(*args: Any, **more: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(deciding, "decide", fails)
    house.run(13 * DAY)
    assert len(house.events("product.replenish_due")) == len(house.received) == 1


@pytest.mark.parametrize("what", ["order.refunded", "order.cancelled", "order.placed"])
def test_nobody_is_reminded_of_what_they_gave_back_or_have_just_bought(
    house: House, what: str
) -> None:
    fresh = START - 15 * DAY
    backfill(house, [
        order(house, "ada", f"f-{n}", fresh - n * 30 * DAY, "coffee") for n in (2, 1, 0)
    ])  # fmt: skip
    house.app.stocktaking.run()
    assert refill_days(house, "ada") == {"coffee": 15}
    house.run(DAY)
    number = "new" if what == "order.placed" else "f-0"
    more: dict[str, Any] = {}
    if what == "order.refunded":
        more = {"refunds": [{"id": "r", "amount": "99.00"}]}
    house.tell_all([order(house, "ada", number, house.clock.now(), "coffee", kind=what, **more)])
    house.run(20 * DAY)
    assert house.events("product.replenish_due") == []
    assert house.received == []


def test_conditions_read_scores_and_products(new_house: NewHouse) -> None:
    best = campaign(
        "best", "order.delivered", [email()],
        profile_filter="customer.value_score >= 4 && 'pot' in customer.product_ids",
    )  # fmt: skip
    house = new_house(best, templates=MORE)
    backfill(house, history(house))
    house.app.stocktaking.run()
    told = page(house, "c3")
    assert told["rfm"] == [4, 5, 5]
    assert told["products"][0] == "coffee"
    assert page(house, "o3")["rfm"][1] < 4
    for key, number in (("c3", "3-a"), ("o3", "o-3")):
        house.tell_all([order(house, key, number, START, kind="order.delivered")])
    assert house.verdicts("order.delivered") == ["entered", "profile_filter"]


def test_a_night_writes_only_what_has_changed_and_takes_away_what_is_gone(house: House) -> None:
    first = house.app.stocktaking.run()
    assert first is not None
    assert first.pages == first.customers == 32
    again = house.app.stocktaking.run()
    assert again is not None
    assert again.pages == 0
    assert house.app.stocktaking.run_unless_done() is None
    house.clock.advance_to(house.clock.now() + 800 * DAY)  # beyond what counts
    assert house.app.stocktaking.run_unless_done() is not None
    assert house.rows("SELECT * FROM shelf") == []
    assert page(house, "c1")["products"] == []


def test_it_stops_when_it_is_told_to(house: House) -> None:
    house.app.stocktaking.pause = lambda: False
    assert house.app.stocktaking.run() is None
    assert house.rows("SELECT * FROM shelf") == []


def test_what_a_shop_leaves_out_is_never_suggested(new_house: NewHouse) -> None:
    house = new_house(
        templates=MORE, store={"recommendations": {"leave_out": ["filter"], "least_orders": 3}}
    )
    backfill(house, history(house))
    house.app.stocktaking.run()
    rows = house.rows('SELECT product_id, together, "next", rank FROM shelf')
    assert all('"filter"' not in together + coming for _, together, coming, _ in rows)
    assert [rank for product, _, _, rank in rows if product == "filter"] == [None]


def test_nights_come_by_themselves(house: House) -> None:
    night = house.app.stocktaking.next_night(START)
    assert night == datetime(2026, 3, 3, 9, 30, tzinfo=UTC)  # half past three in Chicago
    told = json.dumps(order(house, "ada", "1", START + HOUR, "pot")).encode()
    event = parse_line(told, received_at=START, catalog=house.app.catalog)
    assert not isinstance(event, Refused)
    fast_forward(house.app, house.clock, [event], START + 2 * DAY)
    assert page(house, "ada")["products"] == ["pot"]


def test_the_clock_of_a_night_is_the_shops_on_days_that_change_it(new_house: NewHouse) -> None:
    house = new_house(store={"timezone": "Europe/Vienna"})
    zone = house.app.policy.zone
    moment = datetime(2026, 3, 27, 12, tzinfo=UTC)
    nights = []
    for _ in range(3):
        moment = house.app.stocktaking.next_night(moment)
        nights.append(moment)
    assert [f"{night.astimezone(zone):%d %H:%M}" for night in nights] == [
        "28 03:30", "29 03:30", "30 03:30",
    ]  # fmt: skip
    assert [nights[1] - nights[0], nights[2] - nights[1]] == [23 * HOUR, DAY]


def test_nights_are_lived_through_only_where_a_campaign_uses_them(new_house: NewHouse) -> None:
    plain = campaign("plain", "order.delivered", [email()])
    house = new_house(plain, templates=MORE)
    wanted = house.app.stocktaking.wanted
    assert not wanted()
    uses = (
        IDEAS,
        LOW,
        {**plain, "profile_filter": "customer.rfm == '555'"},
        {**plain, "exit_on": ["product.replenish_due"]},
    )
    for number, one in enumerate(uses):
        house.put({**one, "id": f"uses-{number}"})
        house.reload()
        assert wanted(), one
        house.remove(f"uses-{number}")
        house.reload()
        assert not wanted()
