"""Ids and assignments that derive from content, never from chance.

The same inputs give the same ids in the daemon, in the simulator and in a replay, and a step that
is taken twice cannot make two rows. Ids are UUIDs of version 8 (RFC 9562, section 5.8), BLAKE2b;
version 5 would take twice as long.
"""

from __future__ import annotations

from hashlib import blake2b

_S = "\x1f"  # no key can hold it by accident, so ("a", "bc") and ("ab", "c") differ
# The two bits that RFC 9562 fixes, by the digit they stand in.
_VARIANTS = {f"{digit:x}": "89ab"[digit & 3] for digit in range(16)}


def journey_id(campaign: str, entry_key: str, entry_no: int) -> str:
    """The id of the ``entry_no``-th journey (from 1) of a campaign under one entry key."""
    return _id(f"journey{_S}{campaign}{_S}{entry_key}{_S}{entry_no}")


def message_id(journey_id: str, step_id: str) -> str:
    """The id of the one message that a step of a journey can make."""
    return _id(f"message{_S}{journey_id}{_S}{step_id}")


def customer_id(kind: str, value: str) -> str:
    """The id of a customer first known by ``value`` of some ``kind`` (a source, email, phone)."""
    return _id(f"customer{_S}{kind}{_S}{value}")


def call_id(journey_id: str, step_id: str) -> str:
    """The id of the one call task that a step of a journey can make."""
    return _id(f"call{_S}{journey_id}{_S}{step_id}")


def assumption_id(order_id: str, since: str) -> str:
    """The id of the event that an order of which nothing was heard ``since`` has arrived."""
    return _id(f"assumption{_S}{order_id}{_S}{since}")


def referral_id(code: str, friend_id: str) -> str:
    """The id of what one customer's code has brought about with one friend."""
    return _id(f"referral{_S}{code}{_S}{friend_id}")


def replenishment_id(customer_id: str, product_id: str, order_id: str) -> str:
    """The id of the event that what was bought with an order will soon be used up."""
    return _id(f"replenishment{_S}{customer_id}{_S}{product_id}{_S}{order_id}")


def share(campaign: str, salt: str, customer_id: str) -> float:
    """Where a customer stands, in [0, 100), for a holdout or a split of a campaign.

    Evenly spread over customers and independent between campaigns and between salts.
    """
    text = f"{campaign}{_S}{salt}{_S}{customer_id}".encode()
    digest = blake2b(text, digest_size=8).digest()
    # 53 bits are what a float holds exactly; more could round up to 100 itself.
    return (int.from_bytes(digest) >> 11) * 100.0 / (1 << 53)


def _id(text: str) -> str:
    digest = blake2b(text.encode(), digest_size=16).hexdigest()
    variant = _VARIANTS[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:]}"
