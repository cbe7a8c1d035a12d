"""What was seen is known for ever, and nothing else is."""

from __future__ import annotations

import pickle
from random import Random

from engine.core.book import Record
from engine.core.customer import Customer
from engine.simulator.marks import Marks
from engine.simulator.memory import Memory
from engine.simulator.person import Person
from tests.simulator.customers_at_random import Silent
from tests.storage import things


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
    for many in (1, 15, 16, 5_000):
        asked = chance.sample(hashes, many)
        assert marks.among(asked) == kept.intersection(asked)
        assert Marks().among(asked) == set()
    for outer in (-(2**63), 2**63 - 1):
        assert outer not in marks
        marks.add(outer)
        assert outer in marks


def test_what_others_looked_for_is_found_by_its_marks() -> None:
    asking, holding = Memory(Silent()), Memory(Silent())
    person = holding.people["c"] = Person(Customer(id="c", created_at=things.NOW))
    holding.keep_records(person, [Record(book="claims", key="k", at=things.NOW, data={})])
    for place in (("claims", "other"), ("others", "k")):
        assert not asking.keepers_of(place)
        assert not holding.was_asked_for(asking.asked)
    assert not asking.keepers_of(("claims", "k"))
    assert holding.was_asked_for(pickle.loads(pickle.dumps(dict(asking.asked))))
    assert holding.keepers_of(("claims", "k")) == ("c",)
