"""The story of the recordings: a made-up shop's four weeks, told late, twice and in disorder."""

from __future__ import annotations

import heapq
import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from engine.core.message import Message
from engine.ports.stored import Incoming
from engine.simulator.recorded import Done
from engine.synthetic.shop import Span, events
from tests.simulator.both import Watching
from triggers.event import CustomerFacts, Event
from triggers.event_types import BUILT_IN
from triggers.sources.native import parse_line, serialize

# Two days before the clocks of North America change; Europe's change three weeks later.
START = datetime(2026, 3, 6, 14, tzinfo=UTC)
UNTIL = START + timedelta(days=28)
CUSTOMERS = 16
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)


def arrivals(
    *, until: datetime = UNTIL, customers: int = CUSTOMERS, lines: bool = False
) -> list[Incoming]:
    """What comes in: one in six late by up to two days, one in eight twice. Without ``lines``
    nobody is told what was bought, for campaigns that ask nothing of it."""
    chance = Random(11)
    span = Span(customers=customers, begin=START, until=until - 3 * _DAY, seed=5)
    found: list[tuple[datetime, dict[str, Any]]] = []
    for told in (*events(span), *_more()):
        if not lines:
            told.get("order", {}).pop("lines", None)
        at = datetime.fromisoformat(told["time"])
        late = timedelta(minutes=chance.randrange(2880)) if chance.random() < 1 / 6 else timedelta()
        found.append((at + late, _texting(told)))
        if chance.random() < 1 / 8:
            found.append((at + late + _HOUR, _texting(told)))
    found.sort(key=lambda one: (one[0], one[1]["time"], one[1]["source"], one[1]["id"]))
    return [_incoming(at, told) for at, told in found]


def _more() -> list[dict[str, Any]]:
    """What the made-up shop has none of: two records of one person, and money back at once."""

    def told(number: int, kind: str, at: datetime, **more: Any) -> dict[str, Any]:
        return {"id": f"m{number}", "type": kind, "time": at.isoformat(), **more}

    mia = {"id": "mia", "email": "mia@example.com", "email_verified": True,
           "consent": {"email": {"status": "subscribed"}}, "timezone": "Europe/Vienna"}  # fmt: skip
    at_desk = {"id": "d7", "email": "mia@example.com"}
    order = {"id": "mia-1", "total": "90.00", "currency": "USD"}
    return [
        told(1, "ticket.opened", START + _DAY, source="desk", customer=at_desk,
             ticket={"id": "t1", "subject": "A question"}),
        told(2, "order.placed", START + 2 * _DAY, source="shop", customer=mia, order=order),
        told(3, "ticket.solved", START + 3 * _DAY, source="desk", customer=at_desk,
             ticket={"id": "t1"}),
        told(4, "customer.updated", START + 4 * _DAY, source="desk",
             customer={**at_desk, "email_verified": True}),
        told(5, "order.shipped", START + 4 * _DAY, source="shop", customer={"id": "mia"},
             order={"id": "mia-1"}),
        told(6, "order.refunded", START + 5 * _DAY, source="shop", customer={"id": "mia"},
             order={"id": "mia-1"}),
        told(7, "order.placed", START + 9 * _DAY, source="shop", customer=mia,
             order={**order, "id": "mia-2"}),
        told(8, "order.delivered", START + 13 * _DAY, source="shop", customer={"id": "mia"},
             order={"id": "mia-2"}),
    ]  # fmt: skip


def _texting(told: dict[str, Any]) -> dict[str, Any]:
    """Customers with an even number may be texted."""
    customer = told.get("customer", {})
    number = customer.get("id", "").removeprefix("c")
    if "email" not in customer or not number.isdigit() or int(number) % 2:
        return told
    consent = {**customer.get("consent", {}), "sms": {"status": "subscribed"}}
    phone = {"phone": f"+1504555{int(number):04}", "phone_verified": True}
    return {**told, "customer": {**customer, **phone, "consent": consent}}


def _incoming(at: datetime, told: dict[str, Any]) -> Incoming:
    event = parse_line(json.dumps(told).encode(), received_at=at, catalog=BUILT_IN)
    assert isinstance(event, Event), event
    return Incoming(event=event, body=serialize(event), received_at=at)


class Texting(Watching):
    """Customers of a daemon of whom every third answers a text, and every other of those STOP."""

    def _plan(self, message: Message) -> None:
        super()._plan(message)
        number = int(message.id[:4], 16)
        if message.channel != "sms" or message.sent_at is None or number % 3:
            return
        at = message.sent_at + _HOUR
        event = Event(
            id=f"SM{message.id}", source="twilio", type="message.replied", time=at,
            customer=CustomerFacts(phone=message.recipient, phone_verified=True),
            data={"text": "STOP" if number % 2 else "Thank you!"},
        )  # fmt: skip
        heapq.heappush(self._planned, (at, message.id, 99, Done(at=at, event=event)))
