"""Files of events, orders or consents, read one after another for whoever takes them in."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from engine.cli.failure import Failure
from engine.cli.output import warn

if TYPE_CHECKING:
    from config.policy import Policy
    from engine.ports.clock import Clock
    from triggers.catalog import Catalog
    from triggers.event import Event
    from triggers.sources.native import Refused

_TOLD = 20  # faulty lines that are told one by one
_GZIP = b"\x1f\x8b"  # how such a file begins: RFC 1952, 2.3.1


class InputFormat(StrEnum):
    """What the input is made of."""

    JSONL = "jsonl"
    CSV = "csv"


class Rows(StrEnum):
    """What the rows of a CSV are."""

    ORDERS = "orders"
    CONSENTS = "consents"


@dataclass(slots=True)
class Count:
    """What was read; ``faults`` holds the first few of the refused."""

    read: int = 0
    new: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)

    def refuse(self, message: str) -> None:
        """Note a line that is no event."""
        self.refused += 1
        if len(self.faults) < _TOLD:
            self.faults.append(message)

    def refuse_line(self, number: int, refused: Refused) -> None:
        """Note such a line with the first of its problems."""
        for problem in refused.problems[:1]:
            self.refuse(f"{number}: {problem}")


class Shop(Protocol):
    """What reading needs to know of a workspace."""

    @property
    def catalog(self) -> Catalog:
        """The event types that are known."""

    @property
    def policy(self) -> Policy:
        """The store's policy."""

    @property
    def clock(self) -> Clock:
        """What time it is."""


def read_jsonl(
    lines: Iterable[bytes], shop: Shop, source: str | None, count: Count
) -> Iterator[Event]:
    """The events of a file that has one a line."""
    from triggers.sources.native import Refused, parse_line

    catalog = shop.catalog
    now: datetime = shop.clock.now()
    for number, body in json_lines(lines, count):
        event = parse_line(body, received_at=now, catalog=catalog, index=number)
        if isinstance(event, Refused):
            count.refuse_line(number, event)
            continue
        yield event if source is None else replace(event, source=source)


def json_lines(lines: Iterable[bytes], count: Count) -> Iterator[tuple[int, bytes]]:
    """The lines of such a file that say anything, with their numbers, counted as read."""
    for number, line in enumerate(lines, 1):
        body = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not body.strip():
            continue
        if count.read == 0 and body.lstrip().startswith(b"["):
            raise Failure("this is a JSON array; write one event a line, as jq -c '.[]' does")
        count.read += 1
        yield number, body


def read_csv(
    lines: Iterable[bytes],
    shop: Shop,
    source: str | None,
    count: Count,
    rows: Rows | None,
    *,
    foresees: bool = False,
) -> Iterator[Event]:
    """The events that the rows of a CSV tell; ``foresees``: orders may lie in the future."""
    from triggers.event import Event
    from triggers.sources.csv_consents import is_consents, read_consents
    from triggers.sources.csv_orders import RowError, UnknownColumns, read_orders

    texts: Iterator[str] = (line.decode("utf-8", "replace") for line in lines)
    first = next(texts, "")
    texts = chain([first], texts)
    read: Iterable[Event | RowError | UnknownColumns | None]
    if rows is Rows.CONSENTS or (rows is None and is_consents(first)):
        read = read_consents(
            texts,
            now=shop.clock.now(),
            source=source,
            zone=shop.policy.zone,
            country=shop.policy.country,
        )
    else:
        read = read_orders(
            texts,
            source=source or "csv",
            zone=shop.policy.zone,
            currency=shop.policy.currency,
            received_at=None if foresees else shop.clock.now(),
        )
    for item in read:
        match item:
            case Event():
                count.read += 1
                yield item
            case RowError():
                count.read += 1
                where = f"{item.column} " if item.column else ""
                count.refuse(f"{item.line}: {where}{item.message}")
            case UnknownColumns():
                warn(f"columns that are not read: {', '.join(item.names)}")
            case None:
                count.read += 1  # nobody's decision


@contextmanager
def opened(file: str) -> Iterator[io.BufferedReader]:
    """A file, or standard input for ``-``; what gzip has compressed is told as it was."""
    if file == "-":
        raw = sys.stdin.buffer
        yield _plain(raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw))  # type: ignore[arg-type]
        return
    path = Path(file)
    if path.is_dir():
        raise Failure(f"{file} is a directory; name a file in it")
    try:
        with path.open("rb") as stream:
            yield _plain(stream)
    except FileNotFoundError as error:
        if error.filename != file:
            raise
        raise Failure(f"there is no file {file}") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise Failure(f"{file} is compressed, and damaged or cut off") from None


def _plain(stream: io.BufferedReader) -> io.BufferedReader:
    if stream.peek(2)[:2] != _GZIP:
        return stream
    return io.BufferedReader(gzip.GzipFile(fileobj=stream))


def guess(file: str, stream: io.BufferedReader) -> InputFormat:
    """What a file is made of, by its name, else by how it begins. Fails when it is no text."""
    start = stream.peek(4096)
    if b"\0" in start:
        raise Failure(f"{file} is no text in UTF-8; save it as CSV, or as one event in JSON a line")
    suffix = Path(file.removesuffix(".gz")).suffix.lower()
    if suffix in (".csv", ".tsv"):
        return InputFormat.CSV
    if suffix in (".jsonl", ".ndjson", ".json"):
        return InputFormat.JSONL
    start = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return InputFormat.JSONL if start in (b"{", b"[", b"") else InputFormat.CSV
