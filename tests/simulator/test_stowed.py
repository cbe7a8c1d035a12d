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
    books, plain = other.world.books, one.world.book("points")
    if plain:
        assert all(each.key == ACCOUNT or each.due_at for each in books.at_hand("points"))
        assert books.count("points") == len(books) == len(plain)
        assert ("points", "order:nobody's") not in books
        told = data.draw(st.sampled_from(plain))
        assert books["points", told.key] == told
    assert other.ledger == one.ledger
    stow(books, other.now + DAY, 0)
    assert books.of("points") == plain
    assert [dict(each.data) for each in books.of("points")] == [each.data for each in plain]
    assert other.world.books.due(other.now) == one.world.books.due(one.now)
    assert other.ledger == one.ledger
    assert other.lines == one.lines
