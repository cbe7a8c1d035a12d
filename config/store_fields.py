"""The kinds of value in ``config/store.yaml``, and what every part of it is."""

from __future__ import annotations

import re
from datetime import time
from typing import Annotated, Any, Literal

import phonenumbers
from babel.numbers import is_currency
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from config.durations import Duration, DurationField

Channel = Literal["email", "sms", "voice"]

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)  # ITU-T E.164: 15 digits at most
_SENDER_POOL = re.compile(r"MG[0-9a-fA-F]{32}")  # Twilio's messaging service SID
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_WEB = re.compile(r"https?://[^\s/@]+(?:/\S*)?")


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"{value} is not an email address: {error}") from None


def _web_address(value: str) -> str:
    if not _WEB.fullmatch(value):
        raise ValueError(f"{value} is not a web address; write it with https://")
    return value.rstrip("/")


def _color(value: str) -> str:
    if not _COLOR.fullmatch(value):
        raise ValueError(f'{value} is not a colour; write it as in "#7a1f2b"')
    return value.lower()


def _currency(value: str) -> str:
    if not is_currency(value):
        raise ValueError(f"{value} is not a currency; write an ISO 4217 code such as USD")
    return value


def _country(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{value} is not a country; write an ISO 3166 code such as US")
    return value


def _sms_sender(value: str) -> str:
    if not (_E164.fullmatch(value) or _SENDER_POOL.fullmatch(value)):
        raise ValueError(
            f"{value} cannot send SMS; write a number such as +15045550123 "
            "or a Twilio messaging service (MG…)"
        )
    return value


def _time_of_day(value: Any) -> Any:
    if isinstance(value, time):
        return value
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'{value} is not a time of day; write it as in "21:00"')
    return time(int(found[1]), int(found[2]))


def none_word(value: Any) -> Any:
    return None if value == "none" else value


def _not_zero(value: Duration) -> Duration:
    if value.is_zero:
        raise ValueError("it must be longer than no time at all")
    return value


Word = Annotated[str, Field(min_length=1, max_length=200)]
Email = Annotated[str, AfterValidator(_email)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Color = Annotated[str, AfterValidator(_color)]
Currency = Annotated[str, AfterValidator(_currency)]
Country = Annotated[str, AfterValidator(_country)]
TextSender = Annotated[str, AfterValidator(_sms_sender)]
Span = Annotated[DurationField, AfterValidator(_not_zero)]


class Section(BaseModel):
    """A part of the file: frozen, and nothing in it that is not known."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=True
    )
