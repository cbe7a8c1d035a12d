"""What storage takes and gives beside worlds: events, fires, permissions, what is due."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.core.book import Record
from engine.core.customer import Consent, Preferences, Suppression
from engine.core.decision import EntryVerdict
from engine.core.value import value_class
from triggers.event import Event
from triggers.sources.native import deserialize, serialize


@value_class
class Incoming:
    """One event at the door.

    ``body`` is its stored JSON. None: it is made when it is stored, and who reads that finds an
    event equal to this one.
    """

    event: Event
    body: bytes | None = None
    received_at: datetime
    backfill: bool = False

    def stored(self) -> bytes:
        """The JSON that is stored."""
        return serialize(self.event) if self.body is None else self.body


@value_class
class Loaded:
    """A campaign as it was loaded: its revision, the ``status`` that its file says, the text."""

    campaign: str
    revision: str
    status: str
    source: str
    file: str


@value_class
class StoredEvent:
    """One accepted event that waits to be processed.

    ``told`` is the event where it is still at hand, else ``body`` its JSON.
    """

    seq: int
    received_at: datetime
    backfill: bool
    body: bytes = b""
    told: Event | None = None

    def event(self) -> Event:
        """The event itself. Raises ValueError when what is stored is none."""
        return deserialize(self.body) if self.told is None else self.told


@value_class
class Processed:
    """What became of one event. ``seq`` None: it is stored now, for the first time."""

    seq: int | None
    incoming: Incoming | None
    customer_id: str | None
    verdicts: Sequence[EntryVerdict] = ()
    reason: str | None = None  # set: rejected, and why
    body: bytes | None = None  # set: kept in the place of what was told


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What is known of addresses, by (channel, address)."""

    consents: dict[tuple[str, str], Consent]
    suppressions: dict[tuple[str, str], Suppression]
    preferences: dict[tuple[str, str], Preferences]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Two customers turned out to be one; the older survives."""

    survivor: str
    merged: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two records that look like one person and must not merge by themselves."""

    at: datetime
    customer_id: str
    other_id: str
    reason: str
    event_source: str
    event_id: str


@value_class
class Archived:
    """A message's rendered content, with the sample that compresses it."""

    message_id: str
    template: str
    sample_id: str  # hash of ``sample``
    sample: bytes  # the zlib dictionary that ``packed`` needs
    packed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One fire of a schedule or date trigger in one zone, and how far its sweep has come.

    ``zone`` is an IANA name, or None for customers whose zone is not known. ``key`` is the local
    date and time that entry keys hold. ``cursor`` is the last customer swept.
    """

    campaign: str
    zone: str | None
    key: str
    at: datetime
    cursor: str = ""
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues:
    """What waits now: accepted events, records of programs, scheduled messages."""

    events: bool
    records: bool
    messages: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Undelivered:
    """An order on its way, without news ``since``; ``country`` is that of delivery."""

    order_id: str
    customer_id: str
    since: datetime
    country: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueCall:
    """A webhook call to make now. ``attempts`` counts this one."""

    id: str
    campaign: str
    journey_id: str
    step: str
    url: str
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldNumber:
    """A number that gets no texts until a person has read what its owner wrote.

    ``text`` is None when it is not kept any more, ``customer_id`` when no customer is known by it.
    """

    number: str
    at: datetime
    customer_id: str | None = None
    text: str | None = None


ALL_ZONES: Literal["*"] = "*"  # no IANA name


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLine:
    """A record of a book, and whose it is: their name and number for people who look."""

    customer_id: str
    name: str | None
    phone: str | None
    record: Record
