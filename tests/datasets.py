"""Real orders that the tests are fed, read from the data file of a package.

The package `lifetimes` ships the CDNOW data set: every purchase, from January 1997 to June 1998,
of the customers who first bought at an online music shop in the first quarter of 1997. Only the
file is read. The package is not imported, so its own dependencies are not installed.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path


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


def _cdnow_file() -> Path:
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or spec.origin is None:
        raise RuntimeError("lifetimes is not installed: run `make test`")
    return Path(spec.origin).parent / "datasets" / "CDNOW_master.txt"
