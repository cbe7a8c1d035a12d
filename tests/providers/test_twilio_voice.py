"""Calls by Twilio: what is said and asked, and what is told of it afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

import pytest
from twilio.request_validator import RequestValidator

from engine.core.message import Content
from engine.core.receipt import ReceiptKind
from engine.ports.calling import PATH, CallReply
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
