"""One simulated customer: all rows that the database would keep of them, as plain objects."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.core.book import Books
from engine.core.customer import Customer, Order, Ticket
from engine.core.message import COUNTED, Message, MessageStatus
from engine.core.reviewing import OTHERS_FIRST
from engine.core.world import Contact, Journey, JourneyStatus, PastEntry, World

# What a decision, a hand-over or its outcome may still change.
OPEN = (MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.UNKNOWN)


def _none() -> array[int]:
    return array("q")  # microseconds since the epoch


@dataclass(slots=True)
class Person:
    """``moving`` holds journeys that live or whose goal is open. ``settled`` and then ``recent``
    are the messages that may still count against a cap, oldest first: the former will not move."""

    customer: Customer
    orders: dict[str, Order] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    journeys: dict[str, Journey] = field(default_factory=dict)
    moving: dict[str, Journey] = field(default_factory=dict)
    past: dict[tuple[str, str], PastEntry] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    recent: deque[Message] = field(default_factory=deque)
    settled: dict[str, Contact] = field(default_factory=dict)  # of messages before the recent ones
    books: Books = field(default_factory=Books)
    contacts: list[Contact] = field(default_factory=list)
    sent: array[int] = field(default_factory=_none)  # when forgotten messages went out

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

        Orders and tickets are for the caller to add, unless it is to be ``complete``. Messages
        made before ``since`` count against no cap any more.
        """
        world = World(customer=self.customer, past=self.past, complete=complete)
        self._fill_journeys(world, now)
        self._fill_messages(world, since, message_ids)
        for journey in world.journeys.values():
            if journey.order_id is not None and journey.order_id in self.orders:
                world.orders[journey.order_id] = self.orders[journey.order_id]
            if journey.ticket_id is not None and journey.ticket_id in self.tickets:
                world.tickets[journey.ticket_id] = self.tickets[journey.ticket_id]
        if complete:
            world.orders.update(self.orders)
            world.tickets.update(self.tickets)
        if books is None:
            world.books = self.books
        elif books:
            world.books = self.books.named(books)
        return world

    def _fill_journeys(self, world: World, now: datetime) -> None:
        over: list[str] = []
        for key, journey in self.moving.items():
            if journey.status is JourneyStatus.LIVE or is_goal_open(journey, now):
                world.journeys[key] = journey
            else:
                over.append(key)
        for key in over:
            del self.moving[key]

    def _fill_messages(self, world: World, since: datetime, message_ids: Collection[str]) -> None:
        world.contacts.extend(each for each in self.contacts if each.at >= since)
        wanted = set(message_ids)
        wanted.update(each.awaiting for each in world.journeys.values() if each.awaiting)
        recent = self.recent
        self._settle(since)
        world.contacts.extend(self.settled.values())
        for message in recent:
            contact = _contact(message)
            if contact is not None:
                world.contacts.append(contact)
            if message.status in OPEN:
                wanted.add(message.id)
        for key in wanted:
            found = self.messages.get(key)
            if found is not None:
                world.messages[key] = found
                if found.journey_id not in world.journeys and found.journey_id in self.journeys:
                    world.journeys[found.journey_id] = self.journeys[found.journey_id]

    def _settle(self, since: datetime) -> None:
        """Let the oldest messages count as what they have come to, and those of before not."""
        recent, settled = self.recent, self.settled
        while recent and recent[0].status not in OPEN:
            message = recent.popleft()
            contact = _contact(message)
            if contact is not None:
                settled[message.id] = contact
        while settled and self.messages[first := next(iter(settled))].created_at < since:
            del settled[first]
        while recent and recent[0].created_at < since:
            recent.popleft()

    def keep_journey(self, journey: Journey) -> None:
        """Take in a journey that is new or has changed."""
        self.journeys[journey.id] = journey
        if journey.status is JourneyStatus.LIVE or (
            journey.goal_at is None and journey.goal_until is not None
        ):
            self.moving[journey.id] = journey
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
        if message.id not in self.messages:
            self.messages[message.id] = message
            self.recent.append(message)
        elif message.id in self.settled:
            if message.status not in COUNTED:
                del self.settled[message.id]
        elif message.status in COUNTED and all(one is not message for one in self.recent):
            self.recent.appendleft(message)  # it has gone out after all

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
        self.orders |= gone.orders
        self.tickets |= gone.tickets
        self.messages |= gone.messages
        self.recent = deque(
            sorted((*self.recent, *gone.recent), key=lambda one: (one.created_at, one.id))
        )
        settled = [*self.settled.items(), *gone.settled.items()]
        settled.sort(key=lambda one: (self.messages[one[0]].created_at, one[0]))
        self.settled = dict(settled)
        for (campaign, old_key), entry in gone.past.items():
            key = campaign, _renamed(old_key, theirs, mine)
            held = self.past.get(key)
            if held is None or held.entry_no < entry.entry_no:
                self.past[key] = replace(entry, entry_key=key[1])
        for journey in gone.journeys.values():
            self.keep_journey(journey)
        self.books = Books({**gone.books, **self.books})
        self.contacts += gone.contacts
        self.sent += gone.sent


def _contact(message: Message) -> Contact | None:
    """What the message counts as; None when it holds no slot."""
    if message.status not in COUNTED or message.reason == OTHERS_FIRST:
        return None
    return Contact.by(message, message.sent_at or message.send_at)


def is_goal_open(journey: Journey, now: datetime) -> bool:
    """Whether the journey's goal can still be reached."""
    return journey.goal_at is None and journey.goal_until is not None and journey.goal_until > now


def _renamed(entry_key: str, merged: str, survivor: str) -> str:
    if entry_key == merged or entry_key.startswith(f"{merged}:"):
        return survivor + entry_key.removeprefix(merged)
    return entry_key
