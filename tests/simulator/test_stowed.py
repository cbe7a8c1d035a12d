"""Entries that are stowed say what they said, and nothing is booked otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.points import ACCOUNT
from engine.simulator.press import Press
from engine.simulator.stowed import Told, stow
from tests.programs.loyalty_member import DAY, T0, Member
from tests.programs.test_loyalty_ledger import SHUFFLED, stories
from tests.storage import things
from triggers.event import Event


@given(story=stories(), data=st.data(), days=st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_stowed_entries_say_the_same(story: list[Event], data: st.DataObject, days: int) -> None:
    one, other, press = Member(**SHUFFLED), Member(**SHUFFLED), Press()
    for each in data.draw(st.permutations(story * 2)):
        for member in (one, other):
            member.tell(each)
        stow(other.world.books, data.draw(st.sampled_from([other.now, T0 - 10 * DAY])), press, 0)
        assert other.ledger == one.ledger
    for member in (one, other):
        member.run_to(T0 + days * DAY)
    stow(other.world.books, other.now + DAY, press, 0)
    books, plain = other.world.books, one.world.book("points")
    if plain:
        assert all(each.key == ACCOUNT or each.due_at for each in books.at_hand("points"))
        assert books.count("points") == len(books) == len(plain)
        assert ("points", "order:nobody's") not in books
        told = data.draw(st.sampled_from(plain))
        assert books["points", told.key] == told
    assert other.ledger == one.ledger
    stow(books, other.now + DAY, press, 0)
    assert books.of("points") == plain
    assert [dict(each.data) for each in books.of("points")] == [each.data for each in plain]
    assert other.world.books.due(other.now) == one.world.books.due(one.now)
    assert other.ledger == one.ledger
    assert other.lines == one.lines


_triggers = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["order.placed", "order.delivered"]),
        "id": st.text(max_size=3),
        "data": st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text()),
        "causes": st.lists(st.text(max_size=3)),
    }
)
_results = st.dictionaries(
    st.sampled_from(["ask", "remind"]),
    st.dictionaries(
        st.sampled_from(["sent", "opened", "code"]), st.booleans() | st.text(max_size=3)
    ),
)


@given(
    triggers=st.lists(_triggers, min_size=1, max_size=3),
    told=st.lists(st.tuples(st.integers(0, 2), _results), max_size=5),
    news=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["ask", "remind"])), max_size=4),
)
def test_stowed_journeys_say_the_same_and_hear_what_comes_of_their_steps(
    triggers: list[dict[str, Any]],
    told: list[tuple[int, dict[str, dict[str, Any]]]],
    news: list[tuple[int, str]],
) -> None:
    plain, stowed = (
        [
            things.journey(
                f"j{number}",
                "c",
                trigger=triggers[which % len(triggers)],
                results=deepcopy(results),
            )
            for number, (which, results) in enumerate(told)
        ]
        for _ in range(2)
    )
    kept = Told()
    for each in stowed:
        kept.keep(each)
    for number, step in news:
        for journeys in (plain, stowed):
            if number < len(journeys):
                journeys[number].told(step)["opened"] = number
        for each in stowed[:1]:
            kept.keep(each)
    for one, other in zip(plain, stowed, strict=True):
        assert dict(other.trigger) == one.trigger
        assert other.trigger.get("none") is None
        assert dict(other.results) == one.results


@given(told=st.lists(_results, min_size=1, max_size=5), others=st.integers(0, 10))
@settings(deadline=None)
def test_journeys_that_were_told_the_same_share_it(
    told: list[dict[str, dict[str, Any]]], others: int
) -> None:
    kept, codes = Told(), ("ask", "remind")
    first: dict[int, Mapping[str, Any]] = {}
    for number, results in enumerate(told * 2):
        journey = things.journey(f"j{number}", "c", results=deepcopy(results))
        kept.keep(journey)
        assert dict(journey.results) == results
        known = first.setdefault(number % len(told), journey.results)
        flags = all(type(one) is bool for step in results.values() for one in step.values())
        assert journey.results is known or not results or not flags
        for other in range(others * number, others * (number + 1)):
            passing = things.journey("other", "c", results={codes[other % 2]: {"score": other}})
            kept.keep(passing)
            assert dict(passing.results) == {codes[other % 2]: {"score": other}}
