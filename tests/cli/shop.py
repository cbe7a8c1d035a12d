"""A small shop with a past: three weeks of events, worked through under a virtual clock."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from engine.bootstrap import App, build
from engine.cli.main import app as program
from engine.cli.session import Session
from engine.ports.clock import VirtualClock
from engine.ports.stored import Incoming
from engine.providers.immediate import ImmediateSender
from engine.records import open_records
from triggers.sources.native import Refused, parse_line, serialize

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
END = START + timedelta(days=21)
DAY = timedelta(days=1)

FILES = {
    "config/store.yaml": """\
version: 1
brand:
  name: Bellerive
  url: https://shop.example.com
  postal_address: Bellerive, 1 Rampart Street, New Orleans
  support: {email: help@example.com}
currency: USD
timezone: America/Chicago
senders:
  email: {from_name: Bellerive, from_email: hello@example.com}
quiet_hours: {email: none}
caps:
  - {channel: any, count: 1, per: 7d}
""",
    "campaigns/thanks.yaml": """\
version: 1
id: thanks
name: Thank-you
stage: onboarding
status: live
purpose: transactional
priority: 90
trigger: {event: order.placed, filter: order.total >= 20}
entry: {key: order.id, re_entry: never}
steps:
  - id: thank
    send_email: thanks
""",
    "campaigns/review.yaml": """\
version: 1
id: review
name: Review request
stage: advocacy
status: live
purpose: marketing
priority: 50
trigger: {event: order.delivered}
entry: {key: order.id, re_entry: never}
exit_on: [order.refunded, review.submitted]
goal: {event: review.submitted, within: 30d}
steps:
  - id: pause
    delay: 3d
  - id: ask
    send_email: review
  - id: week
    delay: 14d
""",
    "campaigns/win-back.yaml": """\
version: 1
id: win-back
name: Win back
stage: win_back
status: live
purpose: marketing
trigger:
  schedule: {cron: "0 9 * * *", timezone: customer}
  segment: customer.days_since_order == 90
entry: {key: customer.id}
steps:
  - id: ask
    send_email: review
""",
    "campaigns/newsletter.yaml": """\
version: 1
id: newsletter
name: Not yet
stage: retention
status: draft
purpose: marketing
trigger: {event: customer.subscribed}
entry: {key: customer.id, re_entry: never}
steps:
  - id: hello
    send_email: review
""",
    "message_templates/thanks/subject.txt": "Thank you, {{ customer.first_name }}\n",
    "message_templates/thanks/body.txt": "Your order {{ order.number }} is with us.\n",
    "message_templates/thanks/body.html": "<html><body>Order {{ order.number }}</body></html>\n",
    "message_templates/thanks/subject.de.txt": "Danke, {{ customer.first_name }}\n",
    "message_templates/thanks/body.de.txt": "Ihre Bestellung {{ order.number }} ist da.\n",
    "message_templates/thanks/body.de.html": "<html><body>Nr. {{ order.number }}</body></html>\n",
    "message_templates/review/subject.txt": "How was it, {{ customer.first_name }}?\n",
    "message_templates/review/body.txt": "Tell us: {{ shop.url }}\n{{ links.unsubscribe }}\n",
    "message_templates/review/body.html": (
        '<html><body><p>Tell us</p><a href="{{ links.unsubscribe }}">Unsubscribe</a>'
        "</body></html>\n"
    ),
}  # fmt: skip


def make(workspace: Path) -> None:
    """Write the workspace's files."""
    for name, text in FILES.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def customer(key: str, *, consent: bool = True, **more: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "id": key, "email": f"{key}@example.com", "email_verified": True,
        "first_name": key.title(), **more,
    }  # fmt: skip
    if consent:
        facts["consent"] = {"email": {"status": "subscribed"}}
    return facts


def event(kind: str, at: datetime, key: str, number: int, **more: Any) -> dict[str, Any]:
    """One event of customer ``key`` about order ``number``."""
    return {
        "id": f"{kind}-{number}", "source": "shop", "type": kind, "time": at.isoformat(),
        "customer": customer(key, **more.pop("customer", {})),
        "order": {"id": str(number), "number": f"#{number}", "total": "80.00", "currency": "USD",
                  **more.pop("order", {})},
        **more,
    }  # fmt: skip


def past() -> list[tuple[datetime, dict[str, Any]]]:
    """What happened, by its time of arrival."""
    day = [START + number * DAY for number in range(21)]
    told = [
        # ada is asked for a review, and writes one
        event("order.placed", day[0], "ada", 1001),
        event("order.shipped", day[1], "ada", 1001),
        event("order.delivered", day[3], "ada", 1001),
        {"id": "rev-1", "source": "reviews", "type": "review.submitted", "data": {"rating": 5},
         "time": day[8].isoformat(), "customer": customer("ada")},
        # ben has agreed to nothing
        event("order.placed", day[0], "ben", 1002, customer={"consent": False}),
        event("order.delivered", day[4], "ben", 1002, customer={"consent": False}),
        # cem gets his money back while the campaign waits
        event("order.placed", day[2], "cem", 1003),
        event("order.delivered", day[5], "cem", 1003),
        event("order.refunded", day[6], "cem", 1003),
        # dora's parcel is under way
        event("order.placed", day[18], "dora", 1004),
        event("order.shipped", day[19], "dora", 1004),
        # eve bought little, and waits
        event("order.placed", day[15], "eve", 1005, order={"total": "12.50"}),
        event("order.delivered", day[19], "eve", 1005),
        # mal's name is an attack on terminals, his number on spreadsheets
        event("order.placed", day[16], "mal", 1006, order={"number": "=1+1"},
              customer={"first_name": "\x1b[31mMal\x07"}),
        # tess only tries the shop out
        event("order.placed", day[17], "tess", 1007, order={"is_test": True}),
        # ada buys again, within a week of another message
        event("order.placed", day[5], "ada", 1008),
        event("order.delivered", day[6], "ada", 1008),
    ]  # fmt: skip
    return sorted(((datetime.fromisoformat(one["time"]), one) for one in told),
                  key=lambda one: one[0])  # fmt: skip


def lines() -> str:
    """The past as a file of events."""
    return "".join(json.dumps(told) + "\n" for _, told in past())


def fill(workspace: Path, more: Iterable[dict[str, Any]] = ()) -> None:
    """Live through the past and ``more`` events, an hour at a time."""
    clock = VirtualClock(START)
    app = build(
        workspace,
        {},
        clock=clock,
        sends=True,
        make_sender=lambda providers: ImmediateSender(
            providers, max_in_flight=100, clock=clock.now
        ),
    )
    app.sender.start()
    try:
        _live(app, clock, more)
    finally:
        app.sender.stop()
        app.close()


def _live(app: App, clock: VirtualClock, more: Iterable[dict[str, Any]]) -> None:
    waiting = [*past(), *((datetime.fromisoformat(one["time"]), one) for one in more)]
    waiting.sort(key=lambda one: one[0])
    while clock.now() < END:
        due = [told for at, told in waiting if at <= clock.now()]
        waiting = waiting[len(due) :]
        app.storage.accept([_incoming(app, one) for one in due])
        app.worker.quiesce()
        clock.advance_to(clock.now() + timedelta(hours=1))


def _incoming(app: App, told: dict[str, Any]) -> Incoming:
    now = app.clock.now()
    parsed = parse_line(json.dumps(told).encode(), received_at=now, catalog=app.catalog)
    assert not isinstance(parsed, Refused), parsed
    return Incoming(event=parsed, body=serialize(parsed), received_at=now)


class Cli:
    """The command line on one workspace, at a virtual instant."""

    def __init__(self, workspace: Path, now: datetime = END) -> None:
        self.workspace = workspace
        self.clock = VirtualClock(now)

    def __call__(self, *args: str, stdin: str | bytes | None = None, **env: str) -> Result:
        session = Session(
            environ=env,
            build=lambda workspace, environ: build(workspace, environ, clock=self.clock),
            look=lambda workspace, environ: build(workspace, environ, clock=self.clock, looks=True),
            open_records=lambda workspace, environ: open_records(
                workspace, environ, clock=self.clock
            ),
        )
        return CliRunner().invoke(
            program, ["-w", str(self.workspace), *args], input=stdin, obj=session
        )

    def ok(self, *args: str, stdin: str | bytes | None = None, **env: str) -> str:
        """What a command prints that goes well."""
        result = self(*args, stdin=stdin, **env)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *args: str) -> Any:
        """What it prints for programs."""
        return json.loads(self.ok(*args, "--format", "json"))
