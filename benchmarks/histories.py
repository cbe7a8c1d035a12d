"""Pasts of shops as files of events: two real ones, and one that is made up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from engine.synthetic.shop import Span
from engine.synthetic.shop import events as synthetic_events
from tests import datasets

_NOON = time(12, tzinfo=UTC)
_CUSTOMERS = 75_000  # of the made-up shop: enough for a million events in a year


def write_cdnow(file: Path, quick: bool) -> int:
    """Every purchase at an online music shop; a tenth when ``quick``. How many."""
    purchases = datasets.cdnow()
    told = islice(purchases, 7_000 if quick else None)
    return _write(
        file,
        (
            _order(
                f"cdnow-{number}",
                each.customer,
                datetime.combine(each.day, _NOON),
                [("music", each.items, each.total)],
            )
            for number, each in enumerate(told)
        ),
    )


def write_baskets(file: Path, quick: bool) -> int:
    """A year of a grocer's baskets, with every line; of some households when ``quick``."""
    baskets = datasets.complete_journey(150 if quick else None)
    return _write(
        file,
        (_order(each.id, each.household, each.at, list(each.lines)) for each in baskets),
    )


def write_synthetic(file: Path, events: int) -> int:
    """The first so many events of a made-up shop."""
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    span = Span(
        customers=max(1, _CUSTOMERS * events // 1_000_000),
        begin=begin,
        until=begin + timedelta(days=365),
    )
    return _write(file, islice(synthetic_events(span), events))


def _order(
    number: str, customer: str, at: datetime, lines: list[tuple[str, int, Decimal]]
) -> dict[str, Any]:
    when = at.isoformat()
    return {
        "id": f"order-{number}",
        "source": "history",
        "type": "order.placed",
        "time": when,
        "customer": {
            "id": customer,
            "email": f"customer{customer}@example.com",
            "email_verified": True,
            "country": "US",
            "consent": {"email": {"status": "subscribed", "at": when}},
        },
        "order": {
            "id": number,
            "number": number,
            "currency": "USD",
            "total": str(sum((value for *_, value in lines), Decimal(0))),
            "lines": [
                {
                    "id": str(place),
                    "product_id": product,
                    "title": f"Product {product}",
                    "quantity": pieces,
                    "price": str((value / pieces).quantize(Decimal("0.0001"))),
                }
                for place, (product, pieces, value) in enumerate(lines)
            ],
        },
    }


def _write(file: Path, events: Iterator[dict[str, Any]]) -> int:
    count = 0
    with file.open("wb") as stream:
        for event in events:
            stream.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
            count += 1
    return count
