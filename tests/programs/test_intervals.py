"""Dates follow from the customer's own intervals and everybody's, and from how much was bought."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.customer import Line, Order
from engine.programs.intervals import (
    CREDIBILITY,
    Habit,
    Habits,
    Market,
    Rhythm,
    habits_of,
    interval,
    used_up,
)
from engine.programs.purchases import DAY, Basket, Purchases
from tests.core.shop import DAY as A_DAY
from tests.core.shop import HOUR, T0

USUAL = Rhythm(usual=30.0 * DAY, intervals=50, elasticity=0.0, is_for_use=True)


def made(*days: float, pieces: Sequence[int] = ()) -> Habit:
    first, *others = zip(days, pieces or [1] * len(days), strict=True)
    habit = Habit(round(first[0] * DAY), first[1], "o", round(first[0] * DAY))
    for day, count in others:
        habit.buy(round(day * DAY), count, f"o{day}")
    return habit


def test_who_bought_once_is_like_others_and_who_bought_often_like_themselves() -> None:
    assert interval(made(0), USUAL) == 30 * DAY
    assert interval(made(0, 10), USUAL) == pytest.approx((10 + CREDIBILITY * 30) / (1 + 2) * DAY)
    often = made(*range(0, 500, 10))
    assert 10 * DAY < interval(often, USUAL) < 11 * DAY


@given(st.lists(st.integers(1, 90), min_size=1, max_size=30))
def test_the_date_lies_between_what_oneself_and_what_others_do(spans: list[int]) -> None:
    days = [0.0]
    for span in spans:
        days.append(days[-1] + span)
    own = sum(spans) / len(spans)
    found = interval(made(*days), USUAL) / DAY
    assert min(own, 30) - 1e-6 <= found <= max(own, 30) + 1e-6


def test_more_pieces_last_longer_as_far_as_they_do() -> None:
    lasting = Rhythm(usual=30.0 * DAY, intervals=50, elasticity=1.0, is_for_use=True)
    usual = interval(made(0, 30, 60, pieces=(2, 2, 2)), lasting)
    assert usual == pytest.approx(30 * DAY)
    assert interval(made(0, 30, 60, pieces=(2, 2, 6)), lasting) == pytest.approx(90 * DAY)
    assert interval(made(0, 30, 60, pieces=(2, 2, 6)), USUAL) == pytest.approx(30 * DAY)


def shop(stories: Mapping[str, Sequence[tuple[float, str, int]]]) -> Purchases:
    """Customers' stories: days, products and pieces."""
    found = Purchases(T0 - A_DAY)
    for customer, story in stories.items():
        found.add(
            customer,
            [
                Order(
                    id=f"{customer}-{number}", known=True, placed_at=T0 + day * A_DAY,
                    lines={"1": Line(id="1", product_id=product, quantity=pieces)},
                )
                for number, (day, product, pieces) in enumerate(story)
            ],
        )  # fmt: skip
    return found


def test_how_much_pieces_matter_is_learnt_from_each_product() -> None:
    stories = {
        f"c{n}": [
            *((day, "lasting", 1 if day % 90 == 0 else 4) for day in (0, 15, 90, 105, 180, 195)),
            *((day, "same", 1 if day % 60 == 0 else 4) for day in (0, 30, 60, 90, 120, 150)),
        ]
        for n in range(60)
    }
    found = shop(stories)
    market, _ = habits_of(found)
    known = market.rhythms()
    lasting, same = (known[found.numbers[name]] for name in ("lasting", "same"))
    assert lasting.elasticity > 0.7
    assert same.elasticity == 0
    assert same.usual == 30 * DAY
    number = found.numbers["same"]
    assert (market.buyers[number], market.again[number], same.intervals) == (60, 60, 300)


def test_only_what_is_for_use_is_used_up_or_what_one_buys_again_and_again() -> None:
    stories = {f"c{n}": [(0.0, "pot", 1), (0.0, "tea", 1)] for n in range(50)}
    for n in range(20):
        stories[f"c{n}"].append((25.0, "tea", 1))
    stories["c0"].append((300.0, "pot", 1))
    stories["cook"] = [(day, "pot", 1) for day in (0.0, 20.0, 40.0)]
    found = shop(stories)
    market, habits = habits_of(found)
    known = market.rhythms()

    def told(customer: str) -> set[str]:
        return {
            found.products[product].key
            for product, habit in habits[customer].items()
            if used_up(habit, known.get(product), 5) is not None
        }

    assert told("c30") == {"tea"}
    assert told("c0") == {"tea"}
    assert told("cook") == {"pot"}


visits = st.lists(
    st.tuples(st.integers(0, 400), st.integers(1, 4)), min_size=1, unique_by=lambda one: one[0]
)


def baskets_of(hours: Sequence[tuple[int, int]], product: int = 7) -> list[Basket]:
    return [
        Basket(hour * DAY // 12, f"o{hour}", (product,), (pieces,))
        for hour, pieces in sorted(hours)
    ]


@given(visits)
def test_orders_of_one_day_are_one_purchase_and_no_piece_is_lost(
    hours: list[tuple[int, int]],
) -> None:
    baskets = baskets_of(hours)
    habits: Habits = {}
    Market().follow(habits, baskets)
    habit = habits[7]
    assert habit.pieces + habit.former == sum(pieces for _, pieces in hours)
    assert habit.spans * DAY <= habit.total == habit.at - baskets[0].at
    assert habit.last_at - habit.at < DAY
    assert (habit.last_at, habit.order_id) == (baskets[-1].at, baskets[-1].order_id)


@given(visits)
def test_the_sums_are_those_of_the_textbook(hours: list[tuple[int, int]]) -> None:
    habits: Habits = {}
    Market().follow(habits, baskets_of(hours))
    days: list[tuple[int, int]] = []
    for one in baskets_of(hours):
        if days and one.at - days[-1][0] < DAY:
            days[-1] = (days[-1][0], days[-1][1] + one.pieces[0])
        else:
            days.append((one.at, one.pieces[0]))
    pairs = [(log(pieces), log(after - at)) for (at, pieces), (after, _) in pairwise(days)]
    means = [fmean(each) for each in zip(*pairs, strict=True)] or [0.0, 0.0]
    slope = sum((x - means[0]) * (y - means[1]) for x, y in pairs)
    spread = sum((x - means[0]) ** 2 for x, _ in pairs)
    assert habits[7].slope == pytest.approx(slope, abs=1e-9)
    assert habits[7].spread == pytest.approx(spread, abs=1e-9)


@given(st.dictionaries(st.sampled_from("abc"), visits), visits)
def test_who_goes_leaves_no_trace(
    others: dict[str, list[tuple[int, int]]], hours: list[tuple[int, int]]
) -> None:
    market, other = Market(), Market()
    market.follow({}, baskets_of(hours))
    for each in others.values():
        market.follow({}, baskets_of(each))
    for each in reversed(others.values()):
        other.follow({}, baskets_of(each))
    market.forget(baskets_of(hours))
    assert market.rhythms() == other.rhythms()


def test_refunded_lines_and_gifts_are_no_purchases() -> None:
    orders = []
    for number in range(3):
        line = Line(id="1", product_id="tea")
        at = T0 + number * HOUR
        orders.append(Order(id=str(number), known=True, placed_at=at, lines={"1": line}))
    orders[0].is_gift = True
    orders[1].facts["refunded:all"] = T0
    found = Purchases(T0)
    found.add("c", orders)
    assert [basket.order_id for basket in found.customers["c"]] == ["2"]
