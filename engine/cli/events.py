"""``lagniappe events``: what came in, and what became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.diagnostic_report import visible
from engine.cli.answers import AnswerFormat
from engine.cli.failure import Failure
from engine.cli.lookup import customer_id, question
from engine.cli.moments import moment
from engine.cli.output import Column, RowFormat, local, print_rows, say, show_table, write_json
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.ports.history import LoggedEvent
    from engine.services.case import Question

app = typer.Typer()

FIELDS = (
    "seq", "source", "id", "type", "time", "received_at", "backfill", "state", "customer",
    "reason", "verdicts",
)  # fmt: skip


@app.command("list")
def listing(
    context: typer.Context,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="Only payloads that no event could be made of.")
    ] = False,
    customer: Annotated[
        str | None, typer.Option(metavar="X", help="Only one: an id, email, phone, order id.")
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only these, as order.placed.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Received since: 2026-03-01, or 7d for ago.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Received before that time.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The newest so many.")] = 50,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """List events in the order of their arrival, the newest last."""
    from engine.ports.history import EventFilter

    with session_of(context).records() as records:
        zone, now = records.zone, records.clock.now()
        query = EventFilter(
            customer=None if customer is None else customer_id(records, customer),
            type=kind,
            rejected=rejected,
            since=moment(since, now, zone),
            until=moment(until, now, zone),
            limit=limit,
        )
        page = list(reversed(records.history.events(query)))
    columns = [
        Column(title="RECEIVED", cell=lambda row: local(row["received_at"], zone)),
        Column(title="STATE", cell=lambda row: row["state"], tone=True),
        Column(title="TYPE", cell=lambda row: row["type"]),
        Column(title="SOURCE", cell=lambda row: row["source"], wide=True),
        Column(title="ID", cell=lambda row: row["id"], wide=True),
        Column(title="ENTERED", cell=_entered, wide=True),
    ]
    if rejected:
        columns[2] = Column(title="REASON", cell=lambda row: row["reason"] or "", wide=True)
        del columns[5], columns[1]
    print_rows(
        [event_row(one) for one in page],
        chosen,
        columns,
        fields=FIELDS,
        empty="no rejected events" if rejected else "no events",
        note=f"times in {zone}; lagniappe events show ID tells one",
    )


@app.command()
def show(
    context: typer.Context,
    event: Annotated[str, typer.Argument(metavar="ID", help="The event's id.")],
    source: Annotated[
        str | None, typer.Option(metavar="NAME", help="Its source, where several use the id.")
    ] = None,
    chosen: Annotated[AnswerFormat, typer.Option("--format")] = AnswerFormat.TEXT,
) -> None:
    """Show one event: what it says, and each campaign's verdict on it."""
    with session_of(context).looking() as application:
        asked = question(application)
        found = [one for one in application.history.event(event) if source in (None, one.source)]
    if not found:
        raise Failure(f"there is no event {event}" + (f" of {source}" if source else ""))
    if len(found) > 1:
        named = ", ".join(one.source for one in found)
        raise Failure(f"several sources have an event {event}; add --source, one of {named}")
    row, verdicts, body = event_row(found[0]), _verdicts(found[0], asked), _body(found[0])
    if chosen is AnswerFormat.JSON:
        write_json({"version": 1, "event": {**row, "body": body}, "verdicts": verdicts})
        return
    from rich.table import Table
    from rich.text import Text

    say(f"{row['type']}  {row['source']}/{row['id']}", style="bold")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name in ("time", "received_at", "state", "customer", "reason"):
        if row[name] is not None:
            shown = local(row[name], asked.zone) if name in ("time", "received_at") else row[name]
            grid.add_row(Text(name, style="dim"), Text(visible(str(shown))))
    if row["backfill"]:
        grid.add_row(Text("backfill", style="dim"), Text("history: enrols nobody"))
    show_table(grid)
    say("\nCampaigns", style="bold")
    for verdict in verdicts:
        say(f"  {verdict['campaign']}: {verdict['text']}")
    if not verdicts:
        say("  none starts on what this event brought about")
    say("\nBody", style="bold")
    say(json.dumps(body, indent=2, ensure_ascii=False) if not isinstance(body, str) else body)


def event_row(line: LoggedEvent) -> dict[str, Any]:
    """An event as programs get it."""
    return {
        "seq": line.seq,
        "source": line.source,
        "id": line.id,
        "type": line.type,
        "time": line.time,
        "received_at": line.received_at,
        "backfill": line.backfill,
        "state": line.state,
        "customer": line.customer_id,
        "reason": line.reason,
        "verdicts": [
            {"campaign": one.campaign, "code": one.code.value, "transition": one.transition}
            for one in line.verdicts
        ],
    }


def _entered(row: Any) -> str:
    return ", ".join(one["campaign"] for one in row["verdicts"] if one["code"] == "entered")


def _verdicts(event: LoggedEvent, asked: Question) -> list[dict[str, Any]]:
    from engine.core.trace import verdict_text
    from engine.services.case import plan_of

    return [
        {
            "campaign": one.campaign,
            "revision": one.revision,
            "code": one.code.value,
            "transition": one.transition,
            "journey_id": one.journey_id,
            "text": verdict_text(one, plan_of(asked.plans, one.campaign, one.revision), asked.zone),
            "trace": one.trace,
        }
        for one in event.verdicts
    ]


def _body(event: LoggedEvent) -> Any:
    try:
        return json.loads(event.body)
    except ValueError:
        return event.body
