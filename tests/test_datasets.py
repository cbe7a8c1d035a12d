"""The real orders are all there."""

import sys
from datetime import date
from decimal import Decimal

from tests import datasets


def test_cdnow_is_complete() -> None:
    purchases = list(datasets.cdnow())
    assert len(purchases) == 69_659
    assert len({purchase.customer for purchase in purchases}) == 23_570
    assert min(purchase.day for purchase in purchases) == date(1997, 1, 1)
    assert max(purchase.day for purchase in purchases) == date(1998, 6, 30)
    assert sum(purchase.total for purchase in purchases) == Decimal("2500315.63")


def test_reading_the_file_does_not_import_the_package() -> None:
    next(datasets.cdnow())
    assert "lifetimes" not in sys.modules
