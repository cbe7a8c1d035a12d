"""SendGrid: the requests are what its API documents."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sendgrid.helpers import mail as helpers

from engine.core.message import Content, Outcome, Outgoing
from engine.providers.header_text import header_line
from engine.providers.sendgrid import SendGrid, mail_body
from tests.fakes.http_fake import Behaviour
from tests.fakes.sendgrid import FakeSendGrid
from tests.providers.messages import NOW, clock, email, send

TRACKING = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": True},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
emails = st.builds(
    Outgoing,
    message_id=st.uuids().map(str),
    channel=st.just("email"),
    purpose=st.sampled_from(["marketing", "transactional"]),
    campaign=st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True),
    to=st.emails(),
    to_name=st.none() | words,
    sender=st.emails(),
    sender_name=st.none() | words,
    reply_to=st.none() | st.emails(),
    content=st.builds(Content, subject=words, html=st.none() | words, text=words),
    unsubscribe_url=st.none() | st.just("https://shop.test/u/abc"),
)


def documented(outgoing: Outgoing) -> dict[str, Any]:
    """The body as SendGrid's API reference describes it."""
    content = outgoing.content
    parts = [{"type": "text/plain", "value": content.text}]
    if content.html:
        parts.append({"type": "text/html", "value": content.html})
    body: dict[str, Any] = {
        "from": _party(outgoing.sender, outgoing.sender_name),
        "personalizations": [{"to": [_party(outgoing.to, outgoing.to_name)]}],
        "content": parts,  # text first: SendGrid refuses them the other way round
        "categories": [outgoing.campaign],
        "custom_args": {
            "lagniappe_message_id": outgoing.message_id,
            "campaign": outgoing.campaign,
        },
        "tracking_settings": TRACKING,
    }
    if content.subject is not None:
        body["subject"] = content.subject
    if outgoing.reply_to is not None:
        body["reply_to"] = {"email": outgoing.reply_to}
    if outgoing.unsubscribe_url is not None:
        body["headers"] = {
            # RFC 8058, section 3.1: both, and the link an https one.
            "List-Unsubscribe": f"<{outgoing.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return body


def _party(address: str, name: str | None) -> dict[str, str]:
    return {"email": address, "name": name} if name else {"email": address}


@given(emails)
def test_the_body_is_what_the_api_documents(outgoing: Outgoing) -> None:
    assert mail_body(outgoing) == documented(on_one_line(outgoing))


@given(emails)
def test_the_body_is_what_sendgrids_own_library_builds(outgoing: Outgoing) -> None:
    # A party without a name: the library would take the address apart instead.
    lines = on_one_line(outgoing)
    named = dataclasses.replace(
        lines, to_name=lines.to_name or "A", sender_name=lines.sender_name or "B"
    )
    assert mail_body(named) == built(named)


def on_one_line(outgoing: Outgoing) -> Outgoing:
    """With names and subject as headers can hold them."""
    content = outgoing.content
    return dataclasses.replace(
        outgoing,
        to_name=header_line(outgoing.to_name or ""),
        sender_name=header_line(outgoing.sender_name or ""),
        content=dataclasses.replace(content, subject=header_line(content.subject or "")),
    )


def built(outgoing: Outgoing) -> dict[str, Any]:
    """The body as SendGrid's library builds it."""
    content = outgoing.content
    mail = helpers.Mail()
    mail.from_email = helpers.From(outgoing.sender, outgoing.sender_name)
    person = helpers.Personalization()
    person.add_to(helpers.To(outgoing.to, outgoing.to_name))
    mail.add_personalization(person)
    if content.subject is not None:
        mail.subject = content.subject
    mail.add_content(helpers.Content("text/plain", content.text))
    if content.html:
        mail.add_content(helpers.Content("text/html", content.html))
    mail.add_category(helpers.Category(outgoing.campaign))
    mail.add_custom_arg(helpers.CustomArg("lagniappe_message_id", outgoing.message_id))
    mail.add_custom_arg(helpers.CustomArg("campaign", outgoing.campaign))
    if outgoing.reply_to is not None:
        mail.reply_to = helpers.ReplyTo(outgoing.reply_to)
    if outgoing.unsubscribe_url is not None:
        mail.add_header(helpers.Header("List-Unsubscribe", f"<{outgoing.unsubscribe_url}>"))
        mail.add_header(helpers.Header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    tracking = mail.tracking_settings = helpers.TrackingSettings()
    tracking.click_tracking = helpers.ClickTracking(enable=False, enable_text=False)
    tracking.open_tracking = helpers.OpenTracking(enable=True)
    tracking.subscription_tracking = helpers.SubscriptionTracking(enable=False)
    tracking.ganalytics = helpers.Ganalytics(enable=False)
    body: dict[str, Any] = mail.get()
    return body


def test_the_request_is_what_the_api_documents() -> None:
    with FakeSendGrid(api_key="SG.key") as fake:
        provider = SendGrid(api_key="SG.key", base_url=fake.base_url, clock=clock)
        plain = dataclasses.replace(
            email("m-2"), content=Content(subject="s", text="t"), reply_to=None, to_name=None
        )
        results = send(provider, [email("m-1"), plain])
        first, second = fake.received
    assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 2
    assert all(result.provider_message_id for result in results)
    assert first.headers["authorization"] == "Bearer SG.key"
    assert first.headers["content-type"] == "application/json"
    assert first.fields["custom_args"]["lagniappe_message_id"] == "m-1"
    assert first.fields["headers"]["List-Unsubscribe"] == "<https://shop.test/u/abc123>"
    assert (first.message_id, second.message_id) == ("m-1", "m-2")


def test_a_fault_is_told_without_the_address() -> None:
    with FakeSendGrid(api_key="SG.key") as fake:
        provider = SendGrid(api_key="SG.key", base_url=fake.base_url, clock=clock)
        (result,) = send(provider, [email(to="not-an-address")])
    assert (result.outcome, result.error_code) == (Outcome.REJECTED, "http_400")
    assert result.reason == "personalizations.0.to.0.email: Does not contain a valid address: […]"


@pytest.mark.parametrize(
    ("headers", "hint"),
    [
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 9)}, 9.0),
        ({"X-RateLimit-Reset": "1"}, 0.0),
        ({"X-RateLimit-Reset": "9", "Retry-After": "4"}, 4.0),
        ({"X-RateLimit-Reset": "soon"}, None),
        ({}, None),
    ],
)
def test_the_end_of_a_rate_limit(headers: dict[str, str], hint: float | None) -> None:
    with FakeSendGrid(api_key="SG.key") as fake:
        fake.next(Behaviour(status=429, headers=headers))
        provider = SendGrid(api_key="SG.key", base_url=fake.base_url, clock=clock)
        (result,) = send(provider, [email()])
    assert (result.outcome, result.retry_after) == (Outcome.RETRY, hint)
