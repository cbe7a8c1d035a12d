"""From settings to providers."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.message import Outcome
from engine.providers.build import build_providers
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.smtp import FakeSmtp
from tests.fakes.twilio import FakeTwilio
from tests.providers.messages import clock, email, send, sms

FULL = {
    "email_provider": "sendgrid",
    "sms_provider": "twilio",
    "voice_provider": "twilio",
    "sendgrid_api_key": "SG.key",
    "twilio_account_sid": "AC1",
    "twilio_auth_token": "token",
}


def test_nothing_leaves_the_machine_by_default() -> None:
    providers = build_providers(clock=clock)
    assert {channel: provider.name for channel, provider in providers.items()} == {
        "email": "preview",
        "sms": "preview",
        "voice": "preview",
    }


def test_each_provider_serves_the_channel_that_it_stands_for() -> None:
    providers = build_providers(clock=clock, **FULL)  # type: ignore[arg-type]
    assert {channel: provider.channel for channel, provider in providers.items()} == {
        "email": "email",
        "sms": "sms",
        "voice": "voice",
    }
    assert {provider.name for provider in providers.values()} == {
        "sendgrid", "twilio", "twilio_voice",
    }  # fmt: skip


def test_settings_reach_the_providers() -> None:
    with (
        FakeSendGrid(api_key="SG.key") as mail,
        FakeTwilio(account_sid="AC1", auth_token="token") as phone,
    ):
        providers = build_providers(
            clock=clock,
            sendgrid_base_url=mail.base_url,
            twilio_base_url=phone.base_url,
            public_url="https://shop.test",
            **FULL,  # type: ignore[arg-type]
        )
        results = [*send(providers["email"], [email()]), *send(providers["sms"], [sms()])]
        assert phone.received[0].fields["StatusCallback"].startswith("https://shop.test/")
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"email_provider": "sendgird"}, "LAGNIAPPE_EMAIL_PROVIDER.*did you mean sendgrid"),
        ({"voice_provider": "twillio"}, "LAGNIAPPE_VOICE_PROVIDER.*did you mean twilio"),
        ({"sms_provider": "sendgrid"}, "LAGNIAPPE_SMS_PROVIDER.*preview or twilio"),
        ({"sendgrid_api_key": None}, "LAGNIAPPE_SENDGRID_API_KEY is not set"),
        ({"sendgrid_api_key": " \n"}, "LAGNIAPPE_SENDGRID_API_KEY is not set"),
        ({"sendgrid_api_key": "SG.a\r\nX: y"}, "LAGNIAPPE_SENDGRID_API_KEY holds characters"),
        ({"twilio_account_sid": ""}, "LAGNIAPPE_TWILIO_ACCOUNT_SID is not set"),
        ({"twilio_auth_token": None}, "LAGNIAPPE_TWILIO_AUTH_TOKEN is not set"),
        ({"sendgrid_base_url": "http://mail.example"}, "LAGNIAPPE_SENDGRID_BASE_URL: .*use https"),
        ({"email_provider": "smtp"}, "LAGNIAPPE_SMTP_URL is not set"),
        ({"email_provider": "smtp", "smtp_url": "relay"}, "LAGNIAPPE_SMTP_URL: write smtp://"),
        ({"twilio_base_url": "api.twilio.com"}, "LAGNIAPPE_TWILIO_BASE_URL: a base URL"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        build_providers(clock=clock, **{**FULL, **changes})
    assert "SG." not in str(caught.value)


def test_smtp_serves_email() -> None:
    with FakeSmtp() as fake:
        url = f"smtp://127.0.0.1:{fake.port}"
        providers = build_providers(clock=clock, email_provider="smtp", smtp_url=url)
        assert {name: each.name for name, each in providers.items()} == {
            "email": "smtp",
            "sms": "preview",
            "voice": "preview",
        }
        (result,) = send(providers["email"], [email()])
        assert result.outcome is Outcome.ACCEPTED
        assert len(fake.received) == 1
