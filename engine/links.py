"""Public tokens: short, signed, good for one purpose.

A token names a message and nothing else; what it allows is decided when it is used. Unsubscribe
tokens do not expire, because an old email must still be able to stop the next one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from enum import StrEnum
from uuid import UUID

from itsdangerous import BadSignature, Signer


class Purpose(StrEnum):
    """What a token is good for; each has its own key, so none passes for another."""

    UNSUBSCRIBE = "u"


class BadToken(Exception):
    """Not one of our tokens, or one for another purpose."""


class Links:
    """Signs and verifies. The first key signs; every key verifies, so keys can be rotated."""

    def __init__(self, keys: Sequence[str], base_url: str) -> None:
        if not keys:
            raise ValueError("at least one secret key is needed to sign links")
        self._base_url = base_url.rstrip("/")
        self.change_keys(keys)

    def change_keys(self, keys: Sequence[str]) -> None:
        """Sign with the first of these from now on, and verify by every one of them."""
        # itsdangerous tries the last key first and signs with it.
        self._signers = {
            purpose: Signer(
                list(reversed(keys)),
                salt=f"lagniappe.{purpose.value}",
                sep=".",
                key_derivation="hmac",
                digest_method=hashlib.sha256,
            )
            for purpose in Purpose
        }

    def token(self, purpose: Purpose, message_id: str) -> str:
        """A token for one message."""
        raw = base64.urlsafe_b64encode(UUID(message_id).bytes).rstrip(b"=")
        return self._signers[purpose].sign(raw).decode()

    def read(self, purpose: Purpose, token: str) -> str:
        """The message id of a token; raises ``BadToken``."""
        try:
            raw = self._signers[purpose].unsign(token.encode())
            return str(UUID(bytes=base64.urlsafe_b64decode(raw + b"==")))
        except (BadSignature, ValueError, binascii.Error, UnicodeError):
            raise BadToken("this link is not valid") from None

    def unsubscribe(self, message_id: str) -> str:
        """The address of a message's unsubscribe page, which also takes RFC 8058's POST."""
        return f"{self._base_url}/u/{self.token(Purpose.UNSUBSCRIBE, message_id)}"
