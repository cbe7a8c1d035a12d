"""What was seen is known for ever, and nothing else is."""

from __future__ import annotations

from random import Random

from engine.simulator.marks import Marks


def test_all_that_were_kept_are_known_and_no_others() -> None:
    chance = Random(1)
    hashes = [hash(("source", str(number))) for number in range(40_000)]
    kept, marks = set[int](), Marks()
    for number, mark in enumerate(hashes):
        assert (mark in marks) == (mark in kept)
        if chance.random() < 0.9:
            kept.add(mark)
            marks.add(mark)
        again = hashes[chance.randrange(number + 1)]
        if again in kept:
            marks.add(again)
    assert [mark in marks for mark in hashes] == [mark in kept for mark in hashes]
    for outer in (-(2**63), 2**63 - 1):
        assert outer not in marks
        marks.add(outer)
        assert outer in marks
