"""Which provider serves which channel, from the deployment's settings."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from datetime import datetime

from engine.core.message import Channel
from engine.ports.providers import Provider
from engine.providers import sendgrid, twilio_sms
from engine.providers.http import checked_base_url
from engine.providers.preview import Preview
from engine.providers.smtp import Smtp
from engine.providers.twilio_voice import TwilioVoice
from engine.providers.wire import Timeouts

EMAIL_PROVIDERS = ("preview", "sendgrid", "smtp")
SMS_PROVIDERS = ("preview", "twilio")
VOICE_PROVIDERS = ("preview", "twilio")


def build_providers(
    *,
    clock: Callable[[], datetime],
    email_provider: str = "preview",
    sms_provider: str = "preview",
    voice_provider: str = "preview",
    sendgrid_api_key: str | None = None,
    sendgrid_base_url: str | None = None,
    twilio_account_sid: str | None = None,
    twilio_auth_token: str | None = None,
    twilio_base_url: str | None = None,
    smtp_url: str | None = None,
    public_url: str | None = None,
    currency: str | None = None,
    max_in_flight: int = 200,
    timeouts: Timeouts | None = None,
) -> dict[Channel, Provider]:
    """The provider of each channel; none is opened yet.

    ``currency``: the shop's (ISO 4217); prices told in another are left out of the log.
    Raises ``ValueError`` that names the setting, for an unknown provider, a missing
    credential or an unfit address; credentials are never quoted.
    """
    _check_name("EMAIL_PROVIDER", email_provider, EMAIL_PROVIDERS)
    _check_name("SMS_PROVIDER", sms_provider, SMS_PROVIDERS)
    _check_name("VOICE_PROVIDER", voice_provider, VOICE_PROVIDERS)
    providers: dict[Channel, Provider] = {
        "email": Preview("email", clock=clock),
        "sms": Preview("sms", clock=clock),
        "voice": Preview("voice", clock=clock),
    }
    if email_provider == "sendgrid":
        providers["email"] = sendgrid.SendGrid(
            api_key=_required("SENDGRID_API_KEY", sendgrid_api_key, "EMAIL_PROVIDER=sendgrid"),
            base_url=_address("SENDGRID_BASE_URL", sendgrid_base_url, sendgrid.BASE_URL),
            clock=clock,
            max_in_flight=max_in_flight,
            timeouts=timeouts,
        )
    if email_provider == "smtp":
        providers["email"] = _smtp(smtp_url, clock, max_in_flight)
    twilio: tuple[tuple[Channel, str, type[twilio_sms.TwilioSms], str], ...] = (
        ("sms", sms_provider, twilio_sms.TwilioSms, "SMS_PROVIDER=twilio"),
        ("voice", voice_provider, TwilioVoice, "VOICE_PROVIDER=twilio"),
    )
    for channel, chosen, make, because in twilio:
        if chosen != "twilio":
            continue
        providers[channel] = make(
            account_sid=_required("TWILIO_ACCOUNT_SID", twilio_account_sid, because),
            auth_token=_required("TWILIO_AUTH_TOKEN", twilio_auth_token, because),
            base_url=_address("TWILIO_BASE_URL", twilio_base_url, twilio_sms.BASE_URL),
            public_url=public_url,
            currency=currency,
            clock=clock,
            max_in_flight=max_in_flight,
            timeouts=timeouts,
        )
    return providers


def _smtp(url: str | None, clock: Callable[[], datetime], max_in_flight: int) -> Provider:
    address = _required("SMTP_URL", url, "EMAIL_PROVIDER=smtp")
    try:
        return Smtp(url=address, clock=clock, max_in_flight=max_in_flight)
    except ValueError as error:
        raise ValueError(f"LAGNIAPPE_SMTP_URL: {error}") from None


def _check_name(setting: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        choices = " or ".join(known)
        raise ValueError(f"LAGNIAPPE_{setting}: {value!r} is no provider, use {choices}{hint}")


def _required(setting: str, value: str | None, because: str) -> str:
    text = (value or "").strip()
    if not text:
        raise ValueError(f"LAGNIAPPE_{setting} is not set, but LAGNIAPPE_{because} needs it")
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"LAGNIAPPE_{setting} holds characters that no such credential has")
    return text


def _address(setting: str, value: str | None, default: str) -> str:
    try:
        return checked_base_url(value or default)
    except ValueError as error:
        raise ValueError(f"LAGNIAPPE_{setting}: {error}") from None
