"""``lagniappe referrals``: who has brought whom, why it was paid or not, and what a person decides.

Nobody's address or name is shown: customers stand by their ids, as in ``lagniappe customers show``.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.cli.failure import Failure
from engine.cli.output import Column, Row, RowFormat, local, print_rows, say
from engine.cli.session import session_of
from engine.programs.referral_reasons import finding_text

if TYPE_CHECKING:
    from engine.ports.stored import BookLine
    from engine.services.referral_pages import Verdict

app = typer.Typer()

FIELDS = (
    "id", "status", "program", "code", "referrer", "friend", "order", "via", "ordered_at",
    "next_look_at", "converted_at", "decision", "decision_reason", "reasons",
)  # fmt: skip
Id = Annotated[str, typer.Argument(metavar="ID", help="A referral's id, as the list shows it.")]


@app.command("list")
def listing(
    context: typer.Context,
    flagged: Annotated[
        bool, typer.Option("--flagged", help="Only those that wait for your decision.")
    ] = False,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """List referrals, the oldest order first."""
    from engine.programs.referral_records import REFERRALS

    with session_of(context).records() as records:
        zone = records.zone
        kept = records.storage.book(REFERRALS)
    rows = [
        _row(one)
        for one in sorted(kept, key=lambda one: (one.record.at, one.record.key))
        if not flagged or one.record.data.get("status") == "flagged"
    ]
    columns = (
        Column(title="ID", cell=lambda row: row["id"]),
        Column(title="STATUS", cell=lambda row: row["status"], tone=True),
        Column(title="PROGRAM", cell=lambda row: row["program"]),
        Column(title="ORDERED", cell=lambda row: local(row["ordered_at"], zone)),
        Column(title="WHY", cell=lambda row: "; ".join(row["reasons"]), wide=True),
    )
    empty = "no referral waits for you" if flagged else "no referrals yet"
    print_rows(rows, chosen, fields=FIELDS, columns=columns, empty=empty)


@app.command()
def show(context: typer.Context, referral: Id) -> None:
    """Show one referral: both customers, the order, and everything that was found."""
    from engine.programs.referral_records import REFERRALS

    with session_of(context).records() as records:
        zone = records.zone
        kept = records.storage.book(REFERRALS, referral)
    if len(kept) != 1:
        raise Failure(_unknown(referral))
    row = _row(kept[0])
    say(f"referral   {row['id']}")
    say(f"status     {row['status']}")
    say(f"program    {row['program']}, code {row['code']}")
    say(f"referrer   {row['referrer']}")
    say(f"friend     {row['friend']}")
    say(f"order      {row['order']}, placed {local(row['ordered_at'], zone)}")
    way = "the code in the order" if row["via"] == "code" else "an address left on the page"
    say(f"known by   {way}")
    if row["next_look_at"] is not None:
        say(f"next look  {local(row['next_look_at'], zone)}")
    if row["converted_at"] is not None:
        say(f"converted  {local(row['converted_at'], zone)}")
    if row["decision"] is not None:
        why = f": {row['decision_reason']}" if row["decision_reason"] else ""
        say(f"decided    {row['decision']}{why}")
    for reason in row["reasons"]:
        say(f"found      {reason}")


@app.command()
def approve(context: typer.Context, referral: Id) -> None:
    """Count a flagged referral; it pays once its return window has closed."""
    _decide(context, referral, "approve", None)


@app.command()
def reject(
    context: typer.Context,
    referral: Id,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the referral.")],
) -> None:
    """Never pay for a referral."""
    _decide(context, referral, "reject", reason)


def _decide(context: typer.Context, referral: str, verdict: Verdict, reason: str | None) -> None:
    from engine.ports.storage import Contended
    from engine.services.referral_pages import Settled, UnknownReferral

    with session_of(context).app() as application:
        try:
            left = application.referrals.decide(referral, verdict, reason)
        except UnknownReferral:
            raise Failure(_unknown(referral)) from None
        except Settled as error:
            raise Failure(f"{referral}: {error}") from None
        except Contended:
            raise Failure("the customers kept changing meanwhile; try again") from None
    say(f"{referral} is {left.record.data['status']}")


def _unknown(referral: str) -> str:
    return f"there is no referral {referral}; list them with: lagniappe referrals"


def _row(line: BookLine) -> Row:
    record = line.record
    data: dict[str, Any] = dict(record.data)
    decision = data.get("decision") or {}
    converted = data.get("converted_at")
    return {
        "id": record.key,
        "status": data.get("status", "pending"),
        "program": data["program"],
        "code": data["code"],
        "referrer": line.customer_id,
        "friend": data["friend_id"],
        "order": data["order"],
        "via": "code" if data["via"] == "referral_codes" else "address",
        "ordered_at": record.at,
        "next_look_at": record.due_at,
        "converted_at": None if converted is None else datetime.fromisoformat(converted),
        "decision": decision.get("verdict"),
        "decision_reason": decision.get("reason"),
        "reasons": [finding_text(code, values) for code, values in data.get("reasons", ())],
    }
