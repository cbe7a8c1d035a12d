"""How far dates of replenishment are off, on purchases that they were not computed from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby

from engine.core.customer import Line, Order
from engine.core.instants import microseconds
from engine.programs.intervals import habits_of, interval
from engine.programs.purchases import DAY, Purchases, Sale
from tests import datasets

LAST_QUARTER = datetime(2017, 10, 1, tzinfo=UTC)
THIRD_QUARTER = datetime(2017, 7, 1, tzinfo=UTC)
END = datetime(2018, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errors:
    """Mean absolute errors in days, over ``cases`` of a customer and a product."""

    cases: int
    ours: float
    own_mean: float
    product_median: float


def orders_of(baskets: Iterable[datasets.Basket]) -> Iterator[tuple[str, list[Order]]]:
    """Each household with its baskets as orders."""
    for household, those in groupby(baskets, key=lambda basket: basket.household):
        yield household, [
            Order(
                id=f"grocer:{one.id}",
                customer_id=household,
                known=True,
                placed_at=one.at,
                currency="USD",
                total=sum((value for *_, value in one.lines), Decimal(0)),
                lines={
                    str(number): Line(
                        id=str(number), product_id=product, title=f"Product {product}",
                        quantity=pieces, price=value,
                    )
                    for number, (product, pieces, value) in enumerate(one.lines)
                },
            )
            for one in those
        ]  # fmt: skip


def purchases_from(baskets: Iterable[datasets.Basket]) -> Purchases:
    """The year as the nightly computation reads it."""
    found = Purchases(datetime(2016, 1, 1, tzinfo=UTC))
    for household, orders in orders_of(baskets):
        found.add(household, orders)
    return found


def errors(year: Purchases, cut: datetime, end: datetime) -> tuple[Errors, Errors]:
    """Errors for purchases from ``cut`` to ``end``, from what was bought before ``cut`` alone.

    Cases are those who had bought a product twice or oftener, so that all three can be computed,
    and bought it again in that time. The second ones are as of the night of the cut: a date that
    lies before it counts as that night.
    """
    begin, over = microseconds(cut), microseconds(end)
    before = Purchases()
    for who, baskets in year.customers.items():
        for one in baskets:
            if one.at < begin:
                before.put(who, Sale(one.at, one.order_id, year.sold_in(one), one.pieces))
    market, habits = habits_of(before)
    known = market.rhythms()
    plain, clipped, cases = [0.0] * 3, [0.0] * 3, 0
    for who, baskets in year.customers.items():
        again: dict[str, int] = {}
        for basket in baskets:
            if begin <= basket.at < over:
                for product in year.sold_in(basket):
                    again.setdefault(product.key, basket.at)
        for key, at in again.items():
            number = before.numbers.get(key, -1)
            former = habits.get(who, {}).get(number)
            if former is None or not former.spans:
                continue
            cases += 1
            rhythm = known[number]
            guesses = (interval(former, rhythm), former.total / former.spans, rhythm.usual)
            for which, guess in enumerate(guesses):
                plain[which] += abs(former.at + guess - at)
                clipped[which] += abs(max(begin, former.at + guess) - at)
    return _errors(plain, cases), _errors(clipped, cases)


def _errors(sums: list[float], cases: int) -> Errors:
    ours, own, product = (one / cases / DAY for one in sums)
    return Errors(cases=cases, ours=ours, own_mean=own, product_median=product)
