"""One customer's state that a decision reads and changes.

Storage fills worlds many at a time; the simulator keeps them in memory; tests write them by hand.
The core changes them in place and says what it changed (``Changes``), so that exactly those rows
are written back.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from engine.core.book import Books, Place, Record
from engine.core.customer import Consent, Customer, Order, Preferences, Suppression, Ticket
from engine.core.decision import Decision
from engine.core.message import Message
from engine.core.past import Past
from engine.core.value import value_class

_NOTHING: Final[Mapping[str, Any]] = {}  # what most journeys have of most


class JourneyStatus(StrEnum):
    """``live`` moves; ``holdout`` is counted but takes no step; the rest have ended."""

    LIVE = "live"
    HOLDOUT = "holdout"
    COMPLETED = "completed"
    EXITED = "exited"


class Waiting(StrEnum):
    """What a live journey stands before."""

    READY = "ready"  # its step is to be taken at ``due_at``
    DELAY = "delay"
    EVENT = "event"  # a wait_for: wakes by the event, or at ``due_at``, its time-out
    MESSAGE = "message"  # its message is scheduled: wakes when that is sent or dropped
    HOLD = "hold"  # hold_while is met: looked at again at ``due_at`` and on each event


def _nothing() -> Mapping[str, Any]:
    return _NOTHING


@dataclass(slots=True, kw_only=True)
class Journey:
    """One customer's run through one campaign for one entry key.

    ``clock`` is the moment from which the present step counts: the entry event's time, later the
    end of the step before. ``results`` holds, by step id, what later conditions may ask
    (``{"ask": {"sent": True, "clicked": True}}``). ``seen`` holds, by step id of a ``wait_for``,
    when its event was last seen since entry. ``parked`` takes a due journey out of the claim while
    its campaign is frozen; ``resume`` lifts it. What its mappings hold other journeys may share:
    it is replaced, and changed by ``told`` alone.
    """

    id: str
    campaign: str
    revision: str
    entry_key: str
    entry_no: int  # 1 for the first entry under this key
    customer_id: str
    status: JourneyStatus
    step: str  # id of the step it stands at; "" when ended
    waiting: Waiting
    due_at: datetime | None
    clock: datetime
    entered_at: datetime
    priority: int
    order_id: str | None = None
    ticket_id: str | None = None
    awaiting: str | None = None  # message id while waiting is MESSAGE
    parked: bool = False
    ended_at: datetime | None = None
    reason: str | None = None  # why it ended
    goal_until: datetime | None = None
    goal_at: datetime | None = None
    trigger: Mapping[str, Any] = field(default_factory=_nothing)  # {"type","id","time","data",…}
    results: Mapping[str, dict[str, Any]] = field(default_factory=_nothing)
    seen: Mapping[str, int] = field(default_factory=_nothing)
    variants: Mapping[str, str] = field(default_factory=_nothing)

    def told(self, step: str) -> dict[str, Any]:
        """The results of a step, to add to them. Views of the journey must be renewed then."""
        results = self.results
        if not results or not isinstance(results, dict):
            results = self.results = {name: {**told} for name, told in results.items()}
        return results.setdefault(step, {})


@value_class(kw_only=False)
class Contact:
    """One message that counts against the caps."""

    message_id: str
    at: datetime
    channel: str
    purpose: str
    campaign: str
    topic: str | None = None
    journey_id: str = ""

    @classmethod
    def by(cls, message: Message, at: datetime) -> Contact:
        """What ``message`` counts as when it goes out at ``at``."""
        return cls(
            message.id,
            at,
            message.channel,
            message.purpose,
            message.campaign,
            message.topic,
            message.journey_id,
        )


@value_class
class Emitted:
    """An event that a step or a program reports, still without envelope; ``id`` derives from its
    cause.

    It is about the customer whose world reports it, unless ``to`` names records of books, as (book,
    key): then about the customer who keeps the first of them that anybody keeps. Where nobody does
    it is not told; ``data`` gains ``via``, the record.
    """

    id: str
    type: str
    time: datetime
    data: dict[str, Any]
    causes: tuple[str, ...]
    order_id: str | None = None
    ticket_id: str | None = None
    to: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookCall:
    """A POST to the shop, to be made by the outbox; ``id`` derives from (journey, step)."""

    id: str
    journey_id: str
    step: str
    campaign: str
    url: str
    body: dict[str, Any]
    created_at: datetime


@dataclass(slots=True)
class Changes:
    """What the core changed in one world since it was loaded.

    Every world has one, and most change little: what few of them change is a value that is
    replaced, so that nothing has to be made for it beforehand.
    """

    customer: bool = False
    orders: frozenset[str] = frozenset()
    lines: frozenset[str] = frozenset()  # orders whose lines changed
    tickets: frozenset[str] = frozenset()
    journeys: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)
    consents: tuple[Consent, ...] = ()
    overruled: tuple[Consent, ...] = ()  # told, but a later word holds
    suppressions: tuple[Suppression, ...] = ()
    lifted: tuple[Suppression, ...] = ()
    preferences: tuple[Preferences, ...] = ()
    decisions: list[Decision] = field(default_factory=list)
    records: dict[Place, Record] = field(default_factory=dict)  # as last written
    written: int = 0  # how often a record was, but for those that are only looked at another time
    emitted: list[Emitted] = field(default_factory=list)
    webhooks: tuple[WebhookCall, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is anything to write back."""
        return bool(
            self.customer
            or self.orders
            or self.tickets
            or self.journeys
            or self.messages
            or self.consents
            or self.overruled
            or self.suppressions
            or self.lifted
            or self.preferences
            or self.decisions
            or self.records
            or self.emitted
            or self.webhooks
        )


@dataclass(slots=True, kw_only=True)
class World:
    """Everything a decision about one customer may look at.

    ``orders`` and ``tickets`` hold those that the batch's events and live journeys name, or all of
    them when ``complete`` (needed by merges and by cancellations, which may change which order was
    the first or last). ``journeys`` holds the live ones and those whose goal window is open.
    ``past`` knows those that were entered before the world was loaded.
    ``messages`` holds the scheduled ones and those a decision may still touch. ``books`` holds
    those that the shop's programs read.
    """

    customer: Customer
    is_new: bool = False
    complete: bool = False
    orders: MutableMapping[str, Order] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)
    journeys: dict[str, Journey] = field(default_factory=dict)
    past: Past = field(default_factory=Past)
    consents: dict[tuple[str, str], Consent] = field(default_factory=dict)
    suppressions: dict[tuple[str, str], Suppression] = field(default_factory=dict)
    preferences: dict[tuple[str, str], Preferences] = field(default_factory=dict)
    contacts: list[Contact] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    books: Books = field(default_factory=Books)
    changes: Changes = field(default_factory=Changes)

    def write(self, record: Record) -> None:
        """Write a record into its book, in the place of one with the same key."""
        self.books.put(record)
        changes = self.changes
        changes.records[record.book, record.key] = record
        changes.written += 1

    def defer(self, record: Record, due_at: datetime | None) -> None:
        """Let a record be looked at then and at no other time; it says what it said."""
        record = record.looked_at(due_at)
        self.books.put(record)
        self.changes.records[record.book, record.key] = record

    def report(self, event: Emitted) -> None:
        """Tell campaigns of something, as an event of our own; one id is told once."""
        self.changes.emitted.append(event)

    def book(self, name: str) -> Sequence[Record]:
        """The records of one book, oldest first."""
        return self.books.of(name)
