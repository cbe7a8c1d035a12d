"""What is moved into large pages: memory of one's own that is new, and nothing it holds changes."""

from __future__ import annotations

from engine.large_pages import LARGE, LargePages, blocks

BEGIN = 0x7F0000000000
MAPS = """\
55d0c0000000-55d0c0600000 r-xp 00000000 08:01 131 /usr/bin/python3.11
55d0c1000000-55d0c1600000 rw-p 00600000 08:01 131 /usr/bin/python3.11
55d0c20ff000-55d0c2600000 rw-p 00000000 00:00 0   [heap]
7effff000000-7effff600000 ---p 00000000 00:00 0
7f0000000000-7f00001fffff rw-p 00000000 00:00 0
7f0000300000-7f0000900000 rw-p 00000000 00:00 0
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0   [stack]
"""


def test_only_whole_pages_of_private_memory_are_named() -> None:
    assert list(blocks(MAPS.splitlines())) == [
        0x55D0C2200000,
        0x55D0C2400000,
        BEGIN + 2 * LARGE,
        BEGIN + 3 * LARGE,
    ]


def test_what_was_there_is_let_alone_and_the_rest_is_moved_once() -> None:
    told = [MAPS]
    advised: list[int] = []
    pages = LargePages(lambda: told[-1], advised.append)
    pages.gather()
    assert advised == []
    told.append(MAPS.replace("7f0000900000", "7f0000e00000"))
    pages.gather()
    pages.gather()
    assert advised == [BEGIN + 4 * LARGE, BEGIN + 5 * LARGE, BEGIN + 6 * LARGE]


def test_the_memory_keeps_what_it_holds() -> None:
    pages = LargePages()
    held = [bytes([number % 251]) * 1000 for number in range(20_000)]
    pages.gather()
    assert all(one == bytes([number % 251]) * 1000 for number, one in enumerate(held))
