"""``lagniappe customers consents``: every word on what may be sent to somebody."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.failure import Failure
from engine.cli.lookup import customer_id
from engine.cli.output import Column, Row, RowFormat, local, print_rows
from engine.cli.session import session_of

FIELDS = ("at", "channel", "address", "purpose", "status", "source", "proof")


def consents(
    context: typer.Context,
    who: Annotated[
        str, typer.Argument(metavar="WHO", help="A customer, or an address that is nobody's yet.")
    ],
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """Print all that was ever told of somebody's consents, oldest first, with source and proof.

    What holds now is the last word of each channel and address: see customers show.
    """
    from triggers.addresses import normalise_email, normalise_phone

    with session_of(context).app() as app:
        try:
            found = customer_id(app, who)
        except Failure:
            address = normalise_email(who) or normalise_phone(who, app.policy.country)
            if address is None or app.history.find_customers(address):
                raise
            addresses = {address}
        else:
            with app.storage.deciding() as unit:
                world = unit.load([found], now=app.clock.now())[found]
                keys = unit.identities_of([found]).get(found, set())
            told = {key.value for key in keys if not key.kind.startswith("id:")}
            addresses = {*told, *filter(None, (world.customer.email, world.customer.phone))}
        rows: list[Row] = [
            {name: getattr(one, name) for name in FIELDS}
            for one in app.personal.consent_history(addresses)
        ]
        zone = app.policy.zone
    print_rows(
        rows,
        chosen,
        (
            Column(title="AT", cell=lambda row: local(row["at"], zone)),
            Column(title="CHANNEL", cell=lambda row: str(row["channel"])),
            Column(title="STATUS", cell=lambda row: str(row["status"])),
            Column(title="ADDRESS", cell=lambda row: str(row["address"]), wide=True),
            Column(title="SOURCE", cell=lambda row: str(row["source"]), wide=True),
            Column(title="PROOF", cell=lambda row: str(row["proof"] or ""), wide=True),
        ),
        fields=FIELDS,
        empty="nothing was ever told of their consent",
        note=f"times in {zone}; all of them are about marketing",
    )
