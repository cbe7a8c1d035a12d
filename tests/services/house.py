"""A shop under a virtual clock: a small workspace, the real services, and what they did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from engine.bootstrap import App, build
from engine.core.message import Outgoing
from engine.ports.clock import VirtualClock
from engine.ports.history import EventFilter, LoggedEvent, LoggedJourney, LoggedMessage
from engine.ports.history import MessageFilter as Wanted
from engine.ports.stored import Incoming
from engine.providers.immediate import ImmediateSender
from engine.providers.simulated import Script, Simulated
from triggers.sources.native import Refused, parse_line, serialize

START = datetime(2026, 3, 2, 15, tzinfo=UTC)  # a Monday, nine in the morning in Chicago
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

STORE: dict[str, Any] = {
    "version": 1,
    "brand": {
        "name": "Bellerive", "url": "https://shop.example.com",
        "postal_address": "Bellerive, 1 Rampart Street", "support": {"email": "help@example.com"},
    },
    "currency": "USD", "timezone": "America/Chicago",
    "senders": {"email": {"from_name": "Bellerive", "from_email": "hello@example.com"}},
    "quiet_hours": {"email": "none", "sms": "none"},
}  # fmt: skip
TEXTING = {**STORE["senders"], "sms": {"from": "+15045550100"}}
TEMPLATES = {
    "note/subject.txt": "For {{ customer.first_name | default('you') }}",
    "note/body.txt": "Good day.\n{{ links.unsubscribe }}\n",
    "note/body.html": '<html><body>Good day. <a href="{{ links.unsubscribe }}">No more</a>'
    "</body></html>",
    "news/subject.txt": "News of {{ order.number }}",
    "news/body.txt": "It is on its way.\n",
    "news/body.html": "<html><body>It is on its way.</body></html>",
    "text/sms.txt": "Hello from {{ shop.name }}. {{ links.unsubscribe }}",
}


def campaign(name: str, trigger: Any, steps: Sequence[Any], **more: Any) -> dict[str, Any]:
    """A live transactional campaign, unless ``more`` says otherwise."""
    return {"version": 1, "id": name, "stage": "retention", "status": "live",
            "purpose": "transactional", "trigger": trigger, "steps": list(steps),
            **more}  # fmt: skip


def email(step: str = "ask", template: str = "note", **more: Any) -> dict[str, Any]:
    return {"id": step, "send_email": {"template": template, **more}}


class House:
    """One workspace and its application; the clock moves as the tests say.

    YAML reads JSON, so the files are written as that.
    """

    def __init__(
        self,
        workspace: Path,
        database: str,
        *campaigns: Mapping[str, Any],
        store: Mapping[str, Any] | None = None,
        script: Script | None = None,
        start: datetime = START,
        templates: Mapping[str, str] = TEMPLATES,
        slots: int = 1000,
        **environ: str,
    ) -> None:
        self.workspace = workspace
        self.clock = VirtualClock(start)
        self._environ = {"LAGNIAPPE_DATABASE_URL": database, **environ}
        self._slots = slots
        self.email = Simulated("email", clock=self.clock.now, script=script)
        self.sms = Simulated("sms", clock=self.clock.now, script=script)
        self.voice = Simulated("voice", clock=self.clock.now, script=script)
        self.write_store(store or {})
        for name, content in templates.items():
            self.write(f"message_templates/{name}", content)
        (workspace / "campaigns").mkdir(exist_ok=True)
        for each in campaigns:
            self.put(each)
        self.app = self._build()

    def write(self, name: str, content: str) -> None:
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def write_store(self, store: Mapping[str, Any]) -> None:
        """Write the shop's policy: the usual one, with these sections; ``reload`` takes it."""
        self.write("config/store.yaml", json.dumps({**STORE, **store}))

    def put(self, one: Mapping[str, Any]) -> None:
        """Write a campaign's file; ``reload`` takes it."""
        self.write(f"campaigns/{one['id']}.yaml", json.dumps(one))

    def remove(self, name: str) -> None:
        (self.workspace / "campaigns" / f"{name}.yaml").unlink()

    def _build(self) -> App:
        app = build(
            self.workspace,
            self._environ,
            clock=self.clock,
            sends=True,
            providers={"email": self.email, "sms": self.sms, "voice": self.voice},
            make_sender=lambda providers: ImmediateSender(
                providers, max_in_flight=self._slots, clock=self.clock.now
            ),
        )
        app.sender.start()
        return app

    def close(self) -> None:
        self.app.sender.stop()
        self.app.close()

    def restart(self) -> None:
        """End the process, and begin again on the same files and database."""
        self.close()
        self.app = self._build()
        self.app.worker.begin("all", alone=True)

    def reload(self) -> None:
        """What the daemon does when a file changes."""
        self.app.reload()
        self.app.revisions.migrate(self.app.handover, self.clock.now())
        self.app.worker.quiesce()

    def tell(self, kind: str, key: str = "ada", /, **facts: Any) -> dict[str, Any]:
        """One event now, stored as the web stores it and worked through with all that follows."""
        told = self.event(kind, key, **facts)
        self.tell_all([told])
        return told

    def event(self, kind: str, key: str = "ada", /, **facts: Any) -> dict[str, Any]:
        """``order``: its number. ``customer``: fields of theirs, or None for none at all."""
        now = self.clock.now()
        told: dict[str, Any] = {"source": "shop", "type": kind, "time": now.isoformat()}
        customer = facts.pop("customer", {})
        if customer is not None:
            told["customer"] = person(key) | customer
        order = facts.pop("order", None)
        if order is not None:
            told["order"] = {
                "id": str(order), "number": f"#{order}", "total": "80.00", "currency": "USD"
            }  # fmt: skip
        told |= facts
        told.setdefault("id", f"{kind}:{key}:{order}:{now.isoformat()}")
        return told

    def tell_all(self, events: Sequence[Mapping[str, Any]]) -> None:
        self.app.storage.accept([self.incoming(one) for one in events])
        self.app.worker.quiesce()

    def incoming(
        self, told: Mapping[str, Any], *, backfill: bool = False, at: datetime | None = None
    ) -> Incoming:
        now = at or self.clock.now()
        parsed = parse_line(json.dumps(told).encode(), received_at=now, catalog=self.app.catalog)
        assert not isinstance(parsed, Refused), parsed
        return Incoming(
            event=parsed, body=serialize(parsed), received_at=now, backfill=backfill
        )  # fmt: skip

    def run(self, until: datetime | timedelta) -> None:
        """Let time pass as the daemon lives it: at each moment at which something is due."""
        end = until if isinstance(until, datetime) else self.clock.now() + until
        while True:
            self.app.worker.quiesce()
            due = self.app.storage.next_due()
            if due is None or due > end:
                break
            self.clock.advance_to(max(due, self.clock.now() + timedelta(microseconds=1)))
        self.clock.advance_to(max(end, self.clock.now()))
        self.app.worker.quiesce()

    def sweep(self, at: datetime | None = None) -> int:
        """Look at the schedules, at ``at``; how many customers were looked at."""
        if at is not None:
            self.run(at)
        looked_at = self.app.worker.sweep.run(self.clock.now())
        self.app.worker.quiesce()
        return looked_at

    @property
    def received(self) -> list[Outgoing]:
        return [*self.email.received, *self.sms.received, *self.voice.received]

    def messages(self, name: str | None = None) -> list[LoggedMessage]:
        """The log, oldest first."""
        found = self.app.history.messages(Wanted(campaign=name, limit=5000))
        return sorted(found, key=lambda one: (one.created_at, one.id))

    def message(self) -> LoggedMessage:
        (only,) = self.messages()
        return only

    def events(self, kind: str) -> list[LoggedEvent]:
        return sorted(
            self.app.history.events(EventFilter(type=kind, limit=5000)), key=lambda one: one.seq
        )

    def verdicts(self, kind: str) -> list[str]:
        """What each event of a kind came to, campaign by campaign."""
        return [verdict.code.value for event in self.events(kind) for verdict in event.verdicts]

    def journeys(self, key: str = "ada") -> list[LoggedJourney]:
        return list(self.app.history.timeline(self.id_of(key)).journeys)

    def journey(self, key: str = "ada") -> LoggedJourney:
        (only,) = self.journeys(key)
        return only

    def id_of(self, key: str) -> str:
        """The engine's own id of the shop's customer."""
        found = {one.id for one in self.app.history.find_customers(f"shop:{key}")}
        assert len(found) == 1, found
        return found.pop()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What stands in the database."""
        with self.app.storage.database.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]

    def holds(self) -> dict[str, str]:
        return self.app.storage.holds()


def person(key: str) -> dict[str, Any]:
    """A customer who has agreed to email and text."""
    number = int.from_bytes(key.encode(), "big") % 10_000
    return {
        "id": key, "email": f"{key}@example.com", "email_verified": True,
        "phone": f"+1504555{number:04}", "first_name": key.title(),
        "consent": {"email": {"status": "subscribed"}, "sms": {"status": "subscribed"}},
    }  # fmt: skip
