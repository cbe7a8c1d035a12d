"""What is older than the policy says is forgotten, a page at a time."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from engine.services.retention import Forgetting
from engine.storage.privacy import SqlPrivacy
from tests.services.conftest import NewHouse
from tests.services.house import DAY, House, campaign, email

NEWS = campaign("news", {"event": "order.placed"}, [email("first")],
                entry={"key": "order.id", "re_entry": "never"})  # fmt: skip
KEPT = {"content": "10d", "events": "20d"}


def forgetting(shop: House, page: int = 3) -> Forgetting:
    return Forgetting(
        storage=SqlPrivacy(shop.app.storage.database),
        retention=lambda: shop.app.revisions.policy.retention,
        clock=shop.clock,
        page=page,
    )


def a_month(new_house: NewHouse) -> House:
    """One order a day for thirty days, each with an email."""
    shop = new_house(NEWS, store={"retention": KEPT})
    for day in range(30):
        shop.tell("order.placed", f"c{day}", order=day, id=f"placed-{day}")
        shop.run(DAY)
    return shop


def bodies(shop: House) -> dict[str, object]:
    return {one.id: json.loads(one.body) for one in shop.events("order.placed")}


def kept(shop: House) -> int:
    return int(shop.rows("SELECT count(*) FROM contents")[0][0])


@pytest.mark.parametrize("page", [1, 3, 7, 500])
def test_only_what_is_too_old_is_forgotten(new_house: NewHouse, page: int) -> None:
    shop = a_month(new_house)
    assert forgetting(shop, page).run() == (20, 10)
    told = bodies(shop)
    assert [told[f"placed-{day}"] == {"expired": True} for day in range(30)] == (
        [True] * 10 + [False] * 20
    )
    assert kept(shop) == 10
    assert forgetting(shop, page).run() == (0, 0)


def test_what_was_forgotten_still_counts_and_is_not_taken_twice(new_house: NewHouse) -> None:
    shop = a_month(new_house)
    again = shop.event("order.placed", "c0", order=0, id="placed-0")
    before = shop.app.history.campaign_counts()
    forgetting(shop).run()
    shop.tell_all([again])
    assert shop.app.history.campaign_counts() == before
    assert bodies(shop)["placed-0"] == {"expired": True}


def test_a_chore_that_was_stopped_goes_on_where_it_was(new_house: NewHouse) -> None:
    shop = a_month(new_house)
    chore = forgetting(shop)
    chore.pause = lambda: False
    runs = [chore.run() for _ in range(12)]
    assert max(max(run) for run in runs) <= chore.page
    assert (sum(run[0] for run in runs), sum(run[1] for run in runs)) == (20, 10)


def test_events_that_wait_are_left(new_house: NewHouse) -> None:
    shop = new_house(NEWS, store={"retention": KEPT})
    shop.app.storage.accept([shop.incoming(shop.event("order.placed", order=1, id="waiting"))])
    shop.clock.advance_to(shop.clock.now() + timedelta(days=40))
    assert forgetting(shop).run() == (0, 0)
    shop.app.worker.quiesce()
    assert shop.journey().status.value == "completed"
    assert forgetting(shop).run()[1] >= 1
