"""What the services need of a database, a set of customers at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from triggers.event import Event, Rejected

from engine.core.customer import Order, Ticket
from engine.core.decision import EntryVerdict
from engine.core.identity import IdentityKey
from engine.core.message import Message
from engine.core.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One event at the door; ``body`` is its stored JSON."""

    event: Event
    body: bytes
    received_at: datetime
    backfill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One accepted event that waits to be processed."""

    seq: int
    body: bytes
    received_at: datetime
    backfill: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Processed:
    """What became of one event. ``seq`` None: it is stored now, for the first time."""

    seq: int | None
    incoming: Incoming | None
    customer_id: str | None
    verdicts: Sequence[EntryVerdict] = ()
    reason: str | None = None  # set: rejected, and why


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """A message's rendered content, with the sample that compresses it."""

    message_id: str
    template: str
    sample_id: str  # hash of ``sample``
    sample: bytes  # the zlib dictionary that ``packed`` needs
    packed: bytes


class UnitOfWork(Protocol):
    """One transaction over some customers' worlds.

    On PostgreSQL the customers stay locked from ``load`` or ``due_*`` to the end; on SQLite the
    one decision lock is held. Nothing is written before ``commit``.
    """

    def waiting_events(self, limit: int) -> Sequence[StoredEvent]:
        """The oldest accepted events that wait, in order of arrival.

        Empty when another process has the turn: one at a time keeps arrival order.
        """

    def unseen(self, keys: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those (source, event id) that are not stored yet."""

    def resolve(self, keys: Collection[IdentityKey]) -> dict[IdentityKey, str]:
        """The customers known under these keys, through aliases."""

    def identities_of(self, customer_ids: Collection[str]) -> dict[str, set[IdentityKey]]:
        """Every key of these customers."""

    def aliases(self, customer_ids: Collection[str]) -> dict[str, str]:
        """Where customers that a merge ended went."""

    def owners(
        self, order_ids: Collection[str], ticket_ids: Collection[str]
    ) -> dict[str, str | None]:
        """Customer by order or ticket id, for those that exist; None for one without customer."""

    def load(
        self,
        customer_ids: Collection[str],
        *,
        now: datetime,
        order_ids: Collection[str] = (),
        ticket_ids: Collection[str] = (),
        complete: Collection[str] = (),
        past: bool = False,
    ) -> dict[str, World]:
        """Worlds by customer id. ``complete`` ids get all orders; ``past`` adds ended journeys."""

    def load_orphans(
        self, order_ids: Collection[str], ticket_ids: Collection[str]
    ) -> tuple[dict[str, Order], dict[str, Ticket]]:
        """Orders and tickets that no customer has yet."""

    def due_customers(self, now: datetime, limit: int) -> Sequence[str]:
        """Customers with a journey due, oldest first, locked; those locked elsewhere left out."""

    def customers_to_message(self, now: datetime, limit: int) -> Sequence[str]:
        """Customers with a scheduled message due, oldest first, locked."""

    def lock(self, customer_ids: Collection[str]) -> None:
        """Take these customers' locks, waiting for them."""

    def messages(self, ids: Collection[str]) -> dict[str, Message]:
        """Messages by id."""

    def take_volume(self, campaign: str, window: datetime, limit: int) -> bool:
        """Count one message in the window; False when the limit is reached."""

    def save(self, world: World) -> None:
        """Note a changed world for ``commit``."""

    def save_orphans(self, orders: Iterable[Order], tickets: Iterable[Ticket]) -> None:
        """Note customerless orders and tickets for ``commit``."""

    def identify(self, key: IdentityKey, customer_id: str) -> None:
        """Note that a key belongs to a customer."""

    def merge(self, merge: Merge) -> None:
        """Note that one customer's rows move to another; the worlds are saved by the caller."""

    def conflict(self, conflict: Conflict) -> None:
        """Note a conflict of identities."""

    def processed(self, events: Iterable[Processed]) -> None:
        """Note what became of events."""

    def enqueue(self, incoming: Iterable[Incoming]) -> None:
        """Note events of our own making, to be processed like any other."""

    def archive(self, contents: Iterable[Archived]) -> None:
        """Note rendered contents to keep."""

    def hold(self, campaign: str, reason: str, at: datetime) -> None:
        """Note that a campaign is held."""

    def commit(self) -> None:
        """Write everything noted, at once.

        Raises ``Contended`` when a concurrent writer came first; nothing is written then.
        """


class Contended(Exception):
    """Another transaction touched the same rows; do the work again."""


class Storage(Protocol):
    """The database."""

    def deciding(self) -> AbstractContextManager[UnitOfWork]:
        """A unit of work, rolled back unless committed."""

    def accept(self, incoming: Sequence[Incoming]) -> None:
        """Store events durably; those already stored are left as they are."""

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Store verified payloads that no event could be made of."""
