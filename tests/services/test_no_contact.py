"""Who must not be written to is not, to the last message of a cap and the last slot of a sender."""

from __future__ import annotations

from typing import Any

from engine.core.receipt import Receipt, ReceiptKind, Verdict
from tests.services.conftest import NewHouse
from tests.services.house import DAY, TEXTING, campaign, email


def marketing(name: str, trigger: str = "order.placed", **more: Any) -> dict[str, Any]:
    return campaign(name, trigger, [email()], purpose="marketing", exit_on=[], **more)


def test_a_permission_that_was_only_asked_for_is_none(new_house: NewHouse) -> None:
    house = new_house(marketing("offer"))
    house.tell("order.placed", order=1, customer={"consent": {"email": {"status": "pending"}}})
    assert (house.message().status, house.message().reason) == ("skipped", "no_consent")
    assert house.received == []


def test_a_cap_lets_exactly_so_many_through(new_house: NewHouse) -> None:
    cap = {"channel": "any", "count": 2, "per": "7d"}
    house = new_house(*(marketing(name) for name in ("a", "b", "c", "d")), store={"caps": [cap]})
    house.tell("order.placed", order=1)
    assert [each.status.value for each in house.messages()].count("sent") == 2
    assert {each.reason for each in house.messages() if each.status == "skipped"} == {"cap"}
    house.run(6 * DAY)
    house.tell("order.placed", order=2)
    assert len(house.received) == 2
    house.run(DAY)
    house.tell("order.placed", order=3)
    assert len(house.received) == 4


def test_a_dead_address_gets_nothing_not_even_about_an_order(new_house: NewHouse) -> None:
    house = new_house(campaign("news", "order.placed", [email(template="news")]))
    house.tell("order.placed", order=1)
    bounce = Receipt(
        provider="simulated", id="1", kind=ReceiptKind.BOUNCED, verdict=Verdict.DEAD,
        message_id=house.message().id, at=house.clock.now(),
    )  # fmt: skip
    house.app.receive.take([bounce])
    house.tell("order.placed", order=2)
    assert house.messages()[-1].reason == "suppressed"
    assert len(house.received) == 1


def test_a_day_has_no_more_messages_than_its_limit(new_house: NewHouse) -> None:
    house = new_house(campaign("news", "order.placed", [email(template="news")],
                               volume_limit="2/d"))  # fmt: skip
    for order in range(5):
        house.tell("order.placed", order=order)
    assert len(house.received) == 2
    assert house.holds() == {"news": "volume_limit"}


def test_channels_share_the_slots_for_calls(new_house: NewHouse) -> None:
    text = {"id": "text", "send_sms": {"template": "text"}}
    house = new_house(
        campaign("mail", "order.placed", [email(template="news")]),
        campaign("text", "order.placed", [text]),
        slots=1, store={"senders": TEXTING},
    )  # fmt: skip
    house.app.storage.accept([house.incoming(house.event("order.placed", order=1))])
    house.app.ingest.process_waiting(10)
    statuses = sorted(each.status.value for each in house.messages())
    assert statuses == ["scheduled", "sending"]
    house.app.worker.quiesce()
    assert len(house.received) == 2
