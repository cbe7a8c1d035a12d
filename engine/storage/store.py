"""The database as the services see it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from engine.core.book import Place
from engine.core.message import Message
from engine.ports.faults import Fault, passing
from engine.ports.stored import BookLine, DueCall, HeldNumber, Incoming, Loaded, Queues, Undelivered
from engine.storage import editions as pages
from engine.storage import operations, phases, tables
from engine.storage.books import lines_of
from engine.storage.bulk import BulkTable, Row, fetch
from engine.storage.contention import telling_contention
from engine.storage.database import Database
from engine.storage.flush import accept_events
from engine.storage.receipts import messages_in_doubt, provider_ids
from engine.storage.scalars import micros
from engine.storage.texts import held_texts
from engine.storage.undelivered import undelivered
from engine.storage.unit import SqlUnitOfWork, deciding
from triggers.event import Rejected

_EVENTS = BulkTable.of(tables.events, conflict=("id", "source"))
_ATTEMPTS = 5
_PAGE = 500


class SqlStorage:
    """``engine.ports.storage.Storage`` on SQLite or PostgreSQL.

    ``by_id``: what falls due at one instant is claimed in the order of its ids, so that the last
    place below a limit goes to the same customer every time. It is all sorted for that, too much
    work for a large shop's ten o'clock.
    """

    def __init__(self, database: Database, *, by_id: bool = False) -> None:
        self.database = database
        self._by_id = by_id

    def deciding(self, *, urgent: bool = False) -> AbstractContextManager[SqlUnitOfWork]:
        """A unit of work."""
        return deciding(self.database, urgent=urgent, by_id=self._by_id)

    def accept(self, incoming: Sequence[Incoming]) -> None:
        """Store events durably, in one transaction that goes before background work."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with self.database.writing(urgent=True) as connection:
                    accept_events(connection, incoming)
                    passing(Fault.ACCEPT_WRITTEN)
            except OperationalError as error:
                # Two that store the same events in different orders wait for each other.
                if attempt == _ATTEMPTS or getattr(error.orig, "sqlstate", None) != "40P01":
                    raise
            else:
                return

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Keep payloads that no event could be made of, as rejected events."""
        with self.database.writing(urgent=True) as connection:
            _EVENTS.keep(connection, [_rejected_row(each) for each in rejected])

    def queues(self, now: datetime) -> Queues:
        """Which queues have something for now."""
        with telling_contention(), self.database.glancing() as connection:
            return operations.queues(connection, now)

    def next_due(self) -> datetime | None:
        """When the next thing falls due."""
        with self.database.reading() as connection:
            return operations.next_due(connection)

    def undelivered(
        self, before: datetime, after: Undelivered | None, limit: int
    ) -> Sequence[Undelivered]:
        """Orders on their way."""
        with self.database.reading() as connection:
            return undelivered(connection, before, after, limit)

    def heartbeat(self, worker_id: str, role: str, now: datetime) -> None:
        """Say that this worker is alive."""
        with self.database.writing() as connection:
            operations.heartbeat(connection, worker_id, role, now)

    def workers_seen(self, since: datetime) -> bool:
        """Whether a process that works has been alive since then."""
        workers = tables.workers.c
        found = select(workers.id).where(workers.seen_at >= micros(since), workers.role != "web")
        with self.database.reading() as connection:
            return connection.execute(found.limit(1)).first() is not None

    def forget(self, worker_id: str) -> None:
        """Say that this worker has ended in good order."""
        with self.database.writing() as connection:
            connection.execute(tables.workers.delete().where(tables.workers.c.id == worker_id))

    def store_revisions(
        self, loaded: Collection[Loaded], at: datetime, *, whole: bool = False
    ) -> None:
        """Keep campaign sources, and note that they are in force."""
        with self.database.writing() as connection:
            operations.store_revisions(connection, loaded, at, whole=whole)

    def live_revisions(self, now: datetime | None = None) -> set[tuple[str, str]]:
        """Revisions that journeys stand on."""
        with self.database.reading() as connection:
            return operations.live_revisions(connection, now)

    def revision_source(self, campaign: str, revision: str) -> tuple[str, str] | None:
        """A stored revision's (source, file)."""
        wanted = tables.revisions.c
        query = select(wanted.source, wanted.file).where(
            wanted.campaign == campaign, wanted.revision == revision
        )
        with self.database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.source, row.file)

    def campaigns(self) -> set[str]:
        """Every campaign that ever had a good revision."""
        with self.database.reading() as connection:
            rows = fetch(connection, "SELECT DISTINCT campaign FROM revisions")
        return {row[0] for row in rows}

    def holds(self) -> dict[str, str]:
        """Held campaigns, with the reason."""
        with self.database.reading() as connection:
            rows = fetch(connection, "SELECT campaign, reason FROM holds")
        return {row[0]: row[1] for row in rows}

    def hold(self, campaign: str, reason: str, at: datetime) -> None:
        """Hold a campaign."""
        with self.database.writing(urgent=True) as connection:
            phases.hold(connection, campaign, reason, micros(at))

    def resume(self, campaign: str, now: datetime) -> int:
        """Lift a hold; how many journeys were parked."""
        with self.database.writing(urgent=True) as connection:
            phases.lift(connection, campaign, micros(now))
        parked, after = 0, ""
        while ids := self._unpark(campaign, after):
            parked, after = parked + len(ids), ids[-1]
        with self.database.reading() as connection:
            frozen = operations.frozen_messages(connection, campaign)
        for start in range(0, len(frozen), _PAGE):
            with self._turn_to_write() as connection:
                operations.unfreeze(connection, frozen[start : start + _PAGE], now)
        return parked

    def look_again(self, editions: Mapping[Place, str], now: datetime) -> None:
        """Have pages looked at that were written by another edition."""
        with self.database.reading() as connection:
            outdated = pages.outdated(connection, editions)
        for place in outdated:
            after = ""
            while ids := self._make_due(place, after, now):
                after = ids[-1]
            with self.database.writing() as connection:
                pages.keep(connection, place, editions[place])

    def _make_due(self, place: Place, after: str, now: datetime) -> Sequence[str]:
        with self._turn_to_write() as connection:
            return pages.make_due(connection, place, after, now, _PAGE)

    def _unpark(self, campaign: str, after: str) -> Sequence[str]:
        with self._turn_to_write() as connection:
            return operations.unpark(connection, campaign, after, _PAGE)

    @contextmanager
    def _turn_to_write(self) -> Iterator[Connection]:
        """Change rows that decisions change too: in their turn, which on SQLite is one lock."""
        with ExitStack() as turn:
            if self.database.is_sqlite:
                turn.enter_context(self.database.decision.pass_through(urgent=False))
            yield turn.enter_context(self.database.writing())

    def parked_campaigns(self) -> set[str]:
        """Campaigns with parked journeys."""
        with self.database.reading() as connection:
            rows = fetch(connection, "SELECT DISTINCT campaign FROM journeys WHERE parked")
        return {row[0] for row in rows}

    def frozen_campaigns(self) -> set[str]:
        """Campaigns with frozen messages; reads every scheduled message."""
        sql = "SELECT DISTINCT campaign FROM messages WHERE status = 'scheduled'"
        with self.database.reading() as connection:
            rows = fetch(connection, f"{sql} AND reason = 'frozen'")
        return {row[0] for row in rows}

    def book(self, name: str, key: str = "") -> Sequence[BookLine]:
        """The records of one book, with whose they are."""
        with self.database.reading() as connection:
            return lines_of(connection, name, key)

    def held_texts(self) -> Sequence[HeldNumber]:
        """Numbers on hold, the oldest first."""
        with self.database.reading() as connection:
            return held_texts(connection)

    def messages_in_doubt(self, limit: int) -> Sequence[Message]:
        """Unknown messages, the longest in doubt first."""
        with self.database.reading() as connection:
            return messages_in_doubt(connection, limit)

    def provider_ids(self, customer_ids: Collection[str]) -> frozenset[str]:
        """The providers' own ids of messages to these customers."""
        with self.database.reading() as connection:
            return provider_ids(connection, customer_ids)

    def claim_webhook_calls(self, now: datetime, limit: int, lease: timedelta) -> Sequence[DueCall]:
        """Calls to make now."""
        with self.database.writing() as connection:
            return operations.claim_webhook_calls(connection, now, limit, lease)

    def record_webhook_call(
        self, call_id: str, *, reason: str | None = None, retry_at: datetime | None = None
    ) -> None:
        """Write down how a call went."""
        with self.database.writing() as connection:
            operations.record_webhook_call(connection, call_id, reason, retry_at)


def _rejected_row(rejected: Rejected) -> Row:
    at = micros(rejected.received_at)
    body = rejected.body.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    key = rejected.id or hashlib.blake2b(body.encode(), digest_size=16).hexdigest()
    return (
        rejected.source,
        f"rejected:{key}",
        "rejected",
        at,
        at,
        False,
        tables.REJECTED,
        None,
        rejected.reason,
        None,
        body,
    )
