"""What the referral program keeps in its books, and the events by which it tells itself of more.

Of a referrer: their codes, the friends who left an address on the landing page (as a keyed hash),
and one record a friend who bought. Of a friend: who has referred them, a record a referral; among
several the one that has been paid counts, else that of the earliest order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from engine.core.book import Record
from engine.core.customer import Order
from engine.core.identity import OWN_SOURCE
from engine.core.transition import Transition
from engine.core.world import World

CODES: Final = "referral_codes"  # the referrer's, by code
CLAIMS: Final = "referral_claims"  # the referrer's, by the hash of a friend's mailbox
REFERRALS: Final = "referrals"  # the referrer's, by referral
REFERRED: Final = "referred"  # the friend's, by referral

# Events of our own, in no catalogue: no campaign starts from them.
ATTRIBUTED: Final = "referral.attributed"  # an order names a code, or is by somebody invited
REVISITED: Final = "referral.revisited"  # something has changed, or its time has come
DECIDED: Final = "referral.decided"  # a person has decided
CLAIMED: Final = "referral.claimed"  # a friend has left an address
VIEWED: Final = "referral.viewed"  # an observation: somebody has looked at the landing page
CONVERTED: Final = "referral.converted"  # the one that campaigns hear of

# No 0 and O, no 1, I and L, and no vowels, so that no code is a word.
ALPHABET: Final = "23456789BCDFGHJKMNPQRSTVWXYZ"
LENGTH: Final = 10  # 28^10: a million codes meet once in six hundred shops
_CODE: Final = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")
_IN_ADDRESS: Final = re.compile(r"[?&](?:ref|referral)=([^&#]+)")
_NAMED: Final = frozenset({"ref", "referral", "referral_code", "referralcode"})
_MOST_CODES: Final = 10


def code_from(digest: bytes) -> str:
    """A code made of a keyed hash of 32 bytes."""
    number, code = int.from_bytes(digest), ""
    for _ in range(LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        code += ALPHABET[digit]
    return code


def as_code(text: object) -> str | None:
    """A code as it is kept, however it was typed; None for what cannot be one."""
    if not isinstance(text, str):
        return None
    code = re.sub(r"[\s-]", "", text).upper()
    return code if _CODE.fullmatch(code) else None


def codes_of(order: Order) -> list[str]:
    """What may be referral codes of an order: its discounts first, then its attributes.

    ``ref`` stands in an attribute of its own, or in the query of ``landing_site``.
    """
    if not (order.discount_codes or order.attributes):
        return []
    told: list[object] = list(order.discount_codes)
    for name, value in order.attributes.items():
        if name.lower() in _NAMED:
            told.append(value)
        elif name.lower() == "landing_site" and isinstance(value, str):
            told += _IN_ADDRESS.findall(value)
    found = dict.fromkeys(code for text in told if (code := as_code(text)))
    return list(found)[:_MOST_CODES]


def ordered_at(order: Order) -> datetime | None:
    """When an order was placed; its earliest fact where nobody told."""
    return order.placed_at or min(order.facts.values(), default=None)


def rank(record: Record) -> tuple[bool, datetime, bool, str]:
    """The order in which a friend's referrals count; the lowest one does."""
    data = record.data
    return not data.get("converted"), record.at, data["via"] != CODES, record.key


def counting(friend: World) -> Record | None:
    """The one referral of a friend that counts."""
    return min(friend.book(REFERRED), key=rank, default=None)


def is_reward(transition: Transition) -> bool:
    """Whether it says that a referral of our own program has converted.

    A shop's own tool may tell of ``referral.converted`` too, and pays by itself.
    """
    return transition.type == CONVERTED and transition.id.startswith(f"{OWN_SOURCE}:")


def is_final(data: Mapping[str, Any]) -> bool:
    """Whether a referral is settled for good."""
    return bool(data.get("final"))
