"""Orders from a CSV file: one row an order, or one row an order line as Shopify exports them.

Columns are matched loosely ("Order ID", "order_id" and "OrderId" are one). In Shopify's export an
order's further lines are rows that repeat its name and leave the order's own cells empty.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import Any, Final

from pydantic import ValidationError

from config.diagnostics import nearest
from triggers.event import Event
from triggers.sources.native import CLOCK_TOLERANCE, EARLIEST, TOO_LATE, validate
from triggers.sources.problems import explain

_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("orderid", "id"),
    "number": ("name", "ordername", "ordernumber", "number"),
    "customer_id": ("customerid",),
    "email": ("email", "customeremail", "emailaddress"),
    "phone": ("phone", "customerphone"),
    "first_name": ("firstname", "customerfirstname"),
    "last_name": ("lastname", "customerlastname"),
    "placed_at": ("createdat", "placedat", "date", "orderdate", "processedat"),
    "paid_at": ("paidat",),
    "cancelled_at": ("cancelledat", "canceledat"),
    "currency": ("currency",),
    "total": ("total", "ordertotal", "totalprice", "amount"),
    "subtotal": ("subtotal",),
    "shipping": ("shipping",),
    "tax": ("taxes", "tax"),
    "discount": ("discountamount", "discount"),
    "discount_code": ("discountcode",),
    "country": ("shippingcountry", "country"),
    "region": ("shippingprovince", "province", "shippingstate", "state", "region"),
    "postal_code": ("shippingzip", "zip", "zipcode", "postalcode", "postcode"),
    "street": ("shippingstreet", "shippingaddress1", "address1", "street"),
    "channel": ("source", "channel"),
    "line_id": ("lineitemid", "lineid"),
    "line_product_id": ("lineitemproductid", "productid"),
    "line_sku": ("lineitemsku", "sku"),
    "line_title": ("lineitemname", "lineitemtitle", "product", "productname", "item"),
    "line_quantity": ("lineitemquantity", "quantity", "qty"),
    "line_price": ("lineitemprice", "price", "unitprice"),
}
_COLUMN_OF: Final = {alias: field for field, aliases in _HEADERS.items() for alias in aliases}
_MONEY: Final = ("total", "subtotal", "shipping", "tax", "discount")
_TIMES: Final = ("placed_at", "paid_at", "cancelled_at")
_PLACE: Final = ("country", "region", "postal_code", "street")
_LINE_NAMES: Final = ("line_title", "line_sku", "line_product_id")
_MOST_COLUMNS_TOLD: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """An order that could not be read. ``line`` counts from 1 and is its first faulty row's."""

    line: int
    column: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownColumns:
    """The columns that are not read; told once, before the first order."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    cells: Mapping[str, str]  # by field, blank cells left out


class _FaultyRowError(Exception):
    def __init__(self, line: int, column: str | None, message: str) -> None:
        super().__init__(message)
        self.error = RowError(line=line, column=column, message=message)


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What is known of a file beside its rows; see ``read_orders``."""

    source: str
    zone: tzinfo
    currency: str | None
    email_verified: bool
    received_at: datetime | None
    seen: set[str]  # the orders' ids so far


def read_orders(
    lines: Iterable[str],
    *,
    source: str = "csv",
    zone: tzinfo = UTC,
    currency: str | None = None,
    email_verified: bool = False,
    received_at: datetime | None = None,
) -> Iterator[Event | RowError | UnknownColumns]:
    """``order.placed`` Events, in the file's order, one order in memory at a time.

    ``zone`` is that of times without an offset, ``currency`` that of orders without one. A customer
    without an id column is known by the lower-cased email. ``email_verified`` says that the shop
    vouches for the addresses. ``received_at``: an order over a day later than that is faulty; None:
    the file may tell of the future. An order with a faulty row is left out whole. Never raises for
    what stands in the file.
    """
    file = _File(
        source=source,
        zone=zone,
        currency=currency,
        email_verified=email_verified,
        received_at=received_at,
        seen=set(),
    )
    stream = iter(lines)
    first = next(stream, "").removeprefix("\ufeff")
    reader = csv.reader(chain([first], stream), delimiter=_delimiter(first))
    header = next(_safe_rows(reader), [])
    columns, unknown = _columns(header if isinstance(header, list) else [])
    if unknown:
        yield UnknownColumns(names=tuple(unknown[:_MOST_COLUMNS_TOLD]))
    missing = _missing(columns.values(), unknown)
    if missing:
        yield RowError(line=1, column=None, message=missing)
        return
    pending: list[_Row] = []
    for cells in _safe_rows(reader):
        if isinstance(cells, RowError):
            yield cells
            continue
        row = _Row(
            reader.line_num,
            {
                columns[i]: cell.strip()
                for i, cell in enumerate(cells)
                if i in columns and cell.strip()
            },
        )
        if not row.cells:
            continue
        if _order_key(row) is None:
            yield RowError(line=row.line, column="order id", message="is empty")
        elif pending and _order_key(row) != _order_key(pending[0]):
            yield _event(pending, file)
            pending = [row]
        else:
            pending.append(row)
    if pending:
        yield _event(pending, file)


def _safe_rows(reader: Any) -> Iterator[list[str] | RowError]:
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RowError(line=reader.line_num, column=None, message=f"is not CSV: {error}")
        else:
            yield row


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _columns(header: list[str]) -> tuple[dict[int, str], list[str]]:
    columns: dict[int, str] = {}
    for index, cell in enumerate(header):
        field = _COLUMN_OF.get(re.sub(r"[^a-z0-9]", "", cell.lower()))
        if field is not None and field not in columns.values():
            columns[index] = field
    if not any(field in _LINE_NAMES for field in columns.values()):
        # A count or price of nothing in particular is not an order line.
        columns = {i: field for i, field in columns.items() if not field.startswith("line_")}
    unknown = [cell for i, cell in enumerate(header) if i not in columns and cell.strip()]
    return columns, unknown


def _missing(fields: Iterable[str], unknown: list[str]) -> str | None:
    known = set(fields)
    if not known & {"id", "number"}:
        wanted, example = "an order id", "order_id"
    elif "placed_at" not in known:
        wanted, example = "the order's date", "created_at"
    else:
        return None
    near = nearest(example, unknown)
    hint = f'; did you mean "{near}" to be it?' if near else ""
    return f'has no column for {wanted}, such as "{example}"{hint}'


def _order_key(row: _Row) -> str | None:
    # Only the name stands in every row of Shopify's export.
    return row.cells.get("number") or row.cells.get("id")


def _event(rows: list[_Row], file: _File) -> Event | RowError:
    try:
        return _build(rows, file)
    except _FaultyRowError as fault:
        return fault.error
    except ValidationError as error:
        problem = explain(error)[0]
        return RowError(line=rows[0].line, column=problem.path or None, message=problem.message)


def _build(rows: list[_Row], file: _File) -> Event:
    first: dict[str, str] = {}
    for row in rows:
        for field, cell in row.cells.items():
            first.setdefault(field, cell)
    order_id = first.get("id") or first["number"]
    if order_id in file.seen:
        raise _FaultyRowError(
            rows[0].line, "order id", f'"{order_id}" stood further up; sort the file by order'
        )
    file.seen.add(order_id)
    start = rows[0]
    times: dict[str, datetime] = {f: _time(start, f, first[f], file) for f in _TIMES if f in first}
    if "placed_at" not in times:
        raise _FaultyRowError(start.line, "placed_at", "is empty; the order's date is needed")
    order: dict[str, Any] = {
        "id": order_id,
        "number": first.get("number"),
        "currency": first.get("currency", file.currency or "").upper() or None,
        "country": first.get("country"),
        "channel": first.get("channel"),
        **times,
        **{f: _money(start, f, first[f]) for f in _MONEY if f in first},
    }
    if "discount_code" in first:
        order["discount_codes"] = [first["discount_code"]]
    found = [row for row in rows if any(name in row.cells for name in _LINE_NAMES)]
    if found:
        order["lines"] = [_line(row, f"{order_id}-{n}") for n, row in enumerate(found, start=1)]
    email = first.get("email")
    customer: dict[str, Any] = {
        "id": first.get("customer_id") or (email.lower() if email else None),
        "email": email,
        "email_verified": file.email_verified and email is not None,
        **{name: first.get(name) for name in ("phone", "first_name", "last_name")},
    }
    is_known = any(customer.values())
    return validate(
        {
            "id": f"order.placed:{order_id}",
            "source": file.source,
            "type": "order.placed",
            "time": times["placed_at"],
            "order": order,
            "customer": {**customer, **_place(first)} if is_known else None,
        }
    )


def _place(first: Mapping[str, str]) -> dict[str, str]:
    """Where the order went; nothing without a country, which says what the rest means.

    Shopify's exports put an apostrophe before a postal code, lest a spreadsheet read a number.
    """
    if "country" not in first:
        return {}
    place = {name: first[name] for name in _PLACE if name in first}
    if "postal_code" in place:
        place["postal_code"] = place["postal_code"].lstrip("'")
    return place


def _line(row: _Row, line_id: str) -> dict[str, Any]:
    cells = row.cells
    line: dict[str, Any] = {
        "id": cells.get("line_id", line_id),
        "product_id": cells.get("line_product_id"),
        "sku": cells.get("line_sku"),
        "title": cells.get("line_title", ""),
    }
    if "line_quantity" in cells:
        pieces = _money(row, "line_quantity", cells["line_quantity"])
        if pieces != int(pieces) or pieces < 0:
            raise _FaultyRowError(row.line, "line_quantity", "is not a count of pieces")
        line["quantity"] = int(pieces)
    if "line_price" in cells:
        line["price"] = _money(row, "line_price", cells["line_price"])
    return line


def _money(row: _Row, field: str, cell: str) -> Decimal:
    try:
        found = Decimal(cell)
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite() or abs(found) >= Decimal(10) ** 14:
        raise _FaultyRowError(row.line, field, "is not a number; expected one such as 1234.50")
    return found


def _time(row: _Row, name: str, cell: str, file: _File) -> datetime:
    try:
        # Shopify writes "2026-03-01 10:00:00 +0100".
        found = datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", cell))
    except ValueError:
        message = 'is not a time; expected one such as "2026-03-01" or "2026-03-01 10:00:00 +0100"'
        raise _FaultyRowError(row.line, name, message) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=file.zone)
    if found < EARLIEST:
        raise _FaultyRowError(row.line, name, "is before 1995: a wrong year?")
    if file.received_at is not None and found - file.received_at > CLOCK_TOLERANCE:
        raise _FaultyRowError(row.line, name, TOO_LATE)
    return found
