"""The daemon under a virtual clock and a simulation keep the same books of points and coupons."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.databases import NewDatabase
from tests.invariants.life import Told
from tests.invariants.strategies import PEOPLE, STARTS, ZONES
from tests.services.house import STORE, TEXTING, campaign, email
from tests.simulator.both import by_daemon, by_simulation, differences
from tests.simulator.test_agreement import Scale, arrivals_of, bursts, write

RULES: dict[str, Any] = {
    **STORE,
    "senders": TEXTING,
    "offers": {
        "thanks": {"kind": "generated", "prefix": "TY", "value": "10 % off", "expires": "5d",
                   "per_customer": "1 per 7d", "expiring_warning": "2d"},
        "five": {"kind": "generated", "prefix": "PT", "value": "5 off", "expires": "9d"},
    },
    "loyalty": {
        "orders": "1 per 1.00", "first_order": 20,
        "pending": {"after_delivery": "1d", "after_order": "2d"},
        "actions": [{"event": "survey.answered", "points": 7, "at_most": 2, "per": "3d"}],
        "tiers": [{"id": "silver", "name": "S", "points": 100, "period": "4d", "grace": "1d"},
                  {"id": "gold", "name": "G", "points": 300, "period": "8d", "grace": "1d",
                   "times": 1.5}],
        "redeem": {"five": 50}, "expire": {"after": "4d", "warn": "1d"},
    },
}  # fmt: skip
CAMPAIGNS = (
    campaign("share", "order.placed",
             [{"delay": "1h"}, {"award_points": {"points": 1, "per": "2.00", "reason": "more"}},
              {"id": "gift", "issue_coupon": "thanks"}, email()],
             purpose="marketing", entry={"key": "order.id"}),
    campaign("risen", "tier.reached", [email()], entry={"key": "trigger.id"}),
    campaign("counted", "points.earned", [email()], entry={"key": "trigger.id"}),
    campaign("soon", "points.expiring", [email()], entry={"key": "trigger.id"}),
    campaign("unused", "coupon.expiring", [email()], entry={"key": "trigger.id"}),
)  # fmt: skip


def test_books_agree(tmp_path: Path, new_sqlite: NewDatabase, scale: Scale) -> None:
    database = new_sqlite()
    write(tmp_path, RULES, CAMPAIGNS)
    seen = set[str]()

    @settings(
        max_examples=scale(6, 300), phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(start=st.sampled_from(STARTS), zones=st.permutations(ZONES), told_in=bursts)
    def agree(
        start: datetime, zones: list[str], told_in: list[tuple[list[Told], timedelta]]
    ) -> None:
        arrivals = arrivals_of(start, zones[: len(PEOPLE)], told_in)
        until = arrivals[-1].received_at + timedelta(days=12)
        lived = by_daemon(tmp_path, database, start, arrivals, until)
        simulated = by_simulation(tmp_path, start, arrivals, until)
        assert not differences(lived, simulated), "\n".join(differences(lived, simulated)[:5])
        seen.update(one["campaign"] for one in lived["journeys"].values())

    agree()
    assert {"share", "counted"} <= seen
