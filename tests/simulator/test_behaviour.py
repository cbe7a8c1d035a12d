"""What simulated customers do follows from message and seed, in the shares that are told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.message import Purpose
from engine.core.survey import SurveyKind
from engine.simulator.behaviour import (
    DEEDS,
    DEFAULT,
    Behaviour,
    Deed,
    Manner,
    Reaction,
    habit,
    reactions,
)

MANY = 4000
shares = st.floats(0, 1)
manners = st.builds(
    Manner, open=shares, click=shares, answer=shares, buy=shares, unsubscribe=shares,
    complain=shares, scores=st.just(DEFAULT["email"].scores),
)  # fmt: skip


def react(
    number: int,
    manner: Manner,
    kind: SurveyKind | None,
    seed: str,
    purpose: Purpose = "marketing",
) -> list[Reaction]:
    return reactions(f"m{number}", habit(manner, purpose, kind), seed)


def done(found: list[Reaction], deed: Deed) -> list[Reaction]:
    return [each for each in found if each.deed == deed]


SCORES = DEFAULT["email"].scores
MANNERS: dict[Deed, Callable[[float], Manner]] = {
    "click": lambda share: Manner(click=share),
    "answer": lambda share: Manner(answer=share, scores=SCORES),
    "buy": lambda share: Manner(buy=share),
    "unsubscribe": lambda share: Manner(unsubscribe=share),
}


@given(manner=manners, number=st.integers(0, 10**9), seed=st.text(max_size=3))
def test_a_customer_is_consistent(manner: Manner, number: int, seed: str) -> None:
    found = react(number, manner, "nps", seed)
    assert found == react(number, manner, "nps", seed)
    assert len({each.deed for each in found}) == len(found)
    assert all(timedelta(0) < each.after <= timedelta(days=15) for each in found)
    assert found == sorted(found, key=lambda one: (one.after, DEEDS.index(one.deed)))
    if manner.open and found:
        assert found[0].deed == "open"
    for each in done(found, "answer"):
        assert each.score in range(11)
    transactional = react(number, manner, None, seed, "transactional")
    assert not {each.deed for each in transactional} & {"unsubscribe", "complain", "answer"}


@pytest.mark.parametrize("deed", list(MANNERS))
def test_shares_come_out(deed: Deed) -> None:
    for share in (0.0, 0.02, 0.3, 1.0):
        manner = MANNERS[deed](share)
        count = sum(bool(done(react(number, manner, "nps", "1"), deed)) for number in range(MANY))
        assert abs(count / MANY - share) <= 0.02


def test_the_most_particular_word_counts() -> None:
    behaviour = Behaviour(campaigns={"review": Manner(open=0.2, buy=0.1)})
    segment = Manner(buy=0.5)
    plain = behaviour.manner("email", "other", None)
    assert plain == DEFAULT["email"]
    found = behaviour.manner("email", "review", segment)
    assert (found.open, found.buy, found.click) == (0.2, 0.5, DEFAULT["email"].click)
