"""Names and subjects that strangers write add no header, field or recipient: in the bytes sent."""

from __future__ import annotations

import json
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.message import Content, Outgoing
from engine.providers.mime import mime
from engine.providers.sendgrid import SendGrid
from engine.providers.twilio_sms import TwilioSms
from tests.providers.messages import NOW, clock, email, sms

BREAKS = [
    "\r\n",
    "\n",
    "\r",
    "\x00",
    "\x0b",
    "\x0c",
    "\x85",
    "\u2028",
    "\u2029",
    "\r\n\r\n",
    "\r\n ",
]
ATTACKS = ["Bcc: e@evil.example", "<e@evil.example>", ", e@evil.example", "\"", "\\",
           "Content-Type: text/html", "=?utf-8?B?DQpCY2M6IGVAeA==?=", "&To=%2B1", ";"]  # fmt: skip
hostile = st.lists(
    st.sampled_from(BREAKS) | st.sampled_from(ATTACKS) | st.text(max_size=20), max_size=8
).map("".join)


def with_words(outgoing: Outgoing, name: str, subject: str, text: str) -> Outgoing:
    content = Content(subject=subject, text=text, html=outgoing.content.html)
    return replace(outgoing, to_name=name, sender_name=name, content=content)


@given(name=hostile, subject=hostile, text=hostile)
def test_an_email_has_the_headers_that_we_set(name: str, subject: str, text: str) -> None:
    try:
        found = mime(with_words(email(), name, subject, text), NOW)
    except UnicodeError:
        return  # a lone surrogate, refused as a whole
    plain = message_from_bytes(mime(email(), NOW), policy=default)
    mail = message_from_bytes(found, policy=default)
    assert mail.keys() == plain.keys()
    assert [part.get_content_type() for part in mail.walk()] == [
        part.get_content_type() for part in plain.walk()
    ]
    for header in ("To", "From"):
        (address,) = mail[header].addresses
        assert address.addr_spec == plain[header].addresses[0].addr_spec
    assert b"\r\nBcc:" not in found.partition(b"\r\n\r\n")[0]
    assert b"\n" not in found.replace(b"\r\n", b"")


@given(name=hostile, subject=hostile, text=hostile)
def test_sendgrid_is_told_one_line_each(name: str, subject: str, text: str) -> None:
    sendgrid = SendGrid(api_key="SG.test", clock=clock)
    try:
        body = json.loads(sendgrid.request(with_words(email(), name, subject, text)).body)
    except ValueError:
        return
    plain = json.loads(sendgrid.request(email()).body)
    assert body.keys() == plain.keys()
    assert body["headers"] == plain["headers"]
    (person,) = body["personalizations"]
    assert [one["email"] for one in person["to"]] == [email().to]
    for line in (person["to"][0].get("name", ""), body["from"].get("name", ""), body["subject"]):
        assert len(line.splitlines()) <= 1
        assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in line)


@given(text=hostile)
def test_twilio_is_told_the_same_fields(text: str) -> None:
    twilio = TwilioSms(account_sid="AC" + "0" * 32, auth_token="t" * 32, clock=clock)
    outgoing = replace(sms(), content=Content(text=text or "x"))
    try:
        form = twilio.request(outgoing).body
    except UnicodeError:
        return
    assert parse_qs(form.decode("ascii"), strict_parsing=True, keep_blank_values=True) == {
        "To": [outgoing.to],
        "From": [outgoing.sender],
        "Body": [text or "x"],
    }


@pytest.mark.parametrize(
    "address",
    ["a@b.example\r\nBcc: eve@evil.example", "a@b.example, eve@evil.example", "a@b.example>",
     "<a@b.example>", '"a\r\n"@b.example', "a@b.example\n", "a b@c.example", "a@b@c.example", ""],
)  # fmt: skip
def test_an_address_is_one_address(address: str) -> None:
    for outgoing in (
        replace(email(), to=address),
        replace(email(), sender=address),
        replace(email(), reply_to=address),
    ):
        with pytest.raises(ValueError):  # noqa: PT011
            mime(outgoing, NOW)


@given(breaking=st.sampled_from(BREAKS))
def test_a_link_with_a_line_break_is_no_header(breaking: str) -> None:
    link = f"https://shop.test/u/x{breaking}Bcc: eve@evil.example"
    with pytest.raises(ValueError, match="link"):
        mime(replace(email(), unsubscribe_url=link), NOW)
