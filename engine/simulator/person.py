"""One simulated customer: all rows that the database would keep of them, as plain objects."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

from engine.core.book import Books
from engine.core.customer import Customer, Order, Ticket
from engine.core.message import COUNTED, Message, MessageStatus
from engine.core.reviewing import OTHERS_FIRST
from engine.core.world import Contact, Journey, JourneyStatus, PastEntry, World
from engine.simulator.orders import Orders

_NEVER: Final = datetime.max.replace(tzinfo=UTC)
# What a decision, a hand-over or its outcome may still change.
OPEN = (MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.UNKNOWN)


def _none() -> array[int]:
    return array("q")  # microseconds since the epoch


class Counted(NamedTuple):
    """A message that counts against caps for as long as these look back to when it was made."""

    made_at: datetime
    contact: Contact


class _Listed(NamedTuple):
    """What counts against caps, as worlds have it, until the oldest of it does not any more."""

    oldest: datetime
    contacts: list[Contact]


@dataclass(slots=True)
class Person:
    """One customer. What worlds are made of is kept as they need it, so that loading looks at
    nothing that is over: ``moving`` are the journeys that live or whose goal is open, ``open`` the
    messages that a decision may still change, ``counted`` what may still count against a cap, by
    message, in the order in which these were made. ``closes``: no goal's window does before."""

    customer: Customer
    orders: Orders = field(default_factory=Orders)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    journeys: dict[str, Journey] = field(default_factory=dict)
    moving: dict[str, Journey] = field(default_factory=dict)
    past: dict[tuple[str, str], PastEntry] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    open: dict[str, Message] = field(default_factory=dict)
    counted: dict[str, Counted] = field(default_factory=dict)
    books: Books = field(default_factory=Books)
    contacts: Sequence[Contact] = ()  # of messages that only count, from before the simulation
    sent: array[int] = field(default_factory=_none)  # when forgotten messages went out
    closes: datetime | None = None
    listed: _Listed | None = None

    def world(
        self,
        *,
        now: datetime,
        since: datetime,
        complete: bool,
        books: frozenset[str] | None,
        message_ids: Collection[str],
    ) -> World:
        """What a decision at ``now`` may look at, as the database would load it.

        Orders and tickets are for the caller to add, unless it is to be ``complete``: then they are
        the customer's own, not only a choice of them. Messages made before ``since`` count against
        no cap any more.
        """
        if self.closes is not None and self.closes <= now:
            self._close(now)
        messages = self._at_hand(since, message_ids)
        journeys = self._with_those_of(messages)
        orders: dict[str, Order] = {}
        tickets: dict[str, Ticket] = {}
        for journey in () if complete else journeys.values():
            key = journey.order_id
            if key is not None and (order := self.orders.get(key)) is not None:
                orders[key] = order
            key = journey.ticket_id
            if key is not None and (ticket := self.tickets.get(key)) is not None:
                tickets[key] = ticket
        return World(
            customer=self.customer,
            complete=complete,
            orders=self.orders if complete else orders,
            tickets=self.tickets if complete else tickets,
            journeys=journeys,
            past=self.past,
            contacts=self._contacts(since),
            messages=messages,
            books=self.books if books is None else self.books.named(books),
        )

    def in_motion(self, now: datetime, since: datetime) -> dict[str, Journey]:
        """The journeys of ``world``."""
        if self.closes is not None and self.closes <= now:
            self._close(now)
        found = self.moving.copy()
        for message in self.open.values():
            journey = self.journeys.get(message.journey_id)
            if journey is not None and message.created_at >= since:
                found[journey.id] = journey
        return found

    def _close(self, now: datetime) -> None:
        """Let go of the journeys whose goal was open until now."""
        over = [
            key
            for key, journey in self.moving.items()
            if journey.status is not JourneyStatus.LIVE and not is_goal_open(journey, now)
        ]
        for key in over:
            del self.moving[key]
        self.closes = min(
            (each for one in self.moving.values() if (each := _closes(one)) is not None),
            default=None,
        )

    def _at_hand(self, since: datetime, message_ids: Iterable[str]) -> dict[str, Message]:
        """The messages of a world."""
        found = {key: one for key, one in self.open.items() if one.created_at >= since}
        wanted = [each.awaiting for each in self.moving.values() if each.awaiting is not None]
        for key in (*message_ids, *wanted):
            if key not in found and (message := self.messages.get(key)) is not None:
                found[key] = message
        return found

    def _with_those_of(self, messages: Mapping[str, Message]) -> dict[str, Journey]:
        """The journeys of a world that has these messages."""
        found = self.moving.copy()
        for message in messages.values():
            key = message.journey_id
            if key not in found and (journey := self.journeys.get(key)) is not None:
                found[key] = journey
        return found

    def _contacts(self, since: datetime) -> list[Contact]:
        if self.listed is None or self.listed.oldest < since:
            found = [each for each in self.contacts if each.at >= since]
            moments = [each.at for each in found]
            counted = [each for each in self.counted.values() if each.made_at >= since]
            found += [each.contact for each in counted]
            moments += [each.made_at for each in counted]
            self.listed = _Listed(min(moments, default=_NEVER), found)
        return self.listed.contacts.copy()

    def keep_journey(self, journey: Journey) -> None:
        """Take in a journey that is new or has changed."""
        self.journeys[journey.id] = journey
        if journey.status is JourneyStatus.LIVE:
            self.moving[journey.id] = journey
        elif (until := _closes(journey)) is not None:
            self.moving[journey.id] = journey
            self.closes = until if self.closes is None else min(self.closes, until)
        else:
            self.moving.pop(journey.id, None)
        key = (journey.campaign, journey.entry_key)
        former = self.past.get(key)
        if former is None or former.entry_no < journey.entry_no:
            self.past[key] = PastEntry(
                campaign=journey.campaign,
                entry_key=journey.entry_key,
                entry_no=journey.entry_no,
                entered_at=journey.entered_at,
            )

    def keep_message(self, message: Message) -> None:
        """Take in a message that is new or has changed."""
        key = message.id
        self.messages[key] = message
        if message.status in OPEN:
            self.open[key] = message
        else:
            self.open.pop(key, None)
        if message.status not in COUNTED or message.reason == OTHERS_FIRST:  # it holds no slot
            if self.counted.pop(key, None) is not None:
                self.listed = None
        else:
            self.listed = None
            contact = Contact.by(message, message.sent_at or message.send_at)
            self.counted[key] = Counted(message.created_at, contact)

    def join(self, gone: Person) -> None:
        """Take over what a merge leaves of another customer; of two records of one key ours."""
        mine, theirs = self.customer.id, gone.customer.id
        for order in gone.orders.values():
            order.customer_id = mine
        for ticket in gone.tickets.values():
            ticket.customer_id = mine
        for journey in gone.journeys.values():
            journey.customer_id = mine
            journey.entry_key = _renamed(journey.entry_key, theirs, mine)
        for message in gone.messages.values():
            message.customer_id = mine
            message.entry_key = _renamed(message.entry_key, theirs, mine)
        self.orders.update(gone.orders)
        self.tickets |= gone.tickets
        self.messages |= gone.messages
        self.open |= gone.open
        self.counted |= gone.counted
        self.listed = None
        for (campaign, old_key), entry in gone.past.items():
            key = campaign, _renamed(old_key, theirs, mine)
            held = self.past.get(key)
            if held is None or held.entry_no < entry.entry_no:
                self.past[key] = replace(entry, entry_key=key[1])
        for journey in gone.journeys.values():
            self.keep_journey(journey)
        self.books = Books([*gone.books.values(), *self.books.values()])
        self.contacts = (*self.contacts, *gone.contacts)
        self.sent += gone.sent


def _closes(journey: Journey) -> datetime | None:
    """When the goal of a journey that has ended can be reached no more; None: it cannot."""
    if journey.status is JourneyStatus.LIVE or journey.goal_at is not None:
        return None
    return journey.goal_until


def is_goal_open(journey: Journey, now: datetime) -> bool:
    """Whether the journey's goal can still be reached."""
    return journey.goal_at is None and journey.goal_until is not None and journey.goal_until > now


def _renamed(entry_key: str, merged: str, survivor: str) -> str:
    if entry_key == merged or entry_key.startswith(f"{merged}:"):
        return survivor + entry_key.removeprefix(merged)
    return entry_key
