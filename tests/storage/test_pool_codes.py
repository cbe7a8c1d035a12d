"""Pools: each code is claimed once, by whichever worker, and comes back when nothing is kept."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.ports.coupons import PoolLevel
from engine.ports.storage import Contended
from engine.storage.coupons import SqlCouponPools
from engine.storage.database import Database
from engine.storage.store import SqlStorage

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
CODES, WORKERS = 10_000, 8


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    made = Database(database_url)
    yield made
    made.close()


def rows(database: Database) -> list[tuple[str, str, str]]:
    with database.reading() as connection:
        found = connection.exec_driver_sql("SELECT code, claim, state FROM pool_codes ORDER BY seq")
        return [(row[0], row[1], row[2]) for row in found]


def test_eight_workers_claim_ten_thousand_codes_each_once(postgresql_url: str) -> None:
    first = Database(postgresql_url)
    SqlCouponPools(first).import_codes("summer", (f"C{n:05}" for n in range(CODES)), NOW)
    claimed: list[dict[str, str]] = [{} for _ in range(WORKERS)]
    failed: list[BaseException] = []

    def work(number: int) -> None:
        database, dice = Database(postgresql_url), random.Random(number)
        storage, made = SqlStorage(database), claimed[number]
        try:
            while True:
                try:
                    with storage.deciding() as unit:
                        got: dict[str, str] = {}
                        for place in range(dice.choice((1, 5, 40, 150))):
                            claim = f"{number}:{len(made) + place}"
                            code = unit.take_code("summer", claim)
                            if code is None:
                                break
                            got[claim] = code
                        if not got:
                            return
                        if dice.random() < 0.1:
                            continue  # the decision failed: its codes are free again
                        unit.commit()
                        made.update(got)
                except Contended:
                    continue
        except BaseException as error:
            failed.append(error)
        finally:
            database.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert failed == []
    given_out = Counter(code for made in claimed for code in made.values())
    assert len(given_out) == CODES
    assert set(given_out.values()) == {1}
    told = {code: claim for code, claim, _ in rows(first)}
    assert told == {code: claim for made in claimed for claim, code in made.items()}
    assert sum(1 for made in claimed if made) > 1
    first.close()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    units=st.lists(
        st.tuples(
            st.lists(st.sampled_from(["take", "give_back", "redeem", "expire"]), max_size=8),
            st.booleans(),
        ),
        max_size=6,
    ),
    codes=st.integers(0, 9),
    number=st.integers(0, 10**9),
)
def test_a_pool_is_what_its_committed_units_made_of_it(
    database: Database, units: list[tuple[list[str], bool]], codes: int, number: int
) -> None:
    storage, pools = SqlStorage(database), SqlCouponPools(database)
    with database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM pool_codes")
    pools.import_codes("p", [f"c{place}" for place in range(codes)], NOW)
    state = {f"c{place}": ("", "free") for place in range(codes)}
    for which, (acts, commits) in enumerate(units):
        after = dict(state)
        with storage.deciding() as unit:
            free = [code for code, (claim, _) in state.items() if not claim]
            for place, act in enumerate(acts):
                held = [code for code, (claim, _) in after.items() if claim]
                if act == "take":
                    claim = f"{number}:{which}:{place}"
                    code = unit.take_code("p", claim)
                    assert code == (free.pop(0) if free else None)
                    if code is not None:
                        after[code] = (claim, "claimed")
                elif held:
                    code = held[number % len(held)]
                    claim = after[code][0]
                    ends = {"give_back": "free", "redeem": "redeemed", "expire": "expired"}
                    unit.settle_code("p", code, claim, ends[act])  # type: ignore[arg-type]
                    after[code] = ("", "free") if act == "give_back" else (claim, ends[act])
            if commits:
                unit.commit()
                state = after
        assert rows(database) == [(code, *state[code]) for code in state]


def test_importing_again_adds_nothing_and_case_does_not_count(database: Database) -> None:
    pools = SqlCouponPools(database)
    first = pools.import_codes("summer", ["A-1", "B-2"], NOW)
    again = pools.import_codes("summer", ["a-1", "B-2", "C-3"], NOW)
    other = pools.import_codes("winter", ["A-1"], NOW)
    assert [(each.added, each.known) for each in (first, again, other)] == [(2, 0), (1, 2), (1, 0)]
    assert list(pools.pool_levels()) == [
        PoolLevel(pool="summer", free=3), PoolLevel(pool="winter", free=1)
    ]  # fmt: skip


def test_a_low_pool_is_news_once_until_it_was_filled(database: Database) -> None:
    pools = SqlCouponPools(database)

    def look() -> list[tuple[int, bool]]:
        return [(each.left, each.is_news) for each in pools.watch({"summer": 2}, NOW)]

    pools.import_codes("summer", ["a", "b"], NOW)
    assert [look(), look()] == [[(2, True)], [(2, False)]]
    pools.import_codes("summer", ["c", "d"], NOW)
    assert look() == [(3, False)]
    with SqlStorage(database).deciding() as unit:
        assert [unit.take_code("summer", str(n)) for n in range(2)] == ["a", "b"]
        unit.commit()
    assert look() == [(2, True)]


def test_somebody_elses_claim_is_not_settled(database: Database) -> None:
    SqlCouponPools(database).import_codes("summer", ["a"], NOW)
    storage = SqlStorage(database)
    with storage.deciding() as unit:
        unit.take_code("summer", "mine")
        unit.commit()
    with storage.deciding() as unit:
        unit.settle_code("summer", "A", "theirs", "free")
        unit.commit()
    assert rows(database) == [("a", "mine", "claimed")]
