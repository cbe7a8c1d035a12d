"""Opting out by the link in a message, and taking that back.

An opt-out is stored and processed in one transaction: when the caller is told, no message can
pass any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from engine.core.customer import Consent
from engine.core.message import Channel, Message
from engine.links import Links, Purpose
from engine.ports.clock import Clock
from engine.ports.storage import Contended, Incoming, UnitOfWork
from triggers.event import ConsentFact, ConsentStatus, CustomerFacts, Event
from triggers.sources.native import serialize

How = Literal["one-click", "page"]

_ATTEMPTS: Final = 20
_TYPES: Final[dict[ConsentStatus, str]] = {
    "unsubscribed": "customer.unsubscribed",
    "subscribed": "customer.subscribed",
}


class Ingest(Protocol):
    """Stores and processes events at once, in one transaction."""

    def take(self, incoming: Sequence[Incoming]) -> int:
        """How many counted. Raises ``Contended``, having written nothing, to be tried again."""
        ...


class Decisions(Protocol):
    """The part of ``engine.ports.storage.Storage`` that is needed here."""

    def deciding(self, *, urgent: bool = False) -> AbstractContextManager[UnitOfWork]:
        """A unit of work, rolled back unless committed."""
        ...


class UnknownMessage(Exception):
    """The link is ours, but the message or its customer is not on record any more."""


class NotUndoable(Exception):
    """The opt-out was not made by this link, or there was no subscription before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a link is about.

    ``status`` is that of the address's consent now: None when none is recorded, or when the
    address is not the customer's present one any more. ``can_undo`` says that this very link
    ended a subscription and may give it back.
    """

    channel: Channel
    address: str  # masked
    status: str | None
    can_undo: bool
    locale: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    message: Message
    recipient: str
    is_present: bool  # the recipient is still the customer's address on that channel
    consent: Consent | None


class Unsubscribe:
    """The use case behind ``/u/`` links."""

    def __init__(self, storage: Decisions, ingest: Ingest, links: Links, clock: Clock) -> None:
        self._storage = storage
        self._ingest = ingest
        self._links = links
        self._clock = clock

    def read(self, token: str) -> View:
        """What the link is about; changes nothing. Raises BadToken or UnknownMessage."""
        return _view(self._find(token))

    def unsubscribe(self, token: str, how: How) -> View:
        """Withdraw the consent of the message's address; done when this returns.

        Withdrawing it again changes nothing. Raises BadToken, UnknownMessage or Contended.
        """
        link = self._find(token)
        if link.consent is None or link.consent.status != "unsubscribed":
            was_subscribed = link.consent is not None and link.consent.status == "subscribed"
            proof = _proof(link.message.id, how, was_subscribed=was_subscribed)
            link = self._tell(token, link, "unsubscribed", proof)
        return replace(_view(link), status="unsubscribed")

    def resubscribe(self, token: str) -> View:
        """Give back the subscription that this very link ended; done when this returns.

        Nothing else is granted here: whoever holds a forwarded message must not be able to sign
        its recipient up. Raises NotUndoable, BadToken, UnknownMessage or Contended.
        """
        link = self._find(token)
        if not _can_undo(link):
            raise NotUndoable("this link did not end a subscription")
        proof = f"unsubscribing by the link of message {link.message.id} taken back on its page"
        return _view(self._tell(token, link, "subscribed", proof))

    def _find(self, token: str) -> _Link:
        message_id = self._links.read(Purpose.UNSUBSCRIBE, token)
        with self._storage.deciding(urgent=True) as unit:
            message = unit.messages([message_id]).get(message_id)
            if message is None or message.recipient is None:
                raise UnknownMessage("the message is not on record any more")
            worlds = unit.load([message.customer_id], now=self._clock.now())
        world = worlds.get(message.customer_id)
        if world is None:
            raise UnknownMessage("the customer is not on record any more")
        customer = world.customer
        present = customer.email if message.channel == "email" else customer.phone
        return _Link(
            message=message,
            recipient=message.recipient,
            is_present=present == message.recipient,
            consent=world.consents.get((message.channel, message.recipient)),
        )

    def _tell(self, token: str, link: _Link, status: ConsentStatus, proof: str) -> _Link:
        now = self._clock.now()
        at = now
        if link.consent is not None and link.consent.at >= now:
            # Given by a source whose clock is ahead: what the customer says now is still later.
            at = link.consent.at + timedelta(microseconds=1)
        event = _event(link, status, proof, at)
        incoming = Incoming(event=event, body=serialize(event), received_at=now)
        self._take(incoming)
        told = self._find(token)
        held = told.consent
        # A later statement, made meanwhile, may hold instead; an earlier one must not.
        if told.is_present and (held is None or (held.status != status and held.at <= at)):
            raise RuntimeError(f"the consent was not recorded as {status}")
        return told

    def _take(self, incoming: Incoming) -> None:
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._ingest.take([incoming])
                return
            except Contended:
                if not left:
                    raise


def _event(link: _Link, status: ConsentStatus, proof: str, at: datetime) -> Event:
    """The opt-out, or its undoing, as an event of our own.

    Its id names what it changes (message, status, the consent it replaces), so a repeated click
    is one event, yet the same link works again after a later subscription. The address stands in
    ``data``: consent belongs to it even when the customer has another one today, and as a
    customer fact it would bring the old address back.
    """
    replaces = "none"
    if link.consent is not None:
        replaces = _stamp(link.consent.at)
    elif not link.is_present:
        replaces = f"unread:{_stamp(at)}"
    channel = link.message.channel
    return Event(
        id=f"{status}:{link.message.id}:{replaces}",
        source="lagniappe",
        type=_TYPES[status],
        time=at,
        customer=CustomerFacts(
            id=link.message.customer_id,
            consent={channel: ConsentFact(status=status, at=at, proof=proof)},
        ),
        data={
            "channel": channel,
            "address": link.recipient,
            "message_id": link.message.id,
            "campaign": link.message.campaign,
        },
    )


def _stamp(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%S.%fZ")


def _proof(message_id: str, how: How, *, was_subscribed: bool) -> str:
    by = "one-click (RFC 8058)" if how == "one-click" else "button on the page"
    before = "subscribed" if was_subscribed else "not subscribed"
    return f"unsubscribe link of message {message_id}, {by}; before: {before}"


def _can_undo(link: _Link) -> bool:
    if link.consent is None or link.consent.status != "unsubscribed":
        return False
    hows: tuple[How, ...] = ("one-click", "page")
    return link.consent.proof in {_proof(link.message.id, how, was_subscribed=True) for how in hows}


def _view(link: _Link) -> View:
    return View(
        channel=link.message.channel,
        address=mask(link.recipient),
        status=link.consent.status if link.consent is not None else None,
        can_undo=_can_undo(link),
        locale=link.message.locale,
    )


def mask(address: str) -> str:
    """An address that its owner recognises and nobody else learns: "a•••@example.com"."""
    local, at, domain = address.rpartition("@")
    if at:
        return f"{local[:1]}•••@{domain}"
    return f"•••{address[-2:]}"
