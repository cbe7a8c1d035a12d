"""Zendesk's webhooks: its ticket events, and a JSON body that a trigger may send instead.

Event shape: developer.zendesk.com, "Webhook event types", Ticket events. It names the requester
by id only; a shop that wants tickets matched by email lets a trigger send this body::

    {"event": "solved",
     "ticket": {"id": "{{ticket.id}}", "status": "{{ticket.status}}",
                "subject": "{{ticket.title}}", "priority": "{{ticket.priority}}",
                "tags": "{{ticket.tags}}", "channel": "{{ticket.via}}",
                "external_id": "{{ticket.external_id}}", "order_id": "",
                "rating": "{{satisfaction.current_rating}}",
                "updated_at": "{{ticket.updated_at_with_timestamp}}"},
     "requester": {"id": "{{ticket.requester.id}}", "email": "{{ticket.requester.email}}",
                   "email_verified": true, "phone": "{{ticket.requester.phone}}",
                   "first_name": "{{ticket.requester.first_name}}",
                   "last_name": "{{ticket.requester.last_name}}", "locale": "en-US"}}

``event`` is opened, solved, reopened, rated or updated. Of these only ``ticket.id`` is needed.
A ticket's order is its ``order_id``, else an ``external_id`` or tag such as ``order_1001``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from triggers.sources.native import validate
from triggers.sources.payload import (
    JsonObject,
    amount,
    child,
    fingerprint,
    flag,
    key,
    parse_object,
    text,
    told,
)
from triggers.sources.problems import explain
from triggers.sources.reading import Reading, header, rejection
from triggers.sources.signatures import verify_zendesk

name: Final = "zendesk"

_PREFIX: Final = "zen:event-type:ticket."
_STATUS: Final = {
    "new": "open",
    "open": "open",
    "pending": "pending",
    "hold": "pending",
    "on-hold": "pending",
    "solved": "solved",
    "closed": "solved",
    # None of these waits for support any more.
    "deleted": "solved",
    "archived": "solved",
    "scrubbed": "solved",
}
_GONE: Final = ("soft_deleted", "permanently_deleted", "merged", "marked_as_spam")
_RATING: Final = {"good": 5, "bad": 1}
_TEMPLATED: Final = ("opened", "solved", "reopened", "rated", "updated")
_ORDER: Final = re.compile(r"order[_\-:#]+(\S{1,200})\Z", re.IGNORECASE)


def read(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], received_at: datetime
) -> Reading:
    """Verify and read one webhook; a verified one that cannot be understood is Rejected.

    Raises SignatureError.
    """
    verify_zendesk(headers, body, secrets, now=received_at)
    payload = parse_object(body)
    if payload is None:
        return rejection(name, None, "not a JSON object", body, received_at)
    identity = (
        key(payload.get("id"))
        or key(header(headers, "X-Zendesk-Webhook-Invocation-Id"))
        or fingerprint(body)
    )
    kind = text(payload.get("type")) or text(payload.get("event_type")) or ""
    if kind.startswith(_PREFIX):
        fields = _ticket_event(kind.removeprefix(_PREFIX), payload)
    elif "ticket" in payload:
        fields = _templated(payload)
    else:
        what = f'event type "{kind[:100]}"' if kind else "a body without type or ticket"
        reason = f"{what} is not one that Lagniappe reads"
        return rejection(name, identity, reason, body, received_at)
    if fields["ticket"].get("id") is None:
        return rejection(name, identity, "the ticket's id is missing", body, received_at)
    fields.update(id=identity, source=name)
    if fields.get("time") is None:
        fields["time"] = received_at
    try:
        return Reading(events=(validate(fields),))
    except ValidationError as error:
        reason = "; ".join(str(problem) for problem in explain(error)[:3])
        return rejection(name, identity, reason, body, received_at)


def _ticket_event(kind: str, payload: JsonObject) -> dict[str, Any]:
    detail, change = child(payload, "detail"), child(payload, "event")
    ticket = _ticket(detail)
    ticket["channel"] = text(child(detail, "via").get("channel"))
    event_type = "ticket.updated"
    if kind == "created":
        event_type = "ticket.opened"
    elif kind == "status_changed":
        current, previous = _status(change.get("current")), _status(change.get("previous"))
        ticket["status"] = current or ticket.get("status")
        if current == "solved" and previous != "solved":
            event_type = "ticket.solved"
        elif previous == "solved" and current in ("open", "pending"):
            event_type = "ticket.reopened"
    elif kind == "csat_received":
        score = child(change, "satisfaction_score").get("score")
        ticket["rating"] = _rating(score if score is not None else change.get("current"))
        if ticket["rating"] is not None:
            event_type = "ticket.rated"
    elif kind in _GONE:
        ticket["status"] = "solved"
    return {
        "type": event_type,
        "time": payload.get("time"),
        "ticket": told(ticket),
        "customer": _person({"id": detail.get("requester_id")}),
    }


def _templated(payload: JsonObject) -> dict[str, Any]:
    source = child(payload, "ticket")
    word = (text(payload.get("event")) or "updated").lower().removeprefix("ticket.")
    ticket = _ticket(source)
    ticket["channel"] = text(source.get("channel"))
    ticket["order_id"] = key(source.get("order_id")) or ticket["order_id"]
    ticket["rating"] = _rating(source.get("rating"))
    return {
        "type": f"ticket.{word}" if word in _TEMPLATED else "ticket.updated",
        "time": text(payload.get("time")) or ticket["updated_at"],
        "ticket": told(ticket),
        "customer": _person(child(payload, "requester")),
    }


def _ticket(source: JsonObject) -> dict[str, Any]:
    tags = source.get("tags")
    listed = tags.split() if isinstance(tags, str) else tags if isinstance(tags, list) else None
    words = None if listed is None else [word for tag in listed if (word := text(tag))]
    return {
        "id": key(source.get("id")),
        "status": _status(source.get("status")),
        "subject": text(source.get("subject")),
        "priority": (text(source.get("priority")) or "").lower() or None,
        "tags": words,
        "order_id": _order_id(source.get("external_id"), words or []),
        "updated_at": text(source.get("updated_at")),
    }


def _person(source: JsonObject) -> dict[str, Any] | None:
    person = told(
        {
            "id": key(source.get("id")),
            "email": text(source.get("email")),
            "email_verified": flag(source.get("email_verified")) is True,
            "phone": text(source.get("phone")),
            "first_name": text(source.get("first_name")),
            "last_name": text(source.get("last_name")),
            "locale": text(source.get("locale")),
        }
    )
    return person if any(field in person for field in ("id", "email", "phone")) else None


def _status(value: object) -> str | None:
    return _STATUS.get((text(value) or "").lower())


def _rating(value: object) -> int | None:
    word = (text(value) or "").lower()
    if word in _RATING:
        return _RATING[word]
    number = amount(value)
    return int(number) if number is not None and 0 <= number <= 10 else None


def _order_id(external_id: object, tags: Sequence[str]) -> str | None:
    for word in (text(external_id) or "", *tags):
        if found := _ORDER.match(word):
            return found[1]
    return None
