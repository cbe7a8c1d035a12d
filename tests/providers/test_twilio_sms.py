"""Twilio: the form is what Twilio's own library would post."""

from __future__ import annotations

import dataclasses
import json
import logging
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client

from engine.core.message import Content, Outcome, Outgoing
from engine.providers.twilio_sms import TwilioSms, message_form
from tests.fakes.http_fake import Behaviour
from tests.fakes.twilio import FakeTwilio
from tests.providers.messages import clock, send, sms

SID, TOKEN = "AC0123456789abcdef0123456789abcdef", "token"
SERVICE = "MG0123456789abcdef0123456789abcdef"


class Capture(HttpClient):  # type: ignore[misc]
    """Keeps what Twilio's library would have sent."""

    def __init__(self) -> None:
        super().__init__(logging.getLogger(__name__), False)
        self.calls: list[tuple[str, str, Any]] = []

    def request(self, method: str, url: str, *arguments: Any, **options: Any) -> Response:
        self.calls.append((method, url, options.get("data") or arguments[1]))
        return Response(201, json.dumps({"sid": "SM1"}))


def by_library(outgoing: Outgoing, callback: str | None) -> tuple[str, str, Any]:
    """The call that ``twilio.rest`` would make."""
    capture = Capture()
    options: dict[str, Any] = {"to": outgoing.to, "body": outgoing.content.text}
    options["messaging_service_sid" if outgoing.sender == SERVICE else "from_"] = outgoing.sender
    if callback is not None:
        options["status_callback"] = callback
    Client(SID, TOKEN, http_client=capture).messages.create(**options)
    return capture.calls[0]


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.sampled_from(["+15005550006", SERVICE, "MyShop"]),
    st.booleans(),
)
def test_the_form_is_the_librarys(text: str, sender: str, public: bool) -> None:
    outgoing = dataclasses.replace(sms("m-1", sender=sender), content=Content(text=text))
    url = "https://shop.test/receipts/twilio?message_id=m-1"
    method, address, form = by_library(outgoing, url if public else None)
    assert message_form(outgoing, "https://shop.test" if public else None) == form
    provider = TwilioSms(account_sid=SID, auth_token=TOKEN, clock=clock)
    assert (method, address) == ("POST", "https://api.twilio.com" + provider.request(outgoing).path)


def one(
    outgoing: Outgoing, behaviour: Behaviour | None = None, **options: Any
) -> tuple[Any, FakeTwilio]:
    """The result of one message, and the fake that got it."""
    with FakeTwilio(account_sid=SID, auth_token=TOKEN, opted_out={"+15005550009"}) as fake:
        if behaviour is not None:
            fake.next(behaviour)
        provider = TwilioSms(
            account_sid=SID, auth_token=TOKEN, base_url=fake.base_url, clock=clock, **options
        )
        (result,) = send(provider, [outgoing])
    return result, fake


@pytest.mark.parametrize("text", ["Merci & à bientôt 🎁 100% = 1+1", "a\nb", "é" * 1600])
def test_the_request_is_what_the_api_documents(text: str) -> None:
    outgoing = dataclasses.replace(sms("m-1"), content=Content(text=text))
    result, fake = one(outgoing, public_url="https://shop.test/")
    assert result.outcome is Outcome.ACCEPTED
    assert result.provider_message_id.startswith("SM")
    (received,) = fake.received
    assert received.fields["Body"] == text
    assert received.message_id == "m-1"
    assert received.headers["content-type"] == "application/x-www-form-urlencoded"


def test_no_callback_without_a_public_address() -> None:
    _, fake = one(sms())
    assert "StatusCallback" not in fake.received[0].fields


@pytest.mark.parametrize(
    ("outgoing", "code"),
    [
        (sms(to="+15005550009"), "21610"),
        (sms(to="12345"), "21211"),
        (sms(to=""), "21604"),
        (dataclasses.replace(sms(), content=Content(text="")), "21602"),
        (dataclasses.replace(sms(), content=Content(text="x" * 1601)), "21617"),
    ],
)
def test_twilios_code_is_kept(outgoing: Outgoing, code: str) -> None:
    result, _ = one(outgoing)
    assert (result.outcome, result.error_code) == (Outcome.REJECTED, code)
    assert not outgoing.to or outgoing.to not in result.reason


@pytest.mark.parametrize(
    ("price", "unit", "currency", "cost"),
    [
        ("-0.00750", "USD", "USD", Decimal("0.00750")),
        ("-0.00750", "USD", None, Decimal("0.00750")),
        ("-0.00750", "USD", "EUR", None),
        (None, "USD", "USD", None),
        ("free", "USD", "USD", None),
        ("NaN", "USD", "USD", None),
        (0.5, "USD", "USD", None),
    ],
)
def test_the_price(price: object, unit: str, currency: str | None, cost: Decimal | None) -> None:
    body = json.dumps({"sid": "SM1", "price": price, "price_unit": unit}).encode()
    result, _ = one(sms(), Behaviour(body=body), currency=currency)
    assert (result.outcome, result.cost) == (Outcome.ACCEPTED, cost)
