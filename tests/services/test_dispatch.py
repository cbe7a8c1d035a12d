"""What providers answer: taken, try again, refused, or nobody knows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.core.message import MessageStatus
from engine.providers.simulated import ACCEPT, REFUSE, SILENCE, UNAVAILABLE, Reply, Script
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, House, campaign, email

SECOND = timedelta(seconds=1)
AFTER = {"id": "next", "update_customer": {"add_tags": ["moved-on"]}}
BUSY = Reply(outcome=UNAVAILABLE.outcome, error_code="http_503", reason="Unavailable.")


def news(*more: Any) -> dict[str, Any]:
    return campaign("news", "order.placed", [email(template="news"), *more])


def answering(new_house: NewHouse, *replies: Reply, **more: Any) -> House:
    more.setdefault("store", {"retry": {"attempts": 4, "first": "10s", "most": "1m"}})
    house = new_house(news(AFTER), script=Script(calls=replies), **more)
    house.tell("order.placed", order=1)
    return house


def test_unavailable_is_tried_again_with_growing_waits_until_it_is_taken(
    new_house: NewHouse,
) -> None:
    house = new_house(
        news({"id": "pause", "delay": "1h"}), script=Script(calls=[BUSY, BUSY, ACCEPT]),
        store={"retry": {"attempts": 4, "first": "10s", "most": "1m"}},
    )  # fmt: skip
    house.tell("order.placed", order=1)
    assert house.message().send_at == START + 10 * SECOND
    assert (house.message().status, house.message().error_code) == ("scheduled", "http_503")
    assert house.journey().waiting == "message"  # it stands before its message again
    house.run(10 * SECOND)
    assert house.message().send_at == START + 30 * SECOND
    house.run(20 * SECOND)
    assert house.journey().due_at == START + HOUR + 30 * SECOND
    house.run(HOUR)
    one = house.message()
    assert (one.status, one.attempts, one.sent_at) == ("sent", 3, START + 30 * SECOND)
    assert (one.reason, one.error_code) == (None, None)
    assert len(house.received) == 3
    assert house.journey().reason == "completed"


def test_what_the_provider_asks_for_is_waited_for(new_house: NewHouse) -> None:
    slow = Reply(outcome=UNAVAILABLE.outcome, error_code="http_429", retry_after=125.0)
    house = answering(new_house, slow, ACCEPT)
    assert house.message().send_at == START + 125 * SECOND
    house.run(HOUR)
    assert house.message().sent_at == START + 125 * SECOND


def test_the_last_attempt_fails_for_good(new_house: NewHouse) -> None:
    house = answering(new_house, *[BUSY] * 9)
    house.run(DAY)
    one = house.message()
    assert (one.status, one.attempts, one.error_code) == ("failed", 4, "http_503")
    assert len(house.received) == 4
    assert house.journey().reason == "completed"


def test_a_refusal_is_not_repeated_and_holds_no_slot(new_house: NewHouse) -> None:
    cap = {"channel": "any", "count": 1, "per": "7d"}
    one, other = (
        campaign(name, "order.placed", [email()], purpose="marketing", exit_on=[], priority=first)
        for name, first in (("one", 60), ("other", 50))
    )
    late = other | {"steps": [{"id": "p", "delay": "1h"}, email()]}
    house = new_house(one, late, script=Script(calls=[REFUSE]), store={"caps": [cap]})
    house.tell("order.placed", order=1)
    house.run(DAY)
    assert {each.campaign: each.status.value for each in house.messages()} == {
        "one": "failed", "other": "sent"
    }  # fmt: skip


def test_doubt_is_not_resent_and_counts_as_sent(new_house: NewHouse) -> None:
    cap = {"channel": "any", "count": 1, "per": "7d"}
    one = campaign("one", "order.placed", [email(), AFTER], purpose="marketing", exit_on=[],
                   priority=60)  # fmt: skip
    late = campaign("other", "order.placed", [{"id": "p", "delay": "1h"}, email()],
                    purpose="marketing", exit_on=[])  # fmt: skip
    house = new_house(one, late, script=Script(calls=[SILENCE]), store={"caps": [cap]})
    house.tell("order.placed", order=1)
    in_doubt = house.messages("one")[0]
    assert (in_doubt.status, in_doubt.error_code, in_doubt.sent_at) == ("unknown", "timeout", START)
    assert [each.reason for each in house.journeys() if each.campaign == "one"] == ["completed"]
    house.run(DAY / 2)
    assert [(each.status.value, each.reason) for each in house.messages("other")] == [
        ("skipped", "cap")
    ]
    assert len(house.received) == 1


def test_what_a_dead_process_had_in_hand_is_in_doubt(new_house: NewHouse) -> None:
    house = new_house(news())
    house.app.worker.begin("all", alone=True)
    house.app.storage.accept([house.incoming(house.event("order.placed", order=1))])
    house.app.ingest.process_waiting(10)  # committed as sending, and then the process is gone
    assert house.message().status is MessageStatus.SENDING
    house.app.sender.submit = lambda outgoings: None  # type: ignore[method-assign]
    house.clock.advance_to(START + HOUR)
    house.restart()
    one = house.message()
    assert (one.status, one.error_code) == ("unknown", "interrupted")
    assert house.received == []


def test_a_refund_while_it_is_tried_again_calls_it_off(new_house: NewHouse) -> None:
    house = new_house(
        news() | {"exit_on": ["order.refunded"]}, script=Script(calls=[BUSY]),
        store={"retry": {"first": "1h"}},
    )  # fmt: skip
    house.tell("order.placed", order=1)
    house.clock.advance_to(START + HOUR / 2)
    house.tell("order.refunded", order=1)
    house.run(DAY)
    assert (house.message().status, house.message().reason) == ("cancelled", "order.refunded")
    assert len(house.received) == 1


def test_one_called_off_while_its_call_was_under_way_says_why(new_house: NewHouse) -> None:
    house = new_house(news() | {"exit_on": ["order.refunded"]}, script=Script(calls=[BUSY]))
    told = [house.event(kind, order=1) for kind in ("order.placed", "order.refunded")]
    for each in told:
        house.app.storage.accept([house.incoming(each)])
        house.app.ingest.process_waiting(10)  # the answer to the first is still to be recorded
    house.app.worker.quiesce()
    assert (house.message().status, house.message().reason) == ("cancelled", "order.refunded")
    assert len(house.received) == 1


def test_one_tried_again_does_not_bring_back_a_journey_that_another_has_followed(
    new_house: NewHouse,
) -> None:
    by_customer = campaign("news", "order.placed",
                           [{"id": "pause", "delay": "1h"}, email(template="news")],
                           entry={"key": "customer.id", "re_entry": "always"})  # fmt: skip
    house = new_house(by_customer, script=Script(calls=[BUSY]))
    house.tell("order.placed", order=1)
    house.clock.advance_to(START + HOUR)
    house.app.worker.advance.run(house.clock.now(), 10)  # handed over, and the journey is complete
    house.app.storage.accept([house.incoming(house.event("order.placed", order=2))])
    house.app.ingest.process_waiting(10)
    house.app.worker.quiesce()
    assert sorted(each.status.value for each in house.journeys()) == ["completed", "live"]
    house.run(DAY)
    assert [each.status.value for each in house.messages()] == ["sent", "sent"]
    assert len(house.received) == 3
