"""Promise 7 with the whole library live: loyalty, referrals, coupons, calls, and every schedule."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.core.context import CodeState
from engine.simulator.behaviour import SCORES, Behaviour, Manner
from engine.simulator.pools import Pools
from engine.storage.unit import SqlUnitOfWork
from tests.databases import NewDatabase
from tests.library.random_campaigns import campaigns
from tests.library.walk import WORKSPACE
from tests.simulator.both import Watching, by_daemon, by_simulation, differences
from tests.simulator.story import START, arrivals

LIVELY = Manner(
    open=0.8, click=0.5, answer=0.7, buy=0.3, unsubscribe=0.03, complain=0.02, scores=SCORES
)
BEHAVIOUR = Behaviour(channels={"email": LIVELY, "sms": LIVELY, "voice": Manner()})


@pytest.fixture
def live_library(tmp_path: Path) -> Path:
    """The library, all of it live."""
    ignore = shutil.ignore_patterns("*.py", "__pycache__", "*.test.yaml")
    for folder in ("campaigns", "message_templates", "config"):
        shutil.copytree(WORKSPACE / folder, tmp_path / folder, ignore=ignore)
    for file in (tmp_path / "campaigns").glob("*.yaml"):
        text = file.read_text(encoding="utf-8").replace("status: draft", "status: live")
        file.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def same_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon's pools give the codes that a simulation makes up."""
    pools = Pools()

    def take(unit: SqlUnitOfWork, pool: str, claim: str) -> str | None:
        return pools.take(pool, claim, START)

    def settle(unit: SqlUnitOfWork, pool: str, code: str, claim: str, state: CodeState) -> None:
        pools.settle(pool, code, claim, state)

    monkeypatch.setattr(SqlUnitOfWork, "take_code", take)
    monkeypatch.setattr(SqlUnitOfWork, "settle_code", settle)


@pytest.mark.usefixtures("same_codes")
def test_daemon_and_simulation_agree_on_the_whole_library(
    live_library: Path, new_sqlite: NewDatabase, scale: Callable[[int, int], int]
) -> None:
    until = START + timedelta(days=scale(100, 400))
    told = arrivals(until=until, customers=scale(5, 40), lines=True)
    database = new_sqlite()
    lived = by_daemon(
        live_library, database, START, told, until, lambda app: Watching(app, BEHAVIOUR)
    )
    simulated = by_simulation(live_library, START, told, until, BEHAVIOUR)
    found = differences(lived, simulated)
    assert not found, "\n".join(found[:5])
    campaigns = Counter(each["campaign"] for each in lived["messages"].values())
    books = Counter(book for _, book, _ in lived["books"])
    assert len(campaigns) >= scale(12, 16), campaigns
    assert {"points", "answers", "referral_codes"} <= books.keys(), books


@pytest.mark.usefixtures("same_codes")
def test_they_agree_on_random_campaigns_of_its_programs(
    live_library: Path, new_sqlite: NewDatabase, scale: Callable[[int, int], int]
) -> None:
    until = START + timedelta(days=16)
    told = arrivals(until=until, customers=4, lines=True)
    database, seen = new_sqlite(), Counter[str]()

    @settings(
        max_examples=scale(2, 60), phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(written=st.tuples(*(campaigns(name) for name in ("alpha", "beta", "gamma", "delta"))))
    def agree(written: tuple[dict[str, Any], ...]) -> None:
        for file in (live_library / "campaigns").glob("*"):
            file.unlink()
        for each in written:
            file = live_library / "campaigns" / f"{each['id']}.yaml"
            file.write_text(json.dumps(each), encoding="utf-8")
        lived = by_daemon(
            live_library, database, START, told, until, lambda app: Watching(app, BEHAVIOUR)
        )
        simulated = by_simulation(live_library, START, told, until, BEHAVIOUR)
        found = differences(lived, simulated)
        assert not found, "\n".join(found[:5])
        seen.update({part: len(lived[part]) for part in ("messages", "books")})

    agree()
    assert all(seen[part] for part in ("messages", "books")), seen
