"""The report of a simulation: the whole starter library on an autumn of a made-up shop."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from engine.core.message import Channel
from engine.simulator.behaviour import Behaviour
from engine.simulator.page import page
from engine.simulator.preparation import Sample, prepare
from engine.simulator.report import document
from engine.simulator.simulation import simulate
from engine.synthetic.shop import Span, events
from tests.pictures.mails import ROOT
from triggers.event import Event
from triggers.sources.native import parse_line

_BEGIN: Final = datetime(2025, 8, 1, tzinfo=UTC)
_END: Final = datetime(2026, 1, 1, tzinfo=UTC)
_CUSTOMERS: Final = 500
_COSTS: Final[dict[Channel, Decimal]] = {"email": Decimal("0.0004"), "sms": Decimal("0.008")}


def report_page() -> str:
    """The page, the same each time."""
    prepared = prepare(ROOT, {}, only=(), drafts=True, changes={}, render=1, seed="1")
    for told in events(Span(customers=_CUSTOMERS, begin=_BEGIN, until=_END)):
        line = json.dumps(_with_telephone(told)).encode()
        at = datetime.fromisoformat(told["time"])
        event = parse_line(line, received_at=at, catalog=prepared.catalog)
        assert isinstance(event, Event), event
        prepared.add(event)
    setup = prepared.setup(
        since=_BEGIN + timedelta(days=30),
        until=None,
        afterwards=timedelta(days=30),
        behaviour=Behaviour(costs=_COSTS),
    )
    setup = replace(setup, pools={"welcome_back": 20})
    outcome = simulate(setup, prepared.history(setup, Sample()), lambda now, taken: True)
    return page(document(outcome, prepared.frame(setup, "default")))


def _with_telephone(told: dict[str, Any]) -> dict[str, Any]:
    """Every third customer gets texts as well."""
    customer = told.get("customer") or {}
    number = int(customer["id"][1:]) if {"id", "email"} <= customer.keys() else 1
    if number % 3:
        return told
    consent = {**customer.get("consent", {}), "sms": {"status": "subscribed"}}
    phone = {"phone": f"+1504555{number:04d}", "consent": consent}
    return {**told, "customer": {**customer, **phone}}
