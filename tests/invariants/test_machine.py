"""The promises hold over random lives of a shop, on SQLite and on PostgreSQL with two workers."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests import soak
from tests.databases import NewDatabase
from tests.invariants import machine
from tests.invariants.machine import ShopLife

Scale = Callable[[int, int], int]

STEPS = 50  # in one life
# Making a failing life shorter takes minutes: worth it in a soak, which finds it only once.
PHASES = (Phase.generate, Phase.shrink) if soak.SOAK else (Phase.generate,)


@pytest.mark.parametrize(("kind", "workers"), [("sqlite", 1), ("postgresql", 2)])
def test_promises_hold(
    kind: str, workers: int, request: pytest.FixtureRequest, scale: Scale
) -> None:
    new: NewDatabase = request.getfixturevalue(f"new_{kind}")
    life = type("Life", (ShopLife,), {"database": new(), "workers": workers})
    on_sqlite = kind == "sqlite"  # PostgreSQL takes four times as long for the same
    wanted = scale(300, 40_000) if on_sqlite else scale(120, 12_000)
    before = machine.steps_taken
    while (taken := machine.steps_taken - before) < wanted:
        lives = max(1, (wanted - taken) // STEPS)
        run_state_machine_as_test(
            life,
            settings=settings(max_examples=lives, stateful_step_count=STEPS, phases=PHASES),
        )
    sys.stdout.write(f"{taken} steps on {kind}\n")
    assert taken >= wanted
