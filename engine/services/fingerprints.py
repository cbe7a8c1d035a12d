"""Remembering that an address must not be written to, without remembering the address.

Of an erased person's address only a keyed hash stays: HMAC-SHA256 (RFC 2104) under the
installation's secret key. Whoever has the database alone cannot try out addresses against it, and
who has the address and the key can tell that it was erased. It stands among the suppressions in the
address's place, so that one look-up finds either.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Final

from engine.core.message import Channel

MARK: Final = "erased:"  # begins what stands for an address or a customer that was erased
_CODES: Final = b"lagniappe.codes"
_MAILBOX: Final = b"lagniappe.mailbox"
_PURPOSE: Final = b"lagniappe.erased"  # the key signs links as well; neither passes for the other


class Fingerprints:
    """Keyed hashes. The first key makes them; every key finds them, so keys can be rotated.

    A key that is taken out of the settings takes what it made with it: those addresses are then
    known to nobody, and not suppressed any more.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise ValueError("at least one secret key is needed to remember what was erased")
        self.change_keys(keys)

    def change_keys(self, keys: Sequence[str]) -> None:
        """Make them by the first of these from now on, and find by every one of them."""
        self._keys = [hmac.digest(key.encode(), _PURPOSE, "sha256") for key in keys]
        self._codes = hmac.digest(keys[0].encode(), _CODES, "sha256")
        self._mailboxes = [hmac.digest(key.encode(), _MAILBOX, "sha256") for key in keys]

    def of(self, address: str) -> str:
        """What is kept of an address."""
        return _mark(self._keys[0], "address", address)

    def every(self, address: str) -> list[str]:
        """All that may have been kept of an address, by whichever key."""
        return [_mark(key, "address", address) for key in self._keys]

    def keyed(self, text: str) -> bytes:
        """32 bytes that follow from ``text`` and that nobody without the first key can tell."""
        return hmac.digest(self._codes, text.encode(), "sha256")

    def mailboxes(self, mailbox: str) -> list[str]:
        """All that may be kept of the mailbox of somebody who is no customer yet.

        The first is what is kept from now on.
        """
        return [hmac.digest(key, mailbox.encode(), "sha256").hex()[:32] for key in self._mailboxes]

    def anonymous(self, kind: str, value: str, salt: str) -> str:
        """An id in the place of one that could lead back to a person."""
        return _mark(self._keys[0], kind, salt, value)


def is_erased(customer_id: str) -> bool:
    """Whether this stands for a customer who was erased."""
    return customer_id.startswith(MARK)


def channels_of(address: str) -> tuple[Channel, ...]:
    """The channels that an address can be written to by."""
    return ("email",) if "@" in address else ("sms", "voice")


def _mark(key: bytes, *parts: str) -> str:
    return MARK + hmac.digest(key, "\x1f".join(parts).encode(), "sha256").hex()
