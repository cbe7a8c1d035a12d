"""A pool in a simulation gives out what it has, and says when that was not enough."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.pools import Pools

AT = datetime(2026, 3, 2, tzinfo=UTC)
deeds = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["take", "free", "redeemed"])),
    max_size=40,
)


@given(deeds=deeds, size=st.integers(0, 4))
def test_it_never_gives_more_than_it_has(deeds: list[tuple[str, str]], size: int) -> None:
    pools, held, refused = Pools(), dict[str, str](), set[str]()
    pools.limit("thanks", size)
    first_refused: datetime | None = None
    for number, (who, deed) in enumerate(deeds):
        at = AT + timedelta(hours=number)
        if deed == "take" and who not in held:
            code = pools.take("thanks", who, at)
            assert (code is None) == (len(held) == size)
            if code is None:
                refused.add(who)
                first_refused = first_refused or at
            else:
                assert code not in held.values()
                held[who] = code
                refused.discard(who)
        elif deed == "free" and who in held:
            pools.settle("thanks", held.pop(who), who, "free")
        elif deed == "redeemed" and who in held:
            pools.settle("thanks", held[who], "somebody else", "free")
            pools.settle("thanks", held[who].lower(), who, "redeemed")
    found = pools.standing()["thanks"]
    assert (found.given, found.without, found.dry_at) == (len(held), len(refused), first_refused)
    assert found.redeemed <= found.given


@given(order=st.permutations(list("abcde")))
def test_one_of_unknown_size_gives_each_the_same_in_any_order(order: list[str]) -> None:
    pools = Pools()
    given_out = {who: pools.take("thanks", who, AT) for who in order}
    again = Pools()
    assert given_out == {who: again.take("thanks", who, AT) for who in "abcde"}
    assert len(set(given_out.values())) == 5
    assert pools.standing()["thanks"].dry_at is None
