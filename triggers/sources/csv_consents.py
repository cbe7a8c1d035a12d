"""Consents and suppressions from a CSV file, as other tools export them: one row an address.

Columns are matched loosely ("Opt-in Time" and "optin_time" are one). A row becomes an Event about
the address alone. Its id is a hash of what it says, so the same row read twice counts once. Nothing
is permitted without a time and a source; a withdrawal needs neither.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from itertools import chain
from typing import Final

from config.diagnostics import nearest
from triggers.addresses import normalise_email, normalise_phone
from triggers.catalog import CONSENT_RECORDED
from triggers.event import Event
from triggers.sources.csv_orders import RowError, UnknownColumns

_HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("email", "emailaddress", "customeremail", "recipient"),
    "phone": ("phone", "phonenumber", "mobile", "mobilephone", "msisdn"),
    "channel": ("channel",),
    "status": ("status", "consent", "consentstatus", "state", "subscription", "reason"),
    "at": ("at", "time", "date", "timestamp", "consentedat", "consentupdatedat", "optintime",
           "unsubtime", "lastchanged", "created", "createdat", "updatedat", "changedat"),
    "source": ("source", "consentsource", "optinsource", "collectedfrom"),
    "proof": ("proof", "evidence", "method", "form", "note"),
    "purpose": ("purpose",),
}  # fmt: skip
_COLUMN_OF: Final = {alias: field for field, aliases in _HEADERS.items() for alias in aliases}
# What tools call it, and what it is here; None: nobody's decision, so nothing to record.
STATUSES: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(("subscribed", "optin", "optedin", "active", "confirmed"), "subscribed"),
    **dict.fromkeys(
        ("unsubscribed", "unsubscribe", "optout", "optedout", "globalunsubscribe",
         "groupunsubscribe", "suppressed", "redacted"), "unsubscribed"
    ),
    **dict.fromkeys(("pending", "unconfirmed"), "pending"),
    **dict.fromkeys(("bounced", "bounce", "hardbounce", "cleaned", "invalid"), "bounced"),
    **dict.fromkeys(("complained", "complaint", "spam", "spamreport", "abuse"), "complained"),
    **dict.fromkeys(("stopped", "stop"), "stopped"),
    **dict.fromkeys(("notsubscribed", "neversubscribed", "nonsubscribed", "transactional"), None),
}  # fmt: skip
_TOLD: Final = ("subscribed", "unsubscribed", "pending", "bounced", "complained", "stopped")
_GRANTS: Final = ("subscribed", "pending")
_ADDRESS: Final = {"email": "email", "sms": "phone", "voice": "phone"}
_OWN_SOURCE: Final = "lagniappe"
# A mail server's status code, as lists of bounces have it: 5 is permanent (RFC 3463, section 2).
_ENHANCED: Final = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_LONGEST_PROOF: Final = 2000
_EARLIEST: Final = datetime(1995, 1, 1, tzinfo=UTC)


class _FaultyRowError(Exception):
    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def is_consents(header: str) -> bool:
    """Whether a CSV's first line is that of consents: an address, a status, and no order."""
    cells = next(csv.reader([header], delimiter=_delimiter(header)), [])
    found = {_plain(cell) for cell in cells}
    known = {_COLUMN_OF[name] for name in found if name in _COLUMN_OF}
    orders = {"orderid", "name", "ordername", "ordernumber", "number", "total", "financialstatus"}
    return "status" in known and bool(known & {"email", "phone"}) and not found & orders


def read_consents(
    lines: Iterable[str],
    *,
    now: datetime,
    source: str | None = None,
    zone: tzinfo = UTC,
    country: str | None = None,
) -> Iterator[Event | RowError | UnknownColumns | None]:
    """Events in the file's order; None for a row that holds nobody's decision.

    ``source`` is that of rows without one, ``zone`` that of times without an offset, ``country``
    says how national phone numbers are read. A withdrawal without a time counts from ``now``.
    Never raises for what stands in the file.
    """
    stream = iter(lines)
    first = next(stream, "").removeprefix("\ufeff")
    reader = csv.reader(chain([first], stream), delimiter=_delimiter(first))
    try:
        header = next(reader, [])
    except csv.Error as error:
        yield RowError(line=1, column=None, message=f"is not CSV: {error}")
        return
    columns = _columns(header)
    unknown = [cell for i, cell in enumerate(header) if i not in columns and cell.strip()]
    missing = _missing(columns, unknown)
    if missing is not None:
        yield RowError(line=1, column=None, message=missing)
        return
    if unknown:
        yield UnknownColumns(names=tuple(unknown[:100]))
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RowError(line=reader.line_num, column=None, message=f"is not CSV: {error}")
            continue
        row = {
            columns[i]: cell.strip()
            for i, cell in enumerate(cells)
            if i in columns and cell.strip()
        }
        if not row:
            continue
        try:
            yield _event(row, now, source, zone, country)
        except _FaultyRowError as fault:
            yield RowError(line=reader.line_num, column=fault.column, message=str(fault))


def _event(
    row: Mapping[str, str], now: datetime, source: str | None, zone: tzinfo, country: str | None
) -> Event | None:
    status = _status(row)
    if status is None:
        return None
    channel = _channel(row)
    address = _address(row, channel, country)
    given, told_by = row.get("at"), row.get("source") or source
    if row.get("purpose", "marketing").lower() != "marketing":
        raise _FaultyRowError(
            "purpose", "is not marketing; messages about an order need no consent"
        )
    if status in _GRANTS and given is None:
        raise _FaultyRowError(
            "at", "is empty; nothing is permitted without the time of the consent"
        )
    if status in _GRANTS and told_by is None:
        raise _FaultyRowError(
            "source", "is empty; say where the consent was given, here or by --source"
        )
    told_by = told_by or "csv"
    if told_by.lower() == _OWN_SOURCE or len(told_by) > 255:
        raise _FaultyRowError("source", f"cannot be a source; {_OWN_SOURCE} is our own name")
    if channel == "email" and status == "stopped":
        raise _FaultyRowError("status", "stops texts; of an email write unsubscribed")
    proof = row.get("proof")
    if proof is not None and len(proof) > _LONGEST_PROOF:
        raise _FaultyRowError("proof", f"is longer than {_LONGEST_PROOF} characters")
    at = now if given is None else _time(given, now, zone)
    said = (channel, address, status, "" if given is None else at.isoformat(), proof or "")
    data = {"channel": channel, "address": address, "status": status}
    return Event(
        id="consent:" + hashlib.blake2b("\x1f".join(said).encode(), digest_size=16).hexdigest(),
        source=told_by,
        type=CONSENT_RECORDED,
        time=at,
        data=data if proof is None else {**data, "proof": proof},
    )


def _status(row: Mapping[str, str]) -> str | None:
    word = row.get("status")
    if word is None:
        raise _FaultyRowError("status", f"is empty; expected one of {', '.join(_TOLD)}")
    if _ENHANCED.fullmatch(word):
        return "bounced" if word.startswith("5") else None
    key = _plain(word)
    if key not in STATUSES:
        near = nearest(key, [*STATUSES])
        meant = STATUSES.get(near) if near is not None else None
        hint = f'; did you mean "{meant}"?' if meant else f"; expected one of {', '.join(_TOLD)}"
        raise _FaultyRowError("status", f'"{word[:50]}" is no status{hint}')
    return STATUSES[key]


def _channel(row: Mapping[str, str]) -> str:
    given = row.get("channel")
    if given is None:
        if "email" in row and "phone" in row:
            raise _FaultyRowError(
                "channel", "is empty, and there is an email and a phone: say which"
            )
        return "email" if "email" in row else "sms"
    channel = given.lower()
    if channel not in _ADDRESS:
        near = nearest(channel, [*_ADDRESS])
        hint = f'did you mean "{near}"?' if near else f"expected {', '.join(_ADDRESS)}"
        raise _FaultyRowError("channel", f'"{given[:50]}" is no channel; {hint}')
    return channel


def _address(row: Mapping[str, str], channel: str, country: str | None) -> str:
    column = _ADDRESS[channel]
    if column not in row:
        raise _FaultyRowError(column, f"is empty; {channel} needs it")
    found = (
        normalise_email(row["email"])
        if column == "email"
        else normalise_phone(row["phone"], country)
    )
    if found is None:
        what = "an email address" if column == "email" else "a phone number such as +15045550123"
        raise _FaultyRowError(column, f"is not {what}")
    return found


def _time(cell: str, now: datetime, zone: tzinfo) -> datetime:
    try:
        found = datetime.fromisoformat(re.sub(r"\s+(?=[+-]\d\d:?\d\d$)", "", cell))
    except ValueError:
        if not re.fullmatch(r"\d{9,10}", cell):  # SendGrid writes seconds since the epoch
            raise _FaultyRowError(
                "at", 'is not a time; expected one such as "2026-03-01 10:00:00 +0100"'
            ) from None
        found = datetime.fromtimestamp(int(cell), UTC)
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone)
    if found > now:
        raise _FaultyRowError("at", "lies in the future")
    if found < _EARLIEST:
        raise _FaultyRowError("at", "is before 1995: another order of day and month, perhaps")
    return found.astimezone(UTC)


def _columns(header: list[str]) -> dict[int, str]:
    columns: dict[int, str] = {}
    for field, aliases in _HEADERS.items():
        # The first name of a field is its best; another column may bear a lesser one besides.
        found = {_plain(cell): index for index, cell in reversed([*enumerate(header)])}
        for alias in aliases:
            if alias in found:
                columns[found[alias]] = field
                break
    return columns


def _missing(columns: Mapping[int, str], unknown: list[str]) -> str | None:
    known = set(columns.values())
    if not known & {"email", "phone"}:
        wanted, example = "an address", "email"
    elif "status" not in known:
        wanted, example = "the status", "status"
    else:
        return None
    near = nearest(example, unknown)
    hint = f'; did you mean "{near}" to be it?' if near else ""
    return f'has no column for {wanted}, such as "{example}"{hint}'


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _plain(cell: str) -> str:
    return re.sub(r"[^a-z0-9]", "", cell.lower())
