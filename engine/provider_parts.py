"""What settings say of providers, put together for ``bootstrap``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlsplit

from pydantic import SecretStr

from config.durations import Rate as ConfiguredRate
from config.policy import Policy
from config.settings import Settings
from engine.core.message import Channel
from engine.ports import faults
from engine.ports.calling import CallReader
from engine.ports.clock import Clock
from engine.ports.providers import LookUp, Provider, ReceiptReader, TextReader
from engine.providers.build import build_providers
from engine.providers.pacing import Rate
from engine.providers.readers import (
    build_call_reader,
    build_look_ups,
    build_readers,
    build_text_readers,
)
from engine.providers.sending_link import Beginning, Recipe
from engine.setup import SetupError


def arm(settings: Settings) -> None:
    """Arm the faults of a test; raises ``SetupError`` where they could harm customers."""
    addresses = {
        "EMAIL_PROVIDER": {
            "preview": None,
            "sendgrid": settings.sendgrid_base_url,
            "smtp": _plain(settings.smtp_url) or "",
        }[settings.email_provider],
        "SMS_PROVIDER": settings.twilio_base_url if settings.sms_provider == "twilio" else None,
        "VOICE_PROVIDER": settings.twilio_base_url if settings.voice_provider == "twilio" else None,
    }
    for name, address in addresses.items():
        if address is not None and not _is_loopback(address):
            problem = (
                f"LAGNIAPPE_FAULTS is for tests: with LAGNIAPPE_{name} at an address beyond "
                "loopback it could harm customers; unset it"
            )
            raise SetupError([problem])
    try:
        faults.arm(faults.read_charges(settings.faults or ""))
    except ValueError as error:
        raise SetupError([f"LAGNIAPPE_FAULTS: {error}"]) from None


def providers_of(settings: Settings, policy: Policy, clock: Clock) -> Mapping[Channel, Provider]:
    """The provider of each channel; raises ``SetupError``."""
    if settings.public_url is None:
        relay = _plain(settings.smtp_url) or ""
        mail = relay if settings.email_provider == "smtp" else settings.sendgrid_base_url
        for name, chosen, address in (
            ("EMAIL_PROVIDER", settings.email_provider, mail),
            ("SMS_PROVIDER", settings.sms_provider, settings.twilio_base_url),
            ("VOICE_PROVIDER", settings.voice_provider, settings.twilio_base_url),
        ):
            if chosen != "preview" and not _is_loopback(address):
                problem = (
                    f"LAGNIAPPE_{name}={chosen} needs LAGNIAPPE_PUBLIC_URL: customers must be able "
                    "to reach the unsubscribe link"
                )
                raise SetupError([problem])
    try:
        return recipe_of(settings, policy)(clock=clock.now)
    except ValueError as error:
        raise SetupError([str(error)]) from None


def recipe_of(settings: Settings, policy: Policy) -> Recipe:
    """How these providers are made, for whoever is to call them."""
    return partial(
        build_providers,
        email_provider=settings.email_provider,
        sms_provider=settings.sms_provider,
        voice_provider=settings.voice_provider,
        sendgrid_api_key=_plain(settings.sendgrid_api_key),
        sendgrid_base_url=settings.sendgrid_base_url,
        twilio_account_sid=settings.twilio_account_sid,
        twilio_auth_token=_plain(settings.twilio_auth_token),
        twilio_base_url=settings.twilio_base_url,
        smtp_url=_plain(settings.smtp_url),
        public_url=settings.public_url,
        currency=policy.currency,
        max_in_flight=settings.max_in_flight,
    )


def calls_apart(settings: Settings) -> bool:
    """Whether providers are called from a process of their own; a preview calls nobody."""
    chosen = {settings.email_provider, settings.sms_provider, settings.voice_provider}
    return settings.sender == "process" and chosen != {"preview"}


def beginning_of(settings: Settings, policy: Policy) -> Beginning:
    """What such a process is told."""
    return Beginning(
        recipe=recipe_of(settings, policy),
        log_format=settings.log_format,
        log_level=settings.log_level,
        faults=settings.faults,
    )


def readers_of(settings: Settings) -> dict[str, ReceiptReader]:
    """Who reads receipts, by provider; raises ``SetupError``."""
    token = _plain(settings.twilio_auth_token)
    try:
        return build_readers(
            sendgrid_public_keys=settings.sendgrid_webhook_public_key,
            twilio_auth_tokens=[token] if token else [],
            public_url=settings.base_url,
        )
    except ValueError as error:
        raise SetupError([str(error)]) from None


def text_readers_of(settings: Settings) -> dict[str, TextReader]:
    """Who reads what customers write back, by provider."""
    token = _plain(settings.twilio_auth_token)
    return build_text_readers(
        twilio_auth_tokens=[token] if token else [], public_url=settings.base_url
    )


def call_reader_of(settings: Settings) -> CallReader:
    """Who reads what happens in calls."""
    token = _plain(settings.twilio_auth_token)
    return build_call_reader(
        twilio_auth_tokens=[token] if token else [], public_url=settings.base_url
    )


def look_ups_of(settings: Settings) -> dict[str, LookUp]:
    """Who can be asked about messages in doubt, by provider; raises ``SetupError``."""
    try:
        return build_look_ups(
            email_provider=settings.email_provider,
            sms_provider=settings.sms_provider,
            voice_provider=settings.voice_provider,
            sendgrid_api_key=_plain(settings.sendgrid_api_key),
            sendgrid_base_url=settings.sendgrid_base_url,
            twilio_account_sid=settings.twilio_account_sid,
            twilio_auth_token=_plain(settings.twilio_auth_token),
            twilio_base_url=settings.twilio_base_url,
        )
    except ValueError as error:
        raise SetupError([str(error)]) from None


def limits_of(policy: Policy, providers: Mapping[Channel, Provider]) -> dict[Channel, Rate]:
    """The senders' rates; a preview has no carrier behind it that could refuse."""
    rates: dict[Channel, ConfiguredRate] = {
        "email": policy.rate_limits.email,
        "sms": policy.rate_limits.sms,
        "voice": policy.rate_limits.voice,
    }
    return {
        channel: Rate.of(rate)
        for channel, rate in rates.items()
        if channel in providers and providers[channel].name != "preview"
    }


def _plain(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _is_loopback(address: str) -> bool:
    return urlsplit(address).hostname in {"127.0.0.1", "localhost", "::1"}
