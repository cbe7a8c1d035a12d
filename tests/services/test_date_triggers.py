"""Date triggers: anniversaries on the customer's own calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, House, campaign

TAG = {"id": "mark", "update_customer": {"add_tags": ["seen"]}}


def of_date(name: str, **trigger: Any) -> dict[str, Any]:
    return campaign("day", {"date": name, "at": "10:00", **trigger}, [TAG])


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[arg-type, misc]


def entered(house: House, key: str) -> list[date]:
    return sorted(one.entered_at.date() for one in house.journeys(key))


def look(house: House, first: datetime, days: int) -> None:
    """From one moment on, twice a day."""
    for number in range(2 * days):
        house.sweep(first + number * DAY / 2)


def born(house: House, key: str, day: str, **more: Any) -> None:
    house.tell("customer.created", key, customer={"birthday": day, **more})


def test_a_week_before_the_birthday_at_the_customers_ten(new_house: NewHouse) -> None:
    house = new_house(of_date("customer.birthday", offset="-7d"), start=at(2026, 2, 26))
    born(house, "ada", "1990-03-08", timezone="Asia/Tokyo")
    born(house, "ben", "1991-03-09")
    born(house, "cem", "1992-01-01")
    house.tell("customer.created", "dora")
    look(house, at(2026, 2, 26, 1), 6)
    assert [one.entered_at for one in house.journeys("ada")] == [at(2026, 3, 1, 1)]
    assert [one.entered_at for one in house.journeys("ben")] == [at(2026, 3, 2, 16)]
    assert entered(house, "cem") == entered(house, "dora") == []


@pytest.mark.parametrize(("year", "day"), [(2027, 28), (2028, 29)])
def test_the_29th_of_february_is_never_left_out(new_house: NewHouse, year: int, day: int) -> None:
    house = new_house(of_date("customer.birthday"), start=at(year, 2, 26))
    born(house, "leap", "1996-02-29", timezone="UTC")
    born(house, "most", "1996-02-28", timezone="UTC")
    look(house, at(year, 2, 26, 10), 6)
    assert entered(house, "leap") == [date(year, 2, day)]
    assert entered(house, "most") == [date(year, 2, 28)]


def test_the_first_order_has_anniversaries_but_is_none_itself(new_house: NewHouse) -> None:
    house = new_house(of_date("customer.first_order_at"), start=at(2026, 3, 2, 3))
    house.sweep()
    # still the first of March in Chicago, but the second in Vienna
    house.tell("order.placed", "ada", order=1)
    house.tell("order.placed", "vie", order=2, customer={"timezone": "Europe/Vienna"})
    look(house, at(2026, 3, 2, 4), 2)
    assert entered(house, "ada") == entered(house, "vie") == []
    look(house, at(2027, 2, 28, 18), 4)
    assert entered(house, "ada") == [date(2027, 3, 1)]
    assert entered(house, "vie") == [date(2027, 3, 2)]


def test_an_attribute_may_be_a_date_and_what_is_none_is_passed_over(new_house: NewHouse) -> None:
    house = new_house(of_date("customer.attributes.joined"), start=at(2026, 3, 1))
    values: dict[str, Any] = {
        "text": "2020-03-03", "moment": "2021-03-03T12:00:00Z", "word": "soon", "number": 20200303,
        "wrong": "2020-02-31", "flag": True, "list": ["2020-03-03"], "future": "2030-03-03",
        "none": None,
    }  # fmt: skip
    for key, value in values.items():
        house.tell("customer.created", key, customer={"attributes": {"joined": value}})
    look(house, at(2026, 3, 2), 3)
    assert {key for key in values if entered(house, key)} == {"text", "moment"}


def test_another_time_of_day_greets_nobody_twice(new_house: NewHouse) -> None:
    house = new_house(of_date("customer.birthday"), start=at(2026, 3, 2))
    born(house, "ada", "1990-03-03", timezone="UTC")
    house.sweep()
    house.sweep(at(2026, 3, 3, 10))
    house.put(of_date("customer.birthday") | {"trigger": {"date": "customer.birthday",
                                                          "at": "15:00"}})  # fmt: skip
    house.reload()
    house.sweep(at(2026, 3, 3, 15))
    assert entered(house, "ada") == [date(2026, 3, 3)]
    house.sweep(at(2027, 3, 3, 15) - HOUR)
    house.sweep(at(2027, 3, 3, 15))
    assert entered(house, "ada") == [date(2026, 3, 3), date(2027, 3, 3)]
