"""Rate limits: never more than allowed, and no waiting without need."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.providers.pacing import Rate, TokenBucket

rates = st.builds(Rate, per_second=st.floats(0.01, 1000), burst=st.integers(1, 50))
steps = st.lists(st.floats(0, 20) | st.floats(0, 0.01) | st.just(0.0), max_size=200)


@given(rates, st.floats(0, 1e9), steps)
def test_no_span_lets_more_through_than_burst_and_rate(
    rate: Rate, start: float, gaps: list[float]
) -> None:
    bucket, now, taken = TokenBucket(rate, now=start), start, []
    for gap in gaps:
        now += gap
        if bucket.take(now) == 0:
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            allowed = rate.burst + rate.per_second * (taken[last] - taken[first])
            assert last - first + 1 <= allowed + 1e-3


@given(rates, steps)
def test_the_wait_it_tells_is_enough_and_needed(rate: Rate, gaps: list[float]) -> None:
    bucket, now = TokenBucket(rate, now=0.0), 0.0
    for gap in gaps:
        now += gap
        wait = bucket.take(now)
        if wait > 0:
            assert bucket.take(now + wait * 0.9) > 0
            now += wait
            assert bucket.take(now) <= 1e-6


@given(rates, st.floats(0, 5), steps)
def test_it_foretells_how_many_can_be_taken(rate: Rate, seconds: float, gaps: list[float]) -> None:
    bucket, now = TokenBucket(rate, now=0.0), 0.0
    for gap in gaps:
        now += gap
        bucket.take(now)
    foretold, taken, end = bucket.within(now, seconds), 0, now + seconds
    while now <= end + 1e-6:
        wait = bucket.take(now)
        taken += wait == 0
        now += wait
    assert abs(taken - foretold) <= 1


@given(rates, st.floats(0.001, 100))
def test_a_clock_that_goes_back_fills_nothing(rate: Rate, back: float) -> None:
    bucket = TokenBucket(rate, now=1000.0)
    for _ in range(rate.burst):
        assert bucket.take(1000.0) == 0
    assert bucket.take(1000.0 - back) > 0
    assert bucket.take(1000.0) > 0


@pytest.mark.parametrize(
    ("per_second", "burst"), [(0, 1), (-1, 1), (float("inf"), 1), (float("nan"), 1), (1, 0)]
)
def test_a_rate_that_lets_nothing_through_is_refused(per_second: float, burst: int) -> None:
    with pytest.raises(ValueError, match="must be"):
        Rate(per_second=per_second, burst=burst)
