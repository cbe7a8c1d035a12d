"""When nobody says delivered: once, on time, whatever comes between, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from engine.cli.lookup import question
from engine.ports.storage import Contended
from engine.services import deliveries
from engine.services.forecast import forecast
from engine.services.history import case_of
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, House, campaign, email

AFTER = {"delivery": {"assume_delivered_after": "14d", "by_country": {"AU": "28d"}}}
ON_ARRIVAL = campaign("arrived", {"event": "order.delivered"}, [email()])


def parcel(status: str, **more: Any) -> dict[str, Any]:
    return {"id": "p1", "status": status, **more}


def ship(house: House, number: int = 1, key: str = "ada", **order: Any) -> None:
    house.tell("order.placed", key, order=number)
    news(house, "shipped", number, key, **order)


def news(house: House, status: str, number: int = 1, key: str = "ada", **order: Any) -> None:
    told = {"id": str(number), "fulfilments": [parcel(status)], **order}
    event = house.event("order.updated", key) | {"order": told}
    event["id"] = f"{number}:{status}:{event['time']}"
    house.tell_all([event])


def look(house: House, at: Any) -> int:
    house.run(at)
    told = house.app.deliveries.run()
    house.app.worker.quiesce()
    return told


def arrived(house: House, key: str = "ada") -> list[Any]:
    return [one.entered_at for one in house.journeys(key)]


def test_an_order_arrives_when_its_time_is_over(new_house: NewHouse) -> None:
    house = new_house(ON_ARRIVAL, store=AFTER)
    ship(house)
    assert look(house, START + 14 * DAY - timedelta(seconds=1)) == 0
    assert look(house, START + 14 * DAY + HOUR) == 1
    assert arrived(house) == [START + 14 * DAY]
    for hours in range(1, 4):
        assert look(house, START + 14 * DAY + hours * HOUR) == 0
    news(house, "delivered")
    assert len(arrived(house)) == 1
    assert len(house.received) == 1


def test_nothing_is_assumed_unless_the_shop_says_so(new_house: NewHouse) -> None:
    house = new_house(ON_ARRIVAL)
    ship(house)
    assert look(house, START + 400 * DAY) == 0


@pytest.mark.parametrize("status", ["delivered", "failed", "lost", "returned", "cancelled"])
def test_news_in_time_leave_nothing_to_assume(new_house: NewHouse, status: str) -> None:
    house = new_house(ON_ARRIVAL, store=AFTER)
    ship(house)
    house.run(START + 13 * DAY)
    news(house, status)
    assert look(house, START + 30 * DAY) == 0
    assert len(arrived(house)) == (status == "delivered")


def test_a_refund_leaves_nothing_to_assume(new_house: NewHouse) -> None:
    house = new_house(ON_ARRIVAL, store=AFTER)
    ship(house)
    house.run(START + 13 * DAY)
    house.tell("order.refunded", order=1)
    assert look(house, START + 30 * DAY) == 0


def test_each_country_has_its_time(new_house: NewHouse) -> None:
    house = new_house(ON_ARRIVAL, store=AFTER)
    ship(house, 1, "ada")
    ship(house, 2, "bo", country="AU")
    assert look(house, START + 20 * DAY) == 1
    assert look(house, START + 28 * DAY) == 1
    assert (arrived(house), arrived(house, "bo")) == ([START + 14 * DAY], [START + 28 * DAY])


def test_a_look_that_is_cut_short_is_taken_up_again(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "PAGE", 3)
    house = new_house(ON_ARRIVAL, store=AFTER)
    keys = [f"c{number}" for number in range(10)]
    for number, key in enumerate(keys):
        ship(house, number, key)
    house.run(START + 15 * DAY)
    accept, calls = house.app.storage.accept, 0

    def dies(incoming: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise Contended("cut short")
        accept(incoming)

    with monkeypatch.context() as patch:
        patch.setattr(house.app.storage, "accept", dies)
        with pytest.raises(Contended):
            house.app.deliveries.run()
    house.restart()
    assert house.app.deliveries.run() == 10  # those told already are the same events
    house.restart()
    house.app.worker.quiesce()
    assert look(house, START + 16 * DAY) == 0
    for key in keys:
        assert arrived(house, key) == [START + 14 * DAY]
    assert len(house.received) == 10


def test_news_between_the_look_and_its_word_win(new_house: NewHouse) -> None:
    house = new_house(ON_ARRIVAL, store=AFTER)
    ship(house)
    house.run(START + 15 * DAY)
    assert house.app.deliveries.run() == 1
    # The shop's report stands behind our word in the queue, but was there when that was processed.
    told = house.event("order.updated") | {"order": {"id": "1", "fulfilments": [parcel("lost")]}}
    house.app.ingest.take([house.incoming(told)])
    house.app.worker.quiesce()
    assert arrived(house) == []
    assert look(house, START + 40 * DAY) == 0


def test_orders_of_long_ago_are_noted_and_greet_nobody(new_house: NewHouse) -> None:
    house = new_house(ON_ARRIVAL)
    ship(house)
    house.write_store(AFTER)
    house.reload()
    assert look(house, START + 100 * DAY) == 1
    assert arrived(house) == []
    assert look(house, START + 101 * DAY) == 0


def test_a_late_parcel_counts_from_the_day_announced_anew(new_house: NewHouse) -> None:
    house = new_house(ON_ARRIVAL, store=AFTER)
    ship(house)
    house.run(START + DAY)
    late = (START + 20 * DAY).isoformat()
    news(house, "delayed", fulfilments=[parcel("delayed", estimated_at=late)])
    assert look(house, START + 33 * DAY) == 0
    assert look(house, START + 34 * DAY) == 1


def test_looking_ahead_sees_an_order_arrive_when_it_then_does(new_house: NewHouse) -> None:
    waits = {"id": "here", "wait_for": {"event": "order.delivered", "timeout": "20d"}}
    house = new_house(
        ON_ARRIVAL, campaign("waiting", {"event": "order.placed"}, [waits, email()]), store=AFTER
    )
    ship(house)
    asked = question(house.app)
    case = case_of(house.app.history, house.app.storage, house.id_of("ada"), asked.now)
    at = START + 14 * DAY
    told = [(one.at, one.campaign, one.kind) for one in forecast(case, asked).coming]
    assert told[1:] == [
        (at, "", "arrived"),
        (at, "waiting", "woke"),
        (at, "arrived", "entered"),
        (at, "arrived", "sent"),
        (at, "arrived", "completed"),
        (at, "waiting", "sent"),
        (at, "waiting", "completed"),
    ]
    alone = forecast(case, asked, campaign="waiting").coming
    assert [one.text for one in alone][1] == "order #1 counts as delivered: nobody says more of it"
    assert look(house, at) == 1
    assert {(one.campaign, one.sent_at) for one in house.messages()} == {
        ("arrived", at), ("waiting", at)
    }  # fmt: skip


def test_looking_ahead_an_arrival_of_long_ago_lets_nobody_in(new_house: NewHouse) -> None:
    house = new_house(ON_ARRIVAL, store=AFTER)
    ship(house)
    house.clock.advance_to(START + 22 * DAY)
    asked = question(house.app)
    case = case_of(house.app.history, house.app.storage, house.id_of("ada"), asked.now)
    assert [one.kind for one in forecast(case, asked).coming] == ["arrived"]
    assert look(house, asked.now) == 1
    assert arrived(house) == []
