"""The simulated provider does as its script says, and the same each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.message import Outcome
from engine.providers.simulated import ACCEPT, REFUSE, SILENCE, UNAVAILABLE, Script, Simulated
from tests.providers.messages import clock, email, send


def outcomes(script: Script, ids: list[str]) -> list[Outcome]:
    provider = Simulated("email", clock=clock, script=script)
    return [result.outcome for result in send(provider, [email(name) for name in ids])]


@given(st.text(), st.lists(st.uuids().map(str), max_size=30))
def test_the_same_seed_fails_the_same_way(seed: str, ids: list[str]) -> None:
    script = Script(shares=[(0.3, UNAVAILABLE), (0.3, SILENCE)], seed=seed)
    assert outcomes(script, ids) == outcomes(script, ids)


def test_shares_are_what_they_say() -> None:
    script = Script(shares=[(0.25, UNAVAILABLE), (0.25, REFUSE)], seed="s")
    replies = [script.reply(f"m-{n}", call=n, attempt=0) for n in range(8000)]
    for reply, share in ((UNAVAILABLE, 0.25), (REFUSE, 0.25), (ACCEPT, 0.5)):
        assert abs(replies.count(reply) / 8000 - share) < 0.02


def test_a_try_again_is_another_draw() -> None:
    script = Script(shares=[(0.5, UNAVAILABLE)], seed="s")
    tries = {script.reply("m", call=0, attempt=attempt).outcome for attempt in range(20)}
    assert tries == {Outcome.RETRY, Outcome.ACCEPTED}


def test_by_message_before_by_call_before_the_default() -> None:
    script = Script(by_message={"m": [UNAVAILABLE, REFUSE]}, calls=[SILENCE, SILENCE])
    assert outcomes(script, ["m", "a", "m", "m", "b"]) == [
        Outcome.RETRY, Outcome.UNKNOWN, Outcome.REJECTED, Outcome.REJECTED, Outcome.ACCEPTED,
    ]  # fmt: skip


def test_what_it_got_is_kept_unless_told_otherwise() -> None:
    keeping = Simulated("email", clock=clock)
    send(keeping, [email("a"), email("b")])
    assert [outgoing.message_id for outgoing in keeping.received] == ["a", "b"]
    forgetting = Simulated("email", clock=clock, keep=False)
    send(forgetting, [email("a")])
    assert forgetting.received == []


@pytest.mark.parametrize("shares", [[(0.6, REFUSE), (0.6, SILENCE)], [(-0.1, REFUSE)]])
def test_impossible_shares_are_refused(shares: list[tuple[float, object]]) -> None:
    with pytest.raises(ValueError, match="share"):
        Script(shares=shares)  # type: ignore[arg-type]
