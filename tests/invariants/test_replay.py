"""Promise 7: the same recorded input gives the same decisions, however the work is divided."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.databases import NewDatabase
from tests.invariants.life import Teller, Told, told
from tests.invariants.shop import MICROSECOND, Shop, empty
from tests.invariants.strategies import CAMPAIGNS, PEOPLE, STARTS, ZONES, campaigns, stores

Scale = Callable[[int, int], int]

# One person tells one thing at an instant: which of two events that arrive in one instant is
# followed by a hand-over before the other is looked at follows from the batch.
bursts = st.lists(
    st.tuples(
        st.lists(told, min_size=1, max_size=4, unique_by=lambda one: one.person),
        st.sampled_from([timedelta(minutes=5), timedelta(hours=6), timedelta(days=1)]),
    ),
    min_size=2,
    max_size=8,
)


def lived(
    workspace: Path,
    database: str,
    story: dict[str, Any],
    *,
    batch: int,
    workers: int,
) -> dict[str, Any]:
    """All that came of a story."""
    empty(database)
    shop = Shop(workspace, database, story["store"], story["start"], workers=1, batch=batch)
    try:
        for _ in range(workers - 1):
            shop.join()
        for each in story["campaigns"]:
            shop.write(f"campaigns/{each['id']}.yaml", json.dumps(each))
        shop.reload()
        clock, teller = shop.clock, Teller()
        clock.advance_to(story["start"] + timedelta(minutes=1))
        _tell(shop, teller.everyone(clock.now(), story["zones"]))
        for burst, pause in story["bursts"]:
            _tell(shop, [teller.write(one, clock.now()) for one in burst])
            _live(shop, clock.now() + pause)
        _live(shop, clock.now() + timedelta(days=4))
        return _outcome(shop)
    finally:
        shop.close()


def _tell(shop: Shop, events: list[dict[str, Any]]) -> None:
    shop.apps[0].storage.accept(shop.incoming(events))
    _rest(shop)


def _live(shop: Shop, end: datetime) -> None:
    while (due := shop.apps[0].storage.next_due()) is not None and due <= end:
        shop.clock.advance_to(max(due, shop.clock.now() + MICROSECOND))
        _rest(shop)
    shop.clock.advance_to(max(end, shop.clock.now()))
    _rest(shop)


def _rest(shop: Shop) -> None:
    while sum(app.worker.run_once() for app in shop.apps):
        pass


def _outcome(shop: Shop) -> dict[str, Any]:
    decisions: dict[str, list[Any]] = {}
    for row in shop.rows("SELECT journey_id, entries FROM decisions ORDER BY seq"):
        decisions.setdefault(row["journey_id"], []).extend(json.loads(row["entries"]))
    messages = shop.rows("SELECT * FROM messages ORDER BY id")
    return {
        "decisions": decisions,
        "journeys": shop.rows("SELECT * FROM journeys ORDER BY id"),
        "messages": [
            {key: value for key, value in row.items() if key != "owner"} for row in messages
        ],
        "verdicts": shop.rows("SELECT source, id, verdicts FROM events ORDER BY source, id"),
        "given": sorted((e.at, e.outgoing.message_id, e.answer) for e in shop.outside.given),
    }


def _unlimited(written: dict[str, Any]) -> dict[str, Any]:
    """A volume is shared by customers: which of them gets its last place follows from the turn."""
    return {key: value for key, value in written.items() if key != "volume_limit"}


def test_batches_and_workers_change_nothing(
    tmp_path: Path, new_sqlite: NewDatabase, new_postgresql: NewDatabase, scale: Scale
) -> None:
    databases = (new_sqlite(), new_postgresql())

    @settings(
        max_examples=scale(2, 120),
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(
        store=stores,
        start=st.sampled_from(STARTS),
        written=st.tuples(*(campaigns(name).map(_unlimited) for name in CAMPAIGNS[:3])),
        zones=st.permutations(ZONES),
        told_in=bursts,
    )
    def same(
        store: dict[str, Any],
        start: datetime,
        written: tuple[dict[str, Any], ...],
        zones: list[str],
        told_in: list[tuple[list[Told], timedelta]],
    ) -> None:
        story = {
            "store": store, "start": start, "campaigns": written,
            "zones": zones[: len(PEOPLE)], "bursts": told_in,
        }  # fmt: skip
        whole = lived(tmp_path, databases[0], story, batch=500, workers=1)
        for database, batch, workers in ((databases[0], 1, 1), (databases[1], 3, 2)):
            other = lived(tmp_path, database, story, batch=batch, workers=workers)
            for part, held in whole.items():
                assert other[part] == held, (part, batch, workers)

    same()
