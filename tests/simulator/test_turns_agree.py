"""Whose turn it is when many fall due at one instant: in a daemon as in a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.databases import NewDatabase
from tests.services.house import STORE, email
from tests.simulator.both import by_daemon, by_simulation, differences
from tests.simulator.test_agreement import write
from tests.simulator.test_brakes import START, bought, daily, until_ten

DAY = timedelta(days=1)
CUSTOMERS = 40
QUIET = {**STORE, "quiet_hours": {"email": {"from": "00:00", "until": "23:30"}}}


@pytest.mark.parametrize(
    ("store", "campaigns"),
    [
        (STORE, [until_ten("two", volume_limit="17/d"),
                 daily("one", [email("first")], volume_limit="13/d")]),
        (QUIET, [until_ten("one", volume_limit="13/d", purpose="marketing")]),
    ],
)  # fmt: skip
def test_the_last_places_go_to_the_same_customers(
    store: dict[str, Any],
    campaigns: Sequence[dict[str, Any]],
    tmp_path: Path,
    new_database: NewDatabase,
) -> None:
    write(tmp_path, store, tuple(campaigns))
    chance = Random("whose turn")
    times = [START + timedelta(seconds=chance.randrange(3600)) for _ in range(CUSTOMERS)]
    arrivals = sorted(
        (bought(number, "Europe/Berlin", at) for number, at in enumerate(times)),
        key=lambda one: one.received_at,
    )
    lived = by_daemon(tmp_path, new_database(), START, arrivals, START + 4 * DAY)
    simulated = by_simulation(tmp_path, START, arrivals, START + 4 * DAY)
    assert not differences(lived, simulated), "\n".join(differences(lived, simulated)[:5])
    assert lived["holds"]
    assert lived["messages"]
