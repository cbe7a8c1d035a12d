"""Lines are read in several processes as they are in one."""

from __future__ import annotations

from datetime import UTC, datetime
from multiprocessing import active_children

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.simulator import reading
from engine.simulator.reading import Line, Read, Reader, ReaderGone
from triggers.event import CustomerFacts, Event, OrderFacts
from triggers.event_types import BUILT_IN
from triggers.sources.native import Refused, serialize

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CATALOG = BUILT_IN


def order(number: int, customer: int) -> bytes:
    return serialize(
        Event(
            id=f"e{number}",
            source="shop",
            type="order.placed",
            time=NOW,
            customer=CustomerFacts(id=f"c{customer}", email=f"c{customer}@example.com"),
            order=OrderFacts(id=f"o{number}"),
        )
    )


REPLY = serialize(
    Event(
        id="1", source="twilio", type="message.replied", time=NOW,
        customer=CustomerFacts(phone="+15005550006"),
        data={"text": "thanks", "keyword": None, "flagged": False},
    )
)  # fmt: skip
told = st.one_of(
    st.tuples(st.integers(0, 9), st.integers(0, 3)).map(lambda one: order(*one)),
    st.sampled_from([b"{", b'{"type": 1}', b'"\xff"', REPLY]),
)


@pytest.fixture(autouse=True)
def _soon_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_FEW", 3)
    monkeypatch.setattr(reading, "_TOGETHER", 2)


def all_of(lines: list[Line], workers: int) -> list[tuple[int, object]]:
    return list(Reader(CATALOG, "US", NOW).read_all(lines, workers))


@given(lines=st.lists(told, max_size=15), workers=st.integers(2, 4))
def test_the_same_comes_out_in_the_same_order(lines: list[bytes], workers: int) -> None:
    numbered = list(enumerate(lines, 1))
    alone = all_of(numbered, 1)
    assert all_of(numbered, workers) == alone
    assert [number for number, _ in alone] == [number for number, _ in numbered]


def test_what_is_packed_what_is_given_back_and_what_is_refused() -> None:
    found = [one for _, one in all_of([(1, order(1, 1)), (2, REPLY), (3, b"{")], 1)]
    assert [type(one) for one in found] == [Read, Event, Refused]


def test_a_process_that_is_killed_is_told_of() -> None:
    before = set(active_children())
    lines = ((number, order(number, 1)) for number in range(1, 10_000))
    found = Reader(CATALOG, "US", NOW).read_all(lines, 2)
    for _ in range(6):
        next(found)
    for child in set(active_children()) - before:
        child.kill()
    with pytest.raises(ReaderGone, match="ended by itself"):
        list(found)
    assert set(active_children()) == before
