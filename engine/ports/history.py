"""Looking back: what was sent or withheld, what happened, and what was made of it.

Every answer is a frozen row; lists come newest first and go on after the last row's ``cursor``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from engine.core.decision import Decision, EntryVerdict
from engine.core.message import MessageStatus
from engine.core.receipt import Receipt
from engine.core.world import JourneyStatus, Waiting
from engine.ports.stored import Conflict

Cursor = tuple[datetime, str]


class Ambiguous(Exception):
    """The beginning of an id fits several; ``ids`` are some of them."""

    def __init__(self, prefix: str, ids: Sequence[str]) -> None:
        super().__init__(f"{prefix!r} begins several ids: {', '.join(ids)}")
        self.ids = ids


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedMessage:
    """One row of the message log, sent or not; the fields of ``engine.core.message.Message``."""

    id: str
    campaign: str
    revision: str
    journey_id: str
    step: str
    purpose: str
    variant: str | None
    locale: str | None
    entry_key: str
    order_id: str | None
    ticket_id: str | None
    customer_id: str
    channel: str
    provider: str | None
    sender: str | None
    recipient: str | None
    template: str
    subject: str | None
    status: MessageStatus
    reason: str | None
    error_code: str | None
    attempts: int
    cost: Decimal | None
    created_at: datetime
    send_at: datetime
    due_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    provider_message_id: str | None
    topic: str | None

    @property
    def cursor(self) -> Cursor:
        """Where the next page begins."""
        return (self.created_at, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages to list; what is None or empty does not narrow.

    ``customer`` is whatever ``find_customers`` understands. ``since`` is included, ``until`` is
    not; both look at ``created_at``.
    """

    customer: str | None = None
    campaign: str | None = None
    statuses: frozenset[MessageStatus] = frozenset()
    channel: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    order_id: str | None = None
    limit: int = 50
    after: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDetail:
    """A message with what was sent and why.

    ``packed`` is the content as kept, ``sample`` the dictionary that unpacks it; None when nothing
    was sent or it is no longer kept. ``decisions`` are those of its journey, oldest first.
    """

    message: LoggedMessage
    packed: bytes | None
    sample: bytes | None
    decisions: tuple[Decision, ...]
    receipts: tuple[Receipt, ...] = ()  # what the provider reported, in order of time


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """How far a follower has read. ``seen`` holds what it has read of the last moments."""

    at: datetime
    seen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedEvent:
    """An event with what became of it; ``reason`` is set when it was rejected."""

    seq: int
    source: str
    id: str
    type: str
    time: datetime
    received_at: datetime
    backfill: bool
    state: Literal["waiting", "processed", "rejected"]
    customer_id: str | None
    reason: str | None
    verdicts: tuple[EntryVerdict, ...]
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to list. ``after``: the ``seq`` of the last one seen."""

    rejected: bool = False
    type: str | None = None
    source: str | None = None
    customer: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 50
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedJourney:
    """A journey as it stands; the fields of ``engine.core.world.Journey``."""

    id: str
    campaign: str
    revision: str
    entry_key: str
    entry_no: int
    customer_id: str
    order_id: str | None
    ticket_id: str | None
    status: JourneyStatus
    step: str
    waiting: Waiting
    parked: bool
    due_at: datetime | None
    entered_at: datetime
    ended_at: datetime | None
    reason: str | None
    goal_until: datetime | None
    goal_at: datetime | None
    trigger: Mapping[str, Any]
    variants: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerMatch:
    """A customer that a search found, and by what: ``id``, ``alias``, ``email``, ``id:shop``."""

    id: str
    matched_by: str
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    created_at: datetime
    orders_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMatch:
    """An order that a search found, and whose it is."""

    id: str
    number: str | None
    customer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMatch:
    """What else a text named, by its own id (a ``phone``: the number), and whose it is."""

    kind: Literal["journey", "message", "ticket", "phone"]
    id: str
    customer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRevision:
    """One version of a campaign's file, and when it was first loaded."""

    campaign: str
    revision: str
    file: str
    stored_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """How a campaign stood from a moment on: which revision was in force (empty: its file was
    missing or broken), the status that its file said (empty: not on record), and why it was held
    (empty: it was not)."""

    campaign: str
    at: datetime
    revision: str
    status: str = ""
    hold: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedCall:
    """A ``call_webhook`` that was not taken; ``final`` when no attempt follows."""

    journey_id: str
    campaign: str
    step: str
    at: datetime  # when the step asked for it
    reason: str
    attempts: int
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """All that is on record of one customer, each part oldest first."""

    events: tuple[LoggedEvent, ...]
    decisions: tuple[Decision, ...]
    messages: tuple[LoggedMessage, ...]
    journeys: tuple[LoggedJourney, ...]
    calls: tuple[LoggedCall, ...] = ()  # to the shop's webhooks, those that went amiss

    @property
    def entries(self) -> list[tuple[datetime, LoggedEvent | Decision | LoggedMessage]]:
        """Events, decisions and messages in one line of time; at one instant in that order."""
        told: list[tuple[datetime, LoggedEvent | Decision | LoggedMessage]] = [
            *((event.received_at, event) for event in self.events),
            *((decision.at, decision) for decision in self.decisions),
            *((message.created_at, message) for message in self.messages),
        ]
        return sorted(told, key=lambda entry: entry[0])


@dataclass(slots=True, kw_only=True)
class CampaignCounts:
    """One campaign's figures. ``skipped`` and ``exited`` are by reason; goals by who was asked."""

    live: int = 0
    parked: int = 0
    holdout: int = 0
    completed: int = 0
    exited: dict[str, int] = field(default_factory=dict)
    goals: int = 0
    holdout_goals: int = 0
    messages: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits, for metrics. Counts stop at ``Backlog.MOST``: counting must stay cheap."""

    MOST = 10_000

    waiting_events: int
    oldest_event_at: datetime | None
    due_journeys: int
    due_messages: int
    oldest_due_at: datetime | None
    sending: int
    unknown: int


class History(Protocol):
    """Answers questions about the past without standing in the daemon's way."""

    def messages(self, wanted: MessageFilter) -> Sequence[LoggedMessage]:
        """Messages, newest first."""
        ...

    def message(self, id_or_prefix: str) -> MessageDetail | None:
        """One message. Raises ``Ambiguous`` when the beginning of an id fits several."""
        ...

    def start_tail(self, at: datetime) -> Tail:
        """Follow the log from here on."""
        ...

    def tail(self, tail: Tail, limit: int = 500) -> tuple[Sequence[LoggedMessage], Tail]:
        """Messages made since, oldest first, each once, and where to go on."""
        ...

    def find_customers(self, text: str) -> Sequence[CustomerMatch]:
        """Customers by id, its beginning, email, phone or external id (``123``, ``shop:123``)."""
        ...

    def find_orders(self, text: str) -> Sequence[OrderMatch]:
        """Orders by their number, with or without its ``#``, else by the platform's id alone.

        No index serves the latter: it is for people who ask, not for what runs.
        """
        ...

    def find_others(self, text: str) -> Sequence[OtherMatch]:
        """A journey by its id, a message by the provider's, tickets by the platform's id alone,
        or telephone numbers without their country. No index serves this."""
        ...

    def emails_like(self, text: str) -> Sequence[str]:
        """Some addresses of customers that begin as ``text`` does: it may be misspelt."""
        ...

    def revisions(self) -> Sequence[StoredRevision]:
        """Every version of a campaign that was ever loaded, in order of time."""
        ...

    def phases(self) -> Sequence[Phase]:
        """How every campaign stood from when on, in the order in which that began."""
        ...

    def timeline(self, customer_id: str, limit: int = 1000) -> Timeline:
        """One customer's past; of each part the newest ``limit``."""
        ...

    def campaign_counts(self, since: datetime | None = None) -> dict[str, CampaignCounts]:
        """Figures by campaign: journeys entered and messages made since then."""
        ...

    def events(self, wanted: EventFilter) -> Sequence[LoggedEvent]:
        """Events, the last to arrive first."""
        ...

    def event(self, event_id: str) -> Sequence[LoggedEvent]:
        """The events of this id; several sources may use the same."""
        ...

    def conflicts(
        self, limit: int = 50, after: int | None = None
    ) -> Sequence[tuple[int, Conflict]]:
        """Identity conflicts with their number, newest first; ``after``: the last number seen."""
        ...

    def backlog(self, now: datetime) -> Backlog:
        """What waits at this moment."""
        ...
