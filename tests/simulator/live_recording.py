"""A recording of a real process: a daemon in real time, events and receipts over HTTP.

It takes half a minute and is made on purpose only (``WRITE_GOLDEN=1``).
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from engine.core.message import Content
from engine.records import open_records
from engine.rendering.archive import unpack
from tests.e2e.processes import TOKEN, Daemon, environment, fakes, wait_until
from tests.fakes.receipts import SendGridWebhook, sendgrid_event
from tests.simulator.both import KEY, Outcome, stored
from tests.simulator.recording import WORKSPACE, decided, write

_LIKE_A_PERSON = 4.0  # seconds; who is quicker looks like a machine


@dataclass(frozen=True, slots=True)
class Given:
    """What a provider was given, as far as a recording asks."""

    content: Content


def record(path: Path, folder: Path) -> None:
    """Run a daemon in ``folder``, let a few customers come by, and write it all down."""
    workspace = folder / "shop"
    shutil.copytree(WORKSPACE, workspace)
    url, hook = f"sqlite:///{folder / 'lagniappe.db'}", SendGridWebhook()
    start = datetime.now(UTC)
    with fakes(folder / "record.jsonl") as providers:
        environ = environment(
            url, api_token=TOKEN, sendgrid_webhook_public_key=hook.public_key,
            secret_key=KEY["LAGNIAPPE_SECRET_KEY"], **providers.settings(),
        )  # fmt: skip
        with Daemon(workspace=workspace, environ=environ) as daemon:
            daemon.start()
            _come_by(daemon, url, hook)
            assert daemon.stop() == 0
            until, base = datetime.now(UTC), daemon.url
    outcome = _outcome(workspace, url, base)
    write(path, url, start, until, decided(outcome))


def _come_by(daemon: Daemon, url: str, hook: SendGridWebhook) -> None:
    """Four buy; one clicks, one complains, one's mail bounces, one gets the money back."""
    names = ("ada", "ben", "cem", "dora")
    _tell(daemon, *(_order("order.placed", name, facts=True) for name in names))
    _tell(daemon, *(_order("order.shipped", name) for name in names))
    _tell(daemon, _order("order.shipped", "ada"), _order("order.placed", "ada", facts=True))
    _settle(url)
    shipped = _sent(url, "shipped")
    assert len(shipped) == len(names), shipped
    time.sleep(_LIKE_A_PERSON)
    _report(daemon, hook, *(("delivered", shipped[name]) for name in ("ada", "ben", "dora")))
    _report(daemon, hook, ("bounce", shipped["cem"]))
    _report(daemon, hook, ("open", shipped["ada"]), ("click", shipped["ada"]),
            ("spamreport", shipped["ben"]))  # fmt: skip
    _report(daemon, hook, ("open", shipped["ada"]))
    _settle(url)
    _tell(daemon, _order("order.refunded", "dora"), _order("order.delivered", "ben"))
    _tell(daemon, _order("order.delivered", "ada"), _order("order.delivered", "ada"))
    _settle(url)


def _order(kind: str, name: str, *, facts: bool = False) -> dict[str, Any]:
    customer: dict[str, Any] = {"id": name}
    order: dict[str, Any] = {"id": f"{name}-1"}
    if facts:
        customer |= {
            "email": f"{name}@example.com", "email_verified": True, "first_name": name.title(),
            "timezone": "America/Chicago", "consent": {"email": {"status": "subscribed"}},
        }  # fmt: skip
        order |= {"total": "80.00", "currency": "USD"}
    now = datetime.now(UTC).isoformat()
    return {"id": f"{kind}-{name}", "source": "shop", "type": kind, "time": now,
            "customer": customer, "order": order}  # fmt: skip


def _tell(daemon: Daemon, *events: dict[str, Any]) -> None:
    assert daemon.post("/v1/events", json=list(events)).status_code == 202


def _report(daemon: Daemon, hook: SendGridWebhook, *told: tuple[str, str]) -> None:
    now = datetime.now(UTC)
    events = [
        sendgrid_event(kind, message, now - timedelta(seconds=1), number)
        for number, (kind, message) in enumerate(told)
    ]
    posted = hook.post(events, now)
    answer = daemon.post(posted.target, headers=dict(posted.headers), content=posted.body)
    assert answer.is_success, answer.text


def _rows(url: str, sql: str) -> list[Any]:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return list(connection.execute(text(sql)))
    finally:
        engine.dispose()


def _sent(url: str, step: str) -> dict[str, str]:
    found = _rows(
        url, f"SELECT recipient, id FROM messages WHERE step = '{step}' AND sent_at IS NOT NULL"
    )
    return {address.partition("@")[0]: key for address, key in found}


def _settle(url: str) -> None:
    """Nothing waits any more but for its time."""
    now = "(SELECT max(received_at) FROM events)"
    waits = (
        f"SELECT 1 FROM events WHERE state <> 1 UNION ALL "
        f"SELECT 1 FROM messages WHERE status = 'sending' "
        f"OR (status = 'scheduled' AND send_at <= {now})"
    )
    wait_until("a daemon at rest", lambda: not _rows(url, waits))
    time.sleep(1.0)


def _outcome(workspace: Path, url: str, base: str) -> Outcome:
    """What the database holds, its links as a daemon at the usual address would write them."""
    records = open_records(workspace, {"LAGNIAPPE_DATABASE_URL": url})
    try:
        outcome = stored(records.storage.database.engine)
        for key in outcome["messages"]:
            detail = records.history.message(key)
            if detail is not None and detail.packed is not None and detail.sample is not None:
                content = unpack(detail.packed, detail.sample)
                outcome["given"][key] = Given(_moved(content, base))
    finally:
        records.close()
    return outcome


def _moved(content: Content, base: str) -> Content:
    usual = "http://127.0.0.1:8025"
    html = content.html and content.html.replace(base, usual)
    return replace(content, text=content.text.replace(base, usual), html=html)
