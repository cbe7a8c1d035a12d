"""SendGrid's event webhook: proven by its signature, read into receipts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.ports.providers import ReceiptReading, ReceiptRefused
from engine.providers.sendgrid_receipts import (
    SIGNATURE,
    TIMESTAMP,
    TOLERANCE,
    SendGridReceipts,
)
from tests.fakes.receipts import SendGridWebhook, sendgrid_event

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEBHOOK = SendGridWebhook()
READER = SendGridReceipts([WEBHOOK.public_key])
EVENT = sendgrid_event("delivered", "m-1", NOW, response="250 OK")

# The sample in the tests of SendGrid's own libraries, in all languages; its end is CR and LF.
SAMPLE_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNN"
    "RaINXvVpiglSI8eNEc6wEA3F+g=="
)
SAMPLE_HEADERS = {
    SIGNATURE: "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh8"
    "9M15TluLtEZtM=",
    TIMESTAMP: "1600112502",
}
SAMPLE_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address","sg_event_id":"ZHJv'
    b'cC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA","sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv'
    b'-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0","smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1'
    b'.sendgrid.net>","timestamp":1600112492}]\r\n'
)
SAMPLE_TIME = datetime.fromtimestamp(1600112502, UTC)


def read(
    headers: Any, body: bytes, *, reader: SendGridReceipts = READER, now: datetime = NOW
) -> ReceiptReading:
    return reader.read(Headers(dict(headers)), body, target="/receipts/sendgrid", now=now)


def receipt(name: str, **more: Any) -> Receipt:
    posted = WEBHOOK.post([sendgrid_event(name, "m-1", NOW, **more)], NOW)
    (only,) = read(posted.headers, posted.body).receipts
    return only


def test_the_sample_of_sendgrids_own_libraries_verifies() -> None:
    reader = SendGridReceipts([SAMPLE_KEY])
    reading = read(SAMPLE_HEADERS, SAMPLE_BODY, reader=reader, now=SAMPLE_TIME)
    assert (len(reading.receipts), reading.foreign, reading.rejected) == (0, 1, None)


@pytest.mark.parametrize("part", ["body", SIGNATURE, TIMESTAMP])
def test_each_changed_byte_of_the_sample_is_refused(part: str) -> None:
    reader = SendGridReceipts([SAMPLE_KEY])
    whole = SAMPLE_BODY if part == "body" else SAMPLE_HEADERS[part].encode()
    for place in range(len(whole)):
        for byte in {whole[place] ^ 1, ord("A"), ord("1")} - {whole[place]}:
            changed = whole[:place] + bytes([byte]) + whole[place + 1 :]
            headers, body = dict(SAMPLE_HEADERS), SAMPLE_BODY
            if part == "body":
                body = changed
            else:
                headers[part] = changed.decode("latin-1")
            with pytest.raises(ReceiptRefused):
                read(headers, body, reader=reader, now=SAMPLE_TIME)


@given(place=st.integers(0), byte=st.integers(0, 255))
def test_any_byte_of_a_body_counts(place: int, byte: int) -> None:
    posted = WEBHOOK.post([EVENT], NOW)
    place %= len(posted.body)
    changed = posted.body[:place] + bytes([byte]) + posted.body[place + 1 :]
    if changed != posted.body:
        with pytest.raises(ReceiptRefused):
            read(posted.headers, changed)


@pytest.mark.parametrize("missing", [SIGNATURE, TIMESTAMP])
def test_a_missing_header_is_refused_by_name(missing: str) -> None:
    posted = WEBHOOK.post([EVENT], NOW)
    headers = {name: value for name, value in posted.headers.items() if name != missing}
    with pytest.raises(ReceiptRefused, match=f"header {missing} is missing"):
        read(headers, posted.body)


@pytest.mark.parametrize("age", [TOLERANCE, -TOLERANCE])
def test_a_stale_timestamp_is_refused(age: timedelta) -> None:
    posted = WEBHOOK.post([EVENT], NOW)
    assert read(posted.headers, posted.body, now=NOW + age).receipts
    beyond = NOW + age * 1.01
    with pytest.raises(ReceiptRefused, match="more than 10 minutes"):
        read(posted.headers, posted.body, now=beyond)


def test_without_a_key_nothing_is_accepted() -> None:
    posted = WEBHOOK.post([EVENT], NOW)
    with pytest.raises(ReceiptRefused, match="LAGNIAPPE_SENDGRID_WEBHOOK_PUBLIC_KEY is not set"):
        read(posted.headers, posted.body, reader=SendGridReceipts([]))


def test_every_key_of_a_rotation_verifies_and_no_other() -> None:
    older, newer, strange = WEBHOOK, SendGridWebhook(), SendGridWebhook()
    reader = SendGridReceipts([newer.public_key, older.public_key])
    for webhook in (older, newer):
        posted = webhook.post([EVENT], NOW)
        assert read(posted.headers, posted.body, reader=reader).receipts
    posted = strange.post([EVENT], NOW)
    with pytest.raises(ReceiptRefused, match="does not match"):
        read(posted.headers, posted.body, reader=reader)


@pytest.mark.parametrize("key", ["no key", "AAAA", SAMPLE_KEY[:-8]])
def test_a_key_that_is_none_is_told_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="not a verification key") as caught:
        SendGridReceipts([key])
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "more", "kind", "verdict"),
    [
        ("processed", {}, "queued", "nothing"),
        ("deferred", {"response": "400 later"}, "deferred", "nothing"),
        ("delivered", {}, "delivered", "nothing"),
        ("bounce", {"type": "bounce", "status": "5.1.1"}, "bounced", "dead"),
        ("bounce", {"type": "blocked", "status": "5.2.2"}, "bounced", "nothing"),
        ("dropped", {"reason": "Bounced Address"}, "dropped", "dead"),
        ("dropped", {"reason": "Unsubscribed Address"}, "dropped", "unwanted"),
        ("dropped", {"reason": "Spam Reporting Address"}, "dropped", "reported"),
        ("dropped", {"reason": "Spam Content"}, "dropped", "nothing"),
        ("open", {}, "opened", "nothing"),
        ("click", {"url": "https://shop.example.com/a"}, "clicked", "nothing"),
        ("spamreport", {}, "complained", "reported"),
        ("unsubscribe", {}, "unsubscribed", "unwanted"),
        ("group_unsubscribe", {"asm_group_id": 1}, "unsubscribed", "unwanted"),
        ("something_new", {}, "other", "nothing"),
    ],
)
def test_every_event_becomes_a_receipt(
    name: str, more: dict[str, Any], kind: str, verdict: str
) -> None:
    one = receipt(name, **more)
    assert (one.kind, one.verdict) == (ReceiptKind(kind), Verdict(verdict))
    assert (one.message_id, one.at) == ("m-1", NOW)
    assert one.provider_message_id == "simulated-m-1"
    assert json.loads(one.raw) == sendgrid_event(name, "m-1", NOW, **more)
    assert one.url == more.get("url")


def test_reasons_hold_no_address() -> None:
    one = receipt("bounce", reason="550 5.1.1 <ada@example.com> unknown, see https://x.example/1")
    assert one.reason is not None
    assert "ada@example.com" not in one.reason
    assert "unknown, see [link]" in one.reason


def test_apples_proxy_is_marked() -> None:
    assert receipt("open", sg_machine_open=True).machine
    assert not receipt("open", sg_machine_open=False).machine


def test_what_other_software_sends_is_passed_over() -> None:
    foreign = {"email": "bob@example.com", "event": "delivered", "sg_event_id": "x"}
    posted = WEBHOOK.post([foreign, EVENT], NOW)
    reading = read(posted.headers, posted.body)
    assert (len(reading.receipts), reading.foreign) == (1, 1)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b"nonsense", b"[" * 100_000])
def test_a_proven_body_that_makes_no_sense_is_kept(body: bytes) -> None:
    posted = WEBHOOK.post(body, NOW)
    reading = read(posted.headers, posted.body)
    assert reading.rejected is not None
    assert reading.rejected.body == body.decode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    event=st.dictionaries(
        st.sampled_from(
            [
                "event",
                "timestamp",
                "sg_event_id",
                "sg_message_id",
                "reason",
                "url",
                "status",
                "type",
            ]
        ),
        JSON,
    )
)
def test_no_proven_event_breaks_it(event: dict[str, Any]) -> None:
    posted = WEBHOOK.post([{**event, "lagniappe_message_id": "m-1"}], NOW)
    reading = read(posted.headers, posted.body)
    assert len(reading.receipts) + reading.foreign == 1 or reading.rejected is not None
