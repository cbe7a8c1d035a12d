"""Causes that block one address, in whatever order they are told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.core.customer import Customer, Suppression
from engine.core.permissions import (
    COMPLAINT,
    HARD_BOUNCE,
    STOP,
    UNSUBSCRIBED,
    WISHED,
    blocking,
    is_stopped,
    take_suppression,
    without_stop,
)
from engine.core.replying import lift
from engine.core.world import World
from tests.core.shop import DAY, T0

SCOPES = {UNSUBSCRIBED: "marketing", COMPLAINT: "marketing"}
PHONE = "+15045550101"
REASONS = st.sampled_from([UNSUBSCRIBED, WISHED, STOP, COMPLAINT, HARD_BOUNCE, "erased"])


def cause(reason: str) -> Suppression:
    scope = SCOPES.get(reason, "all")
    return Suppression(channel="sms", address=PHONE, scope=scope, reason=reason, at=T0)


def joined(reasons: list[str]) -> tuple[str, str] | None:
    held: Suppression | None = None
    for reason in reasons:
        held = blocking(held, cause(reason))
    return None if held is None else (held.scope, held.reason)


@given(reasons=st.lists(REASONS, max_size=6), data=st.data())
def test_the_order_of_causes_makes_no_difference(reasons: list[str], data: st.DataObject) -> None:
    found = joined(reasons)
    assert joined(data.draw(st.permutations(reasons * 2))) == found
    if found is not None:
        is_all = any(SCOPES.get(reason, "all") == "all" for reason in reasons)
        assert found[0] == ("all" if is_all else "marketing")
        assert found[1] in reasons


@given(reasons=st.lists(REASONS, max_size=6))
def test_a_start_takes_back_what_people_said_and_nothing_else(reasons: list[str]) -> None:
    world = World(customer=Customer(id="ann", created_at=T0, phone=PHONE))
    key = ("sms", PHONE)
    for reason in reasons:
        world.suppressions[key] = blocking(world.suppressions.get(key), cause(reason))
    before = world.suppressions.get(key)
    lift(world, PHONE)
    left = world.suppressions.get(key)
    lasting = {HARD_BOUNCE, "erased", COMPLAINT} & set(reasons)
    if lasting - {COMPLAINT}:
        assert left == before
    elif lasting:
        assert left is not None
        assert (left.scope, left.reason) == ("marketing", COMPLAINT)
    else:
        said = {STOP, WISHED} & set(reasons)
        assert left == (None if said else before)
    if before is not None and before.reason == COMPLAINT and is_stopped(before):
        assert without_stop(before) == left


@given(reasons=st.lists(st.sampled_from([UNSUBSCRIBED, STOP, COMPLAINT, HARD_BOUNCE]), max_size=5))
def test_receipts_join_causes_the_same_way(reasons: list[str]) -> None:
    world = World(customer=Customer(id="ann", created_at=T0))
    for day, reason in enumerate(reasons):
        take_suppression(world, "sms", PHONE, reason, T0 + day * DAY)
    held = world.suppressions.get(("sms", PHONE))
    assert (None if held is None else (held.scope, held.reason)) == joined(reasons)
    if held is not None:
        assert world.changes.suppressions[-1] == held
