"""Email addresses and phone numbers in the one form by which they are compared.

Addresses arrive as people typed them. An address that cannot be one is None: it identifies nobody
and nothing is sent to it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from triggers.event import CustomerFacts

# RFC 5321, section 4.5.3.1: 64 octets before the @, 254 in all (a path's 256 less its brackets).
_LONGEST: Final = 254
_PLAIN_EMAIL: Final = re.compile(
    r"(?=.{1,64}@)"
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])\Z"
)
# ITU-T E.164: a country code, which never begins with 0, and 15 digits at most in all.
_E164: Final = re.compile(r"\+[1-9][0-9]{6,14}\Z")


def normalise_email(text: str | None) -> str | None:
    """The address trimmed, in Unicode NFC and in lower case; None when it cannot be one.

    The part before the @ is lower-cased too. RFC 5321, section 2.4, leaves its case to the
    receiving host but discourages hosts from making a difference, and none of the large ones does;
    people do mistype the case. An internationalised domain is kept in Unicode.
    """
    if text is None:
        return None
    address = text.strip().lower()
    if address.isascii():
        if len(address) <= _LONGEST and _PLAIN_EMAIL.match(address):
            return address
        if "xn--" not in address:
            return None
    try:
        # "test_environment" admits the reserved name .test, as the plain form does.
        checked = validate_email(
            unicodedata.normalize("NFC", address), check_deliverability=False, test_environment=True
        )
    except EmailNotValidError:
        return None
    return unicodedata.normalize("NFC", checked.normalized.lower())


def normalise_phone(text: str | None, country: str | None) -> str | None:
    """The number in E.164 form (``+436601234567``); None when it cannot be one.

    ``country`` (ISO 3166-1 alpha-2) says how to read a national number; without it only numbers in
    international form can be read.
    """
    if text is None:
        return None
    number = text.strip()
    if _E164.match(number):
        return number
    try:
        parsed = phonenumbers.parse(number, country.upper() if country else None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    found = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return found if _E164.match(found) else None


def normalised(facts: CustomerFacts, country: str | None) -> CustomerFacts:
    """The facts with both addresses in the form by which they are compared.

    ``country`` is the shop's, for customers whose own is not told. An address that cannot be one
    counts as not told, and so as not verified.
    """
    email = normalise_email(facts.email)
    phone = normalise_phone(facts.phone, facts.country or country)
    if email == facts.email and phone == facts.phone:
        return facts
    return replace(
        facts,
        email=email,
        email_verified=facts.email_verified and email is not None,
        phone=phone,
        phone_verified=facts.phone_verified and phone is not None,
    )
