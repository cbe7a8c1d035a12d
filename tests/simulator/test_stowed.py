"""Entries that are stowed say what they said, and nothing is booked otherwise."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.points import ACCOUNT
from engine.simulator.stowed import stow
from tests.programs.loyalty_member import DAY, T0, Member
from tests.programs.test_loyalty_ledger import SHUFFLED, stories
from triggers.event import Event


@given(story=stories(), data=st.data(), days=st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_stowed_entries_say_the_same(story: list[Event], data: st.DataObject, days: int) -> None:
    one, other = Member(**SHUFFLED), Member(**SHUFFLED)
    for each in data.draw(st.permutations(story * 2)):
        for member in (one, other):
            member.tell(each)
        stow(other.world.books, data.draw(st.sampled_from([other.now, T0 - 10 * DAY])), 0)
        assert other.ledger == one.ledger
    for member in (one, other):
        member.run_to(T0 + days * DAY)
    stow(other.world.books, other.now + DAY, 0)
    stowed, plain = other.world.books.kept("points"), one.world.books.kept("points")
    assert stowed == plain
    assert [(key, dict(each.data)) for key, each in stowed.items()] == [
        (key, each.data) for key, each in plain.items()
    ]
    newest = [each for key, each in stowed.items() if key != ACCOUNT][-1:]
    assert not any(isinstance(each.data, dict) for each in newest)
    assert other.world.books.due(other.now) == one.world.books.due(one.now)
    assert other.ledger == one.ledger
    assert other.lines == one.lines
