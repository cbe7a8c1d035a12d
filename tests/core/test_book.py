"""A customer's books hold what was written last in each place, be it little or much."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core.book import Books, Record

_T0 = datetime(2026, 1, 5, tzinfo=UTC)
_BOOKS = st.sampled_from(["points", "coupons", "calls"])
_moments = st.integers(0, 30).map(lambda day: _T0 + timedelta(days=day))
_records = st.builds(
    Record,
    book=_BOOKS,
    key=st.integers(0, 9).map(str),
    at=_moments,
    data=st.integers(0, 3).map(lambda number: {"number": number}),
    due_at=st.none() | _moments,
)


class Box:
    """Records that were put away."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = list(records)

    def __len__(self) -> int:
        return len(self._records)

    def may_hold(self, key: str) -> bool:
        return any(one.key == key for one in self._records)

    def records(self) -> list[Record]:
        return list(self._records)


@given(
    written=st.lists(_records, max_size=60),
    away=st.dictionaries(st.integers(0, 59), _BOOKS, max_size=4),
    now=_moments,
    wanted=st.frozensets(_BOOKS),
)
def test_books_are_what_was_written_last(
    written: list[Record], away: dict[int, str], now: datetime, wanted: frozenset[str]
) -> None:
    books, told = Books(), dict[tuple[str, str], Record]()
    for number, record in enumerate(written):
        books.put(record)
        told[record.book, record.key] = record
        if number in away:
            over = [one for one in books.at_hand(away[number]) if one.due_at is None]
            books.put_away(away[number], over[: number % 5], Box, 3)
    assert dict(books.items()) == told
    assert len(books) == len(told)
    assert bool(books) == bool(told)
    assert ("points", "none") not in books
    assert books.names() == {name for name, _ in told}
    assert books.has_any_of(wanted) == any(name in wanted for name, _ in told)
    chosen = books.named(wanted)
    assert dict(chosen.items()) == {place: one for place, one in told.items() if place[0] in wanted}
    due = [one for one in told.values() if one.due_at is not None and one.due_at <= now]
    assert sorted(books.due(now), key=_place) == sorted(due, key=_place)
    for name in ("points", "coupons", "calls"):
        those = [one for place, one in told.items() if place[0] == name]
        assert books.of(name) == sorted(those, key=lambda one: (one.at, one.key))
        assert books.kept(name) == {one.key: one for one in those}
        assert books.count(name) == len(those)
        others = [one.due_at for one in told.values() if one.due_at and one.book != name]
        assert books.next_due(but=name) == min(others, default=None)


@given(first=st.lists(_records, max_size=30), then=st.lists(_records, max_size=30))
def test_a_book_is_read_on_where_it_was_left(first: list[Record], then: list[Record]) -> None:
    books = Books(first)
    before = dict(books.kept("points"))
    read, count = books.since("points", 0)
    assert {one.key: one for one in read} == before
    assert count == len(before)
    assert books.reworded("points") == set()
    former, reworded = dict(before), set[str]()
    for record in then:
        books.put(record)
        if record.book == "points":
            told = former.get(record.key)
            if told is not None and (told.at, told.data) != (record.at, record.data):
                reworded.add(record.key)
            former[record.key] = record
    fresh, count = books.since("points", count)
    assert {one.key for one in fresh} == former.keys() - before.keys()
    assert count == len(former)
    assert reworded <= books.reworded("points") <= former.keys()
    assert books.reworded("points") == set()


def _place(record: Record) -> tuple[str, str]:
    return record.book, record.key
