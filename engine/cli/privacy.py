"""``lagniappe customers export`` and ``erase``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.failure import FINDING, WRONG_USAGE, Failure
from engine.cli.lookup import customer_id, question
from engine.cli.output import plain, say, warn, write, write_json
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.services.privacy import Erased

Named = Annotated[
    str, typer.Argument(metavar="CUSTOMER", help="An id, email, phone, or an order's id.")
]


def export(
    context: typer.Context,
    customer: Named,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write it there, for your eyes only.")
    ] = None,
) -> None:
    """Print everything on record of a customer as one JSON document."""
    from engine.rendering.archive import content_of
    from engine.services.export import export as everything

    with session_of(context).looking() as app:
        found = customer_id(app, customer)
        document = everything(
            app.history, app.storage, app.personal, found, question(app), content_of
        )  # fmt: skip
    if out is None:
        write_json(document)
        return
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, 0o600)  # a file that was there may have been open to others
            json.dump(plain(document), file, indent=2, ensure_ascii=False)
            file.write("\n")
    except OSError as error:
        raise Failure(f"{out} cannot be written: {error.strerror}") from None
    say(f"{out} holds {len(document['events']):,} events, {len(document['messages']):,} messages "
        f"and {len(document['orders']):,} orders")  # fmt: skip


def erase(
    context: typer.Context,
    customer: Named,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a customer for good: what is personal goes, anonymous counts stay.

    Nothing is sent to their addresses from then on, however they come to be known anew.
    """
    from engine.ports.storage import Contended
    from engine.services.privacy import BeingSent, NoSuchCustomer
    from engine.storage.database import WorkspaceBusy

    with session_of(context).app() as app:
        found = customer_id(app, customer)
        try:
            # On SQLite the daemon holds worlds in memory that it would write back.
            app.storage.database.claim_workspace()
        except WorkspaceBusy:
            raise Failure(
                "the daemon is at work on this database: stop it, erase, and start it again "
                "(on PostgreSQL it may go on)"
            ) from None
        try:
            _tell(app.privacy.survey(found), done=False)
            if not yes:
                _ask(customer)
            _tell(app.privacy.erase(found), done=True)
        except NoSuchCustomer:
            raise Failure(f"there is no customer {customer}") from None
        except BeingSent as error:
            raise Failure(
                f"{error}; try again in a minute. After a crash the daemon settles them first, "
                "when it is started"
            ) from None
        except Contended:
            raise Failure(
                "the customer kept changing meanwhile; nothing was erased, try again"
            ) from None


def _ask(customer: str) -> None:
    if not sys.stdin.isatty():
        raise Failure("nobody is there to be asked; say --yes", code=WRONG_USAGE)
    if not typer.confirm(f"Erase {customer} for good?", err=True):
        warn("nothing was erased")
        raise typer.Exit(FINDING)


def _tell(erased: Erased, *, done: bool) -> None:
    if done:
        say("erased; nothing is sent to these addresses from now on. What is left in free pages "
            "of the database, in backups and at the providers is yours to clear: see "
            "docs/how-to/export-and-erase-a-customer.md")  # fmt: skip
        return
    write(
        "profile and identities: gone\n"
        f"addresses: {erased.addresses}, gone; a keyed hash keeps them from being written to\n"
        f"orders: {erased.orders}, tickets: {erased.tickets}: sums, times and products stay, "
        "of nobody\n"
        f"live journeys: {erased.live_journeys}, ended; scheduled messages: "
        f"{erased.scheduled_messages}, withdrawn\n"
        "messages: recipients, words and receipts gone; events: bodies gone, ids stay\n"
    )
    if erased.pending:
        write(f"events that wait or were rejected, and name them: {erased.pending}, emptied\n")
    for address, owners in erased.shared:
        write(f"{address} is also on record of {', '.join(owners)}: it stays theirs, and gets no "
              "marketing; if that is the same person, erase that record too\n")  # fmt: skip
