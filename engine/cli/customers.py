"""``lagniappe customers``: all that is known of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.currencies import in_full, written
from config.diagnostic_report import visible
from engine.cli import consents, flagged, points, privacy, recommend
from engine.cli.answers import AnswerFormat, heading
from engine.cli.lookup import customer_id
from engine.cli.output import Column, Row, local, print_table, say, short, show_table, write_json
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.core.customer import Customer
    from engine.services.customers import Card

app = typer.Typer(no_args_is_help=True)

app.command("consents")(consents.consents)
app.command("export")(privacy.export)
app.command("erase")(privacy.erase)
app.command("flagged")(flagged.flagged)
app.command("release")(flagged.release)
app.command("points", context_settings={"ignore_unknown_options": True})(points.points)
app.command("recommend")(recommend.recommend)
app.command("opt-out")(flagged.opt_out)

_PROFILE = (
    "id", "email", "phone", "first_name", "last_name", "locale", "timezone", "country",
    "region", "postal_code",
    "birthday", "tags", "attributes", "created_at", "orders_count", "total_spent",
    "first_order_at", "last_order_at", "open_tickets",
)  # fmt: skip


@app.command()
def show(
    context: typer.Context,
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="An id, email, phone, or an order's id.")
    ],
    chosen: Annotated[AnswerFormat, typer.Option("--format")] = AnswerFormat.TEXT,
) -> None:
    """Show a customer: profile, identities, what may be sent, orders, journeys, conflicts."""
    from engine.services.customers import card

    with session_of(context).records() as records:
        found = customer_id(records, customer)
        shown = card(records.history, records.storage, records.rules, found, records.clock.now())
        zone = records.zone
    row = card_row(shown)
    if chosen is AnswerFormat.JSON:
        write_json({"version": 1, **row})
        return
    _print(shown, row, zone)


def card_row(card: Card) -> dict[str, Any]:
    """A customer as programs get it."""
    return {
        "customer": {**profile_row(card.customer), **_zones(card)},
        "identities": [{"kind": one.kind, "value": one.value} for one in card.identities],
        "consents": [
            {"channel": one.channel, "address": one.address, "status": one.status, "at": one.at,
             "source": one.source, "proof": one.proof, "purpose": one.purpose}
            for one in card.consents
        ],
        "suppressions": [
            {"channel": one.channel, "address": one.address, "scope": one.scope,
             "reason": one.reason, "at": one.at}
            for one in card.suppressions
        ],
        "preferences": [
            {"channel": one.channel, "address": one.address, "declined": one.declined,
             "paused_until": one.paused_until, "at": one.at}
            for one in card.preferences
        ],
        "orders": [
            {"id": one.id, "number": one.number, "placed_at": one.placed_at,
             "currency": one.currency, "total": one.total, "is_test": one.is_test,
             "lines": len(one.lines), "facts": one.facts}
            for one in card.orders
        ],
        "tickets": [
            {"id": one.id, "status": one.status, "subject": one.subject,
             "opened_at": one.opened_at, "solved_at": one.solved_at}
            for one in card.tickets
        ],
        "journeys": [
            {"id": one.id, "campaign": one.campaign, "entry_key": one.entry_key,
             "status": one.status, "step": one.step or None, "waiting": one.waiting,
             "due_at": one.due_at, "parked": one.parked, "entered_at": one.entered_at}
            for one in card.journeys
        ],
        "conflicts": [
            {"at": one.at, "customer": one.customer_id, "other": one.other_id,
             "reason": one.reason, "event_source": one.event_source, "event_id": one.event_id}
            for one in card.conflicts
        ],
    }  # fmt: skip


def profile_row(customer: Customer) -> dict[str, Any]:
    """The fields of the customer's own row."""
    return {name: getattr(customer, name) for name in _PROFILE}


def _zones(card: Card) -> dict[str, Any]:
    """The zones in which the customer may be, the one to go by first, and what told them."""
    where = card.where
    return {
        "zones": [] if where is None else [zone.key for zone in where.zones],
        "zones_from": None if where is None else where.basis,
    }


def _print(card: Card, row: dict[str, Any], zone: tzinfo) -> None:
    from rich.table import Table
    from rich.text import Text

    say(heading(card.customer), style="bold")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in row["customer"].items():
        if value not in (None, (), [], {}, "") and name != "id":
            grid.add_row(Text(name, style="dim"), Text(visible(_shown(name, value, zone))))
    show_table(grid)
    _part("Identities", row["identities"], (_column("kind"), _column("value", wide=True)))
    _part("Consents", row["consents"], (
        _column("channel"), _column("status"), _column("address", wide=True),
        _moment("at", zone), _column("source", wide=True),
    ))  # fmt: skip
    _part("Suppressions", row["suppressions"], (
        _column("channel"), _column("scope"), _column("address", wide=True),
        _column("reason", wide=True), _moment("at", zone),
    ))  # fmt: skip
    _part("Preferences", row["preferences"], (
        _column("channel"), Column(title="DECLINED", cell=lambda one: ", ".join(one["declined"])),
        _moment("paused_until", zone), _column("address", wide=True), _moment("at", zone),
    ))  # fmt: skip
    _part("Orders", row["orders"], (
        _moment("placed_at", zone), _column("number"),
        Column(title="TOTAL", cell=_total, right=True),
        Column(title="FACTS", cell=_facts, wide=True), _column("id", wide=True),
    ))  # fmt: skip
    _part("Tickets", row["tickets"], (
        _moment("opened_at", zone), _column("status"), _column("id"),
        _column("subject", wide=True),
    ))  # fmt: skip
    _part("Journeys", row["journeys"], (
        _column("campaign"), _column("status"), _column("step"), _column("waiting"),
        _moment("due_at", zone), Column(title="ID", cell=lambda one: short(one["id"])),
    ))  # fmt: skip
    _part("Conflicts (records that may be one person, never merged by themselves)",
          row["conflicts"], (
        _moment("at", zone), _column("reason", wide=True), _column("other"),
    ))  # fmt: skip
    say(f"\ntimes in {zone}; lagniappe why {card.customer.email or card.customer.id} tells "
        "what was sent and why", style="dim")  # fmt: skip


def _part(title: str, rows: Sequence[Row], columns: Sequence[Column]) -> None:
    if rows:
        say(f"\n{title}", style="bold")
        print_table(rows, columns)


def _column(name: str, *, wide: bool = False) -> Column:
    title = name.upper().replace("_", " ")
    return Column(title=title, cell=lambda row: str(row[name] or ""), wide=wide)


def _moment(name: str, zone: tzinfo) -> Column:
    title = name.removesuffix("_at").upper()
    return Column(title=title, cell=lambda row: local(row[name], zone))


def _shown(name: str, value: Any, zone: tzinfo) -> str:
    if name.endswith("_at"):
        return local(value, zone)
    if isinstance(value, tuple | list):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={one}" for key, one in value.items())
    return f"{in_full(value, None):f}" if isinstance(value, Decimal) else str(value)


def _total(row: Row) -> str:
    total = row["total"]
    return "" if total is None else written(total, row["currency"])


def _facts(row: Row) -> str:
    kinds = dict.fromkeys(key.partition(":")[0] for key in row["facts"])
    return ", ".join([*kinds, *(["test"] if row["is_test"] else [])])
