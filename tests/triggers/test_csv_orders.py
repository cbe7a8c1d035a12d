from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.event import Event
from triggers.sources.csv_orders import RowError, UnknownColumns, read_orders


def read(text: str, **options: object) -> list[Event | RowError | UnknownColumns]:
    return list(read_orders(io.StringIO(text, newline=""), **options))  # type: ignore[arg-type]


def test_shopifys_export_gives_one_event_an_order() -> None:
    export = Path(__file__).parent / "payloads" / "shopify_orders.csv"
    unknown, first, second = read(export.read_text())
    assert unknown == UnknownColumns(names=("Financial Status",))
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert (first.id, first.source, first.type) == (
        "order.placed:5500000000001",
        "csv",
        "order.placed",
    )
    assert first.time == datetime(2026, 3, 1, 9, tzinfo=UTC)
    order = first.order
    assert order is not None
    assert (order.number, order.total, order.discount_codes) == (
        "#1001",
        Decimal("52.90"),
        ("WELCOME5",),
    )
    assert order.paid_at == datetime(2026, 3, 1, 9, 0, 5, tzinfo=UTC)
    assert order.lines is not None
    assert [(line.title, line.quantity, line.price) for line in order.lines] == [
        ("Lavender soap", 2, Decimal("12.00")),
        ("Cedar soap, large", 1, Decimal("24.00")),
    ]
    assert first.customer is not None
    assert (first.customer.id, first.customer.email_verified) == ("anna@example.com", False)
    assert second.customer is None
    assert second.order is not None
    assert second.order.paid_at is None


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_plain_file_with_loose_headers(delimiter: str) -> None:
    rows = [
        ["Order ID", "customer-id", "DATE", "Total", "Quantity"],
        ["7", "c1", "2026-03-01", "20", "3"],
        [],
        ["8", "c2", "2026-03-02T01:00:00", "30.5", "1"],
    ]
    text = "\ufeff" + "\r\n".join(delimiter.join(row) for row in rows)
    vienna = timezone(timedelta(hours=1))
    unknown, first, second = read(text, zone=vienna, currency="eur", source="shop")
    assert unknown == UnknownColumns(names=("Quantity",))
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert (first.id, first.source) == ("order.placed:7", "shop")
    assert first.time == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert first.order is not None
    assert (first.order.currency, first.order.lines) == ("EUR", None)
    assert first.customer is not None
    assert first.customer.id == "c1"
    assert second.time == datetime(2026, 3, 2, tzinfo=UTC)


HEADER = "order_id,created_at,total,email,sku,quantity,price\n"


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        (",2026-03-01,1,,,,", "order id", "is empty"),
        ("5,,1,,,,", "placed_at", "is needed"),
        ("5,01.03.2026,1,,,,", "placed_at", "not a time"),
        ('5,2026-03-01,"1.234,50",,,,', "total", "not a number"),
        ("5,2026-03-01,NaN,,,,", "total", "not a number"),
        ("5,2026-03-01,1e300,,,,", "total", "not a number"),
        ("5,2026-03-01,1.23456,,,,", "order.total", "four decimal"),
        ("5,2026-03-01,1,,a,1.5,2", "line_quantity", "count"),
        ("5,2026-03-01,1,,a,1,x", "line_price", "not a number"),
        ("5,2026-03-01,1,a\x00b,,,", "customer.id", "NUL"),
        ("1,2026-03-01,1,,,,", "order id", "sort the file"),
        ("5,2026-03-01," + "9" * 140_000 + ",,,,", None, "not CSV"),
    ],
)
def test_a_faulty_row_costs_its_order_and_tells_its_line(
    row: str, column: str | None, message: str
) -> None:
    text = f"{HEADER}1,2026-03-01,1,,,,\n2,2026-03-01,2,,,,\n{row}\n3,2026-03-01,3,,,,\n"
    items = read(text)
    assert [type(item) for item in items] == [Event, Event, RowError, Event] or (
        # A row without a key does not end the order before it.
        [type(item) for item in items] == [Event, RowError, Event, Event]
    )
    [error] = [item for item in items if isinstance(item, RowError)]
    assert (error.line, error.column) == (4, column)
    assert message in error.message


def test_one_faulty_line_leaves_out_the_whole_order() -> None:
    text = f"{HEADER}1,2026-03-01,1,,a,1,2\n1,,,,b,1,x\n2,2026-03-01,1,,a,1,2\n"
    error, event = read(text)
    assert isinstance(error, RowError)
    assert error.line == 3
    assert isinstance(event, Event)


@pytest.mark.parametrize(
    ("header", "message"),
    [("", "order id"), ("foo,bar", "order id"), ("order_id,creatd_at", 'mean "creatd_at"')],
)
def test_a_file_without_the_needed_columns_says_so(header: str, message: str) -> None:
    last = read(header + "\n1,2\n")[-1]
    assert isinstance(last, RowError)
    assert message in last.message


def test_reading_streams() -> None:
    taken = 0

    def lines() -> Iterator[str]:
        nonlocal taken
        for number in range(1000):
            taken += 1
            yield HEADER if number == 0 else f"{number},2026-03-01,1,,,,\n"

    next(read_orders(lines()))
    assert taken == 3


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_every_order_comes_once_with_all_its_lines(counts: list[int]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["order_id", "created_at", "sku", "quantity", "price"])
    for order, count in enumerate(counts):
        for line in range(count):
            writer.writerow([order, "2026-03-01" if line == 0 else "", f"s{line}", line, "1.5"])
    events = read(out.getvalue())
    found = [
        (event.order.id, tuple(line.quantity for line in event.order.lines or ()))
        for event in events
        if isinstance(event, Event) and event.order
    ]
    assert found == [(str(order), tuple(range(count))) for order, count in enumerate(counts)]


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    for candidate in (text, HEADER + text):
        for item in read(candidate):
            assert isinstance(item, Event | RowError | UnknownColumns)


def test_a_shipping_address_tells_where_the_customer_lives() -> None:
    head = "Name,Email,Created at,Shipping Country,Shipping Province,Shipping Zip\n"
    text = head + "#1,ann@example.com,2026-01-02 10:00:00 +0000,US,IN,'46320\n"
    (event,) = (one for one in read(text) if isinstance(one, Event))
    assert event.customer is not None
    told = (event.customer.country, event.customer.region, event.customer.postal_code)
    assert told == ("US", "IN", "46320")
    nobody = text.replace("ann@example.com", "")
    (event,) = (one for one in read(nobody) if isinstance(one, Event))
    assert event.customer is None, "an address alone is nobody"


@pytest.mark.parametrize(
    ("date", "told"),
    [
        ("2026-03-02 11:59", None),
        ("2026-03-02 12:01", "is more than 24 hours ahead of this server: a wrong clock?"),
        ("1994-12-31", "is before 1995: a wrong year?"),
    ],
)
def test_an_order_of_another_age_is_faulty(date: str, told: str | None) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    found = read(f"order_id,date\n1,{date}\n", received_at=now)
    if told is None:
        assert isinstance(found[0], Event)
    else:
        assert found == [RowError(line=2, column="placed_at", message=told)]


def test_what_is_only_tried_may_lie_ahead() -> None:
    (found,) = read("order_id,date\n1,2062-03-01\n")
    assert isinstance(found, Event)
