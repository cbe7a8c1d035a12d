"""Events of our own that are about two customers: the one whose event it is, and another.

Both worlds are loaded under their locks, taken in one order for a whole batch, so what follows for
either is decided on one truth and written in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.core.identity import OWN_SOURCE
from triggers.event import Event

CUSTOMER: Final = "friend_id"  # in the event's data
ORDER: Final = "friend_order_id"
_KINDS: Final = frozenset({"referral.attributed", "referral.revisited", "referral.decided"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The other customer, as they were called, and an order of theirs that is to be looked at."""

    customer_id: str
    order_id: str | None = None


def beside(event: Event) -> Beside | None:
    """The customer whom an event names beside its own; None for most events."""
    if event.source != OWN_SOURCE or event.type not in _KINDS:
        return None
    customer, order = event.data.get(CUSTOMER), event.data.get(ORDER)
    if not isinstance(customer, str):
        return None
    return Beside(customer_id=customer, order_id=order if isinstance(order, str) else None)
