"""``lagniappe log``: what was sent and withheld, one row a message."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.diagnostic_report import visible
from engine.cli.answers import AnswerFormat, fact_row, print_fact, sentence
from engine.cli.failure import WRONG_USAGE, Failure
from engine.cli.lookup import customer_id, question
from engine.cli.moments import moment
from engine.cli.output import (
    Column,
    Row,
    RowFormat,
    csv_lines,
    csv_rows,
    json_line,
    local,
    print_rows,
    say,
    short,
    show_table,
    write,
    write_json,
)
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.core.receipt import Receipt
    from engine.core.settling import Ending
    from engine.ports.history import LoggedMessage, MessageFilter
    from engine.records import Records
    from engine.services.history import LogEntry

app = typer.Typer()

FIELDS = (
    "id", "campaign", "revision", "journey_id", "step", "purpose", "variant", "locale",
    "entry_key", "order", "ticket", "customer", "channel", "provider", "sender", "recipient",
    "template", "subject", "status", "reason", "error_code", "attempts", "cost", "created_at",
    "due_at", "send_at", "expires_at", "sent_at", "delivered_at", "opened_at", "clicked_at",
    "provider_message_id", "topic",
)  # fmt: skip
_STATUSES = (
    "scheduled", "sending", "sent", "delivered", "bounced", "failed", "skipped", "unknown",
    "cancelled",
)  # fmt: skip
_ENDINGS: tuple[Ending, ...] = ("sent", "resend", "abandon")
_POLL = 0.5  # seconds between two looks of --follow


@app.command("list")
def listing(
    context: typer.Context,
    customer: Annotated[
        str | None, typer.Option(metavar="X", help="Only one: an id, email, phone, order id.")
    ] = None,
    campaign: Annotated[str | None, typer.Option(metavar="ID", help="Only this campaign.")] = None,
    status: Annotated[
        list[str] | None, typer.Option(metavar="STATUS", help="Only these; may be repeated.")
    ] = None,
    channel: Annotated[
        str | None, typer.Option(metavar="CHANNEL", help="email, sms or voice.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="From then on: 2026-03-01, or 7d for ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before that time.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The newest so many.")] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with new messages as they are made.")
    ] = False,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """List messages, the newest last."""
    from engine.core.message import MessageStatus
    from engine.ports.history import MessageFilter
    from engine.services.message_log import log_page

    for one in status or ():
        if one not in _STATUSES:
            raise Failure(f"{one} is no status; use {', '.join(_STATUSES)}", code=WRONG_USAGE)
    if channel not in (None, "email", "sms", "voice"):
        raise Failure(f"{channel} is no channel; use email, sms or voice", code=WRONG_USAGE)
    if follow and chosen is RowFormat.JSON:
        raise Failure("--follow has no end, so not --format json: use jsonl", code=WRONG_USAGE)
    with session_of(context).records() as records:
        zone, now = records.zone, records.clock.now()
        query = MessageFilter(
            customer=None if customer is None else customer_id(records, customer),
            campaign=campaign,
            statuses=frozenset(MessageStatus(one) for one in status or ()),
            channel=channel,
            since=moment(since, now, zone),
            until=moment(until, now, zone),
            limit=limit,
        )
        if follow:
            _follow(records, query, chosen, zone)
            return
        page = log_page(records.history, query)
        print_rows(
            [message_row(one) for one in page],
            chosen,
            _columns(zone),
            fields=FIELDS,
            empty="no messages" + (" with these filters" if _is_filtered(query) else " yet"),
            note=f"times in {zone}" + _more(page, limit),
        )


@app.command()
def show(
    context: typer.Context,
    message: Annotated[str, typer.Argument(metavar="ID", help="A message's id, or its beginning.")],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the HTML part there.")
    ] = None,
    chosen: Annotated[AnswerFormat, typer.Option("--format")] = AnswerFormat.TEXT,
) -> None:
    """Show one message: all that is on record, its words, and why it came out as it did."""
    from engine.ports.history import Ambiguous
    from engine.rendering.archive import content_of
    from engine.services.history import entry_of

    with session_of(context).looking() as application:
        asked = question(application)
        try:
            detail = application.history.message(message)
        except Ambiguous as error:
            raise Failure(f"{error}; give more of it") from None
    if detail is None:
        raise Failure(f"there is no message {message}")
    entry = entry_of(detail, content_of(detail), asked)
    if html is not None:
        if entry.content is None or entry.content.html is None:
            raise Failure("this message has no HTML part on record")
        html.write_text(entry.content.html, encoding="utf-8")
    if chosen is AnswerFormat.JSON:
        write_json({**_entry_row(entry), "receipts": [receipt_row(one) for one in detail.receipts]})
        return
    _print_entry(entry, asked.zone, detail.receipts)
    if html is not None:
        say(f"\nwrote {html}")


@app.command()
def resolve(
    context: typer.Context,
    message: Annotated[str, typer.Argument(metavar="ID", help="A message's id, or its beginning.")],
    sent: Annotated[bool, typer.Option("--sent", help="It went out.")] = False,
    resend: Annotated[bool, typer.Option("--resend", help="It did not: send it again.")] = False,
    abandon: Annotated[bool, typer.Option("--abandon", help="Give it up.")] = False,
) -> None:
    """End the doubt about an unknown message, on your word; see log list --status unknown."""
    from engine.ports.history import Ambiguous
    from engine.services.settlement import NotInDoubt

    wanted = {"sent": sent, "resend": resend, "abandon": abandon}
    endings: list[Ending] = [each for each in _ENDINGS if wanted[each]]
    if len(endings) != 1:
        raise Failure("say one of --sent, --resend and --abandon", code=WRONG_USAGE)
    with session_of(context).app() as application:
        try:
            detail = application.history.message(message)
        except Ambiguous as error:
            raise Failure(f"{error}; give more of it") from None
        if detail is None:
            raise Failure(f"there is no message {message}")
        try:
            settled = application.settlement.resolve(detail.message.id, endings[0])
        except NotInDoubt as error:
            raise Failure(str(error)) from None
    told = {
        "sent": "counts as sent",
        "resend": "is sent again by the daemon, if the guards still let it through",
        "abandon": "is given up",
    }[endings[0]]
    if endings[0] == "resend" and settled.status.value == "cancelled":
        told = f"is not sent again: its journey has ended ({settled.reason})"
    say(f"{short(settled.id)} {told}")


def message_row(message: LoggedMessage) -> dict[str, Any]:
    """A message as programs get it."""
    row = {name: getattr(message, name, None) for name in FIELDS}
    row["order"], row["ticket"] = message.order_id, message.ticket_id
    row["customer"], row["status"] = message.customer_id, message.status.value
    return row


def receipt_row(receipt: Receipt) -> dict[str, Any]:
    """A receipt as programs get it; ``raw`` is the provider's own JSON."""
    return {
        "provider": receipt.provider, "id": receipt.id, "kind": receipt.kind.value,
        "at": receipt.at, "machine": receipt.machine, "error_code": receipt.error_code,
        "reason": receipt.reason, "url": receipt.url, "raw": receipt.raw,
    }  # fmt: skip


def _entry_row(entry: LogEntry) -> dict[str, Any]:
    content = entry.content
    return {
        "version": 1,
        "message": message_row(entry.message),
        "answer": entry.text,
        "content": None
        if content is None
        else {
            "subject": content.subject,
            "text": content.text,
            "html": content.html,
            "segments": content.segments,
        },
        "trace": [fact_row(one) for one in entry.own],
        "journey": [fact_row(one) for one in entry.path],
    }


def _print_entry(entry: LogEntry, zone: tzinfo, receipts: Sequence[Receipt]) -> None:
    from rich.table import Table
    from rich.text import Text

    say(entry.text, style="bold")
    say()
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in message_row(entry.message).items():
        if value is None:
            continue
        shown = f"{value.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}" if isinstance(
            value, datetime
        ) else str(value)  # fmt: skip
        grid.add_row(Text(name, style="dim"), Text(visible(shown)))
    show_table(grid)
    if entry.own:
        say("\nWhy", style="bold")
        for fact in entry.own:
            print_fact(local(fact.at, zone), fact.text)
    if entry.path:
        say("\nJourney", style="bold")
        for fact in entry.path:
            print_fact(local(fact.at, zone), sentence(fact))
    if receipts:
        say("\nReceipts", style="bold")
        for receipt in receipts:
            machine = " by a machine" if receipt.machine else ""
            why = ", ".join(one for one in (receipt.error_code, receipt.reason) if one)
            print_fact(
                local(receipt.at, zone),
                f"{receipt.provider}: {receipt.kind.value}{machine}" + (f" ({why})" if why else ""),
            )
    if entry.content is not None:
        say("\nContent", style="bold")
        if entry.content.subject is not None:
            say(f"Subject: {entry.content.subject}\n")
        say(entry.content.text)
    elif entry.message.sent_at is not None:
        say("\nIts words are not kept (privacy.store_content, or retention is over).", style="dim")


def _columns(zone: tzinfo) -> Sequence[Column]:
    return (
        Column(title="CREATED", cell=lambda row: local(row["created_at"], zone)),
        Column(title="STATUS", cell=lambda row: row["status"], tone=True),
        Column(title="CHAN", cell=lambda row: row["channel"]),
        Column(title="CAMPAIGN", cell=lambda row: f"{row['campaign']}/{row['step']}", wide=True),
        Column(title="RECIPIENT", cell=lambda row: row["recipient"] or "-", wide=True),
        Column(title="REASON", cell=_reason, wide=True),
        Column(title="ID", cell=lambda row: short(row["id"])),
    )


def _reason(row: Row) -> str:
    return row["reason"] or row["error_code"] or ""


def _more(page: Sequence[LoggedMessage], limit: int) -> str:
    return f"; the newest {limit}, more with --limit" if len(page) == limit else ""


def _is_filtered(query: MessageFilter) -> bool:
    return any((query.customer, query.campaign, query.statuses, query.channel, query.since,
                query.until))  # fmt: skip


def _follow(
    records: Records,
    query: MessageFilter,
    chosen: RowFormat,
    zone: tzinfo,
    *,
    wait: Callable[[float], None] = time.sleep,
) -> None:
    """Print messages as they appear, each once, until somebody interrupts."""
    from engine.services.message_log import follow

    if chosen is RowFormat.CSV:
        write(csv_lines([FIELDS], guard=False))
    for rows in follow(records.history, query, records.clock.now()):
        _print_followed([message_row(one) for one in rows], chosen, zone)
        wait(_POLL)


def _print_followed(rows: Sequence[Row], chosen: RowFormat, zone: tzinfo) -> None:
    if chosen is RowFormat.JSONL:
        write("".join(json_line(row, FIELDS) for row in rows))
    elif chosen is RowFormat.CSV:
        write(csv_rows(rows, FIELDS))
    else:
        for row in rows:
            say(
                f"{local(row['created_at'], zone)}  {row['status']:9}  {row['channel']:5}  "
                f"{row['campaign']}/{row['step']}  {row['recipient'] or '-'}  {_reason(row)}  "
                f"{short(row['id'])}"
            )
    sys.stdout.flush()
