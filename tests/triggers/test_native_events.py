from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.catalog import custom_type
from triggers.event import CustomerFacts, Event, OrderFacts
from triggers.event_types import BUILT_IN
from triggers.sources.native import (
    Batch,
    Refused,
    deserialize,
    parse_events,
    parse_line,
    reads_back,
    serialize,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)

ORDER: dict[str, Any] = {
    "id": "order.placed:1001",
    "source": "shop",
    "type": "order.placed",
    "time": "2026-03-10T12:30:00+01:00",
    "customer": {
        "id": "c1",
        "email": "anna@example.com",
        "timezone": "Europe/Vienna",
        "consent": {"email": {"status": "subscribed"}},
    },
    "order": {
        "id": "1001",
        "currency": "EUR",
        "total": "59.90",
        "lines": [{"id": "1", "title": "Soap", "quantity": "2", "price": 19.95}],
    },
}
SURVEY: dict[str, Any] = {
    "id": "s1",
    "source": "shop",
    "type": "survey.answered",
    "time": "2026-03-10T11:00:00Z",
    "customer": {"id": "c1"},
    "data": {"kind": "nps", "score": 9},
}


def parse(value: Any, content_type: str = "application/json") -> Batch:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return parse_events(body, received_at=NOW, content_type=content_type, catalog=BUILT_IN)


def told(value: Any) -> tuple[str, str]:
    """Path and message of the only problem of the only event."""
    [refused] = parse(value).refused
    [problem] = refused.problems
    return problem.path, problem.message


def test_an_event_is_read_with_its_types() -> None:
    [event] = parse(ORDER).events
    assert event.time == datetime(2026, 3, 10, 11, 30, tzinfo=UTC)
    assert event.time.tzinfo is UTC
    assert event.order is not None
    assert event.order.total == Decimal("59.90")
    assert event.order.lines is not None
    assert (event.order.lines[0].quantity, event.order.lines[0].price) == (2, Decimal("19.95"))


def test_an_array_keeps_order_and_good_events_beside_bad_ones() -> None:
    bad = {**ORDER, "id": "bad", "type": "order.palced"}
    batch = parse([ORDER, bad, "no event", ORDER, {**ORDER, "id": 7}])
    kinds = [type(item) for item in batch.items]
    assert kinds == [Event, Refused, Refused, Event, Event]
    assert [(item.index, item.id) for item in batch.refused] == [(1, "bad"), (2, None)]
    assert batch.events[2].id == "7"


def test_an_empty_array_is_an_empty_batch_and_a_long_one_is_refused() -> None:
    assert parse([]).items == ()
    assert len(parse([ORDER] * 1000).events) == 1000
    batch = parse([ORDER] * 1001)
    assert batch.events == ()
    assert "at most 1000" in batch.refused[0].problems[0].message


def changed(path: str, value: Any, base: dict[str, Any] = ORDER) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(base))
    *parents, last = path.split(".")
    here: Any = copy
    for part in parents:
        here = here[int(part)] if part.isdigit() else here[part]
    here[last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value", "where", "message"),
    [
        ("ordre", {}, "ordre", 'did you mean "order"?'),
        ("customer.emial", "x", "customer.emial", 'did you mean "email"?'),
        ("order.totl", 1, "order.totl", 'did you mean "total"?'),
        ("order.lines.0.qantity", 1, "order.lines[0].qantity", 'did you mean "quantity"?'),
        ("customer.consent.email.sttus", 1, "customer.consent.email.sttus", '"status"?'),
        ("customer.consent.email.status", "subscibed", "customer.consent.email.status", "did you"),
        ("type", "order.palced", "type", 'did you mean "order.placed"?'),
        ("type", "Order Placed", "type", "expected lower-case words"),
        ("time", "2026-03-10T12:30:00", "time", "has no offset"),
        ("time", "yesterday", "time", "ISO 8601"),
        ("time", "2026-03-11T12:00:01Z", "time", "wrong clock"),
        ("time", "1994-12-31T23:59:59Z", "time", "before 1995"),
        ("time", "0001-01-01T00:00:00+14:00", "time", "outside the years"),
        ("customer.timezone", "Europe/Viena", "customer.timezone", '"Europe/Vienna"?'),
        ("order.currency", "euro", "order.currency", "three capital letters"),
        ("order.total", "abc", "order.total", "not an amount"),
        ("order.total", "1.23456", "order.total", "four decimal places"),
        ("order.lines.0.quantity", 1.5, "order.lines[0].quantity", "whole number"),
        ("order.id", "a\x00b", "order.id", "NUL"),
        ("order.id", "", "order.id", "is empty"),
        ("customer.first_name", "x" * 2001, "customer.first_name", "2000"),
        ("order", None, "order", "order.placed needs it"),
        ("data", {"a": ["b\x00"]}, "data.a[0]", "NUL"),
        ("data", {"a\x00": 1}, "data", "NUL"),
        ("data", {"a": "\ud800"}, "data.a", "surrogate"),
        ("data", {"a": float("nan")}, "data.a", "NaN"),
        ("data", {"a": float("inf")}, "data.a", "NaN and Infinity"),
        ("data", {"a": 2**63}, "data.a", "64 bits"),
        ("data", {"a": "x" * 65536}, "data", "64 KB"),
        ("order.attributes", {"a": "x\x00"}, "order.attributes.a", "NUL"),
        ("customer.attributes", {"a": "x" * 65536}, "customer.attributes", "64 KB"),
        ("causes", ["a"] * 9, "causes", "more than 8"),
    ],
)
def test_a_fault_is_told_with_its_path(path: str, value: Any, where: str, message: str) -> None:
    got_path, got_message = told(changed(path, value))
    assert got_path == where
    assert message in got_message


@pytest.mark.parametrize("name", ["id", "source", "type", "time"])
def test_a_missing_field_is_told(name: str) -> None:
    assert told({k: v for k, v in ORDER.items() if k != name}) == (name, "is missing")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b"[" * 100_000, "deep"),
        (b"12", "neither an event nor an array"),
        (b"\x00", "not JSON"),
    ],
)
def test_a_body_beyond_reading_is_one_refusal(body: bytes, message: str) -> None:
    [refused] = parse(body).items
    assert isinstance(refused, Refused)
    assert message in refused.problems[0].message


def nested(depth: int) -> dict[str, Any]:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return {"a": value} if depth else value


def test_data_may_be_twenty_levels_deep() -> None:
    assert parse({**ORDER, "data": nested(19)}).events
    for depth in (20, 25, 60, 300):
        path, message = told({**ORDER, "data": nested(depth)})
        assert path in ("data", "")
        assert "levels deep" in message


def test_a_lone_surrogate_or_deep_value_costs_only_its_own_event() -> None:
    batch = parse([ORDER, {**ORDER, "data": {"a": "\udfff"}}, {**ORDER, "data": nested(400)}])
    assert [type(item) for item in batch.items] == [Event, Refused, Refused]


def test_infinity_written_as_a_number_is_refused() -> None:
    body = json.dumps({**ORDER, "data": {"a": 12345}}).replace("12345", "1e999").encode()
    [refused] = parse(body).refused
    assert refused.problems[0].path == "data.a"


def test_data_is_brought_to_the_types_that_the_catalog_declares() -> None:
    [event] = parse({**SURVEY, "data": {"kind": "nps", "score": "9", "extra": "1"}}).events
    assert event.data == {"kind": "nps", "score": 9, "extra": "1"}
    assert told(changed("data.score", "nine", SURVEY)) == ("data.score", "is not a whole number")
    assert told(changed("data.score", None, SURVEY))[0] == "data.score"
    assert told({**SURVEY, "data": {}} | {"data": {"score": 1}})[0] == "data.kind"


def test_every_declared_type_takes_its_kind_and_refuses_others() -> None:
    good: dict[str, list[Any]] = {
        "bool": [True, "false"],
        "int": [3, "3", 3.0],
        "number": [3, 2.5, "2.5"],
        "string": ["x", 5],
        "timestamp": ["2026-03-01T10:00:00+01:00"],
        "strings": [["a", "b"], []],
    }
    bad: dict[str, list[Any]] = {
        "bool": [1, "maybe", []],
        "int": [2.5, "x", True, "9" * 25],
        "number": ["x", False, "1e5"],
        "string": [["x"], {}, True],
        "timestamp": ["2026-03-01T10:00:00", "x", {}],
        "strings": ["a", [1]],
    }
    for kind in good:
        catalog = BUILT_IN.with_custom([custom_type("shop.done", fields={"f": kind})])
        for values, verdict in ((good[kind], Event), (bad[kind], Refused)):
            for value in values:
                line = json.dumps({**SURVEY, "type": "shop.done", "data": {"f": value}}).encode()
                item = parse_line(line, received_at=NOW, catalog=catalog)
                assert isinstance(item, verdict), (kind, value)


def test_a_survey_reaches_its_customer_through_the_order_but_a_customer_fact_cannot() -> None:
    no_customer = {k: v for k, v in SURVEY.items() if k != "customer"}
    assert told(no_customer)[0] == "customer"
    assert parse({**no_customer, "order": {"id": "1001"}}).events
    created = {**no_customer, "type": "customer.created", "order": {"id": "1001"}}
    assert told(created)[0] == "customer"


def test_parse_line_tells_its_index() -> None:
    item = parse_line(b"{}", received_at=NOW, catalog=BUILT_IN, index=41)
    assert isinstance(item, Refused)
    assert item.index == 41


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
_PATHS = [
    "id", "source", "type", "time", "customer", "order", "ticket", "data", "causes",
    "customer.email", "customer.consent", "customer.attributes", "customer.timezone",
    "order.lines", "order.total", "order.lines.0.quantity", "order.lines.0.price", "new",
    "specversion",
]  # fmt: skip


@given(st.sampled_from(_PATHS), json_values, st.booleans())
def test_any_value_anywhere_gives_an_event_or_a_verdict(
    path: str, value: Any, in_array: bool
) -> None:
    event = changed(path, value)
    batch = parse([event, ORDER] if in_array else event)
    assert len(batch.items) == (2 if in_array else 1)
    for item in batch.events:
        assert deserialize(serialize(item)) == item
    if in_array:
        assert isinstance(batch.items[1], Event)
    for refused in batch.refused:
        assert refused.problems


@given(st.binary(max_size=200), st.sampled_from(["application/json", "text/xml", ""]))
def test_any_bytes_give_a_batch(body: bytes, content_type: str) -> None:
    assert isinstance(parse(body, content_type), Batch)
    assert isinstance(parse_line(body, received_at=NOW, catalog=BUILT_IN), Event | Refused)


times = st.integers(820_454_400, 1_773_100_800).map(lambda at: datetime.fromtimestamp(at, UTC))
words = st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1, max_size=20)


@given(
    at=times,
    word=words,
    total=st.decimals(min_value=0, max_value=10**9, places=4),
    data=st.dictionaries(words, words | st.integers(-(2**63), 2**63 - 1) | st.booleans()),
)
def test_serialize_and_deserialize_are_inverse(
    at: datetime, word: str, total: Decimal, data: dict[str, Any]
) -> None:
    event = {**ORDER, "time": at.isoformat(), "id": word, "data": data}
    event["order"] = {**ORDER["order"], "total": str(total), "number": word}
    [read] = parse(event).events
    assert deserialize(serialize(read)) == read
    assert read.time == at


def test_clock_tolerance_is_a_day() -> None:
    assert parse({**ORDER, "time": (NOW + timedelta(hours=24)).isoformat()}).events


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
other = (
    st.datetimes(timezones=st.just(UTC))
    | st.decimals(allow_nan=False, allow_infinity=False, places=2)
    | st.floats().filter(lambda one: one - one != 0)
    | st.dates()
    | st.just(("a", "tuple"))
)
data = st.dictionaries(
    st.text(max_size=3),
    st.recursive(
        plain | other,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=3,
)


@given(
    data=data,
    name=st.text("aé", min_size=1, max_size=3) | st.just("a" * 255) | st.just("a" * 256),
    causes=st.lists(st.sampled_from(["one", "two"]), max_size=9).map(tuple),
    order=st.none() | st.just(OrderFacts(id="1", source="shop", partial=True)),
)
def test_what_surely_reads_back_does(
    data: dict[str, Any], name: str, causes: tuple[str, ...], order: OrderFacts | None
) -> None:
    event = Event(
        id=name,
        source="lagniappe",
        type="product.replenish_due",
        time=NOW,
        customer=CustomerFacts(id="c1"),
        order=order,
        data=data,
        causes=causes,
    )
    if reads_back(event):
        assert repr(deserialize(serialize(event))) == repr(event)
    else:
        assert len(name) > 255 or len(causes) > 8 or not _is_json(data)


def _is_json(value: Any) -> bool:
    match value:
        case dict():
            return all(_is_json(each) for each in value.values())
        case list():
            return all(_is_json(each) for each in value)
        case float():
            return abs(value) != float("inf") and value == value
        case None | bool() | int() | str():
            return True
    return False
