"""Who reads what providers tell, and whom to ask about messages in doubt, from the settings.

Apart from ``build``, for the process that calls the providers needs none of it, nor its libraries.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.ports.calling import CallReader
from engine.ports.providers import LookUp, ReceiptReader, TextReader
from engine.providers import sendgrid, twilio_sms
from engine.providers.look_ups import SendGridLookUp, TwilioCallLookUp, TwilioLookUp
from engine.providers.sendgrid_receipts import SendGridReceipts
from engine.providers.twilio_receipts import TwilioReceipts
from engine.providers.twilio_texts import TwilioTexts
from engine.providers.twilio_voice import TwilioTurns, TwilioVoiceReceipts
from engine.providers.wire import Timeouts


def build_readers(
    *,
    sendgrid_public_keys: Sequence[str] = (),
    twilio_auth_tokens: Sequence[str] = (),
    public_url: str,
) -> dict[str, ReceiptReader]:
    """The reader of each provider's receipts; one without a key refuses everything.

    Raises ``ValueError`` that names the setting.
    """
    readers: tuple[ReceiptReader, ...] = (
        SendGridReceipts(sendgrid_public_keys),
        TwilioReceipts(twilio_auth_tokens, public_url),
        TwilioVoiceReceipts(twilio_auth_tokens, public_url),
    )
    return {reader.name: reader for reader in readers}


def build_text_readers(
    *, twilio_auth_tokens: Sequence[str] = (), public_url: str
) -> dict[str, TextReader]:
    """The reader of each provider's incoming texts; one without a token refuses everything."""
    reader = TwilioTexts(twilio_auth_tokens, public_url)
    return {reader.name: reader}


def build_call_reader(*, twilio_auth_tokens: Sequence[str] = (), public_url: str) -> CallReader:
    """The reader of what people do in calls; one without a token refuses everything."""
    return TwilioTurns(twilio_auth_tokens, public_url)


def build_look_ups(
    *,
    email_provider: str = "preview",
    sms_provider: str = "preview",
    voice_provider: str = "preview",
    sendgrid_api_key: str | None = None,
    sendgrid_base_url: str | None = None,
    twilio_account_sid: str | None = None,
    twilio_auth_token: str | None = None,
    twilio_base_url: str | None = None,
    timeouts: Timeouts | None = None,
) -> dict[str, LookUp]:
    """Who can be asked about messages in doubt, by provider. Raises ``ValueError``."""
    look_ups: list[LookUp] = []
    if email_provider == "sendgrid" and sendgrid_api_key:
        base_url = sendgrid_base_url or sendgrid.BASE_URL
        look_ups.append(
            SendGridLookUp(api_key=sendgrid_api_key, base_url=base_url, timeouts=timeouts)
        )
    if twilio_account_sid and twilio_auth_token:
        lists = ((sms_provider, TwilioLookUp), (voice_provider, TwilioCallLookUp))
        look_ups += [
            kind(
                account_sid=twilio_account_sid,
                auth_token=twilio_auth_token,
                base_url=twilio_base_url or twilio_sms.BASE_URL,
                timeouts=timeouts,
            )
            for provider, kind in lists
            if provider == "twilio"
        ]
    return {look_up.name: look_up for look_up in look_ups}
