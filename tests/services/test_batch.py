"""What a batch says of what it did."""

from __future__ import annotations

from structlog.testing import capture_logs

from tests.services.conftest import NewHouse
from tests.services.house import HOUR, campaign, email


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
