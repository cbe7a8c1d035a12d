"""What is soon used up is told once, and not when it was bought anew or given back since."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.book import Record
from engine.core.customer import Fulfilment, Line, Order, ParcelStatus, Refund
from engine.core.shopping import (
    BOOK,
    PAGE,
    REPLENISH_DUE,
    Refill,
    Reminding,
    bought_products,
    kept_lines,
    open_refills,
    refills_of,
    with_refills,
)
from engine.programs.program import Programs
from engine.programs.replenishing import LATEST, Replenishing
from engine.services.bookkeeping import look_at_due
from engine.services.message_context import replenishment_context
from tests.core.shop import DAY, HOUR, T0, Shop, plan

BEFORE = 3 * DAY
REMINDING = Reminding(before=BEFORE, zone=ZoneInfo("America/Chicago"))
COFFEE = Refill(
    product_id="coffee", title="Coffee", url="https://shop.example.com/coffee", image_url=None,
    order_id="shop:1", last_bought_at=T0, date=T0 + 30 * DAY,
)  # fmt: skip


def order(number: str, at: datetime, *products: str) -> Order:
    lines = {p: Line(id=p, product_id=p, title=p.title(), price=Decimal(5)) for p in products}
    return Order(id=f"shop:{number}", known=True, placed_at=at, total=Decimal(10), lines=lines)


def shop(*refills: Refill) -> Shop:
    one = Shop.of(plan(), programs=Programs((Replenishing(REMINDING),)))
    one.world.orders["shop:1"] = order("1", T0, "coffee", "tea")
    one.world.write(
        with_refills(Record(book=BOOK, key=PAGE, at=T0, data={}), list(refills), REMINDING)
    )
    return one


def look(one: Shop, now: datetime) -> list[str]:
    """The products that are told of at an instant, once its due records were looked at."""
    one.now = now
    one.world.changes.emitted.clear()
    programs = one.programs
    assert isinstance(programs, Programs)
    look_at_due(one.world, programs, one.context)
    return [each.data["product_id"] for each in one.world.changes.emitted]


def due_at(one: Shop) -> datetime | None:
    return one.world.books[BOOK, PAGE].due_at


def test_it_is_told_once_so_long_before_the_day() -> None:
    one = shop(COFFEE)
    day = REMINDING.at(COFFEE.date)
    assert due_at(one) == day
    assert f"{day.astimezone(REMINDING.zone):%H:%M}" == "00:00"
    assert timedelta() <= COFFEE.date - BEFORE - day < DAY
    assert look(one, day - HOUR) == []
    assert look(one, day) == ["coffee"]
    (event,) = one.world.changes.emitted
    assert event.type == REPLENISH_DUE
    assert event.data["date"] == COFFEE.date.isoformat()
    assert event.data["order_id"] == "shop:1"
    assert due_at(one) is None
    assert look(one, COFFEE.date) == []


def test_each_purchase_has_an_id_of_its_own_which_no_other_night_changes() -> None:
    one = shop(COFFEE)
    look(one, COFFEE.date)
    first = one.world.changes.emitted[0].id
    moved = shop(replace(COFFEE, date=COFFEE.date + DAY))
    look(moved, COFFEE.date)
    assert moved.world.changes.emitted[0].id == first
    again = shop(replace(COFFEE, order_id="shop:2"))
    again.world.orders["shop:2"] = order("2", T0, "coffee")
    look(again, COFFEE.date)
    assert again.world.changes.emitted[0].id != first


@pytest.mark.parametrize(
    "what", ["bought", "refunded", "cancelled", "disputed", "sent_back", "gift"]
)
def test_what_is_no_longer_so_is_not_told(what: str) -> None:
    one = shop(COFFEE)
    first = one.world.orders["shop:1"]
    if what == "bought":
        one.world.orders["shop:2"] = order("2", T0 + 20 * DAY, "coffee")
    elif what == "refunded":
        first.refunds = {
            **first.refunds,
            "r": Refund(id="r", at=T0 + DAY, lines={"coffee": 1}, amount=Decimal(5)),
        }
    elif what == "sent_back":
        first.fulfilments = {
            **first.fulfilments,
            "f": Fulfilment(id="f", status=ParcelStatus.RETURNED, at=T0 + DAY, lines={"coffee": 1}),
        }
    elif what == "gift":
        first.is_gift = True
    else:
        first.facts[what] = T0 + DAY
    assert open_refills(one.world) == []
    assert look(one, COFFEE.date) == []
    assert due_at(one) is None


def test_another_product_or_a_gift_bought_since_changes_nothing() -> None:
    one = shop(COFFEE)
    one.world.orders["shop:2"] = order("2", T0 + 20 * DAY, "tea")
    one.world.orders["shop:3"] = order("3", T0 + 21 * DAY, "coffee")
    one.world.orders["shop:3"].is_gift = True
    assert look(one, COFFEE.date) == ["coffee"]


@given(late=st.integers(0, 400), step=st.integers(1, 72))
def test_long_past_days_are_not_told_and_no_record_stays_due(late: int, step: int) -> None:
    tea = replace(COFFEE, product_id="tea", date=COFFEE.date + step * HOUR)
    one = shop(COFFEE, tea)
    now = COFFEE.date - BEFORE + late * HOUR
    told = look(one, now)
    limit = timedelta(hours=late)
    assert ("coffee" in told) == (limit <= LATEST)
    begun = REMINDING.at(tea.date) <= now
    assert ("tea" in told) == (begun and limit - step * HOUR <= LATEST)
    due = due_at(one)
    assert due is None or due > now


@given(st.timedeltas(timedelta(), timedelta(days=365)), st.integers(0, 3000))
def test_what_is_due_by_now_is_what_is_reminded_of_by_now(since: timedelta, minutes: int) -> None:
    now = T0 + since
    date = now + timedelta(minutes=minutes) + BEFORE - DAY
    for zone in ("America/Chicago", "America/Havana", "Asia/Kolkata", "UTC"):  # Havana: at midnight
        one = Reminding(before=BEFORE, zone=ZoneInfo(zone))
        assert (one.at(date) <= now) == (date < one.until(now))
        assert one.at(date) <= date - BEFORE


def test_the_page_reads_as_it_was_written() -> None:
    one = shop(COFFEE, replace(COFFEE, product_id="tea", url=None, told=True))
    record = one.world.books[BOOK, PAGE]
    assert refills_of(record)[0] == COFFEE
    assert refills_of(record)[1].told


def test_products_bought_are_those_of_the_page_and_of_later_orders() -> None:
    one = shop()
    one.world.write(Record(book=BOOK, key=PAGE, at=T0, data={"products": ["tea", "mug"]}))
    one.world.orders["shop:2"] = order("2", T0 + DAY, "pot")
    assert bought_products(one.world) == ("pot", "coffee", "tea", "mug")


def test_a_message_tells_all_that_is_used_up_within_a_week() -> None:
    tea = replace(COFFEE, product_id="tea", title="Tea", date=COFFEE.date + 2 * DAY)
    later = replace(COFFEE, product_id="tea", date=COFFEE.date + 9 * DAY)
    one = shop(COFFEE, tea)
    told = replenishment_context(one.world, None, COFFEE.date - DAY)
    assert told["date"] == COFFEE.date
    assert [each["title"] for each in told["products"]] == ["Coffee", "Tea"]
    assert replenishment_context(shop(later).world, None, COFFEE.date) == {
        "date": None,
        "products": [],
    }


@given(st.integers(1, 5), st.integers(0, 6), st.integers(0, 6))
def test_pieces_given_back_are_not_kept(bought: int, paid: int, sent: int) -> None:
    one = order("1", T0, "coffee", "tea")
    one.lines = {**one.lines, "coffee": replace(one.lines["coffee"], quantity=bought)}
    one.refunds = {
        **one.refunds,
        "r": Refund(id="r", at=T0, amount=Decimal(1), lines={"coffee": paid}),
    }
    one.fulfilments = {
        **one.fulfilments,
        "f": Fulfilment(
            id="f", status=ParcelStatus.RETURNED, at=T0, lines={"coffee": sent, "tea": 0}
        ),
    }
    kept = {key: pieces for key, pieces, _ in kept_lines(one)}
    left = bought - max(paid, sent)
    assert kept.get("coffee", 0) == max(0, left)
    assert kept["tea"] == 1
