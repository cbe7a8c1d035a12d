"""One simulated customer: all rows that the database would keep of them, as plain objects."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Any, Final, TypeVar

from engine.core.book import Books
from engine.core.customer import Customer, Order, Ticket, nothing
from engine.core.message import COUNTED, SLOTLESS, Message, MessageStatus
from engine.core.past import Past
from engine.core.world import Contact, Journey, JourneyStatus, World
from engine.simulator.orders import Orders
from engine.simulator.permits import Permitted

_Thing = TypeVar("_Thing", Journey, Message)
NONE: Final[dict[str, Any]] = {}  # everybody's who has none

# What a decision, a hand-over or its outcome may still change.
OPEN = (MessageStatus.SCHEDULED, MessageStatus.SENDING, MessageStatus.UNKNOWN)


def _none() -> dict[str, Any]:
    return NONE


@dataclass(slots=True)
class Person:
    """One customer. What worlds are made of is kept as they need it, so that loading looks at
    nothing that is over: ``moving`` are the journeys that live or whose goal is open, ``ended``
    the others, ``open`` the messages that a decision may still change, ``counted`` what may still
    count against a cap, in the order in which the messages were made, and ``made`` when that was.
    ``closes``: no goal's window does before. Where they are empty nothing is put into ``ended`` and
    ``messages``: they are replaced then."""

    customer: Customer
    orders: Orders = field(default_factory=Orders)
    tickets: Mapping[str, Ticket] = field(default_factory=nothing)
    moving: tuple[Journey, ...] = ()
    ended: dict[str, Journey] = field(default_factory=_none)
    past: Past = field(default_factory=Past)
    messages: dict[str, Message] = field(default_factory=_none)
    open: dict[str, Message] | None = None  # None: there are none
    counted: tuple[Contact, ...] = ()
    made: tuple[datetime, ...] = ()
    books: Books = field(default_factory=Books)
    contacts: Sequence[Contact] = ()  # of messages that only count, from before the simulation
    sent: bytes = b""  # when forgotten messages went out (``engine.simulator.weeks``)
    closes: datetime | None = None
    turned: int | None = None  # the night that the shopping page is of; None: there is none yet

    def world(
        self,
        *,
        now: datetime,
        since: datetime,
        complete: bool,
        books: frozenset[str] | None,
        message_ids: Collection[str],
        permitted: Permitted,
    ) -> World:
        """What a decision at ``now`` may look at, as the database would load it.

        Orders and tickets are for the caller to add, unless it is to be ``complete``: then they are
        the customer's own, not only a choice of them. Messages made before ``since`` count against
        no cap any more.
        """
        self.close(now)
        messages = self._at_hand(since, message_ids)
        journeys = {one.id: one for one in self.moving}
        ended = self.ended
        if ended:
            for message in messages.values():
                key = message.journey_id
                if key in ended:
                    journeys[key] = ended[key]
        consents, suppressions, preferences = permitted
        return World(
            customer=self.customer,
            complete=complete,
            orders=self.orders.all() if complete else self._orders_of(journeys),
            tickets={**self.tickets} if complete else self._tickets_of(journeys),
            journeys=journeys,
            past=self.past,
            consents=consents,
            suppressions=suppressions,
            preferences=preferences,
            contacts=self._contacts(since),
            messages=messages,
            books=self.books if books is None else self.books.named(books),
        )

    def in_motion(self, now: datetime, since: datetime) -> dict[str, Journey]:
        """The journeys of ``world``."""
        self.close(now)
        found = {one.id: one for one in self.moving}
        for message in () if self.open is None else self.open.values():
            journey = self.ended.get(message.journey_id)
            if journey is not None and message.created_at >= since:
                found[journey.id] = journey
        return found

    @property
    def journeys(self) -> Iterator[Journey]:
        """All of them."""
        return chain(self.moving, self.ended.values())

    def journey(self, key: str) -> Journey:
        """One of them. Raises KeyError."""
        return self._moving(key) or self.ended[key]

    def _moving(self, key: str) -> Journey | None:
        for one in self.moving:
            if one.id == key:
                return one
        return None

    def close(self, now: datetime) -> None:
        """Count the journeys whose goal was open until now among those that have ended."""
        if self.closes is None or self.closes > now:
            return
        over = {
            journey.id: journey
            for journey in self.moving
            if journey.status is not JourneyStatus.LIVE and not is_goal_open(journey, now)
        }
        if over:
            self.ended = {**self.ended, **over}
            self.moving = tuple([one for one in self.moving if one.id not in over])
        self.closes = min(
            (each for one in self.moving if (each := _closes(one)) is not None), default=None
        )

    def _at_hand(self, since: datetime, message_ids: Collection[str]) -> dict[str, Message]:
        """The messages of a world."""
        found: dict[str, Message] = {}
        if self.open is not None:
            found = {key: one for key, one in self.open.items() if one.created_at >= since}
        for key in message_ids:
            if key not in found and key in self.messages:
                found[key] = self.messages[key]
        for journey in self.moving:
            awaited = journey.awaiting
            if awaited is not None and awaited not in found and awaited in self.messages:
                found[awaited] = self.messages[awaited]
        return found

    def _orders_of(self, journeys: Mapping[str, Journey]) -> MutableMapping[str, Order]:
        """The orders that these are about."""
        return self.orders.chosen(
            [key for journey in journeys.values() if (key := journey.order_id) is not None]
        )

    def _tickets_of(self, journeys: Mapping[str, Journey]) -> dict[str, Ticket]:
        if not self.tickets:
            return {}
        wanted = (journey.ticket_id for journey in journeys.values())
        return {key: self.tickets[key] for key in wanted if key is not None and key in self.tickets}

    def _contacts(self, since: datetime) -> list[Contact]:
        made = self.made
        first = 0 if not made or made[0] >= since else bisect_left(made, since)
        found = [*self.counted[first:]]
        if self.contacts:
            found += [each for each in self.contacts if each.at >= since]
        return found

    def keep_journey(self, journey: Journey) -> bool:
        """Take in a journey that is new or has changed; whether it is new."""
        key, moving = journey.id, self.moving
        known = self._moving(key)
        if known is journey and journey.status is JourneyStatus.LIVE:
            return False
        is_new = known is None and key not in self.ended
        if is_new:
            self.past.note(
                journey.campaign,
                journey.entry_key,
                journey.customer_id,
                entry_no=journey.entry_no,
                entered_at=journey.entered_at,
            )
        if journey.status is not JourneyStatus.LIVE:
            until = _closes(journey)
            if journey.clock == journey.ended_at:
                journey.clock = journey.ended_at  # one object
            if until is None:
                if known is not None:
                    self.moving = tuple([one for one in moving if one is not known])
                self.ended = _with(self.ended, key, journey)
                return is_new
            if self.closes is None or until < self.closes:
                self.closes = until
        if known is None:
            self.moving = (*moving, journey)
        elif known is not journey:
            self.moving = tuple([journey if one is known else one for one in moving])
        self.ended.pop(key, None)
        return is_new

    def let_go(self, key: str) -> Journey | None:
        """Forget an ended journey, unless a message of it may still change."""
        if key not in self.ended or self.awaits(key):
            return None
        over = self.ended.pop(key)
        self.ended = self.ended or NONE
        return over

    def awaits(self, key: str) -> bool:
        """Whether a message of a journey may still change."""
        return self.open is not None and any(one.journey_id == key for one in self.open.values())

    def keep_message(self, message: Message) -> None:
        """Take in a message that is new or has changed."""
        key, held = message.id, self.open
        known = self.messages.get(key)
        is_new = known is None
        if known is not message:
            self.messages = _with(self.messages, key, message)
        if message.status in OPEN:
            if held is None:
                self.open = {key: message}
            else:
                held[key] = message
        elif held is not None and key in held:
            del held[key]
            self.open = held or None
        if message.purpose != "marketing":  # which alone caps and gaps are about
            return
        holds_slot = message.status in COUNTED and message.reason not in SLOTLESS
        at = message.counts_at
        if not is_new:
            for contact in reversed(self.counted):
                if contact.message_id == key:
                    if holds_slot and contact.at == at:
                        return
                    self.keep_counted(lambda one: one.message_id != key)
                    break
        if holds_slot:
            self._count(message.created_at, Contact.by(message, at))

    def _count(self, made_at: datetime, contact: Contact) -> None:
        made, counted = self.made, self.counted
        place = len(made) if not made or made[-1] <= made_at else bisect_right(made, made_at)
        self.made = (*made[:place], made_at, *made[place:])
        self.counted = (*counted[:place], contact, *counted[place:])

    def keep_counted(self, counts: Callable[[Contact], bool]) -> None:
        """Let go of what counts against no cap any more."""
        left = [pair for pair in zip(self.made, self.counted, strict=True) if counts(pair[1])]
        self.made = tuple(made for made, _ in left)
        self.counted = tuple(contact for _, contact in left)

    def join(self, gone: Person) -> None:
        """Take over what a merge leaves of another customer; of two records of one key ours."""
        mine, theirs = self.customer.id, gone.customer.id
        for key, order in gone.orders.items():
            order.customer_id = mine
            self.orders[key] = order
        for ticket in gone.tickets.values():
            ticket.customer_id = mine
        for journey in gone.journeys:
            journey.customer_id = mine
            journey.entry_key = _renamed(journey.entry_key, theirs, mine)
        for message in gone.messages.values():
            message.customer_id = mine
            message.entry_key = _renamed(message.entry_key, theirs, mine)
        self.tickets = {**self.tickets, **gone.tickets}
        self.messages = self.messages | gone.messages
        if gone.open is not None:
            self.open = (self.open or {}) | gone.open
        for made_at, contact in zip(gone.made, gone.counted, strict=True):
            self._count(made_at, contact)
        self.past.join(gone.past)
        for journey in gone.journeys:
            self.keep_journey(journey)
        self.books = Books([*gone.books.values(), *self.books.values()])
        self.turned = None if self.turned is None else 0  # the page may be the other's
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


def _with(known: dict[str, _Thing], key: str, thing: _Thing) -> dict[str, _Thing]:
    """These and another one, in their own dictionary if they have any."""
    if not known:
        return {key: thing}
    known[key] = thing
    return known


def _renamed(entry_key: str, merged: str, survivor: str) -> str:
    if entry_key == merged or entry_key.startswith(f"{merged}:"):
        return survivor + entry_key.removeprefix(merged)
    return entry_key
