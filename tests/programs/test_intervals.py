"""Dates follow from the customer's own intervals and everybody's, and from how much was bought."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.customer import Line, Order
from engine.programs.intervals import (
    CREDIBILITY,
    Purchase,
    Rhythm,
    interval,
    purchases_of,
    rhythms,
    used_up,
)
from engine.programs.purchases import DAY, Basket, Purchases
from tests.core.shop import DAY as A_DAY
from tests.core.shop import HOUR, T0

USUAL = Rhythm(usual=30.0 * DAY, intervals=50, buyers=20, again=10, elasticity=0.0)


def made(*days: float, pieces: Sequence[int] = ()) -> list[Purchase]:
    many = pieces or [1] * len(days)
    return [
        Purchase(round(day * DAY), count, f"o{day}", round(day * DAY))
        for day, count in zip(days, many, strict=True)
    ]


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
    lasting = Rhythm(usual=30.0 * DAY, intervals=50, buyers=20, again=10, elasticity=1.0)
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
    known = rhythms(found)
    lasting, same = (known[found.numbers[name]] for name in ("lasting", "same"))
    assert lasting.elasticity > 0.7
    assert same.elasticity == 0
    assert same.usual == 30 * DAY
    assert (same.buyers, same.again, same.intervals) == (60, 60, 300)


def test_only_what_is_for_use_is_used_up_or_what_one_buys_again_and_again() -> None:
    stories = {f"c{n}": [(0.0, "pot", 1), (0.0, "tea", 1)] for n in range(50)}
    for n in range(20):
        stories[f"c{n}"].append((25.0, "tea", 1))
    stories["c0"].append((300.0, "pot", 1))
    stories["cook"] = [(day, "pot", 1) for day in (0.0, 20.0, 40.0)]
    found = shop(stories)
    known = rhythms(found)

    def told(customer: str) -> set[str]:
        baskets = found.customers[customer]
        return {found.products[product].key for product, *_ in used_up(baskets, known, 5)}

    assert told("c30") == {"tea"}
    assert told("c0") == {"tea"}
    assert told("cook") == {"pot"}


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40, unique=True))
def test_orders_of_one_day_are_one_purchase_and_no_piece_is_lost(hours: list[int]) -> None:
    at = sorted(hours)
    baskets = [Basket(hour * DAY // 24, str(hour), (7,), (2,)) for hour in at]
    found = purchases_of(baskets)[7]
    assert sum(one.pieces for one in found) == 2 * len(at)
    for before, after in pairwise(found):
        assert after.at - before.at >= DAY
        assert before.last_at - before.at < DAY
    assert (found[-1].last_at, found[-1].order_id) == (baskets[-1].at, baskets[-1].order_id)


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
