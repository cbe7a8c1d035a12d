"""Large pages: what is asked of the system, and for which memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.large_pages import LargePages, Span, large_pages, spans

SIZE = 1024

MAPS = """\
55d0a0000000-55d0a0021000 rw-p 00000000 00:00 0                          [heap]
55d0b0000000-55d0b0021000 r-xp 00000000 fe:00 1234                       /usr/bin/python3.11
55d0c0000000-55d0c0021000 rw-p 00021000 fe:00 1234                       /usr/bin/python3.11
7f0000000000-7f0000400000 rw-p 00000000 00:00 0
7f0000500000-7f0000600000 rw-s 00000000 00:01 99                         /dev/shm/a file
7f0000700000-7f0000800000 ---p 00000000 00:00 0
7f0000900000-7f0000a00000 rw-p 00000000 00:00 0                          [anon: arenas]
7fff00000000-7fff00021000 rw-p 00000000 00:00 0                          [stack]
"""


def test_heaps_are_what_belongs_to_the_process_alone_and_is_written() -> None:
    assert spans(MAPS.splitlines()) == [
        (0x55D0A0000000, 0x55D0A0021000),
        (0x7F0000000000, 0x7F0000400000),
        (0x7F0000900000, 0x7F0000A00000),
    ]


@given(
    former=st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)), max_size=4),
    later=st.lists(st.tuples(st.integers(0, 60_000), st.integers(0, 60_000)), max_size=4),
)
def test_only_full_pages_of_what_came_since_are_moved(
    former: list[tuple[int, int]], later: list[tuple[int, int]]
) -> None:
    mapped: list[Span] = [(min(one), max(one)) for one in former]
    asked: list[tuple[int, int]] = []
    pages = LargePages(lambda: mapped, lambda first, length: asked.append((first, length)), SIZE)
    old = {place for first, end in mapped for place in range(first, end)}
    mapped += [(min(one), max(one)) for one in later]
    pages.gather()
    for first, length in asked:
        assert (first % SIZE, length) == (0, SIZE)
        assert any(begin <= first and first + length <= end for begin, end in mapped)
        assert not old.issuperset(range(first, first + length))


def test_it_is_done_again_when_enough_has_come() -> None:
    mapped: list[Span] = [(0, 4 * SIZE)]
    asked: list[int] = []
    pages = LargePages(lambda: mapped, lambda first, _: asked.append(first), SIZE)
    mapped.append((10 * SIZE, 25 * SIZE))
    pages.gather()
    assert asked == []
    mapped.append((30 * SIZE, 31 * SIZE))
    pages.gather()
    assert len(asked) == 16
    pages.gather()
    assert len(asked) == 16


def test_what_is_kept_stays_as_it_is() -> None:
    pages = large_pages()
    kept = [bytes([number % 251]) * 600 for number in range(120_000)]
    if pages is not None:  # where the system has them
        pages.gather()
    assert all(each == bytes([number % 251]) * 600 for number, each in enumerate(kept))
