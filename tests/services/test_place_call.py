"""Calls that a campaign places, the keys pressed in them, and calls to a campaign's number."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.receipt import Receipt, ReceiptKind
from engine.ports.calling import CallReply, CallTurn
from engine.providers.simulated import SILENCE, Script
from tests.services.conftest import NewHouse
from tests.services.house import HOUR, MINUTE, STORE, TEMPLATES, House, campaign, email, person
from tests.services.test_settlement import Asked

VOICE = {
    "senders": {**STORE["senders"], "voice": {"from": "+15045550100"}},
    "quiet_hours": {"email": "none", "sms": "none", "voice": "none"},
    "calls": {
        "support_line": {"number": "+15045550111", "hours": "Mon-Fri 09:00-17:00"},
        "tracking_numbers": {"+15045550177": {"campaign": "check", "forward_to": "+15045550111"}},
    },
}
SPOKEN = TEMPLATES | {"check/voice.txt": "Hello {{ customer.first_name }}. How was it? 0 to 10."}
ASKED = [
    {"id": "how", "place_call": {"template": "check", "survey": "nps", "transfer": True}},
    {"branch": [
        {"if": "how.answered && how.score <= 6", "steps": [email("sorry")]},
        {"if": "how.timed_out", "steps": [email("missed")]},
        {"else": None, "steps": [email("glad")]},
    ]},
]  # fmt: skip


def called(new_house: NewHouse, *steps: Any, **more: Any) -> House:
    house = new_house(
        campaign("check", "order.delivered", steps or ASKED), templates=SPOKEN,
        **({"store": VOICE} | more),
    )  # fmt: skip
    house.tell("order.delivered", order=1)
    house.clock.advance_to(house.clock.now() + MINUTE)
    return house


def press(house: House, digits: str, **query: str) -> CallReply:
    message = next(one for one in house.messages() if one.channel == "voice")
    reply = house.app.turns.take(
        CallTurn(
            call_id="CA1", caller="+15045550100", called=message.recipient or "", digits=digits,
            query={"message_id": message.id, **query},
        )
    )  # fmt: skip
    house.app.worker.quiesce()
    return reply


def test_a_call_asks_and_the_key_pressed_decides(new_house: NewHouse) -> None:
    house = called(new_house)
    (outgoing,) = house.voice.received
    assert outgoing.content.text == "Hello Ada. How was it? 0 to 10."
    assert outgoing.content.language == "en"
    assert outgoing.call is not None
    assert (outgoing.call.survey, outgoing.call.transfer) == ("nps", True)
    again = press(house, "99", kind="nps", transfer="1")
    assert (again.say, again.ask, again.attempt) == ("again", "nps", 2)
    thanks = press(house, "3", kind="nps", transfer="1", attempt="2")
    assert (thanks.say, thanks.offer_transfer) == ("thanks", True)
    assert [one.step for one in house.messages()] == ["how", "sorry"]
    (event,) = house.events("survey.answered")
    assert event.source == "lagniappe"
    press(house, "3", kind="nps", transfer="1")
    assert len(house.events("survey.answered")) == 1
    assert press(house, "1").dial == "+15045550111"


def test_without_an_answer_the_journey_goes_on(new_house: NewHouse) -> None:
    house = called(new_house)
    assert press(house, "77", kind="nps", attempt="2").say == "goodbye"
    house.run(2 * HOUR)
    assert [one.step for one in house.messages()] == ["how", "missed"]


def test_nobody_is_put_through_out_of_hours(new_house: NewHouse) -> None:
    night = {"calls": {"support_line": {"number": "+15045550111", "hours": "Sat 09:00-10:00"}}}
    house = called(new_house, store={**VOICE, **night})
    (outgoing,) = house.voice.received
    assert outgoing.call is not None
    assert not outgoing.call.transfer
    assert press(house, "1").say == "closed"
    assert press(house, "2").say == "goodbye"


@pytest.mark.parametrize(
    ("kind", "status"),
    [(ReceiptKind.DELIVERED, "delivered"), (ReceiptKind.FAILED, "failed")],
)
def test_what_became_of_the_call_is_on_the_log(
    new_house: NewHouse, kind: ReceiptKind, status: str
) -> None:
    house = called(new_house, {"id": "say", "place_call": "check"})
    message = house.message()
    house.app.receive.take([Receipt(
        provider=house.voice.name, id="CA1:x", kind=kind, message_id=message.id,
        at=house.clock.now(), provider_message_id=message.provider_message_id, raw="{}",
    )])  # fmt: skip
    house.app.worker.quiesce()
    assert house.message().status == status


def test_marketing_needs_consent_for_calls_and_heeds_their_quiet_hours(new_house: NewHouse) -> None:
    steps = [{"id": "say", "place_call": "check"}]
    house = new_house(
        campaign("check", "order.delivered", steps, purpose="marketing"),
        store={**VOICE, "quiet_hours": {"voice": {"from": "08:00", "until": "11:00"}}},
        templates=SPOKEN,
    )
    house.tell("order.delivered", order=1)
    assert house.message().reason == "no_consent"
    agreed = person("bob")["consent"] | {"voice": {"status": "subscribed"}}
    house.tell("order.delivered", "bob", order=2, customer={"consent": agreed})
    (waiting,) = [one for one in house.messages() if one.status == "scheduled"]
    assert (waiting.reason, waiting.send_at) == ("quiet_hours", house.clock.now() + 2 * HOUR)
    house.run(3 * HOUR)
    assert len(house.voice.received) == 1


def test_a_shop_without_a_number_calls_nobody(new_house: NewHouse) -> None:
    house = called(
        new_house, {"id": "say", "place_call": "check"}, store={"quiet_hours": {"voice": "none"}}
    )
    assert house.message().reason == "no_sender"


def taken(house: House, *, machine: bool) -> CallReply:
    """Whoever or whatever takes the call, and is found out to be one or the other."""
    (outgoing,) = house.voice.received
    call = outgoing.call
    assert call is not None
    query = {"message_id": outgoing.message_id, "opening": "1", "kind": call.survey or "",
             "language": outgoing.content.language or ""}  # fmt: skip
    reply = house.app.turns.take(CallTurn(
        call_id="CA1", caller="+15045550100", called=outgoing.to, digits="", machine=machine,
        query={name: value for name, value in query.items() if value},
    ))  # fmt: skip
    house.app.worker.quiesce()
    return reply


HANGING_UP = [{"id": "how", "place_call": {
    "template": "check", "survey": "nps", "on_machine": "hang_up",
}}, ASKED[1]]  # fmt: skip


def test_a_person_hears_what_a_machine_does_not(new_house: NewHouse) -> None:
    house = called(new_house, *HANGING_UP)
    (outgoing,) = house.voice.received
    assert outgoing.call is not None
    assert outgoing.call.on_machine == "hang_up"
    heard = taken(house, machine=False).opens
    assert heard is not None
    assert (heard.text, heard.language) == ("Hello Ada. How was it? 0 to 10.", "en")
    assert heard.call.survey == "nps"
    press(house, "3", kind="nps")
    assert [one.step for one in house.messages()] == ["how", "sorry"]


def test_a_machine_is_hung_up_on_and_counts_as_no_answer(new_house: NewHouse) -> None:
    house = called(new_house, *HANGING_UP)
    reply = taken(house, machine=True)
    assert (reply.opens, reply.say, reply.ask, reply.is_talk) == (None, None, None, False)
    message = house.messages()[0]
    house.app.receive.take([Receipt(
        provider=house.voice.name, id="CA1:completed", kind=ReceiptKind.FAILED, raw="{}",
        message_id=message.id, at=house.clock.now(), error_code="machine",
        reason="an answering machine took the call",
    )])  # fmt: skip
    house.run(2 * HOUR)
    how = next(one for one in house.messages() if one.step == "how")
    assert (how.status, how.error_code) == ("failed", "machine")
    assert [one.step for one in house.messages()] == ["how", "missed"]


def test_where_no_words_are_kept_everybody_is_spoken_to(new_house: NewHouse) -> None:
    house = called(
        new_house, *HANGING_UP, store={**VOICE, "privacy": {"store_content": False}}
    )  # fmt: skip
    (outgoing,) = house.voice.received
    assert outgoing.call is not None
    assert outgoing.call.on_machine is None
    assert taken(house, machine=False).say == "goodbye"


def test_a_call_in_doubt_is_sought_by_the_number_that_it_came_from(new_house: NewHouse) -> None:
    house = called(
        new_house, {"id": "say", "place_call": "check"}, script=Script(calls=[SILENCE])
    )  # fmt: skip
    assert house.message().status == "unknown"
    asked = Asked(ReceiptKind.DELIVERED)
    house.app.settlement.look_ups = {house.voice.name: asked}
    house.run(3 * MINUTE)
    house.app.settlement.run()
    (sought,) = asked.questions
    assert (sought.to, sought.sender) == (house.message().recipient, "+15045550100")
    assert house.message().status == "delivered"


def ring(house: House, caller: str, sid: str = "CA9", **more: Any) -> CallReply:
    turn: dict[str, Any] = {
        "call_id": sid, "caller": caller, "called": "+15045550177", "digits": "", "query": {},
    }  # fmt: skip
    reply = house.app.turns.take(CallTurn(**(turn | more)))
    house.app.worker.quiesce()
    return reply


def test_a_call_to_a_tracking_number_is_logged_once_and_put_through(new_house: NewHouse) -> None:
    house = called(new_house)
    house.tell("customer.updated", customer={"phone_verified": True})
    ((phone,),) = house.rows("SELECT phone FROM customers")
    for _ in range(2):
        reply = ring(house, str(phone))
        assert (reply.dial, reply.tells_end) == ("+15045550111", True)
    (inbound,) = house.events("call.inbound")
    assert inbound.source == "twilio"
    assert ring(house, str(phone), query={"ended": "1"}, seconds=93, answered=True).dial is None
    (ended,) = house.events("call.ended")
    assert ended.source == "twilio"
    told = house.rows("SELECT count(*) FROM events WHERE type = 'call.ended' AND body LIKE '%93%'")
    assert told == [(1,)]
    before = house.rows("SELECT count(*) FROM customers")
    ring(house, "+15045559999", "CA10")
    assert len(house.events("call.inbound")) == 2
    assert house.rows("SELECT count(*) FROM customers") == before
    known = "SELECT count(*) FROM events WHERE type = 'call.inbound' AND customer_id IS NOT NULL"
    assert house.rows(known) == [(1,)]
    assert ring(house, str(phone), "CA11", called="+15045550178").say == "goodbye"
