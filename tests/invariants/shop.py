"""One shop under the machine: a workspace, a database, its processes, and the world outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from config.diagnostics import Severity
from engine.bootstrap import App, build
from engine.core.message import Outgoing
from engine.links import Purpose
from engine.ports.clock import VirtualClock
from engine.ports.storage import Contended
from engine.ports.stored import Incoming
from engine.services.unsubscribe import NotUndoable, UnknownMessage, Unsubscribe
from engine.storage import tables
from engine.storage.database import Database
from engine.storage.unit import SqlUnitOfWork
from tests.invariants.outside import Crash, Given, Hands, Outside
from tests.services.house import TEMPLATES
from triggers.sources.native import Refused, parse_line, serialize

MICROSECOND = timedelta(microseconds=1)
EVENTS = "version: 1\nevents:\n  shop.pinged: {}\n"
_KEY = {"LAGNIAPPE_SECRET_KEY": "a-key-of-the-machine-of-32-bytes!"}

Row = dict[str, Any]


class Shop:
    """Its processes come and go; the clock, the files, the database and the outside stay."""

    def __init__(
        self,
        workspace: Path,
        database: str,
        store: Mapping[str, Any],
        start: datetime,
        *,
        workers: int = 1,
        slots: int = 20,
        batch: int = 50,
        seed: str = "",
        judge: Callable[[Given], None] = lambda given: None,
    ) -> None:
        self.workspace, self.database = workspace, database
        self.clock = VirtualClock(start)
        self.outside = Outside(self.clock.now, seed)
        self.slots, self.batch = slots, batch
        self.judge = judge
        self.apps: list[App] = []
        self.hands: list[Hands] = []
        self._commits = 0
        self.write("config/store.yaml", json.dumps(store))
        self.write("config/events.yaml", EVENTS)
        for name, content in TEMPLATES.items():
            self.write(f"message_templates/{name}", content)
        (workspace / "campaigns").mkdir(exist_ok=True)
        for each in (workspace / "campaigns").iterdir():
            each.unlink()
        for _ in range(workers):
            self._open(alone=workers == 1)

    def write(self, name: str, content: str) -> None:
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    # The processes

    def _open(self, *, alone: bool) -> None:
        """A process begins. Its name holds the time, so no two begin in one microsecond."""
        self.clock.advance_to(self.clock.now() + MICROSECOND)
        made: list[Hands] = []

        def hands(_providers: object) -> Hands:
            made.append(Hands(self.outside, self._look, self.judge, slots=self.slots))
            return made[0]

        app = build(
            self.workspace,
            {"LAGNIAPPE_DATABASE_URL": self.database, **_KEY},
            clock=self.clock,
            sends=True,
            providers=self.outside.carriers(),
            make_sender=hands,
        )
        app.sender.start()
        app.worker.batch = self.batch
        app.worker.slots = self.slots
        app.worker.begin("all", alone=alone)
        self.apps.append(app)
        self.hands.append(made[0])

    def join(self) -> None:
        """One more process over the same database."""
        self._open(alone=False)

    def kill(self, index: int) -> None:
        """A process ends without a word, and another takes its place over the same database."""
        app = self.apps.pop(index)
        hands = self.hands.pop(index)
        hands.stop()
        app.close()
        self._open(alone=not self.apps)

    def close(self) -> None:
        for app, hands in zip(self.apps, self.hands, strict=True):
            hands.stop()
            app.close()

    def surviving(self, index: int, work: Callable[[App], Any]) -> bool:
        """Do some work in a process; whether it lived. One that crashed is followed by another."""
        try:
            work(self.apps[index])
        except Crash:
            in_doubt = self.scalar(
                "SELECT count(*) FROM messages WHERE status = 'sending' AND owner = :owner",
                owner=self.apps[index].worker.id,
            )
            assert in_doubt <= self.slots, "more in doubt than there are slots"
            self.outside.meanwhile.clear()
            self.kill(index)
            return False
        return True

    # What happens to it

    def reload(self) -> None:
        """What the daemon does when a file has changed; each file of the machine is a good one."""
        for app in self.apps:
            app.reload()
            problems = [
                each for each in app.loader.diagnostics() if each.severity is Severity.ERROR
            ]
            assert not problems, [(each.message, each.at) for each in problems]
            persistently(lambda app=app: app.revisions.migrate(app.handover, self.clock.now()))  # type: ignore[misc]

    def incoming(
        self, told: Sequence[Mapping[str, Any]], *, backfill: bool = False
    ) -> list[Incoming]:
        """Events as the door would take them now."""
        now, found = self.clock.now(), []
        for each in told:
            line = json.dumps(each).encode()
            event = parse_line(line, received_at=now, catalog=self.apps[0].catalog)
            assert not isinstance(event, Refused), (event, each)
            found.append(
                Incoming(event=event, body=serialize(event), received_at=now, backfill=backfill)
            )
        return found

    def unsubscribe(self, message_id: str, *, undo: bool = False) -> bool:
        """The one-click link of a message, or its undoing; whether it could be done."""
        app = self.apps[0]
        service = Unsubscribe(app.storage, app.ingest, app.links, app.clock)
        token = app.links.token(Purpose.UNSUBSCRIBE, message_id)
        try:
            if undo:
                service.resubscribe(token)
            else:
                service.unsubscribe(token, "one-click")
        except (NotUndoable, UnknownMessage):
            return False
        return True

    # What stands in the database

    def rows(self, sql: str, **values: Any) -> list[Row]:
        with self.apps[0].storage.database.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(sql), values).mappings()]

    def scalar(self, sql: str, **values: Any) -> Any:
        (row,) = self.rows(sql, **values)
        return next(iter(row.values()))

    def dump(self, *names: str) -> dict[str, list[str]]:
        """Whole tables, for "nothing has changed"."""
        return {
            name: sorted(str(sorted(row.items())) for row in self.rows(f"SELECT * FROM {name}"))
            for name in names
        }

    def _look(self, outgoing: Outgoing) -> Row:
        """What is committed at this moment about a message that is about to go out."""
        (message,) = self.rows("SELECT * FROM messages WHERE id = :id", id=outgoing.message_id)
        owner = message["customer_id"]
        (customer,) = self.rows("SELECT * FROM customers WHERE id = :id", id=owner)
        theirs = self.rows(  # what was given up takes no slot: the policy's own risk
            "SELECT id FROM messages WHERE customer_id = :id"
            " AND (reason IS NULL OR reason <> 'abandoned')",
            id=owner,
        )
        (journey,) = self.rows("SELECT * FROM journeys WHERE id = :id", id=message["journey_id"])
        made_by, ended_by = (
            self.scalar(
                "SELECT source FROM revisions WHERE campaign = :campaign AND revision = :revision",
                campaign=message["campaign"],
                revision=each["revision"],
            )
            for each in (message, journey)
        )
        return {
            "message": message,
            "customer": customer,
            "journey": journey,
            "source": made_by,
            "ended_by": ended_by,  # another one where the journey has moved since
            "theirs": {row["id"] for row in theirs},
            "done": self.processed(),
        }

    def processed(self) -> set[tuple[str, str]]:
        """The events that are processed and committed."""
        done = self.rows("SELECT source, id FROM events WHERE state = 1")
        return {(row["source"], row["id"]) for row in done}


def persistently(work: Callable[[], Any]) -> Any:
    """What callers of the services do when another writer came first: again."""
    for _ in range(20):
        try:
            return work()
        except Contended:
            continue
    raise AssertionError("contended twenty times")


def empty(url: str) -> None:
    """Take every row out of a migrated database, which costs less than a new one."""
    database = Database(url)
    try:
        with database.engine.begin() as connection:
            for table in tables.metadata.sorted_tables:
                connection.execute(table.delete())
    finally:
        database.close()


@contextmanager
def faults(*, contended: int = 0, crash_before: int = -1, crash_after: int = -1) -> Iterator[None]:
    """Trouble at commits: the first ``contended`` of them lose to another writer; the one with
    number ``crash_before`` (from 0) is never made, and ``crash_after`` is the process's last."""
    commit, count = SqlUnitOfWork.commit, 0

    def troubled(self: SqlUnitOfWork) -> None:
        nonlocal count
        number, count = count, count + 1
        if number < contended:
            raise Contended("another writer came first")
        if number == crash_before:
            raise Crash
        commit(self)
        if number == crash_after:
            raise Crash

    SqlUnitOfWork.commit = troubled  # type: ignore[method-assign]
    try:
        yield
    finally:
        SqlUnitOfWork.commit = commit  # type: ignore[method-assign]
