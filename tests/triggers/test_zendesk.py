from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.event import Event, TicketFacts
from triggers.sources.native import deserialize, serialize
from triggers.sources.reading import Reading

Send = Callable[..., Reading]
Payload = Callable[[str], bytes]


def event_of(reading: Reading) -> tuple[Event, TicketFacts]:
    assert reading.rejected is None
    [event] = reading.events
    assert event.source == "zendesk"
    assert deserialize(serialize(event)) == event
    assert event.ticket is not None
    return event, event.ticket


def test_a_new_ticket(zendesk: Send, payload: Payload) -> None:
    event, ticket = event_of(zendesk(payload("zendesk_ticket_created")))
    assert event.type == "ticket.opened"
    assert event.id == "cbe4028c-7239-495d-b020-f22348516046"
    assert event.time == datetime(2026, 3, 5, 9, 0, 0, 99123, tzinfo=UTC)
    assert (ticket.id, ticket.status, ticket.priority) == ("5158", "open", "high")
    assert (ticket.channel, ticket.subject) == ("email", "Cracked soap")
    assert ticket.order_id == "5500000000001"
    assert event.customer is not None
    assert (event.customer.id, event.customer.email) == ("8447388090495", None)


@pytest.mark.parametrize(
    ("previous", "current", "kind", "status"),
    [
        ("OPEN", "SOLVED", "ticket.solved", "solved"),
        ("NEW", "CLOSED", "ticket.solved", "solved"),
        ("SOLVED", "CLOSED", "ticket.updated", "solved"),
        ("SOLVED", "OPEN", "ticket.reopened", "open"),
        ("SOLVED", "PENDING", "ticket.reopened", "pending"),
        ("OPEN", "HOLD", "ticket.updated", "pending"),
        ("OPEN", "DELETED", "ticket.solved", "solved"),
    ],
)
def test_a_status_change(
    zendesk: Send, payload: Payload, previous: str, current: str, kind: str, status: str
) -> None:
    value = json.loads(payload("zendesk_status_changed"))
    value["event"] = {"previous": previous, "current": current}
    event, ticket = event_of(zendesk(json.dumps(value).encode()))
    assert (event.type, ticket.status) == (kind, status)


@pytest.mark.parametrize(("score", "rating"), [("GOOD", 5), ("BAD", 1), ("4", 4), (3, 3)])
def test_a_rating(zendesk: Send, payload: Payload, score: object, rating: int) -> None:
    value = json.loads(payload("zendesk_csat_received"))
    value["event"]["satisfaction_score"]["score"] = score
    event, ticket = event_of(zendesk(json.dumps(value).encode()))
    assert (event.type, ticket.rating) == ("ticket.rated", rating)


def test_an_unreadable_rating_is_only_an_update(zendesk: Send, payload: Payload) -> None:
    value = json.loads(payload("zendesk_csat_received"))
    value["event"] = {"satisfaction_score": {"score": "OFFERED"}}
    event, ticket = event_of(zendesk(json.dumps(value).encode()))
    assert (event.type, ticket.rating) == ("ticket.updated", None)


def test_a_deleted_ticket_waits_for_nobody(zendesk: Send, payload: Payload) -> None:
    value = json.loads(payload("zendesk_ticket_created"))
    for kind in ("soft_deleted", "merged", "marked_as_spam"):
        value["type"] = f"zen:event-type:ticket.{kind}"
        event, ticket = event_of(zendesk(json.dumps(value).encode()))
        assert (event.type, ticket.status) == ("ticket.updated", "solved")


def test_a_body_that_a_trigger_sends(zendesk: Send, payload: Payload) -> None:
    body = payload("zendesk_trigger")
    event, ticket = event_of(zendesk(body, Webhook_Invocation_Id="01GK"))
    assert (event.id, event.type, ticket.status) == ("01GK", "ticket.solved", "solved")
    assert (ticket.order_id, ticket.tags, ticket.rating) == (
        "5500000000001",
        ("damage", "vip"),
        None,
    )
    assert event.customer is not None
    assert (event.customer.email, event.customer.email_verified) == ("anna.huber@example.com", True)
    assert event_of(zendesk(body))[0].id == event_of(zendesk(body))[0].id


@pytest.mark.parametrize(
    ("external_id", "tags", "order_id"),
    [
        ("order_1001", [], "1001"),
        ("ORDER-7", ["order_8"], "7"),
        (None, ["vip", "order_8"], "8"),
        ("crm-55", ["reorder_8", "order"], None),
    ],
)
def test_the_order_of_a_ticket(
    zendesk: Send, payload: Payload, external_id: str | None, tags: list[str], order_id: str | None
) -> None:
    value = json.loads(payload("zendesk_ticket_created"))
    value["detail"].update(external_id=external_id, tags=tags)
    assert event_of(zendesk(json.dumps(value).encode()))[1].order_id == order_id


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[1]", "not a JSON object"),
        (b"{}", "without type or ticket"),
        (b'{"type": "zen:event-type:user.created"}', "zen:event-type:user.created"),
        (b'{"type": "zen:event-type:ticket.created", "detail": {}}', "id is missing"),
        (b'{"ticket": {"id": 5}, "time": "soon"}', "ISO 8601"),
    ],
)
def test_what_cannot_be_understood_is_rejected(zendesk: Send, body: bytes, reason: str) -> None:
    reading = zendesk(body)
    assert reading.rejected is not None
    assert reason in reading.rejected.reason


_FILES = sorted((Path(__file__).parent / "payloads").glob("zendesk_*.json"))
_JUNK: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({})
)


@given(st.sampled_from(_FILES), st.data())
def test_any_junk_in_a_real_payload_is_an_event_or_rejected(
    zendesk: Send, file: Path, data: st.DataObject
) -> None:
    value: dict[str, Any] = json.loads(file.read_bytes())
    here = value
    inner = [name for name in here if isinstance(here[name], dict)]
    if data.draw(st.booleans()):
        here = here[data.draw(st.sampled_from(inner))]
    here[data.draw(st.sampled_from(sorted(here) or ["x"]))] = data.draw(_JUNK)
    reading = zendesk(json.dumps(value).encode())
    assert len(reading.events) + (reading.rejected is not None) == 1


@given(st.binary(max_size=100))
def test_any_bytes_are_an_event_or_rejected(zendesk: Send, body: bytes) -> None:
    reading = zendesk(body)
    assert len(reading.events) + (reading.rejected is not None) == 1
