from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from triggers.event_types import BUILT_IN
from triggers.sources.native import Batch, parse_events

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SINGLE = "application/cloudevents+json; charset=utf-8"
BATCHED = "application/cloudevents-batch+json"

CLOUD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "A234-1234-1234",
    "source": "https://shop.example/orders?x=1",
    "type": "order.delivered",
    "time": "2026-03-10T10:31:00Z",
    "datacontenttype": "application/json",
    "traceparent": "00-0af7-b7ad-01",
    "data": {"order": {"id": "1001", "total": 20}, "customer": {"id": "c1"}, "note": "left"},
}


def parse(value: Any, content_type: str = SINGLE) -> Batch:
    body = json.dumps(value).encode()
    return parse_events(body, received_at=NOW, content_type=content_type, catalog=BUILT_IN)


@pytest.mark.parametrize(
    ("value", "content_type"),
    [(CLOUD, SINGLE), ([CLOUD], BATCHED), (CLOUD, "application/json"), ([CLOUD], "")],
)
def test_every_mode_gives_the_same_event(value: Any, content_type: str) -> None:
    [event] = parse(value, content_type).events
    assert (event.id, event.source, event.type) == (CLOUD["id"], CLOUD["source"], CLOUD["type"])
    assert event.time == datetime(2026, 3, 10, 10, 31, tzinfo=UTC)
    assert event.order is not None
    assert event.order.id == "1001"
    assert event.customer is not None
    assert event.data == {"note": "left"}


def test_time_is_optional_and_subject_names_the_object() -> None:
    bare = {k: v for k, v in CLOUD.items() if k not in ("time", "data")}
    [event] = parse({**bare, "subject": "1001"}).events
    assert event.time == NOW
    assert event.order is not None
    assert event.order.id == "1001"
    # An object in data is more exact than the subject.
    [event] = parse({**CLOUD, "subject": "other"}).events
    assert event.order is not None
    assert event.order.id == "1001"


def test_data_not_of_our_shape_becomes_data() -> None:
    survey = {**CLOUD, "type": "survey.answered", "subject": "c1"}
    [event] = parse({**survey, "data": {"kind": "nps", "score": "10"}}).events
    assert event.data == {"kind": "nps", "score": 10}
    assert event.customer is not None
    assert event.customer.id == "c1"
    encoded = base64.b64encode(b'{"kind": "csat", "score": 4}').decode()
    without = {k: v for k, v in survey.items() if k != "data"}
    [event] = parse({**without, "data_base64": encoded}).events
    assert event.data == {"kind": "csat", "score": 4}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": None}, "specversion"),
        ({"id": ""}, "id"),
        ({"id": None}, "id"),
        ({"id": 5}, "id"),
        ({"source": None}, "source"),
        ({"source": "not a uri"}, "source"),
        ({"type": 7}, "type"),
        ({"type": "order.deliverd"}, "type"),
        ({"time": "10 March"}, "time"),
        ({"subject": ""}, "subject"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"Extension": 1}, "Extension"),
        ({"data_base64": "e30="}, "data_base64"),
        ({"data": None, "data_base64": "!"}, "data_base64"),
        ({"data": {"order": {"id": "1", "totl": 3}}}, "data.order.totl"),
        ({"data": {"customer": {"timezone": "x"}, "order": {"id": "1"}}}, "data.customer.timezone"),
    ],
)
def test_what_the_specification_forbids_is_told(change: dict[str, Any], where: str) -> None:
    [refused] = parse({**CLOUD, **change}).refused
    assert where in [problem.path for problem in refused.problems]


def test_the_media_type_decides_the_shape() -> None:
    assert "array" in parse(CLOUD, BATCHED).refused[0].problems[0].message
    assert "object" in parse([CLOUD], SINGLE).refused[0].problems[0].message
    plain = {k: v for k, v in CLOUD.items() if k != "specversion"}
    assert parse(plain, SINGLE).refused[0].problems[0].path == "specversion"
