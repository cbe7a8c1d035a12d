"""``lagniappe customers points``: a customer's ledger, rewards, and what a person decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from engine.cli.failure import WRONG_USAGE, Failure
from engine.cli.lookup import customer_id
from engine.cli.output import Column, RowFormat, local, print_rows, say
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.bootstrap import App
    from engine.programs.loyalty_ledger import Line
    from engine.records import Records

FIELDS = ("at", "kind", "points", "pending", "balance", "cause", "key")
_ATTEMPTS: Final = 10  # when another writer comes first


class Action(StrEnum):
    """What to do, rather than look."""

    REDEEM = "redeem"
    ADJUST = "adjust"


def points(
    context: typer.Context,
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="An id, email, phone, or an order's id.")
    ],
    action: Annotated[
        Action | None,
        typer.Argument(help="redeem: take N points for a reward; adjust: give N, or take -N."),
    ] = None,
    number: Annotated[int | None, typer.Argument(metavar="N", help="Whole points.")] = None,
    note: Annotated[str, typer.Option("--note", help="Why, for the ledger.")] = "",
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """Show a customer's points: every entry with its cause, and what they add up to.

    Exit code 1 when a reward or an adjustment was refused.
    """
    session = session_of(context)
    if action is not None:
        if number is None or number == 0 or (action is Action.REDEEM and number < 0):
            raise Failure(f"{action} needs a number of points", code=WRONG_USAGE)
        with session.app() as app:
            _tell(app, customer_id(app, customer), action, number, note)
        return
    with session.records() as records:
        found = customer_id(records, customer)
        lines, page = _read(records, found)
        zone = records.zone
    rows = [_row(line) for line in reversed(lines)]
    columns = (
        Column(title="WHEN", cell=lambda row: local(row["at"], zone)),
        Column(title="POINTS", cell=lambda row: _signed(row["points"]), right=True),
        Column(title="PENDING", cell=lambda row: _signed(row["pending"]), right=True),
        Column(title="BALANCE", cell=lambda row: str(row["balance"]), right=True),
        Column(title="FOR", cell=lambda row: row["cause"], wide=True),
    )
    print_rows(rows, chosen, fields=FIELDS, columns=columns, empty="no points were ever booked")
    if chosen is RowFormat.TABLE and page:
        say(f"\n{_summary(page, zone)}")


def _read(records: Records, found: str) -> tuple[Sequence[Line], Mapping[str, Any]]:
    from engine.core.points import BOOK, loyalty_page
    from engine.programs.loyalty_ledger import read_ledger

    with records.storage.deciding() as unit:
        unit.open_books({BOOK})
        world = unit.load([found], now=records.clock.now())[found]
    return read_ledger(world.book(BOOK))[1], loyalty_page(world)


def _row(line: Line) -> dict[str, Any]:
    from engine.programs.loyalty_text import told

    return {
        "at": line.at, "kind": line.kind, "points": line.points, "pending": line.pending,
        "balance": line.balance, "cause": told(line), "key": line.key,
    }  # fmt: skip


def _signed(number: int) -> str:
    return f"{number:+}" if number else ""


def _summary(page: Mapping[str, Any], zone: Any) -> str:
    parts = [f"{page['balance']} points, {page['pending']} pending"]
    if page["debt"]:
        parts.append(f"{page['debt']} owed: spent, and then taken back")
    if page["tier"]:
        parts.append(f"tier {page['tier_name']}")
    if page["expires_at"]:
        parts.append(f"they expire {local(datetime.fromisoformat(page['expires_at']), zone)}")
    return "; ".join(parts)


def _tell(app: App, found: str, action: Action, number: int, note: str) -> None:
    """Tell it as an event, so that it is recorded, decided and explained like any other."""
    from engine.core.identity import OWN_SOURCE
    from engine.ports.storage import Contended
    from engine.ports.stored import Incoming
    from engine.storage.database import WorkspaceBusy
    from triggers.event import CustomerFacts, Event
    from triggers.sources.native import serialize

    if app.policy.loyalty is None:
        raise Failure("config/store.yaml has no loyalty program (loyalty:)")
    now = app.clock.now()
    event = Event(
        id=f"points.{action}:{found}:{number}:{now:%Y%m%dT%H%M%S%f}", source=OWN_SOURCE,
        type=f"points.{action}", time=now, customer=CustomerFacts(id=found),
        data={"points": number, **({"note": note} if note else {})},
    )  # fmt: skip
    incoming = Incoming(event=event, body=serialize(event), received_at=now)
    try:
        app.storage.database.claim_workspace()
    except WorkspaceBusy:
        app.storage.accept([incoming])
        say("handed to the running daemon")
        return
    for _ in range(_ATTEMPTS):
        try:
            app.ingest.take([incoming])
            break
        except Contended:
            continue
    else:
        raise Failure("the customer kept changing meanwhile; try again")
    _answer(app, found, f"{action}:{OWN_SOURCE}:{event.id}")


def _answer(app: App, found: str, key: str) -> None:
    from engine.core.points import BOOK, loyalty_page
    from engine.programs.loyalty_ledger import read_ledger
    from engine.programs.loyalty_text import told

    with app.storage.deciding() as unit:
        unit.open_books({BOOK})
        world = unit.load([found], now=app.clock.now())[found]
    _, lines = read_ledger(world.book(BOOK))
    line = next(line for line in lines if line.key == key)
    if line.kind == "refused":
        raise Failure(told(line))
    say(f"{_signed(line.points)} points: {told(line)}; {loyalty_page(world)['balance']} are left")
