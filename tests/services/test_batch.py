"""What a batch says and keeps of what it did."""

from __future__ import annotations

import json

from structlog.testing import capture_logs

from tests.services.conftest import NewHouse
from tests.services.house import HOUR, STORE, campaign, email


def test_a_campaign_that_brakes_says_so_once_and_how_to_go_on(new_house: NewHouse) -> None:
    house = new_house(
        campaign("news", "order.placed", [email(template="news")], volume_limit="1/d")
    )
    with capture_logs() as logs:
        house.tell_all([house.event("order.placed", f"c{n}", order=n) for n in range(4)])
        house.run(HOUR)
    (told,) = (one for one in logs if one["event"] == "campaign_held")
    assert (told["campaign"], told["reason"]) == ("news", "volume_limit")
    assert told["next"] == "lagniappe campaigns resume news"


def test_words_are_no_longer_kept_as_soon_as_the_shop_says_so(new_house: NewHouse) -> None:
    house = new_house(campaign("news", "order.placed", [email(template="news")]))
    house.tell("order.placed", "ada", order=1)
    house.run(HOUR)
    house.write("config/store.yaml", json.dumps({**STORE, "privacy": {"store_content": False}}))
    house.reload()
    house.tell("order.placed", "ben", order=2)
    house.run(2 * HOUR)
    details = {one.customer_id: house.app.history.message(one.id) for one in house.messages()}
    kept = {key: one is not None and one.packed is not None for key, one in details.items()}
    assert kept == {house.id_of("ada"): True, house.id_of("ben"): False}


def test_one_event_may_end_a_journey_and_begin_the_next_under_its_key(new_house: NewHouse) -> None:
    """A clock that each order starts anew: both rows are of one key and of one transaction."""
    house = new_house(
        campaign("quiet", "order.placed", [{"id": "pause", "delay": "30d"}, email()],
                 entry={"key": "customer.id", "re_entry": "always"}, exit_on=["order.placed"])
    )  # fmt: skip
    people = [f"person{number}" for number in range(8)]
    for order in range(3):
        house.tell_all([house.event("order.placed", key, order=f"{key}-{order}") for key in people])
        house.clock.advance_to(house.clock.now() + HOUR)
    for key in people:
        statuses = [each.status.value for each in house.journeys(key)]
        assert sorted(statuses) == ["exited", "exited", "live"]
