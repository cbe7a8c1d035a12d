"""What customers write back by SMS: kept once, obeyed at once, told to campaigns."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog

from engine.core.customer import Suppression
from engine.core.message import Outcome, Outgoing, SendResult
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.core.texts import InboundText, Intent
from engine.services.flagged import NotHeld
from tests.services.conftest import NewHouse
from tests.services.house import DAY, MINUTE, TEXTING, House, campaign

OURS = {"answers": "ours"}
STRANGER = "+15045559999"
TEXT = {"id": "ask", "send_sms": {"template": "text"}}
LATER = {"id": "later", "send_sms": {"template": "text"}}
HEARD = [
    TEXT,
    {"id": "heard", "wait_for": {"event": "message.replied", "timeout": "2d"}},
    {"branch": [
        {"if": "heard.happened", "steps": [{"update_customer": {"add_tags": ["talks"]}}]},
        {"else": None, "steps": [{"update_customer": {"add_tags": ["quiet"]}}]},
    ]},
]  # fmt: skip


def texted(
    new_house: NewHouse, *steps: Any, sms: dict[str, Any] | None = None, **more: Any
) -> House:
    """A customer to whom a campaign has sent a text."""
    store = {"senders": TEXTING, "sms": sms or {}, "max_lateness": {"sms": "30d"}}
    house = new_house(campaign("news", "order.placed", steps or [TEXT], **more), store=store)
    house.tell("order.placed", order=1)
    house.clock.advance_to(house.clock.now() + MINUTE)
    return house


def number(house: House) -> str:
    ((phone,),) = house.rows("SELECT phone FROM customers WHERE phone IS NOT NULL")
    return str(phone)


def say(house: House, words: str, sid: str = "SM1", **more: Any) -> str | None:
    plain: dict[str, Any] = {
        "provider": "twilio", "id": sid, "sender": more.pop("sender", None) or number(house),
        "recipient": "+15045550100", "text": words, "at": house.clock.now(),
    }  # fmt: skip
    answer = house.app.replies.take(InboundText(**{**plain, **more}))
    house.app.worker.quiesce()
    return answer


def suppressions(house: House) -> dict[tuple[str, str], tuple[str, str]]:
    rows = house.rows("SELECT channel, address, scope, reason FROM suppressions")
    return {(channel, address): (scope, reason) for channel, address, scope, reason in rows}


def consent(house: House, channel: str = "sms") -> tuple[str, str]:
    ((status, proof),) = house.rows(
        f"SELECT status, coalesce(proof, '') FROM consents WHERE channel = '{channel}'"
    )
    return str(status), str(proof)


def status_of(house: House, order: int) -> str:
    """The fate of the message about an order."""
    (status,) = {one.status.value for one in house.messages() if one.order_id == f"shop:{order}"}
    return status


def refuse(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    verdict: Verdict,
    outcome: Outcome = Outcome.REJECTED,
) -> None:
    """From now on the provider takes no text."""

    async def send(outgoing: Outgoing) -> SendResult:
        return SendResult(
            message_id=outgoing.message_id, outcome=outcome, at=house.clock.now(),
            error_code=code, reason="refused", verdict=verdict,
        )  # fmt: skip

    monkeypatch.setattr(house.sms, "send", send)


def test_a_reply_is_an_event_tied_to_the_message_it_answers(new_house: NewHouse) -> None:
    house = texted(new_house, *HEARD)
    message = house.message()
    assert say(house, "Love the tea! \U0001f375", media=1) is None
    (event,) = house.events("message.replied")
    assert (event.source, event.id) == ("twilio", "SM1")
    assert event.customer_id == house.id_of("ada")
    ((body,),) = house.rows("SELECT body FROM events WHERE id = 'SM1'")
    for part in (message.id, '"campaign":"news"', '"step":"ask"', "Love the tea", '"media":1'):
        assert part in body
    assert house.journey().status == "completed"
    assert house.rows("SELECT tags FROM customers") == [('["talks"]',)]
    assert suppressions(house) == {}


def test_silence_takes_the_other_way(new_house: NewHouse) -> None:
    house = texted(new_house, *HEARD)
    house.run(3 * DAY)
    assert house.rows("SELECT tags FROM customers") == [('["quiet"]',)]


@pytest.mark.parametrize("purpose", ["marketing", "transactional"])
def test_stop_ends_texts_and_calls_and_calls_off_what_is_scheduled(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch, purpose: str
) -> None:
    house = texted(new_house, purpose=purpose)
    refuse(house, monkeypatch, "503", Verdict.NOTHING, Outcome.RETRY)
    house.put(campaign("more", "order.paid", [LATER], purpose=purpose))
    house.reload()
    house.tell("order.paid", order=1)
    assert [one.status for one in house.messages("more")] == ["scheduled"]
    phone = number(house)
    assert say(house, "Stop.") is None
    assert suppressions(house) == {
        ("sms", phone): ("all", "stop"),
        ("voice", phone): ("all", "stop"),
    }
    (called_off,) = house.messages("more")
    assert (called_off.status, called_off.reason) == ("skipped", "suppressed")
    status, proof = consent(house)
    assert status == "unsubscribed"
    assert "twilio SM1" in proof
    assert "STOP" in proof
    assert len(house.events("customer.unsubscribed")) == 1
    (reply,) = house.events("message.replied")
    assert reply.customer_id == house.id_of("ada")
    house.tell("order.placed", order=2)
    assert status_of(house, 2) == "skipped"


def test_a_permission_to_call_is_withdrawn_as_well(new_house: NewHouse) -> None:
    house = texted(new_house)
    house.tell("customer.updated", customer={"consent": {"voice": {"status": "subscribed"}}})
    say(house, "STOP")
    assert consent(house, "voice")[0] == "unsubscribed"


def test_one_text_counts_once(new_house: NewHouse) -> None:
    house = texted(new_house, sms=OURS)
    assert "no more messages" in (say(house, "STOP") or "")
    before = house.rows("SELECT * FROM consent_history ORDER BY seq")
    assert say(house, "STOP") is None
    assert say(house, "STOP", "SM2") is None  # one confirmation, whatever they go on to say
    assert house.rows("SELECT * FROM consent_history ORDER BY seq") == before
    assert len(house.events("message.replied")) == 2


def test_start_takes_back_a_stop(new_house: NewHouse) -> None:
    house = texted(new_house, sms=OURS)
    say(house, "STOP")
    assert "from us again" in (say(house, "yes!", "SM2") or "")
    assert suppressions(house) == {}
    status, proof = consent(house)
    assert status == "subscribed"
    assert "twilio SM2" in proof
    house.tell("order.placed", order=2)
    assert [one.status for one in house.messages()] == ["sent", "sent"]


@pytest.mark.parametrize("word", ["YES", "START", "unstop"])
def test_a_start_without_stop_is_a_reply(new_house: NewHouse, word: str) -> None:
    house = texted(new_house, *HEARD, sms=OURS)
    before = consent(house)
    assert say(house, word) is None
    assert consent(house) == before
    ((body,),) = house.rows("SELECT body FROM events WHERE id = 'SM1'")
    assert '"keyword"' not in body or '"keyword":null' in body
    assert house.rows("SELECT tags FROM customers") == [('["talks"]',)]


def test_yes_confirms_a_pending_opt_in(new_house: NewHouse) -> None:
    house = texted(new_house)
    house.clock.advance_to(house.clock.now() + MINUTE)
    house.tell("customer.updated", customer={"consent": {"sms": {"status": "pending"}}})
    assert consent(house)[0] == "pending"
    say(house, "Yes")
    assert consent(house)[0] == "subscribed"


def test_only_a_clear_word_takes_back_a_withdrawal_made_elsewhere(new_house: NewHouse) -> None:
    house = texted(new_house)
    house.clock.advance_to(house.clock.now() + MINUTE)
    house.tell("customer.updated", customer={"consent": {"sms": {"status": "unsubscribed"}}})
    say(house, "yes", "SM1")
    assert consent(house)[0] == "unsubscribed"
    say(house, "Start", "SM2")
    assert consent(house)[0] == "subscribed"


@pytest.mark.parametrize(
    ("reason", "scope"), [("hard_bounce", "all"), ("complaint", "marketing"), ("erased", "all")]
)
@pytest.mark.parametrize("said", ["STOP", "please stop texting me"])
def test_a_start_lifts_nothing_else(
    new_house: NewHouse, reason: str, scope: str, said: str
) -> None:
    house = texted(new_house)
    phone = number(house)
    with house.app.storage.deciding() as unit:
        world = unit.load([house.id_of("ada")], now=house.clock.now())[house.id_of("ada")]
        world.changes.suppressions += (
            Suppression(
                channel="sms", address=phone, scope=scope, reason=reason, at=house.clock.now()
            ),
        )
        unit.save(world)
        unit.commit()
    say(house, said, "SM1")
    assert suppressions(house)["sms", phone] == ("all", reason)
    assert house.app.flagged.list() == []
    say(house, "START", "SM2")
    assert suppressions(house)["sms", phone] == (scope, reason)
    say(house, "START", "SM3")
    assert suppressions(house)["sms", phone] == (scope, reason)


@pytest.mark.parametrize("stopped_first", [True, False])
def test_a_complaint_outlives_stop_and_start_in_any_order(
    new_house: NewHouse, stopped_first: bool
) -> None:
    house = texted(new_house)
    phone, now = number(house), house.clock.now()
    reported = Receipt(provider="twilio", id="r1", kind=ReceiptKind.COMPLAINED, at=now, raw="{}",
                       message_id=house.messages()[0].id, verdict=Verdict.REPORTED)  # fmt: skip
    if stopped_first:
        say(house, "STOP", "SM1")
    house.app.receive.take([reported])
    if not stopped_first:
        say(house, "STOP", "SM1")
    assert suppressions(house)["sms", phone] == ("all", "complaint")
    house.clock.advance_to(now + MINUTE)
    say(house, "START", "SM2")
    assert suppressions(house)["sms", phone] == ("marketing", "complaint")
    assert consent(house)[0] == "subscribed"
    house.put(campaign("offers", "order.paid", [TEXT], purpose="marketing"))
    house.reload()
    house.tell("order.placed", order=2)
    house.tell("order.paid", order=2)
    fates = {one.campaign: one.status for one in house.messages() if one.order_id == "shop:2"}
    assert fates == {"news": "sent", "offers": "skipped"}


def test_a_wish_holds_texts_until_a_person_has_decided(new_house: NewHouse) -> None:
    house = texted(new_house)
    phone = number(house)
    with structlog.testing.capture_logs() as logs:
        assert say(house, "please stop texting me") is None
    assert suppressions(house) == {("sms", phone): ("all", "stop_wish")}
    assert consent(house)[0] == "subscribed"
    (warning,) = [one for one in logs if one["log_level"] == "warning"]
    assert warning["event"] == "texts_held"
    for private in ("texting", phone):
        assert private not in str(logs)
    (held,) = house.app.flagged.list()
    assert (held.number, held.text) == (phone, "please stop texting me")
    assert held.customer_id == house.id_of("ada")
    house.tell("order.placed", order=2)
    assert status_of(house, 2) == "skipped"
    house.app.flagged.release(phone)
    assert suppressions(house) == {}
    assert house.app.flagged.list() == []
    house.tell("order.placed", order=3)
    assert status_of(house, 3) == "sent"
    with pytest.raises(NotHeld):
        house.app.flagged.release(phone)


def test_a_person_makes_the_hold_an_opt_out(new_house: NewHouse) -> None:
    house = texted(new_house)
    phone = number(house)
    say(house, "leave me alone")
    house.app.flagged.opt_out(phone)
    assert suppressions(house)["sms", phone] == ("all", "stop")
    status, proof = consent(house)
    assert status == "unsubscribed"
    assert "a person" in proof
    assert house.app.flagged.list() == []


def test_yes_does_not_end_a_hold_but_start_does(new_house: NewHouse) -> None:
    house = texted(new_house)
    say(house, "stop texting me", "SM1")
    say(house, "yes", "SM2")
    assert len(suppressions(house)) == 1
    say(house, "START", "SM3")
    assert suppressions(house) == {}


def test_a_stop_after_a_wish_is_a_stop(new_house: NewHouse) -> None:
    house = texted(new_house)
    say(house, "enough already", "SM1")
    say(house, "STOP", "SM2")
    assert suppressions(house)["sms", number(house)] == ("all", "stop")


def test_a_number_nobody_is_known_by_is_kept_listed_and_obeyed(new_house: NewHouse) -> None:
    house = texted(new_house)
    say(house, "who is this?", "SM1", sender=STRANGER)
    say(house, "stop texting me", "SM2", sender=STRANGER)
    rows = house.rows("SELECT id, customer_id, reason FROM events WHERE state = 2 ORDER BY seq")
    assert [(row[0], row[1]) for row in rows] == [("SM1", None), ("SM2", None)]
    assert "no customer" in rows[0][2]
    (held,) = house.app.flagged.list()
    assert (held.number, held.customer_id, held.text) == (STRANGER, None, "stop texting me")
    say(house, "STOP", "SM3", sender=STRANGER)
    assert suppressions(house)["sms", STRANGER] == ("all", "stop")
    assert len(house.rows("SELECT id FROM customers")) == 1
    # It holds for the customer who turns up with the number later.
    house.tell("order.placed", "bob", order=2, customer={"phone": STRANGER})
    bobs = [one for one in house.messages() if one.customer_id == house.id_of("bob")]
    assert [one.status for one in bobs] == ["skipped"]


def test_whoever_was_written_to_last_is_the_one_who_answers(new_house: NewHouse) -> None:
    """Two customers with one number: the reply is the last recipient's, the STOP is both's."""
    house = texted(new_house)
    phone = number(house)
    house.clock.advance_to(house.clock.now() + MINUTE)
    house.tell("order.placed", "bob", order=2, customer={"phone": phone, "email_verified": False})
    assert len(house.messages()) == 2
    say(house, "STOP", sender=phone)
    (reply,) = house.events("message.replied")
    assert reply.customer_id == house.id_of("bob")
    house.tell("order.placed", order=3)
    assert status_of(house, 3) == "skipped"


def test_a_former_number_still_stops_what_goes_there(new_house: NewHouse) -> None:
    house = texted(new_house)
    former = number(house)
    house.clock.advance_to(house.clock.now() + MINUTE)
    house.tell("customer.updated", customer={"phone": "+15045550777"})
    say(house, "STOP", sender=former)
    assert number(house) == "+15045550777"
    assert ("sms", former) in suppressions(house)
    assert ("sms", "+15045550777") not in suppressions(house)


@pytest.mark.parametrize(
    ("words", "asked", "expected"),
    [
        ("STOP", None, "Bellerive: you will get no more messages"),
        ("HELP", None, "Bellerive: help at help@example.com"),
        ("BASTA", Intent.STOP, None),  # Twilio has answered
        ("hello", None, None),
        ("stop texting me", None, None),
    ],
)
def test_we_answer_only_where_nobody_else_does(
    new_house: NewHouse, words: str, asked: Intent | None, expected: str | None
) -> None:
    silent = texted(new_house)
    assert say(silent, words, asked=asked) is None
    with structlog.testing.capture_logs() as logs:
        answer = say(texted(new_house, sms=OURS), words, asked=asked)
    assert (answer or "").startswith(expected or "")
    assert (answer is None) is (expected is None)
    assert [one["segments"] for one in logs if one["event"] == "text_answered"] == [1] * bool(
        answer
    )


def test_what_twilio_took_for_a_keyword_counts_as_one(new_house: NewHouse) -> None:
    house = texted(new_house)
    say(house, "ya basta amigos", asked=Intent.STOP)
    assert suppressions(house)["sms", number(house)] == ("all", "stop")


def test_words_of_the_shops_own_are_keywords(new_house: NewHouse) -> None:
    house = texted(new_house, sms={"keywords": {"stop": ["Na gut, Schluss"]}})
    say(house, "na gut schluss!!")
    assert suppressions(house)["sms", number(house)] == ("all", "stop")


def test_the_same_text_at_once_is_one(new_house: NewHouse) -> None:
    house = texted(new_house, sms=OURS)
    sender = number(house)
    text = InboundText(
        provider="twilio", id="SM1", sender=sender, recipient="", text="STOP",
        at=house.clock.now(),
    )  # fmt: skip
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(house.app.replies.take, [text] * 4))
    assert sum(answer is not None for answer in answers) == 1
    assert len(house.events("message.replied")) == 1
    assert len(house.events("customer.unsubscribed")) == 1


@pytest.mark.parametrize(
    ("code", "verdict", "reason", "status"),
    [
        ("21610", Verdict.STOPPED, "stop", "unsubscribed"),
        ("21614", Verdict.DEAD, "hard_bounce", "subscribed"),
        ("21612", Verdict.NOTHING, None, "subscribed"),
    ],
)
def test_what_a_refusal_says_of_the_number_is_written_back(
    new_house: NewHouse,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    verdict: Verdict,
    reason: str | None,
    status: str,
) -> None:
    house = new_house(campaign("news", "order.placed", [TEXT]), store={"senders": TEXTING})
    refuse(house, monkeypatch, code, verdict)
    house.tell("order.placed", order=1)
    (message,) = house.messages("news")
    assert (message.status, message.error_code) == ("failed", code)
    expected = {} if reason is None else {("sms", number(house)): ("all", reason)}
    assert suppressions(house) == expected
    assert consent(house)[0] == status
    told = [one.id for one in house.events("customer.unsubscribed")]
    assert told == ([f"withdrawn:{message.id}:simulated:{code}"] if reason == "stop" else [])
    if reason == "stop":
        # The receipt that tells the same again changes nothing more.
        house.app.receive.take(
            [Receipt(provider="twilio", id="r", kind=ReceiptKind.FAILED, message_id=message.id,
                     at=house.clock.now(), error_code=code, verdict=verdict)]
        )  # fmt: skip
        assert suppressions(house) == expected
        say(house, "START")
        assert suppressions(house) == {}
        assert consent(house)[0] == "subscribed"


def test_a_refusal_calls_off_what_else_is_scheduled(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = new_house(
        campaign("news", "order.placed", [TEXT]),
        campaign("more", "order.paid", [LATER]),
        store={"senders": TEXTING},
    )
    refuse(house, monkeypatch, "503", Verdict.NOTHING, Outcome.RETRY)
    house.tell("order.paid", order=1)
    assert status_of(house, 1) == "scheduled"
    refuse(house, monkeypatch, "21610", Verdict.STOPPED)
    house.tell("order.placed", order=2)
    assert status_of(house, 2) == "failed"
    assert status_of(house, 1) == "skipped"
