"""What a rate limit holds up, reckoned afterwards, is what the daemon's own bucket holds up."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from math import nextafter

from hypothesis import given
from hypothesis import strategies as st

from engine.providers.pacing import Rate, TokenBucket
from engine.simulator.backlog import Departures, backlogs

AT = datetime(2026, 12, 24, 10, tzinfo=UTC)
moments = st.lists(st.integers(0, 40), max_size=60).map(sorted)
rates = st.builds(
    Rate, per_second=st.sampled_from([0.1, 0.25, 1.0, 3.0, 10.0]), burst=st.integers(1, 10)
)


def departures(times: list[int], sender: str = "+15045550100") -> Departures:
    found = Departures()
    for each in times:
        found.note("sms", sender, AT + timedelta(seconds=each))
    return found


def paced(times: list[int], rate: Rate) -> list[float]:
    """When each leaves, first come first served, as the daemon's bucket lets them."""
    bucket, left, now = TokenBucket(rate, now=0.0), list[float](), 0.0
    waiting = deque(times)
    while waiting:
        now = max(now, float(waiting[0]))
        wait = bucket.take(now)
        if wait:
            now = max(now + wait, nextafter(now, float("inf")))
            continue
        left.append(now)
        waiting.popleft()
    return left


@given(times=moments, rate=rates)
def test_it_is_the_daemons_bucket(times: list[int], rate: Rate) -> None:
    waits = [left - at for left, at in zip(paced(times, rate), times, strict=True)]
    found = backlogs(departures(times), {"sms": rate})
    if not times:
        assert found == []
        return
    (one,) = found
    assert one.messages == len(times)
    assert one.waited == sum(wait > 1e-4 for wait in waits)
    if one.worst is None:
        assert max(waits) <= 1e-4
        return
    assert abs(one.worst.longest.total_seconds() - max(waits)) < 1e-3
    assert one.worst.messages <= one.waited
    assert one.worst.since < one.worst.until
    # The longest line moves at the rate: whoever is last waits no longer than all before them take.
    taken = (one.worst.until - one.worst.since).total_seconds()
    assert abs(taken * rate.per_second - one.worst.messages) <= 1 + 1e-3


@given(times=st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=60), rate=rates)
def test_parts_of_the_customers_add_up(times: list[tuple[int, bool]], rate: Rate) -> None:
    whole = departures([at for at, _ in times])
    parts = departures([at for at, first in times if first])
    parts.join(departures([at for at, first in times if not first]))
    assert parts == whole
    assert backlogs(parts, {"sms": rate}) == backlogs(whole, {"sms": rate})


def test_a_rush_is_told_with_its_end() -> None:
    rush = departures([0] * 4200)
    rush.note("email", "hello@example.com", AT)
    (one,) = backlogs(rush, {"sms": Rate(per_second=1, burst=1)})
    assert one.worst is not None
    assert one.waited == one.worst.messages == 4199
    assert one.worst.since == AT
    assert one.worst.until == AT + timedelta(seconds=4199)
    assert one.worst.longest == timedelta(seconds=4199)
