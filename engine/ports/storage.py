"""What the services need of a database, a set of customers at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol

from engine.core.book import Place
from engine.core.context import CodeState
from engine.core.customer import Order, Ticket
from engine.core.identity import IdentityKey
from engine.core.keeping import Keeping
from engine.core.message import Channel, Message, SendResult
from engine.core.receipt import Receipt
from engine.core.world import World
from engine.ports.stored import (
    Archived,
    BookLine,
    Conflict,
    DueCall,
    HeldNumber,
    Incoming,
    Loaded,
    Merge,
    Occurrence,
    Permissions,
    Processed,
    Queues,
    StoredEvent,
    Undelivered,
)
from engine.programs.suggesting import Shelf, Shelved
from triggers.event import Rejected


class UnitOfWork(Protocol):
    """One transaction over some customers' worlds.

    On PostgreSQL the customers stay locked from ``load`` or ``due_*`` to the end; on SQLite the
    one decision lock is held. Nothing is written before ``commit``.
    """

    @property
    def keeping(self) -> Keeping:
        """How much of what is decided here anybody will read; the rest need not be noted."""
        ...

    def waiting_events(self, limit: int) -> Sequence[StoredEvent]:
        """The oldest accepted events that wait, in order of arrival.

        Empty when another process has the turn: one at a time keeps arrival order.
        """

    def unseen(
        self, keys: Collection[tuple[str, str]], *, turn: bool = True
    ) -> set[tuple[str, str]]:
        """Those (source, event id) that are not stored yet.

        ``turn``: also wait until nobody else processes events, and keep them from it until the
        unit ends; not needed for events of our own about customers who are locked.
        """

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
        message_ids: Collection[str] = (),
        sends: bool = False,
        before_waiting: Callable[[], None] = lambda: None,
    ) -> dict[str, World]:
        """Worlds by customer id. ``complete`` ids get all orders; ``past`` adds ended journeys.

        Messages that are still open come with their journeys, and so do those of ``message_ids``.
        ``sends``: messages may be handed over in this unit, so nobody withdraws what is permitted
        until it ends; an address may be another customer's too, whose lock is another.
        ``before_waiting`` is called before it waits for anything that others hold: whoever has
        another commit under way must see to its end first, or all might wait for each other.
        """

    def load_moving(self, customer_ids: Collection[str], *, now: datetime) -> dict[str, World]:
        """Worlds by customer id that hold the journeys that ``load`` would, and nothing else."""
        ...

    def look_back(self, span: timedelta) -> None:
        """What counts against the caps for so long is to be loaded; tell it before ``load``."""
        ...

    def permissions(self, addresses: Collection[str], *, sends: bool = False) -> Permissions:
        """What is known of these addresses, whoever's they are; ``sends`` as ``load`` has it."""

    def load_orphans(
        self, order_ids: Collection[str], ticket_ids: Collection[str]
    ) -> tuple[dict[str, Order], dict[str, Ticket]]:
        """Orders and tickets that no customer has yet."""

    def due_customers(self, now: datetime, limit: int, but: Collection[str] = ()) -> Sequence[str]:
        """Customers with a journey due, oldest first, locked; those locked elsewhere left out.

        ``but`` these: they are in a commit under way, after which they may not be due any more.
        """

    def open_books(self, names: Collection[str] | None) -> None:
        """Load these books of the programs (None: all) with every world from now on."""

    def shelf(self, product_ids: Collection[str]) -> Shelf:
        """These products as the last night left them, and those that go with them."""
        ...

    def popular(self) -> Sequence[Shelved]:
        """The products with the most buyers, the first one first."""
        ...

    def keepers(
        self, places: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[str, datetime]]]:
        """Who keeps a record in these places, as (book, key): customers, and the records' times."""

    def customers_with_due_records(self, now: datetime, limit: int) -> Sequence[str]:
        """Customers with a record whose time has come, oldest first, locked."""

    def customers_to_message(self, now: datetime, channel: Channel, limit: int) -> Sequence[str]:
        """Customers with a scheduled message of this channel due, oldest first, locked.

        ``load`` brings those messages, however old they are.
        """

    def customers_to_migrate(
        self, campaign: str, revision: str, after: str, limit: int
    ) -> Sequence[str]:
        """Customers, by id beyond ``after``, with a live journey on another revision than this."""

    def doubtful(self, alive_since: datetime) -> Sequence[str]:
        """Messages being handed over by a worker that has not been seen since then."""

    def holds(self) -> dict[str, str]:
        """The campaigns that are held, with the reason."""

    def occurrence_state(self, campaign: str) -> dict[str | None, Occurrence]:
        """The latest fire of each zone."""

    def zones_in_use(self) -> dict[str | None, int]:
        """How many customers each time zone has; None: not known."""

    def page_customers(
        self,
        zone: str | None,
        after: str,
        limit: int,
        birthdays: Collection[str] | None = None,
    ) -> Sequence[str]:
        """Customers by id beyond ``after``: of a zone, of none (None) or of ``ALL_ZONES``.

        ``birthdays``: only those born on one of these days, ``MM-DD``.
        """

    def lock(self, customer_ids: Collection[str]) -> None:
        """Take these customers' locks, waiting for them."""

    def messages(self, ids: Collection[str], *, locked: bool = False) -> dict[str, Message]:
        """Messages by id; ``locked``: as they stay until the unit ends, whoever else writes."""

    def texts_to(self, number: str, limit: int) -> Sequence[Message]:
        """The newest SMS messages that were handed over for this number, newest first."""

    def holders(self, address: str) -> dict[IdentityKey, str]:
        """The customers whom this address is a key of, verified or not, by key."""

    def unseen_receipts(self, receipts: Collection[Receipt]) -> Sequence[Receipt]:
        """Those that are not kept yet, each once, in the order given."""

    def clicks_near(self, clicks: Sequence[Receipt]) -> Sequence[Receipt]:
        """The clicks of the same messages that are kept already, of about the same time."""

    def keep_receipts(self, receipts: Iterable[Receipt], received_at: datetime) -> None:
        """Note receipts to keep; one known already stays as it is."""

    def take_volume(self, campaign: str, window: datetime, limit: int) -> bool:
        """Count one message in the window; False when the limit is reached."""

    def take_code(self, pool: str, claim: str) -> str | None:
        """Claim a pool's next free code, in the order of import; None when there is none left.

        It is nobody else's from now on, and free again unless the unit commits. Raises
        ``Contended`` when the last free codes are in other units' hands.
        """

    def coupon_holders(self, codes: Collection[str]) -> dict[str, set[str]]:
        """The customers who were given these codes, by code in lower case."""

    def settle_code(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        """Note what became of a code, unless somebody else has it by now."""

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
        """Note that a campaign is held; one held already keeps its reason."""

    def record_sent(self, results: Sequence[SendResult]) -> None:
        """Note that providers took these messages.

        Only messages that are being handed over, or in doubt, become ``sent``.
        """

    def begin_occurrence(self, occurrence: Occurrence) -> None:
        """Note that a schedule has fired in a zone; former fires that are done are forgotten."""

    def advance_occurrence(self, occurrence: Occurrence) -> None:
        """Note how far the sweep has come, with the worlds that this page of it changed."""

    def commit(self) -> None:
        """Write everything noted, at once.

        Raises ``Contended`` when a concurrent writer came first; nothing is written then.
        """

    def begin_commit(self) -> bool:
        """Begin to write everything noted; whether the end of it is still to come.

        The next call must be ``settle``. Raises what ``commit`` does.
        """

    def settle(self) -> None:
        """Wait until what ``begin_commit`` began is written. Raises what ``commit`` does."""


class Contended(Exception):
    """Another transaction touched the same rows; do the work again."""


class Unavailable(Exception):
    """The database did not answer as it should: it is out of reach, full or broken, for now."""


class Storage(Protocol):
    """The database. Every method but ``deciding`` is a transaction of its own."""

    def deciding(self, *, urgent: bool = False) -> AbstractContextManager[UnitOfWork]:
        """A unit of work, rolled back unless committed.

        ``urgent``: a person waits for it, so it goes before the background's on SQLite, where one
        decides at a time. Raises ``Contended`` as ``UnitOfWork.commit`` does.
        """

    def accept(self, incoming: Sequence[Incoming]) -> None:
        """Store events durably; those already stored are left as they are."""

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Store verified payloads that no event could be made of."""

    def look_again(self, editions: Mapping[Place, str], now: datetime) -> None:
        """Make the records in these places due, whoever's they are, once for each new edition."""

    def queues(self, now: datetime) -> Queues:
        """Which queues have something for now: cheaper than asking each by a unit of work."""

    def next_due(self) -> datetime | None:
        """When the next journey, message or record of a book falls due; None: nothing waits.

        The moment may lie in the past. Webhook calls are the outbox's own affair.
        """

    def undelivered(
        self, before: datetime, after: Undelivered | None, limit: int
    ) -> Sequence[Undelivered]:
        """Orders on their way without news since ``before``, oldest first; beyond ``after``."""

    def heartbeat(self, worker_id: str, role: str, now: datetime) -> None:
        """Say that this worker is alive."""

    def forget(self, worker_id: str) -> None:
        """Say that this worker has ended in good order."""

    def store_revisions(
        self, loaded: Collection[Loaded], at: datetime, *, whole: bool = False
    ) -> None:
        """Keep campaign sources; known ones stay.

        They are in force from now on; ``whole``: and of other campaigns nothing is.
        """

    def live_revisions(self, now: datetime | None = None) -> set[tuple[str, str]]:
        """Every (campaign, revision) that a live or held-out journey stands on.

        With ``now`` also those of ended journeys whose goal can still be reached.
        """

    def revision_source(self, campaign: str, revision: str) -> tuple[str, str] | None:
        """A stored revision's (source, file)."""

    def holds(self) -> dict[str, str]:
        """The campaigns that are held, with the reason."""

    def hold(self, campaign: str, reason: str, at: datetime) -> None:
        """Hold a campaign; one held already keeps its reason."""

    def resume(self, campaign: str, now: datetime) -> int:
        """Lift a campaign's hold and let its parked journeys and frozen messages go on.

        Goes in pages, so that nobody waits long; cut short, it is safe to call again. Returns how
        many journeys were parked.
        """

    def parked_campaigns(self) -> set[str]:
        """Campaigns with parked journeys."""

    def frozen_campaigns(self) -> set[str]:
        """Campaigns with messages that wait because their campaign stood still."""

    def book(self, name: str, key: str = "") -> Sequence[BookLine]:
        """Every customer's records of one book whose key begins with ``key``, by key."""

    def held_texts(self) -> Sequence[HeldNumber]:
        """Numbers whose texts wait for a person's decision, the oldest first."""

    def messages_in_doubt(self, limit: int) -> Sequence[Message]:
        """Messages that are ``unknown``, the longest in doubt first."""

    def provider_ids(self, customer_ids: Collection[str]) -> frozenset[str]:
        """The providers' own ids of messages to these customers."""

    def claim_webhook_calls(self, now: datetime, limit: int, lease: timedelta) -> Sequence[DueCall]:
        """Calls to make now, oldest first; they fall due again after ``lease`` unless recorded."""

    def record_webhook_call(
        self, call_id: str, *, reason: str | None = None, retry_at: datetime | None = None
    ) -> None:
        """Write down how a call went: done without a reason, to be tried again, or failed."""
