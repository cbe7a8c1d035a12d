"""One story, lived by the daemon under a virtual clock and by a simulation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from config.diagnostics import Severity
from config.settings import load_settings
from engine.bootstrap import App, build
from engine.core import shopping
from engine.core.keeping import EVERYTHING
from engine.core.message import Channel, Message, Outgoing, SendResult
from engine.core.world import Journey, World
from engine.fast_forward import live_through
from engine.passage import Crowd, Nobody, live
from engine.ports.clock import VirtualClock
from engine.ports.stored import Incoming, Processed
from engine.providers.immediate import ImmediateSender
from engine.services.unsubscribe import Unsubscribe
from engine.simulator.behaviour import UNMOVED, Behaviour
from engine.simulator.customers import Customers, Doors
from engine.simulator.house import doors_of, house_of
from engine.simulator.premises import Premises, Trial, furnish
from engine.simulator.recorded import Done, Recollection, divide, part_of
from engine.storage import tables
from engine.storage.database import Database
from engine.storage.journey_rows import journey_row, message_row
from engine.storage.recordings import calls_assigned, messages_sent, recordings
from engine.storage.rows import customer_row, order_row
from engine.storage.scalars import dump, micros
from tests.e2e.recorder import Recorder
from tests.invariants.shop import empty
from triggers.sources.native import deserialize

KEY = {"LAGNIAPPE_SECRET_KEY": "a-key-of-the-machine-of-32-bytes!"}
NAME = Recorder.name
SEED = "1"
# What only those who hand over in earnest know.
_APART = frozenset({"owner", "provider_message_id", "cost"})
Outcome = dict[str, Any]


class Kept:
    """A ledger that keeps everything, as the database does."""

    def __init__(self) -> None:
        self.keeping = EVERYTHING
        self.decisions: dict[str, list[Any]] = {}
        self.verdicts: dict[tuple[str, str], Any] = {}
        self.given: list[Outgoing] = []
        self.holds: dict[str, str] = {}
        self.on_sent: Callable[[Message], None] = lambda message: None

    def decided(self, world: World) -> None:
        for d in world.changes.decisions:
            entry = [micros(d.at), d.kind.value, d.step, d.code, d.message_id, d.trace]
            self.decisions.setdefault(d.journey_id, []).append(json.loads(dump(entry)))

    def processed(self, source: str, event_id: str, done: Processed) -> None:
        assert done.reason is None, done
        self.verdicts[source, event_id] = [
            json.loads(dump([v.campaign, v.revision, v.code.value, v.transition, v.journey_id,
                             v.trace]))
            for v in done.verdicts
        ]  # fmt: skip

    def sent(self, message: Message, result: SendResult) -> None:
        self.on_sent(message)

    def held(self, campaign: str, reason: str, at: datetime) -> None:
        self.holds[campaign] = reason


class Watching(Customers):
    """Customers of a daemon: they see in the log what has gone out."""

    def __init__(
        self, app: App, behaviour: Behaviour, recollection: Recollection | None = None
    ) -> None:
        doors = Doors(
            storage=app.storage,
            revisions=app.revisions,
            handover=app.handover,
            ingest=app.ingest,
            receive=app.receive,
            replies=app.replies,
            surveys=app.surveys,
            unsubscribe=Unsubscribe(app.storage, app.ingest, app.links, app.clock),
            links=app.links,
        )
        super().__init__(doors, behaviour, SEED, recollection)
        self._app = app
        self._seen: set[str] = set()

    def next_at(self) -> datetime | None:
        with self._app.storage.database.engine.connect() as connection:
            found = connection.execute(text("SELECT id FROM messages WHERE sent_at IS NOT NULL"))
            fresh = sorted({row[0] for row in found} - self._seen)
        if fresh:
            self._seen.update(fresh)
            with self._app.storage.deciding() as unit:
                for message in unit.messages(fresh).values():
                    self.got(message)
        return super().next_at()


def by_daemon(
    workspace: Path,
    database: str,
    start: datetime,
    arrivals: Sequence[Incoming],
    until: datetime,
    crowd: Callable[[App], Crowd] = lambda app: Nobody(),
) -> Outcome:
    """All that comes of a story when the real services live it over a database."""
    empty(database)
    clock = VirtualClock(start)
    carriers: dict[Channel, Recorder] = {
        "email": Recorder("email", clock.now), "sms": Recorder("sms", clock.now)
    }  # fmt: skip
    app = build(
        workspace,
        {"LAGNIAPPE_DATABASE_URL": database, **KEY},
        clock=clock,
        sends=True,
        providers={**carriers},
        make_sender=lambda providers: ImmediateSender(
            providers, max_in_flight=10_000, clock=clock.now
        ),
    )
    try:
        problems = app.loader.diagnostics()
        assert [each.message for each in problems if each.severity is Severity.ERROR] == []
        app.sender.start()
        live_through(app, clock, arrivals, until, crowd=crowd(app))
        given = {one.message_id: one for each in carriers.values() for one in each.sent}
        return {**stored(app.storage.database.engine), "given": given}
    finally:
        app.sender.stop()
        app.close()


def stored(engine: Engine) -> Outcome:
    """What a database holds of a story; what providers were given it is not asked for."""
    with engine.connect() as connection:

        def rows(sql: str) -> list[Mapping[str, Any]]:
            return [dict(row) for row in connection.execute(text(sql)).mappings()]

        decisions: dict[str, list[Any]] = {}
        for row in rows("SELECT journey_id, entries FROM decisions ORDER BY seq"):
            decisions.setdefault(row["journey_id"], []).extend(json.loads(row["entries"]))
        events = rows("SELECT source, id, verdicts, state FROM events")
        assert all(row["state"] == tables.DONE for row in events), events
        return {
            "verdicts": {
                (row["source"], row["id"]): json.loads(row["verdicts"] or "[]") for row in events
            },
            "decisions": decisions,
            "journeys": {row["id"]: row for row in rows("SELECT * FROM journeys")},
            "messages": {row["id"]: _plain(row) for row in rows("SELECT * FROM messages")},
            "orders": {row["id"]: row for row in rows("SELECT * FROM orders")},
            "customers": {row["id"]: row for row in rows("SELECT * FROM customers")},
            "holds": {row["campaign"]: row["reason"] for row in rows("SELECT * FROM holds")},
            "books": {
                (row["customer_id"], row["book"], row["key"]):
                    (row["at"], row["due_at"], json.loads(row["data"]))
                for row in rows("SELECT * FROM books")
                if row["book"] != shopping.BOOK
            },
            "given": {},
        }  # fmt: skip


def by_simulation(
    workspace: Path,
    start: datetime,
    arrivals: Sequence[Incoming],
    until: datetime,
    behaviour: Behaviour = UNMOVED,
    recollection: Recollection | None = None,
) -> Outcome:
    """All that comes of the same story in memory."""
    kept = Kept()
    premises = shop(workspace, start, kept)
    customers = Customers(doors_of(premises), behaviour, SEED, recollection)
    kept.on_sent = customers.got
    live(house_of(premises), arrivals, until, crowd=customers)
    return outcome(premises, kept)


def remembered(database: str, since: datetime) -> Recollection:
    """What a database knows of what customers did with messages."""
    opened = Database(database)
    try:
        told = [(one.arrived, deserialize(one.body)) for one in recordings(opened)]
        sent = {key: at for key, at, _ in messages_sent(opened)} | dict(calls_assigned(opened))
    finally:
        opened.close()
    reactions = [Done(at=at, event=each) for at, each in told if part_of(each) == "reaction"]
    return divide(reactions, sent, {}, since)[1]


def shop(workspace: Path, start: datetime, kept: Kept) -> Premises:
    """A simulated shop whose every message is rendered."""
    return furnish(
        workspace,
        load_settings(workspace, KEY),
        kept,
        start=start,
        trial=Trial(render=None),
        providers={"email": NAME, "sms": NAME},
        look=kept.given.append,
    )


def _written(journey: Journey) -> Journey:
    """The journey as a database takes it."""
    return replace(journey, trigger=dict(journey.trigger), results=dict(journey.results))


def outcome(premises: Premises, kept: Kept) -> Outcome:
    memory = premises.memory
    return {
        "verdicts": kept.verdicts,
        "decisions": kept.decisions,
        "journeys": {
            one.id: _row(tables.journeys, journey_row(_written(one))) for one in memory.journeys()
        },
        "messages": {
            one.id: _plain(_row(tables.messages, message_row(one)))
            for one in memory.messages.values()
        },
        "orders": {
            key: _row(tables.orders, order_row(one))
            for key in memory.owners
            if (one := memory.order(key)) is not None
        },
        "customers": {
            one.customer.id: _row(tables.customers, customer_row(one.customer))
            for one in memory.people.values()
        },
        "holds": kept.holds,
        "books": {
            (one.customer.id, *place):
                (micros(record.at), record.due_at and micros(record.due_at),
                 json.loads(dump(dict(record.data))))
            for one in memory.people.values()
            for place, record in one.books.items()
            if place[0] != shopping.BOOK  # its pages are made when they are asked for
        },
        "given": {one.message_id: one for one in kept.given},
    }  # fmt: skip


def _row(table: Any, row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip([column.name for column in table.columns], row, strict=True))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in _APART}


def differences(one: Outcome, other: Outcome) -> list[str]:
    """Where two outcomes part, in words."""
    found: list[str] = []
    for part, held in one.items():
        for key in sorted({*held, *other[part]}, key=str):
            left, right = held.get(key), other[part].get(key)
            if left != right:
                found.append(f"{part} {key}:\n  {left}\n  {right}")
    return found
