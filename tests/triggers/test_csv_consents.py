"""Consents from a CSV: rows of other tools, faults by line, and nothing permitted for nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.event import Event
from triggers.sources.csv_consents import STATUSES, is_consents, read_consents
from triggers.sources.csv_orders import RowError, UnknownColumns
from triggers.sources.native import deserialize, serialize

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
HEAD = "email,phone,channel,status,at,source,proof"


def read(text: str, **more: Any) -> list[Event | RowError | UnknownColumns | None]:
    return list(read_consents(text.splitlines(keepends=True), now=NOW, **{"country": "US", **more}))


def one(row: str, head: str = HEAD, **more: Any) -> Event:
    told = read(f"{head}\n{row}\n", **more)
    (event,) = (each for each in told if not isinstance(each, UnknownColumns))
    assert isinstance(event, Event), event
    assert deserialize(serialize(event)) == event
    return event


def fault(row: str, head: str = HEAD, **more: Any) -> str:
    (error,) = read(f"{head}\n{row}\n", **more)
    assert isinstance(error, RowError), error
    return f"{error.line}: {error.column} {error.message}"


def test_a_row_is_a_statement_of_an_address_alone() -> None:
    event = one("Ann@Example.com,,,Subscribed,2025-11-30T17:02:00Z,newsletter,double opt-in")
    assert event.customer is None
    assert (event.source, event.time) == ("newsletter", datetime(2025, 11, 30, 17, 2, tzinfo=UTC))
    assert event.data == {
        "channel": "email", "address": "ann@example.com", "status": "subscribed",
        "proof": "double opt-in",
    }  # fmt: skip
    text = one(",504-555-0123,,opted in,2025-11-30,form,")
    assert text.data == {"channel": "sms", "address": "+15045550123", "status": "subscribed"}
    both = one("a@example.com,+15045550123,voice,unsubscribed,,,")
    assert (both.data["channel"], both.data["address"]) == ("voice", "+15045550123")


@pytest.mark.parametrize(
    ("head", "row", "status"),
    [
        ("Email Address,OPTIN_TIME,Status", "a@example.com,2024-05-01 10:00:00,cleaned", "bounced"),
        ("email;created;reason", "a@example.com;1709305200;Spam Report", "complained"),
        ("email\tstatus", "a@example.com\tglobal unsubscribe", "unsubscribed"),
        (
            "status,reason,email,created",
            "5.1.1,550 no such user,a@example.com,1709305200",
            "bounced",
        ),
        ("phone,status", "+15045550123,STOP", "stopped"),
    ],
)
def test_other_tools_words_are_known(head: str, row: str, status: str) -> None:
    assert is_consents(head)
    assert one(row, head, source="old-tool").data["status"] == status


@pytest.mark.parametrize("head", ["Order ID,Email,Status", "Name,Email,Financial Status", "email"])
def test_orders_are_not_taken_for_consents(head: str) -> None:
    assert not is_consents(head)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a@example.com,,,subscribed,,form,", "2: at is empty; nothing is permitted without"),
        ("a@example.com,,,subscribed,2025-01-01,,", "2: source is empty; say where"),
        ("a@example.com,,,subscibed,2025-01-01,form,", 'did you mean "subscribed"?'),
        ("a@example.com,,,,2025-01-01,form,", "2: status is empty; expected one of subscribed"),
        ("a@example.com,,emial,subscribed,2025-01-01,form,", 'did you mean "email"?'),
        ("a@example,,,subscribed,2025-01-01,form,", "2: email is not an email address"),
        (",12,,subscribed,2025-01-01,form,", "2: phone is not a phone number"),
        (",,sms,unsubscribed,,,", "2: phone is empty; sms needs it"),
        ("a@example.com,+15045550123,,unsubscribed,,,", "2: channel is empty, and there is"),
        ("a@example.com,,,subscribed,2027-01-01,form,", "2: at lies in the future"),
        ("a@example.com,,,subscribed,yesterday,form,", "2: at is not a time"),
        ("a@example.com,,,subscribed,2025-01-01,lagniappe,", "2: source cannot be a source"),
        ("a@example.com,,,stop,2025-01-01,form,", "2: status stops texts"),
    ],
)
def test_a_fault_is_told_by_line_and_column(row: str, told: str) -> None:
    assert told in fault(row)


def test_transactional_messages_need_no_consent() -> None:
    row = "a@example.com,unsubscribed,transactional"
    assert "need no consent" in fault(row, "email,status,purpose")


def test_a_missing_column_is_told_with_the_nearest() -> None:
    (error,) = read("emial,status\nx,y\n")
    assert isinstance(error, RowError)
    assert 'did you mean "emial"' in error.message


def test_nobodys_decision_is_passed_over() -> None:
    rows = "a@example.com,,,not_subscribed,,,\nb@example.com,,,4.2.2,,,\n"
    assert read(f"{HEAD}\n{rows}\n") == [None, None]


def test_the_same_words_are_the_same_event() -> None:
    row = "a@example.com,,,unsubscribed,,,x"
    first, again = one(row), next(
        iter(read_consents([f"{HEAD}\n", row], now=NOW.replace(year=2027)))
    )  # fmt: skip
    assert isinstance(again, Event)
    assert (first.id, first.source) == (again.id, again.source)
    assert one("a@example.com,,,unsubscribed,,,y").id != first.id


@given(
    st.sampled_from(sorted(STATUSES)), st.sampled_from(["", "2025-01-01", "2030-01-01", "x"]),
    st.sampled_from(["", "form"]), st.sampled_from(["", "a@example.com", "nobody"]),
)  # fmt: skip
def test_nothing_is_permitted_without_time_and_source(
    status: str, at: str, source: str, address: str
) -> None:
    for item in read(f"{HEAD}\n{address},,,{status},{at},{source},\n"):
        if isinstance(item, Event) and item.data["status"] in ("subscribed", "pending"):
            assert (at, source, address) == ("2025-01-01", "form", "a@example.com")


@given(st.text(max_size=300))
def test_any_text_is_read_without_raising(text: str) -> None:
    read(text)
    read(f"{HEAD}\n{text}")
