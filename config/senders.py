"""Who writes: the ``brand`` and ``senders`` parts of ``config/store.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from config.calling import PhoneNumber
from config.reviews import Hashtag
from config.store_fields import Color, Email, Section, TextSender, WebAddress, Word


class Support(Section):
    """Where customers get help."""

    email: Email
    phone: Word | None = None
    hours: Word | None = None


class Brand(Section):
    """Who writes; every template can use it."""

    name: Word
    url: WebAddress
    postal_address: Annotated[str, Field(min_length=10, max_length=500)]
    support: Support
    logo_url: WebAddress | None = None
    color: Color = "#1f3a5f"
    social: dict[str, WebAddress] = Field(default_factory=dict)
    hashtag: Hashtag | None = None


class EmailSender(Section):
    """The From and Reply-To of every email."""

    from_name: Word
    from_email: Email
    reply_to: Email | None = None


class SmsSender(Section):
    """The number, or Twilio messaging service, that texts come from."""

    sender: TextSender = Field(alias="from")


class VoiceSender(Section):
    """The number that calls come from."""

    sender: PhoneNumber = Field(alias="from")


class Senders(Section):
    """One sender a channel; without ``sms`` no text can be sent, without ``voice`` no call made."""

    email: EmailSender
    sms: SmsSender | None = None
    voice: VoiceSender | None = None
