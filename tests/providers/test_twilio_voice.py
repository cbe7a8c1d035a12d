"""Calls by Twilio: what is said and asked, and what is told of it afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode
from xml.etree import ElementTree

import pytest
from twilio.request_validator import RequestValidator

from engine.core.message import Content
from engine.core.receipt import ReceiptKind
from engine.ports.calling import PATH, CallReply, Opening
from engine.ports.providers import ReceiptRefused
from engine.providers.twilio_signature import SIGNATURE
from engine.providers.twilio_twiml import answering, opening
from engine.providers.twilio_voice import KINDS, TwilioTurns, TwilioVoice, TwilioVoiceReceipts
from tests.providers.messages import NOW, clock, voice

TOKEN, PUBLIC = "token", "https://shop.test"


def said(twiml: str) -> ElementTree.Element:
    return ElementTree.fromstring(twiml)


def signed(target: str, **fields: str) -> tuple[dict[str, str], bytes]:
    proof = RequestValidator(TOKEN).compute_signature(PUBLIC + target, fields)
    return {SIGNATURE: proof}, urlencode(fields).encode()


def test_words_are_spoken_in_their_language_and_cannot_break_out() -> None:
    one = replace(voice(), content=Content(text="Hi <Hangup/> & you", language="de"))
    (say,) = said(opening(one, PUBLIC))
    assert (say.tag, say.text, say.attrib) == ("Say", "Hi <Hangup/> & you", {"language": "de-DE"})
    unknown = replace(voice(), content=Content(text="Saluton", language="eo"))
    assert said(opening(unknown, PUBLIC))[0].attrib == {}


def test_a_recording_is_played_in_the_place_of_words() -> None:
    (play,) = said(opening(voice(recording="https://shop.test/hello.mp3"), PUBLIC))
    assert (play.tag, play.text) == ("Play", "https://shop.test/hello.mp3")


@pytest.mark.parametrize(("kind", "digits"), [("nps", "2"), ("csat", "1"), ("ces", "1")])
def test_a_score_is_asked_by_keypad_twice_at_most(kind: Any, digits: str) -> None:
    one = voice(survey=kind, transfer=True)
    gathers = list(said(opening(one, PUBLIC)))
    assert [each.tag for each in gathers] == ["Gather", "Gather"]
    assert gathers[0].attrib["numDigits"] == digits
    address, _, query = gathers[0].attrib["action"].partition("?")
    assert address == PUBLIC + PATH
    assert dict(parse_qsl(query)) == {"message_id": "m-1", "transfer": "1", "kind": kind}
    (only,) = said(opening(one, None))  # an answer could not reach us
    assert only.tag == "Say"


def test_a_transfer_is_offered_and_made() -> None:
    gather = said(opening(voice(transfer=True), PUBLIC))[0]
    assert gather[-1].text == "To speak with us, press 1."
    assert "kind" not in gather.attrib["action"]
    (dial,) = said(answering(CallReply(dial="+15045550111"), PUBLIC))
    assert (dial.tag, dial.text) == ("Dial", "+15045550111")
    closed = said(answering(CallReply(say="closed", locale="de-AT"), PUBLIC))
    assert "niemand" in (closed[0].text or "")


def test_the_request_asks_for_every_report() -> None:
    provider = TwilioVoice(
        account_sid="AC1", auth_token=TOKEN, clock=clock, public_url=PUBLIC
    )  # fmt: skip
    request = provider.request(voice())
    assert request.path == "/2010-04-01/Accounts/AC1/Calls.json"
    form = parse_qsl(request.body.decode())
    assert [value for name, value in form if name == "StatusCallbackEvent"] == [
        "initiated", "ringing", "answered", "completed",
    ]  # fmt: skip
    assert dict(form)["StatusCallback"] == f"{PUBLIC}/receipts/twilio_voice?message_id=m-1"
    with pytest.raises(ValueError, match="too long"):
        provider.request(replace(voice(), content=Content(text="a" * 4000)))


@pytest.mark.parametrize("status", [*KINDS, "new-word"])
def test_each_status_is_a_receipt(status: str) -> None:
    reader = TwilioVoiceReceipts([TOKEN], PUBLIC)
    target = "/receipts/twilio_voice?message_id=m-1"
    headers, body = signed(target, CallSid="CA1", CallStatus=status, To="+1504", From="+1505")
    (receipt,) = reader.read(headers, body, target=target, now=NOW).receipts
    assert receipt.kind is KINDS.get(status, ReceiptKind.OTHER)
    assert (receipt.message_id, receipt.provider_message_id) == ("m-1", "CA1")
    assert bool(receipt.error_code) is (receipt.kind is ReceiptKind.FAILED)
    with pytest.raises(ReceiptRefused):
        reader.read(headers, body + b"&x=1", target=target, now=NOW)


def test_a_turn_is_proven_with_its_address() -> None:
    reader, target = TwilioTurns([TOKEN], PUBLIC), f"{PATH}?message_id=m-1&kind=nps"
    headers, body = signed(
        target, CallSid="CA1", Digits="9", From="+15045550100", To="+15045550123"
    )
    turn = reader.read(headers, body, target=target)
    assert (turn.digits, turn.query) == ("9", {"message_id": "m-1", "kind": "nps"})
    with pytest.raises(ReceiptRefused):
        reader.read(headers, body, target=f"{PATH}?message_id=m-2&kind=nps")


def test_a_forwarded_call_reports_its_end() -> None:
    (dial,) = said(answering(CallReply(dial="+15045550111", tells_end=True), PUBLIC))
    assert dial.attrib["action"] == f"{PUBLIC}{PATH}?ended=1"
    assert list(said(answering(CallReply(is_talk=False), PUBLIC))) == []


def request_of(**call: Any) -> dict[str, list[str]]:
    provider = TwilioVoice(account_sid="AC1", auth_token=TOKEN, clock=clock, public_url=PUBLIC)
    return parse_qs(provider.request(voice(**call)).body.decode())


def test_a_machine_is_spoken_to_after_its_greeting() -> None:
    form = request_of(on_machine="speak", survey="nps")
    assert form["MachineDetection"] == ["DetectMessageEnd"]
    assert said(form["Twiml"][0])[0].tag == "Gather"
    assert "answered" in form["StatusCallbackEvent"]
    assert "MachineDetection" not in request_of()


def test_who_hangs_up_on_machines_asks_for_the_words_when_somebody_answers() -> None:
    call = {"survey": "nps", "transfer": True, "recording": "https://shop.test/a b.mp3"}
    form = request_of(on_machine="hang_up", **call)
    assert form["MachineDetection"] == ["Enable"]
    assert "Twiml" not in form
    assert "answered" not in form["StatusCallbackEvent"]  # that is said of machines too
    address, _, query = form["Url"][0].partition("?")
    assert address == PUBLIC + PATH
    assert dict(parse_qsl(query)) == {
        "message_id": "m-1", "opening": "1", "language": "en", "kind": "nps", "transfer": "1",
        "recording": "https://shop.test/a b.mp3",
    }  # fmt: skip
    assert "How was it" not in query
    provider = TwilioVoice(account_sid="AC1", auth_token=TOKEN, clock=clock)
    alone = dict(parse_qsl(provider.request(voice(on_machine="hang_up")).body.decode()))
    assert "Twiml" in alone  # nobody could ask us for the words
    assert "MachineDetection" not in alone


@pytest.mark.parametrize(
    ("answered_by", "hangs_up", "kind", "code"),
    [
        ("machine_start", True, ReceiptKind.FAILED, "machine"),
        ("fax", True, ReceiptKind.FAILED, "machine"),
        ("machine_end_beep", False, ReceiptKind.DELIVERED, None),
        ("human", True, ReceiptKind.DELIVERED, None),
        ("unknown", True, ReceiptKind.DELIVERED, None),
    ],
)
def test_the_end_of_a_call_says_who_took_it(
    answered_by: str, hangs_up: bool, kind: ReceiptKind, code: str | None
) -> None:
    reader = TwilioVoiceReceipts([TOKEN], PUBLIC)
    target = "/receipts/twilio_voice?message_id=m-1" + "&on_machine=hang_up" * hangs_up
    fields = {"CallSid": "CA1", "CallStatus": "completed", "AnsweredBy": answered_by}
    headers, body = signed(target, **fields)
    (receipt,) = reader.read(headers, body, target=target, now=NOW).receipts
    assert (receipt.kind, receipt.error_code) == (kind, code)
    is_machine = answered_by not in ("human", "unknown")
    assert (receipt.reason == "an answering machine took the call") is is_machine
    turned = f"{PATH}?message_id=m-1&opening=1"
    headers, body = signed(turned, CallSid="CA1", AnsweredBy=answered_by)
    assert TwilioTurns([TOKEN], PUBLIC).read(headers, body, target=turned).machine is is_machine


def test_what_is_said_to_whoever_answers_is_what_would_have_been_said_at_once() -> None:
    one = voice(survey="nps", transfer=True)
    assert one.call is not None
    opens = Opening(text=one.content.text, language="en", call=one.call)
    assert answering(CallReply(message_id="m-1", opens=opens), PUBLIC) == opening(one, PUBLIC)
