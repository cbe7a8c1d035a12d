"""The unit of work: read a set, note what changed, write it back in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from engine.core.context import CodeState
from engine.core.customer import Order, Ticket
from engine.core.identity import IdentityKey
from engine.core.keeping import EVERYTHING
from engine.core.message import Channel, Message, SendResult
from engine.core.receipt import Receipt
from engine.core.world import World
from engine.ports.stored import (
    Archived,
    Conflict,
    Incoming,
    Merge,
    Occurrence,
    Permissions,
    Processed,
    StoredEvent,
)
from engine.programs.suggesting import Shelf, Shelved
from engine.storage import claims, tables
from engine.storage.books import keepers
from engine.storage.bulk import driver_of, fetch, fetch_any, is_postgresql, pipelined
from engine.storage.contention import telling_contention
from engine.storage.coupons import coupon_holders
from engine.storage.database import Database
from engine.storage.flush import Flush
from engine.storage.inbox import unseen, waiting_events
from engine.storage.journey_rows import message_of
from engine.storage.occurrences import (
    latest_occurrences,
    occurrence_row,
    page_customers,
    zones_in_use,
)
from engine.storage.owners import aliases, holders, identities_of, owners, resolve
from engine.storage.pool_codes import PoolClaims
from engine.storage.receipts import clicks_near, unseen_receipts
from engine.storage.scalars import micros
from engine.storage.shelf import load_popular, load_shelf
from engine.storage.texts import texts_to
from engine.storage.worlds import columns, load_moving, load_orphans, load_permissions, load_worlds

_MESSAGES = f"SELECT {columns(tables.messages)} FROM messages WHERE id {{any}}"
_OTHER_REVISIONS = (
    "SELECT DISTINCT revision FROM journeys"
    " WHERE campaign = {p} AND status = 'live' AND revision <> {p}"
)
_TO_MIGRATE = (
    "SELECT DISTINCT customer_id FROM journeys WHERE campaign = {p} AND status = 'live'"
    " AND revision = {p} AND customer_id > {p} ORDER BY customer_id LIMIT {p}"
)
_DOUBTFUL = (
    "SELECT id FROM messages WHERE status IN ('sending', 'unknown') AND status = 'sending'"
    " AND (owner IS NULL OR owner NOT IN (SELECT id FROM workers WHERE seen_at >= {p}))"
)
_HOLDS = "SELECT campaign, reason FROM holds"


class SqlUnitOfWork:
    """``engine.ports.storage.UnitOfWork`` over one connection."""

    keeping: Final = EVERYTHING

    def __init__(
        self, database: Database, connection: Connection, *, urgent: bool, by_id: bool = False
    ) -> None:
        self._database = database
        self._urgent, self._by_id = urgent, by_id
        self._connection = connection
        self._is_postgresql = is_postgresql(connection)
        self._flush = Flush()
        self._pools = PoolClaims(connection)
        self._volumes: dict[tuple[str, int], int] = {}
        self._claimed_messages: list[str] = []
        self._books: Collection[str] | None = ()
        self._look_back = timedelta()
        self._committing = ExitStack()

    def waiting_events(self, limit: int) -> Sequence[StoredEvent]:
        """The oldest waiting events; none while another process has the turn."""
        return waiting_events(self._connection, limit)

    def unseen(
        self, keys: Collection[tuple[str, str]], *, turn: bool = True
    ) -> set[tuple[str, str]]:
        """Keys not stored yet."""
        return unseen(self._connection, keys, turn=turn)

    def resolve(self, keys: Collection[IdentityKey]) -> dict[IdentityKey, str]:
        """Customers by identity key."""
        return resolve(self._connection, keys)

    def identities_of(self, customer_ids: Collection[str]) -> dict[str, set[IdentityKey]]:
        """Every key of these customers."""
        return identities_of(self._connection, customer_ids)

    def aliases(self, customer_ids: Collection[str]) -> dict[str, str]:
        """Where merged customers went."""
        return aliases(self._connection, customer_ids)

    def owners(
        self, order_ids: Collection[str], ticket_ids: Collection[str]
    ) -> dict[str, str | None]:
        """Customer by order or ticket id."""
        return owners(self._connection, order_ids, ticket_ids)

    def lock(self, customer_ids: Collection[str]) -> None:
        """Lock the customers' rows until the end."""
        claims.lock(self._connection, customer_ids)

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
        """Worlds by customer id."""
        return load_worlds(
            self._connection,
            customer_ids,
            now=now,
            order_ids=order_ids,
            ticket_ids=ticket_ids,
            complete=complete,
            past=past,
            look_back=self._look_back,
            message_ids=[*self._claimed_messages, *message_ids],
            sends=sends,
            books=self._books,
            before_waiting=before_waiting,
        )

    def load_moving(self, customer_ids: Collection[str], *, now: datetime) -> dict[str, World]:
        """Customers with their journeys."""
        return load_moving(self._connection, customer_ids, now=now, look_back=self._look_back)

    def look_back(self, span: timedelta) -> None:
        """How far back contacts are to be loaded."""
        self._look_back = span

    def permissions(self, addresses: Collection[str], *, sends: bool = False) -> Permissions:
        """What is known of addresses."""
        return load_permissions(self._connection, addresses, sends=sends)

    def load_orphans(
        self, order_ids: Collection[str], ticket_ids: Collection[str]
    ) -> tuple[dict[str, Order], dict[str, Ticket]]:
        """Orders and tickets without customer."""
        return load_orphans(self._connection, order_ids, ticket_ids)

    def due_customers(self, now: datetime, limit: int, but: Collection[str] = ()) -> Sequence[str]:
        """Customers with a due journey, locked."""
        return claims.with_due_journeys(self._connection, now, limit, but, by_id=self._by_id)

    def open_books(self, names: Collection[str] | None) -> None:
        """Load these books with every world from now on."""
        self._books = names

    def shelf(self, product_ids: Collection[str]) -> Shelf:
        """Products and what goes with them."""
        return load_shelf(self._connection, product_ids)

    def popular(self) -> Sequence[Shelved]:
        """The products with the most buyers."""
        return load_popular(self._connection)

    def keepers(
        self, places: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[str, datetime]]]:
        """Who keeps a record in these places."""
        return keepers(self._connection, places)

    def customers_with_due_records(self, now: datetime, limit: int) -> Sequence[str]:
        """Customers with a record whose time has come, locked."""
        return claims.with_due_records(self._connection, now, limit, by_id=self._by_id)

    def customers_to_message(self, now: datetime, channel: Channel, limit: int) -> Sequence[str]:
        """Customers with a due message, locked."""
        customers, messages = claims.with_due_messages(
            self._connection, now, channel, limit, by_id=self._by_id
        )
        self._claimed_messages += messages
        return customers

    def customers_to_migrate(
        self, campaign: str, revision: str, after: str, limit: int
    ) -> Sequence[str]:
        """Customers with a live journey on another revision."""
        found: set[str] = set()
        for (other,) in fetch(self._connection, _OTHER_REVISIONS, campaign, revision):
            rows = fetch(self._connection, _TO_MIGRATE, campaign, other, after, limit)
            found.update(row[0] for row in rows)
        return sorted(found)[:limit]

    def doubtful(self, alive_since: datetime) -> Sequence[str]:
        """Messages whose worker is gone."""
        rows = fetch(self._connection, _DOUBTFUL, micros(alive_since))
        return sorted(row[0] for row in rows)

    def holds(self) -> dict[str, str]:
        """Held campaigns, with the reason."""
        return {row[0]: row[1] for row in fetch(self._connection, _HOLDS)}

    def occurrence_state(self, campaign: str) -> dict[str | None, Occurrence]:
        """The latest fire of each zone."""
        return latest_occurrences(self._connection, campaign)

    def zones_in_use(self) -> dict[str | None, int]:
        """Customers by time zone."""
        return zones_in_use(self._connection)

    def page_customers(
        self,
        zone: str | None,
        after: str,
        limit: int,
        birthdays: Collection[str] | None = None,
    ) -> Sequence[str]:
        """A page of customers by id."""
        return page_customers(self._connection, zone, after, limit, birthdays)

    def messages(self, ids: Collection[str], *, locked: bool = False) -> dict[str, Message]:
        """Messages by id."""
        sql = _MESSAGES
        if locked and self._is_postgresql:
            sql += " ORDER BY id FOR UPDATE"
        return {row[0]: message_of(row) for row in fetch_any(self._connection, sql, ids)}

    def texts_to(self, number: str, limit: int) -> Sequence[Message]:
        """The newest SMS messages for a number."""
        return texts_to(self._connection, number, limit)

    def holders(self, address: str) -> dict[IdentityKey, str]:
        """Customers by their keys of this value."""
        return holders(self._connection, address)

    def unseen_receipts(self, receipts: Collection[Receipt]) -> Sequence[Receipt]:
        """Receipts that are not kept yet, each once."""
        return unseen_receipts(self._connection, receipts)

    def clicks_near(self, clicks: Sequence[Receipt]) -> Sequence[Receipt]:
        """Kept clicks of the same messages at about the same time."""
        return clicks_near(self._connection, clicks)

    def take_volume(self, campaign: str, window: datetime, limit: int) -> bool:
        """Count one message of a campaign in a window."""
        key = (campaign, micros(window))
        if key not in self._volumes:
            row = self._connection.execute(
                text('SELECT count FROM volumes WHERE campaign = :c AND "window" = :w'),
                {"c": key[0], "w": key[1]},
            ).first()
            self._volumes[key] = row[0] if row else 0
        if self._volumes[key] + self._flush.volumes.get(key, 0) >= limit:
            return False
        self._flush.volumes[key] = self._flush.volumes.get(key, 0) + 1
        self._flush.limits[key] = max(limit, self._flush.limits.get(key, 0))
        return True

    def take_code(self, pool: str, claim: str) -> str | None:
        """Claim a pool's next free code."""
        return self._pools.take(pool, claim)

    def coupon_holders(self, codes: Collection[str]) -> dict[str, set[str]]:
        """Customers by the codes that they were given."""
        return coupon_holders(self._connection, codes)

    def settle_code(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        """Note what became of a code."""
        self._pools.settle(pool, code, claim, state)

    def save(self, world: World) -> None:
        """Note a changed world."""
        self._flush.worlds.append(world)

    def save_orphans(self, orders: Iterable[Order], tickets: Iterable[Ticket]) -> None:
        """Note orders and tickets without customer."""
        self._flush.orphan_orders.extend(orders)
        self._flush.orphan_tickets.extend(tickets)

    def identify(self, key: IdentityKey, customer_id: str) -> None:
        """Note an identity."""
        self._flush.identities.append((key.kind, key.value, customer_id))

    def merge(self, merge: Merge) -> None:
        """Note a merge."""
        self._flush.merges.append(merge)

    def conflict(self, conflict: Conflict) -> None:
        """Note a conflict."""
        self._flush.conflicts.append(conflict)

    def processed(self, events: Iterable[Processed]) -> None:
        """Note what became of events."""
        self._flush.processed.extend(events)

    def enqueue(self, incoming: Iterable[Incoming]) -> None:
        """Note events of our own making."""
        self._flush.incoming.extend(incoming)

    def archive(self, contents: Iterable[Archived]) -> None:
        """Note contents to keep."""
        self._flush.archived.extend(contents)

    def hold(self, campaign: str, reason: str, at: datetime) -> None:
        """Note a hold."""
        self._flush.holds.append((campaign, reason, micros(at)))

    def record_sent(self, results: Sequence[SendResult]) -> None:
        """Note messages that providers took."""
        self._flush.sent.extend(results)

    def keep_receipts(self, receipts: Iterable[Receipt], received_at: datetime) -> None:
        """Note receipts to keep."""
        self._flush.receipts.extend((each, received_at) for each in receipts)

    def begin_occurrence(self, occurrence: Occurrence) -> None:
        """Note a fire."""
        self._flush.occurrences.append(occurrence_row(occurrence))

    def advance_occurrence(self, occurrence: Occurrence) -> None:
        """Note how far a sweep has come."""
        self._flush.occurrences.append(occurrence_row(occurrence))

    def commit(self) -> None:
        """Write all in one transaction; raises ``Contended`` when another came first."""
        with telling_contention():
            if self._is_postgresql:
                self._pools.write()
                self._flush.write(self._connection)
                self._connection.commit()
            else:
                with (
                    self._database.gate.pass_through(urgent=self._urgent),
                    self._database.sqlite_transaction(self._connection),
                ):
                    self._pools.write()
                    self._flush.write(self._connection)
        self._flush, self._pools = Flush(), PoolClaims(self._connection)

    def begin_commit(self) -> bool:
        """Send everything and the commit to PostgreSQL, which works on it meanwhile."""
        if not self._is_postgresql or self._flush.asks() or self._pools.any():
            self.commit()
            return False
        with telling_contention(), ExitStack() as stack:
            stack.enter_context(pipelined(self._connection))
            self._flush.begin(self._connection)
            driver_of(self._connection).execute("COMMIT", prepare=False)
            self._committing = stack.pop_all()
        return True

    def settle(self) -> None:
        """Wait for the end of it."""
        with telling_contention():
            self._committing.close()
            self._connection.commit()
        self._flush, self._pools = Flush(), PoolClaims(self._connection)


@contextmanager
def deciding(database: Database, *, urgent: bool, by_id: bool) -> Iterator[SqlUnitOfWork]:
    """A unit of work; what was not committed is rolled back.

    ``by_id``: what falls due at one instant is claimed in the order of its ids.
    """
    with telling_contention():
        if database.is_sqlite:
            with (
                database.decision.pass_through(urgent=urgent),
                database.deciding.connect() as connection,
            ):
                yield SqlUnitOfWork(database, connection, urgent=urgent, by_id=by_id)
        else:
            with database.deciding.connect() as connection:
                yield SqlUnitOfWork(database, connection, urgent=urgent, by_id=by_id)
