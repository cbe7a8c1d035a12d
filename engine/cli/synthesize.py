"""``lagniappe synthesize``: the events of a made-up shop, as ``lagniappe ingest`` reads them."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from engine.cli.failure import WRONG_USAGE, Failure
from engine.cli.output import counted, warn

if TYPE_CHECKING:
    from engine.synthetic.shop import Span


def synthesize(
    customers: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000_000, help="How many customers come.")
    ] = 1000,
    begin: Annotated[
        str, typer.Option("--from", metavar="DATE", help="The first day, in UTC.")
    ] = "2025-01-01",
    until: Annotated[
        str, typer.Option(metavar="DATE", help="The day after the last.")
    ] = "2026-01-01",
    seed: Annotated[
        int, typer.Option(metavar="N", help="Another seed, another shop; the same, the same.")
    ] = 7,
    most: Annotated[
        int | None, typer.Option("--events", metavar="N", min=1, help="Stop after so many.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there; else to standard output.")
    ] = None,
) -> None:
    """Make up a shop and print its events, one a line, in the order of time.

    Orders with seasons, goods that are bought again when they are used up, late and lost parcels,
    refunds, tickets, reviews, gifts and consents, in seven countries. All invented.
    """
    from engine.synthetic.shop import Span

    try:
        span = Span(customers=customers, begin=_day(begin), until=_day(until), seed=seed)
    except ValueError as error:
        raise Failure(str(error), code=WRONG_USAGE) from None
    if out is None:
        _write(span, most, sys.stdout.buffer)
        return
    with out.open("wb") as stream:
        count = _write(span, most, stream)
    warn(f"{counted(count, 'event')} in {out}")


def _write(span: Span, most: int | None, stream: BinaryIO) -> int:
    import orjson

    from engine.synthetic.shop import events

    count = 0
    for event in islice(events(span), most):
        stream.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
        count += 1
    return count


def _day(text: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(f"{text} is no day; write it as in 2025-01-01", code=WRONG_USAGE) from None
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)
