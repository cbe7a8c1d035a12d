"""Proof that a request comes from Twilio.

https://www.twilio.com/docs/usage/security#validating-requests

The signature, HMAC-SHA1 with the account's token, covers the address that Twilio called and the
form's fields; Twilio's own library verifies it. Behind a proxy the address is not the one that
arrives here: it is ``PUBLIC_URL`` and what follows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from twilio.request_validator import RequestValidator

from engine.ports.providers import ReceiptRefused

SIGNATURE: Final = "X-Twilio-Signature"


class _Form(dict[str, list[str]]):
    """A form as Twilio's validator reads it."""

    def getlist(self, name: str) -> list[str]:
        """Every value of a field."""
        return self[name]


class TwilioSignature:
    """Verifies what Twilio posts. ``public_url`` is how Twilio reaches this installation.

    Several tokens serve a rotation; without one nothing is accepted.
    """

    def __init__(self, auth_tokens: Sequence[str], public_url: str) -> None:
        self._validators = [RequestValidator(token) for token in auth_tokens if token]
        self._public_url = public_url.rstrip("/")

    def form(self, headers: Mapping[str, str], body: bytes, *, target: str) -> dict[str, str]:
        """The fields of a proven request; ``headers`` ignore case, ``target`` is path and query.

        Raises ReceiptRefused.
        """
        if not self._validators:
            raise ReceiptRefused("LAGNIAPPE_TWILIO_AUTH_TOKEN is not set, so nothing is accepted")
        signature = headers.get(SIGNATURE)
        if signature is None:
            raise ReceiptRefused(f"header {SIGNATURE} is missing")
        try:
            form = _Form(
                parse_qs(
                    body.decode("ascii"),
                    keep_blank_values=True,
                    errors="strict",
                    max_num_fields=200,
                )
            )
        except ValueError:
            raise ReceiptRefused("the body is not a form, so its signature cannot match") from None
        proven = False
        for validator in self._validators:
            proven |= validator.validate(self._public_url + target, form, signature)
        if not proven:
            raise ReceiptRefused(
                f"{SIGNATURE} does not match LAGNIAPPE_PUBLIC_URL with this path and query, the"
                " form, and the token set"
            )
        return {name: values[0] for name, values in form.items()}
