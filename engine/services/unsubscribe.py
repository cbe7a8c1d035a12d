"""The link in a message: opting out, taking that back, and wanting less.

What is asked for is stored and processed in one transaction: when the caller is told, no message
that it forbids can pass any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from engine.core.message import Channel
from engine.links import Links, Purpose
from engine.ports.clock import Clock
from engine.ports.decisions import Decisions
from engine.ports.storage import Contended
from engine.ports.stored import Incoming, Permissions
from engine.services.opt_outs import (
    How,
    Line,
    Link,
    can_undo,
    consent_event,
    mask,
    opt_out_proof,
    preferences_event,
    undo_proof,
)
from triggers.event import Event
from triggers.sources.native import serialize

PAUSES: Final = (30, 60, 90)  # days

_ATTEMPTS: Final = 20
_CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms", "voice")


class Ingest(Protocol):
    """Stores and processes events at once, in one transaction."""

    def take(self, incoming: Sequence[Incoming]) -> int:
        """How many counted. Raises ``Contended``, having written nothing, to be tried again."""
        ...


class UnknownMessage(Exception):
    """The link is ours, but the message or its customer is not on record any more."""


class NotUndoable(Exception):
    """The opt-out was not made by this link, or there was no subscription before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherChannel:
    """Another channel of the same customer that may be switched off, or was by this link."""

    channel: Channel
    address: str  # masked
    is_on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a link is about.

    ``status`` is that of the address's consent now, None when none is recorded. ``can_undo`` says
    that this very link ended a subscription and may give it back. ``paused_until`` is None when
    there is no pause, or none any more.
    """

    channel: Channel
    address: str  # masked
    status: str | None
    can_undo: bool
    locale: str | None
    declined: frozenset[str] = frozenset()
    paused_until: datetime | None = None
    others: tuple[OtherChannel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was ticked and what was not, of what the page showed; nothing else is touched."""

    topics: Mapping[str, bool] = field(default_factory=dict)
    channels: Mapping[Channel, bool] = field(default_factory=dict)


class Unsubscribe:
    """The use case behind ``/u/`` links."""

    def __init__(self, storage: Decisions, ingest: Ingest, links: Links, clock: Clock) -> None:
        self._storage = storage
        self._ingest = ingest
        self._links = links
        self._clock = clock

    def read(self, token: str) -> View:
        """What the link is about; changes nothing. Raises BadToken or UnknownMessage."""
        return self._view(self._find(token))

    def unsubscribe(self, token: str, how: How) -> View:
        """Withdraw the consent of the message's address; done when this returns.

        Withdrawing it again changes nothing. Raises BadToken, UnknownMessage or Contended.
        """
        link = self._find(token)
        if link.own.status != "unsubscribed":
            link = self._tell(token, [self._opt_out(link, link.own, how)])
        return replace(self._view(link), status="unsubscribed")

    def resubscribe(self, token: str) -> View:
        """Give back the subscription that this very link ended; done when this returns.

        Nothing else is granted here: whoever holds a forwarded message must not be able to sign
        its recipient up. Raises NotUndoable, BadToken, UnknownMessage or Contended.
        """
        link = self._find(token)
        if not can_undo(link, link.own):
            raise NotUndoable("this link did not end a subscription")
        return self._view(self._tell(token, [self._undo(link, link.own)]))

    def choose(self, token: str, choice: Choice) -> View:
        """Decline topics or take them up again, switch other channels off or undo that.

        A channel is never switched on that this link did not switch off: what cannot be is passed
        over. Raises BadToken, UnknownMessage or Contended.
        """
        link = self._find(token)
        events: list[Event] = []
        held = link.own.preferences
        before = frozenset(held.declined if held is not None else ())
        after = before.union(topic for topic, wanted in choice.topics.items() if not wanted)
        after -= {topic for topic, wanted in choice.topics.items() if wanted}
        if after != before:
            until = held.paused_until if held is not None else None
            wish = f"declined {sorted(after)}"
            now = self._clock.now()
            events.append(preferences_event(link, sorted(after), until, wish, now))
        for line in link.others:
            wanted = choice.channels.get(line.channel)
            if wanted is False and line.status == "subscribed":
                events.append(self._opt_out(link, line, "page"))
            elif wanted is True and can_undo(link, line):
                events.append(self._undo(link, line))
        return self._view(self._tell(token, events) if events else link)

    def pause(self, token: str, days: int | None) -> View:
        """Send nothing of marketing to the message's address for so many days; None: go on now.

        A pause in force is replaced. Raises ValueError for other days than ``PAUSES``, BadToken,
        UnknownMessage or Contended.
        """
        if days is not None and days not in PAUSES:
            raise ValueError(f"a pause takes {PAUSES} days, not {days}")
        link, now = self._find(token), self._clock.now()
        held = link.own.preferences
        if days is None and (held is None or held.paused_until is None):
            return self._view(link)
        declined = held.declined if held is not None else ()
        until = None if days is None else now + timedelta(days=days)
        told = preferences_event(link, declined, until, f"pause of {days} days", now)
        return self._view(self._tell(token, [told]))

    def _find(self, token: str) -> Link:
        message_id = self._links.read(Purpose.UNSUBSCRIBE, token).message_id
        with self._storage.deciding(urgent=True) as unit:
            message = unit.messages([message_id]).get(message_id)
            if message is None or message.recipient is None:
                raise UnknownMessage("the message is not on record any more")
            world = unit.load([message.customer_id], now=self._clock.now()).get(message.customer_id)
            if world is None:
                raise UnknownMessage("the customer is not on record any more")
            present = {"email": world.customer.email, "sms": world.customer.phone,
                       "voice": world.customer.phone}  # fmt: skip
            addresses = {message.recipient, *filter(None, present.values())}
            known = unit.permissions(addresses)
        others = (
            _line(channel, address, known)
            for channel in _CHANNELS
            if channel != message.channel and (address := present[channel]) is not None
        )
        return Link(
            message=message,
            own=_line(message.channel, message.recipient, known),
            others=tuple(line for line in others if line.consent is not None),
        )

    def _opt_out(self, link: Link, line: Line, how: How) -> Event:
        proof = opt_out_proof(link.message.id, how, was_subscribed=line.status == "subscribed")
        return consent_event(link, line, "unsubscribed", proof, self._clock.now())

    def _undo(self, link: Link, line: Line) -> Event:
        proof = undo_proof(link.message.id)
        return consent_event(link, line, "subscribed", proof, self._clock.now())

    def _tell(self, token: str, events: Sequence[Event]) -> Link:
        """Have the events stored and processed; what holds then."""
        now = self._clock.now()
        take_at_once(self._ingest, events, now)
        told = self._find(token)
        for event in events:
            _check_recorded(event, told)
        return told

    def _view(self, link: Link) -> View:
        held = link.own.preferences
        until = held.paused_until if held is not None else None
        return View(
            channel=link.message.channel,
            address=mask(link.own.address),
            status=link.own.status,
            can_undo=can_undo(link, link.own),
            locale=link.message.locale,
            declined=frozenset(held.declined if held is not None else ()),
            paused_until=until if until is not None and until > self._clock.now() else None,
            others=tuple(
                OtherChannel(
                    channel=line.channel,
                    address=mask(line.address),
                    is_on=line.status == "subscribed",
                )
                for line in link.others
                if line.status == "subscribed" or can_undo(link, line)
            ),
        )


def take_at_once(ingest: Ingest, events: Sequence[Event], now: datetime) -> None:
    """Have events of our own stored and processed now; raises Contended after many attempts."""
    incoming = [Incoming(event=one, body=serialize(one), received_at=now) for one in events]
    for left in reversed(range(_ATTEMPTS)):
        try:
            ingest.take(incoming)
            return
        except Contended:
            if not left:
                raise


def _line(channel: Channel, address: str, known: Permissions) -> Line:
    return Line(
        channel=channel,
        address=address,
        consent=known.consents.get((channel, address)),
        preferences=known.preferences.get((channel, address)),
    )


def _check_recorded(event: Event, told: Link) -> None:
    """A later statement, made meanwhile, may hold instead; an earlier one must not.

    Raises RuntimeError: nobody is told that what they asked for holds when it does not.
    """
    facts = event.customer
    assert facts is not None
    for line in told.lines():
        wanted = facts.consent.get(line.channel)
        held = line.consent
        if wanted is not None and (
            held is None or (held.status != wanted.status and held.at <= event.time)
        ):
            raise RuntimeError(f"the consent was not recorded as {wanted.status}")
    wishes = told.own.preferences
    if not facts.consent and (wishes is None or wishes.at < event.time):
        raise RuntimeError("the preferences were not recorded")
