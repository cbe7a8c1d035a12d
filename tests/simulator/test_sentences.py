"""What a simulation came to, in sentences."""

from __future__ import annotations

import pytest

from engine.simulator.sentences import pressure_told

MANY = (
    "3 customers would get 2.0 messages each on average: half of them 1 at most, nine of ten 4 at "
    "most, and nobody more than 4. Within one week one customer would get 3, the most."
)


def pressure(counts: dict[int, int], peaks: dict[int, int]) -> dict[str, list[dict[str, int]]]:
    return {
        name: [{"messages": many, "customers": of} for many, of in told.items()]
        for name, told in (("customers_by_messages", counts), ("customers_by_loudest_week", peaks))
    }


@pytest.mark.parametrize(
    ("counts", "peaks", "told"),
    [
        ({0: 4}, {}, None),
        ({0: 4, 1: 1}, {1: 1}, "One customer would get one message."),
        ({3: 1}, {2: 1}, "One customer would get 3 messages, 2 within one week."),
        ({1: 2, 4: 1}, {1: 2, 3: 1}, MANY),
    ],
)
def test_pressure_is_told_of_nobody_of_one_and_of_many(
    counts: dict[int, int], peaks: dict[int, int], told: str | None
) -> None:
    assert pressure_told(pressure(counts, peaks)) == told
