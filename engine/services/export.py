"""Everything on record of one customer, as plain values (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from engine.core.message import Content
from engine.core.trace import message_text
from engine.ports.history import History, LoggedEvent, LoggedMessage, MessageDetail
from engine.ports.privacy import PrivacyStorage
from engine.ports.storage import Storage
from engine.services.case import Question, facts_of, plan_of, withheld_by
from engine.services.customers import card

_ALL: Final = 10_000_000  # rows of one kind; nobody has as many

_PROFILE: Final = (
    "id", "email", "phone", "first_name", "last_name", "locale", "timezone", "country", "region",
    "postal_code", "street",
    "birthday", "tags", "attributes", "created_at", "orders_count", "total_spent",
    "first_order_at", "last_order_at", "open_tickets",
)  # fmt: skip


def export(
    history: History,
    storage: Storage,
    privacy: PrivacyStorage,
    customer_id: str,
    asked: Question,
    content_of: Callable[[MessageDetail], Content | None],
) -> dict[str, Any]:
    """One document, in the shape of ``docs/reference/customer-export.md``.

    Raises ``KeyError`` when there is no such customer.
    """
    shown = card(history, storage, asked.rules, customer_id, asked.now)
    past = history.timeline(customer_id, limit=_ALL)
    addresses = {
        *filter(None, (shown.customer.email, shown.customer.phone)),
        *(key.value for key in shown.identities if not key.kind.startswith("id:")),
        *(one.recipient for one in past.messages if one.recipient is not None),
    }
    with storage.deciding() as unit:
        known = unit.permissions(addresses)
        unit.open_books(None)
        books = unit.load([customer_id], now=asked.now)[customer_id].books
    return {
        "version": 1,
        "exported_at": asked.now,
        "customer": {name: getattr(shown.customer, name) for name in _PROFILE},
        "identities": [{"kind": one.kind, "value": one.value} for one in shown.identities],
        "consents": [asdict(known.consents[key]) for key in sorted(known.consents)],
        "consent_history": [asdict(one) for one in privacy.consent_history(addresses)],
        "suppressions": [asdict(known.suppressions[key]) for key in sorted(known.suppressions)],
        "preferences": [asdict(known.preferences[key]) for key in sorted(known.preferences)],
        "orders": [_object(one) for one in shown.orders],
        "tickets": [_object(one) for one in shown.tickets],
        "events": [_event(one) for one in past.events],
        "journeys": [_object(one) for one in past.journeys],
        "decisions": [
            {"at": one.at, "campaign": decision.campaign, "journey": one.journey,
             "step": one.step or None, "kind": one.kind, "code": one.code, "text": one.text,
             "values": one.trace}
            for decision, one in zip(past.decisions, facts_of(past.decisions, asked), strict=True)
        ],
        "messages": [
            _message(each, history.message(each.id), asked, content_of) for each in past.messages
        ],
        "books": [asdict(books[place]) for place in sorted(books)],
        "conflicts": [_object(one) for one in shown.conflicts],
    }  # fmt: skip


def _object(one: Any) -> dict[str, Any]:
    """Its fields, without what only the engine's own bookkeeping needs."""
    row = {key: value for key, value in asdict(one).items() if key not in ("stamps", "customer_id")}
    return {key: list(value.values()) if key in _BY_ID else value for key, value in row.items()}


_BY_ID: Final = frozenset({"lines", "fulfilments", "refunds"})


def _event(event: LoggedEvent) -> dict[str, Any]:
    return {
        "source": event.source, "id": event.id, "type": event.type, "time": event.time,
        "received_at": event.received_at, "state": event.state, "reason": event.reason,
        "body": _json(event.body),
    }  # fmt: skip


def _json(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _message(
    message: LoggedMessage,
    detail: MessageDetail | None,
    asked: Question,
    content_of: Callable[[MessageDetail], Content | None],
) -> dict[str, Any]:
    content = None if detail is None else content_of(detail)
    decisions = () if detail is None else detail.decisions
    plan = plan_of(asked.plans, message.campaign, message.revision)
    told = message_text(message, withheld_by(decisions, message), plan, asked.zone)
    return {
        **_object(message),
        "answer": told,
        "content": None if content is None else asdict(content),
        "receipts": [_object(one) for one in (() if detail is None else detail.receipts)],
    }
