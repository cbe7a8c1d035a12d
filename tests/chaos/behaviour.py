"""How the provider misbehaves: which share of the calls, and what each means. Pure."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final


class Conduct(StrEnum):
    """What the provider does with one call."""

    TAKEN = "202"
    ERROR_BEFORE = "500, not taken"
    ERROR_AFTER = "500, yet taken"
    TOO_MANY = "429 with Retry-After"
    UNAVAILABLE = "503"
    SILENT = "taken, never answered"
    CUT = "taken, closed in the middle of the answer"
    CLOSED = "not taken, closed without an answer"
    SLOW = "taken, answered late"
    REFUSED = "400"


# In thousandths of the calls; all others are taken and answered at once.
SHARES: Final[dict[Conduct, int]] = {
    Conduct.ERROR_BEFORE: 8,
    Conduct.ERROR_AFTER: 10,
    Conduct.TOO_MANY: 8,
    Conduct.UNAVAILABLE: 10,
    Conduct.SILENT: 4,
    Conduct.CUT: 10,
    Conduct.CLOSED: 6,
    Conduct.SLOW: 4,
    Conduct.REFUSED: 5,
}
TAKES: Final = frozenset(
    {Conduct.TAKEN, Conduct.ERROR_AFTER, Conduct.SILENT, Conduct.CUT, Conduct.SLOW}
)


def conduct(seed: int, message_id: str, call: int, *, stretch: int = 1) -> Conduct:
    """What is done with the ``call``-th call about a message; ``stretch`` widens every share."""
    left = share(seed, "conduct", message_id, call) * 1000
    for each, width in SHARES.items():
        left -= width * stretch
        if left < 0:
            return each
    return Conduct.TAKEN


def share(*label: object) -> float:
    """A number in [0, 1) that follows from the label."""
    text = "\0".join(map(str, label)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / (1 << 48)
