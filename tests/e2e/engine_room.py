"""The whole application in this process under a virtual clock: web, worker, database."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine, text

from config.diagnostics import Severity
from engine.bootstrap import App, build
from engine.ports.clock import VirtualClock
from engine.ports.providers import Provider
from engine.ports.stored import Incoming
from engine.providers.immediate import ImmediateSender
from engine.web_parts import WebParts
from triggers.event import Event
from triggers.event_types import BUILT_IN
from triggers.sources.native import parse_line, serialize


@contextmanager
def running(
    workspace: Path,
    database_url: str,
    at: datetime,
    *,
    max_in_flight: int = 100,
    provider: Provider | None = None,
    **settings: str,
) -> Iterator[tuple[App, VirtualClock]]:
    """The application of a workspace, ready to work, its clock standing at ``at``."""
    clock = VirtualClock(at)
    environ = {f"LAGNIAPPE_{name.upper()}": value for name, value in settings.items()}
    app = build(
        workspace,
        {"LAGNIAPPE_DATABASE_URL": database_url, **environ},
        clock=clock,
        sends=True,
        providers=None if provider is None else {provider.channel: provider},
        make_sender=lambda providers: ImmediateSender(
            providers, max_in_flight=max_in_flight, clock=clock.now
        ),
    )
    try:
        problems = app.loader.diagnostics()
        assert [each.message for each in problems if each.severity is Severity.ERROR] == []
        app.sender.start()
        yield app, clock
    finally:
        app.sender.stop()
        app.close()


class Client:
    """Asks the application's own web, one request at a time, without a network."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self._runner = runner
        self._client = client

    def post(self, path: str, **content: Any) -> httpx.Response:
        """One request to its end."""
        return self._runner.run(self._client.post(path, **content))


@contextmanager
def served(app: App) -> Iterator[Client]:
    """A client of the application's web."""
    parts = WebParts(app, works=False)
    parts.start()
    transport = httpx.ASGITransport(app=parts.asgi)
    client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8025")
    try:
        with asyncio.Runner() as runner:
            yield Client(runner, client)
            runner.run(client.aclose())
    finally:
        parts.stop()


def tell(app: App, events: Iterable[dict[str, Any]]) -> None:
    """Have the door accept events, as a request would; the worker has yet to process them."""
    app.storage.accept(arriving(app, events))


def arriving(app: App, events: Iterable[dict[str, Any]]) -> list[Incoming]:
    """Events at the door."""
    now = app.clock.now()
    incoming = []
    for number, told in enumerate(events, 1):
        line = json.dumps(told).encode()
        event = parse_line(line, received_at=now, catalog=BUILT_IN, index=number)
        assert isinstance(event, Event), event
        incoming.append(Incoming(event=event, body=serialize(event), received_at=now))
    return incoming


def let_time_pass(app: App, clock: VirtualClock, until: datetime) -> None:
    """Do everything that falls due up to ``until``, at the moment at which it does."""
    app.worker.quiesce()
    while (due := app.storage.next_due()) is not None and due <= until:
        clock.advance_to(max(due, clock.now() + timedelta(microseconds=1)))
        app.worker.quiesce()
    clock.advance_to(until)
    app.worker.quiesce()


def rows(
    database_url: str, table: str, *, without: frozenset[str] = frozenset()
) -> list[Mapping[str, Any]]:
    """A table's rows in a fixed order; columns in ``without`` are left out."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {table}")).mappings().all()
    engine.dispose()
    kept = [{key: row[key] for key in row if key not in without} for row in found]
    return sorted(kept, key=lambda row: [str(value) for value in row.values()])
