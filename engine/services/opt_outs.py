"""What a message's link is about, and the events of our own that its page makes.

Their ids name what they change (message, channel, what they replace), so a repeated click is one
event, yet the same link works again after a later statement. The address stands in ``data``:
permissions belong to it even when the customer has another one today, and as a customer's fact it
would bring the old address back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from engine.core.customer import Consent, Preferences
from engine.core.message import Channel, Message
from engine.core.preferences import CHANGED
from engine.services.batch import OWN_SOURCE
from triggers.event import ConsentFact, ConsentStatus, CustomerFacts, Event

How = Literal["one-click", "page"]

_HOWS: Final[tuple[How, ...]] = ("one-click", "page")
_TYPES: Final[dict[ConsentStatus, str]] = {
    "unsubscribed": "customer.unsubscribed",
    "subscribed": "customer.subscribed",
}
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One address on one channel, and what is permitted to it."""

    channel: Channel
    address: str
    consent: Consent | None
    preferences: Preferences | None

    @property
    def status(self) -> str | None:
        """Of the consent."""
        return self.consent.status if self.consent is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A message, the address that it went to, and the customer's other channels."""

    message: Message
    own: Line
    others: tuple[Line, ...]

    def lines(self) -> tuple[Line, ...]:
        """All of them, the message's own first."""
        return (self.own, *self.others)


def can_undo(link: Link, line: Line) -> bool:
    """Whether this very link ended a subscription of the address and may give it back."""
    if line.consent is None or line.consent.status != "unsubscribed":
        return False
    proofs = {opt_out_proof(link.message.id, how, was_subscribed=True) for how in _HOWS}
    return line.consent.proof in proofs


def opt_out_proof(message_id: str, how: How, *, was_subscribed: bool) -> str:
    """What is kept of how an address was unsubscribed."""
    by = "one-click (RFC 8058)" if how == "one-click" else "button on the page"
    before = "subscribed" if was_subscribed else "not subscribed"
    return f"unsubscribe link of message {message_id}, {by}; before: {before}"


def undo_proof(message_id: str) -> str:
    """What is kept of an opt-out's being taken back."""
    return f"unsubscribing by the link of message {message_id} taken back on its page"


def consent_event(
    link: Link, line: Line, status: ConsentStatus, proof: str, now: datetime
) -> Event:
    """An opt-out, or its undoing.

    It is later than what it replaces, also when that was told by a source whose clock is ahead.
    """
    at, replaces = _after(line.consent.at if line.consent is not None else None, now)
    channel = line.channel
    # The message's own channel goes without saying, as it always did: ids are for ever.
    where = "" if line is link.own else f"{channel}:"
    return Event(
        id=f"{status}:{link.message.id}:{where}{replaces}",
        source=OWN_SOURCE,
        type=_TYPES[status],
        time=at,
        customer=CustomerFacts(
            id=link.message.customer_id,
            consent={channel: ConsentFact(status=status, at=at, proof=proof)},
        ),
        data=_about(link, line),
    )


def preferences_event(
    link: Link, declined: Sequence[str], paused_until: datetime | None, wish: str, now: datetime
) -> Event:
    """What the owner of the message's address wants from now on.

    ``wish`` is what they asked for: the same twice at the same state is one event.
    """
    held = link.own.preferences
    at, replaces = _after(held.at if held is not None else None, now)
    asked = hashlib.blake2b(wish.encode(), digest_size=8).hexdigest()
    return Event(
        id=f"preferences:{link.message.id}:{replaces}:{asked}",
        source=OWN_SOURCE,
        type=CHANGED,
        time=at,
        customer=CustomerFacts(id=link.message.customer_id),
        data={
            **_about(link, link.own),
            "declined": sorted(declined),
            "paused_until": None if paused_until is None else paused_until.isoformat(),
            "proof": f"preference page of message {link.message.id}",
        },
    )


def _about(link: Link, line: Line) -> dict[str, Any]:
    return {
        "channel": line.channel,
        "address": line.address,
        "message_id": link.message.id,
        "campaign": link.message.campaign,
    }


def _after(held: datetime | None, now: datetime) -> tuple[datetime, str]:
    """When a new statement is made, and a name for the one before it."""
    if held is None:
        return now, "none"
    return max(now, held + _INSTANT), held.strftime("%Y%m%dT%H%M%S.%fZ")


def mask(address: str) -> str:
    """An address that its owner recognises and nobody else learns: "a•••@example.com"."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}•••@{domain}"
    return f"•••{address[-2:]}"
