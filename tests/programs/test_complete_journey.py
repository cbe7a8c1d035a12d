"""On a grocer's real baskets: an independent count agrees, and our dates err less than simple ones.

A part of the households, so that it is quick; ``python -m benchmarks --part recommending`` tells
of them all.
"""

from collections import Counter
from datetime import datetime, timedelta
from itertools import combinations

import pytest

from engine.programs.baskets import STRENGTH
from engine.programs.purchases import LARGEST_BASKET, Purchases
from tests import datasets
from tests.programs.held_out import END, LAST_QUARTER, THIRD_QUARTER, errors, purchases_from
from tests.programs.matches import bought_next, bought_together

LEAST = 5
HOUSEHOLDS = 300


@pytest.fixture(scope="module")
def baskets() -> list[datasets.Basket]:
    return list(datasets.complete_journey(HOUSEHOLDS))


@pytest.fixture(scope="module")
def year(baskets: list[datasets.Basket]) -> Purchases:
    return purchases_from(baskets)


def test_bought_together_agrees_with_an_independent_count(
    baskets: list[datasets.Basket], year: Purchases
) -> None:
    """Counted over the rows of the file themselves, pair by pair."""
    bought = [{product for product, *_ in one.lines} for one in baskets]
    singles = Counter(product for basket in bought for product in basket)
    often = {product for product, count in singles.items() if count >= LEAST}
    pairs: Counter[tuple[str, str]] = Counter()
    for basket in bought:
        assert len(basket) <= LARGEST_BASKET
        pairs.update(combinations(sorted(basket & often), 2))
    found = bought_together(year, LEAST)
    assert len(found) > 1000
    best: dict[str, list[float]] = {}
    for (one, other), cases in pairs.items():
        expected = singles[one] * singles[other] / len(bought)
        if cases >= LEAST and cases > expected:
            lift = (cases + STRENGTH) / (expected + STRENGTH)
            best.setdefault(one, []).append(lift)
            best.setdefault(other, []).append(lift)
    assert {year.products[product].key for product in found} == set(best)
    for product, matches in found.items():
        key = year.products[product].key
        lifts = sorted(best[key], reverse=True)
        assert [one.lift for one in matches] == pytest.approx(lifts[: len(matches)])
        for match in matches:
            pair = sorted((key, year.products[match.product].key))
            assert match.cases == pairs[pair[0], pair[1]]


def test_next_products_are_later_ones_and_no_more_often_than_buyers(year: Purchases) -> None:
    buyers = Counter(
        product
        for visits in year.customers.values()
        for product in {product for one in visits for product in one.products}
    )
    found = bought_next(year, LEAST, timedelta(days=90))
    assert found
    for product, matches in found.items():
        for match in matches:
            assert match.product != product
            assert LEAST <= match.cases <= min(buyers[product], buyers[match.product])
            assert match.lift > 1


@pytest.mark.parametrize("quarter", [(THIRD_QUARTER, LAST_QUARTER), (LAST_QUARTER, END)])
def test_our_dates_err_less_than_either_mean(
    year: Purchases, quarter: tuple[datetime, datetime]
) -> None:
    plain, tonight = errors(year, *quarter)
    assert plain.cases > 4000
    assert plain.ours < min(plain.own_mean, plain.product_median)
    assert tonight.ours < min(tonight.own_mean, tonight.product_median)
