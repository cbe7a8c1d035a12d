"""Twilio's status callbacks: proven by their signature, also behind a proxy."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest
from starlette.datastructures import Headers
from twilio.request_validator import RequestValidator

from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.ports.providers import ReceiptReading, ReceiptRefused
from engine.providers.twilio_receipts import KINDS, TwilioReceipts
from engine.providers.twilio_signature import SIGNATURE
from tests.fakes.receipts import Posted, twilio_callback

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN, PUBLIC = "token-of-the-tests", "https://mail.example.com"
READER = TwilioReceipts([TOKEN], PUBLIC)


def read(posted: Posted, *, reader: TwilioReceipts = READER, **changed: Any) -> ReceiptReading:
    given = {"headers": posted.headers, "body": posted.body, "target": posted.target} | changed
    headers = Headers(dict(given["headers"]))
    return reader.read(headers, given["body"], target=given["target"], now=NOW)


def callback(status: str = "delivered", **more: str) -> Posted:
    return twilio_callback("m-1", status, token=TOKEN, public_url=PUBLIC, **more)


def receipt(status: str, **more: str) -> Receipt:
    (only,) = read(callback(status, **more)).receipts
    return only


def test_the_sample_of_twilios_documentation_verifies() -> None:
    """docs/usage/security: token 12345, this address and these five fields."""
    fields = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675309", "Digits": "1234",
        "From": "+14158675309", "To": "+18005551212",
    }  # fmt: skip
    reader = TwilioReceipts(["12345"], "https://mycompany.com")
    posted = Posted(
        target="/myapp.php?foo=1&bar=2",
        headers={SIGNATURE: "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
        body=urlencode(fields).encode(),
    )
    assert read(posted, reader=reader).foreign == 1  # proven, and about no message of ours
    with pytest.raises(ReceiptRefused):
        read(posted, reader=TwilioReceipts(["12346"], "https://mycompany.com"))


def test_each_changed_byte_is_refused() -> None:
    posted = callback(ErrorMessage="Ünknown & more", ErrorCode="30005")
    for place in range(len(posted.body)):
        for byte in {posted.body[place] ^ 1, ord("A"), ord("&")} - {posted.body[place]}:
            changed = posted.body[:place] + bytes([byte]) + posted.body[place + 1 :]
            try:
                same = parse_qs(changed.decode("ascii"), keep_blank_values=True) == parse_qs(
                    posted.body.decode("ascii"), keep_blank_values=True
                )
            except UnicodeDecodeError:
                same = False
            if not same:  # %c3 is %C3
                with pytest.raises(ReceiptRefused):
                    read(posted, body=changed)
    for place in range(1, len(posted.target)):
        changed_target = posted.target[:place] + "~" + posted.target[place + 1 :]
        with pytest.raises(ReceiptRefused):
            read(posted, target=changed_target)
    signature = posted.headers[SIGNATURE]
    for place in range(len(signature)):
        wrong = signature[:place] + ("A" if signature[place] != "A" else "B")
        wrong += signature[place + 1 :]
        with pytest.raises(ReceiptRefused):
            read(posted, headers={SIGNATURE: wrong})


def test_a_missing_header_is_refused_by_name() -> None:
    with pytest.raises(ReceiptRefused, match=f"header {SIGNATURE} is missing"):
        read(callback(), headers={})


def test_without_a_token_nothing_is_accepted() -> None:
    for tokens in ([], [""]):
        with pytest.raises(ReceiptRefused, match="LAGNIAPPE_TWILIO_AUTH_TOKEN is not set"):
            read(callback(), reader=TwilioReceipts(tokens, PUBLIC))


def test_every_token_of_a_rotation_verifies() -> None:
    assert read(callback(), reader=TwilioReceipts(["newer", TOKEN], PUBLIC)).receipts


@pytest.mark.parametrize("public", [PUBLIC, "http://127.0.0.1:8025", "https://x.example/shop"])
def test_the_address_is_the_public_one_whatever_the_proxy_makes_of_it(public: str) -> None:
    posted = twilio_callback("m-1", "sent", token=TOKEN, public_url=public)
    assert read(posted, reader=TwilioReceipts([TOKEN], public + "/")).receipts
    with pytest.raises(ReceiptRefused):
        read(posted, reader=TwilioReceipts([TOKEN], "https://other.example"))


@pytest.mark.parametrize("status", [*KINDS, "something_new"])
def test_every_status_becomes_a_receipt(status: str) -> None:
    one = receipt(status)
    assert one.kind is KINDS.get(status, ReceiptKind.OTHER)
    assert (one.message_id, one.at, one.verdict) == ("m-1", NOW, Verdict.NOTHING)
    assert one.provider_message_id == "SM" + "a" * 32


@pytest.mark.parametrize(
    ("status", "code", "verdict"),
    [
        ("undelivered", "30005", Verdict.DEAD),
        ("undelivered", "30003", Verdict.NOTHING),
        ("failed", "21610", Verdict.STOPPED),
        ("delivered", "21610", Verdict.NOTHING),
    ],
)
def test_codes_judge_the_number(status: str, code: str, verdict: Verdict) -> None:
    one = receipt(status, ErrorCode=code)
    assert (one.error_code, one.verdict) == (code, verdict)


def test_the_same_status_is_the_same_receipt() -> None:
    assert receipt("sent").id == receipt("sent").id
    assert len({receipt(one).id for one in ("queued", "sent", "delivered")}) == 3


def test_fields_that_are_missing_are_kept_as_not_understood() -> None:
    body = urlencode([p for p in parse_qsl(callback().body.decode()) if "Status" not in p[0]])
    target = callback().target
    signature = RequestValidator(TOKEN).compute_signature(PUBLIC + target, dict(parse_qsl(body)))
    reading = read(callback(), body=body.encode(), headers={SIGNATURE: signature})
    assert reading.rejected is not None
    assert "MessageStatus" in reading.rejected.reason
