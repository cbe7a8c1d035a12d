"""``lagniappe customers flagged``, ``release`` and ``opt-out``: a person decides on replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.failure import Failure
from engine.cli.lookup import customer_id
from engine.cli.output import Column, RowFormat, local, print_rows, say
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.bootstrap import App

FIELDS = ("number", "at", "customer", "text")
Who = Annotated[
    str, typer.Argument(metavar="WHO", help="A phone number, or a customer: id, email, order id.")
]


def flagged(
    context: typer.Context,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """List numbers that get no texts until you decide: a reply seems to ask for an end."""
    with session_of(context).records() as records:
        zone = records.zone
        rows = [
            {"number": one.number, "at": one.at, "customer": one.customer_id, "text": one.text}
            for one in records.storage.held_texts()
        ]
    columns = (
        Column(title="SINCE", cell=lambda row: local(row["at"], zone)),
        Column(title="NUMBER", cell=lambda row: row["number"]),
        Column(title="CUSTOMER", cell=lambda row: row["customer"] or "unknown"),
        Column(title="WROTE", cell=lambda row: row["text"] or "(not kept any more)", wide=True),
    )
    print_rows(rows, chosen, fields=FIELDS, columns=columns, empty="no number waits for you")


def release(context: typer.Context, who: Who) -> None:
    """Write to a flagged number again: its owner did not ask for an end."""
    from engine.ports.storage import Contended
    from engine.services.flagged import NotHeld

    with session_of(context).app() as app:
        number = _number(app, who)
        try:
            app.flagged.release(number)
        except NotHeld as error:
            reason = f"; suppressed: {error.held.reason}" if error.held is not None else ""
            raise Failure(f"texts to {number} are not held{reason}") from None
        except Contended:
            raise Failure("the customer kept changing meanwhile; try again") from None
    say(f"{number} gets texts again; what was withheld meanwhile stays unsent")


def opt_out(context: typer.Context, who: Who) -> None:
    """End texts and calls to a number, as if its owner had replied STOP."""
    from engine.ports.storage import Contended

    with session_of(context).app() as app:
        number = _number(app, who)
        try:
            app.flagged.opt_out(number)
        except Contended:
            raise Failure("the customer kept changing meanwhile; try again") from None
    say(f"{number} gets no texts and calls any more, until its owner replies START")


def _number(app: App, who: str) -> str:
    """A number as it is written to; a customer's present one. Fails when there is none."""
    from triggers.addresses import normalise_phone

    number = None
    if "@" not in who and ":" not in who:
        number = normalise_phone(who, app.country)
    if number is not None:
        return number
    found = customer_id(app, who)
    with app.storage.deciding() as unit:
        phone = unit.load([found], now=app.clock.now())[found].customer.phone
    if phone is None:
        raise Failure(f"the customer {who} has no phone number")
    return phone
