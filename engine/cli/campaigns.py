"""``lagniappe campaigns``: how they do, the library, the brake, and past customers."""

from __future__ import annotations

from typing import Annotated

import typer

from config.diagnostics import nearest
from engine.cli import enrol, library
from engine.cli.failure import Failure
from engine.cli.lookup import question
from engine.cli.output import Column, Row, RowFormat, print_rows, say
from engine.cli.session import session_of

app = typer.Typer()
app.command("add")(library.add)
app.command("enrol")(enrol.enrol)

FIELDS = (
    "id", "name", "status", "reason", "file", "stage", "purpose", "trigger", "live", "parked",
    "entered", "holdout", "completed", "exited", "sent", "scheduled", "skipped", "failed",
    "unknown", "goals", "conversion", "holdout_goals", "holdout_conversion",
)  # fmt: skip


@app.command("list")
def listing(
    context: typer.Context,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """List campaigns: status, journeys, what was sent and withheld and why, goals."""
    from engine.services.campaigns import report

    with session_of(context).app() as application:
        asked = question(application)
        rows = report(
            asked.plans,
            application.loader.load(),
            application.loader.diagnostics(),
            application.history.campaign_counts(),
        )
    print_rows(
        [one.row() for one in rows],
        chosen,
        (
            Column(title="CAMPAIGN", cell=lambda row: row["id"]),
            Column(title="STATUS", cell=lambda row: row["status"], tone=True),
            Column(title="LIVE", cell=_live, right=True),
            Column(title="ENTERED", cell=lambda row: f"{row['entered']:,}", right=True),
            Column(title="SENT", cell=lambda row: f"{row['sent']:,}", right=True),
            Column(title="GOALS", cell=_goals, right=True),
            Column(title="WITHHELD", cell=_withheld, wide=True),
        ),
        fields=FIELDS,
        empty="no campaigns: make a file in campaigns/, or start with lagniappe init DIR",
    )
    if chosen is RowFormat.TABLE:
        for one in rows:
            if one.reason:
                say(f"{one.id} is {one.status}: {one.reason}")


@app.command()
def pause(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(metavar="ID")],
) -> None:
    """Stop a campaign where it stands: nobody enters, nothing is sent, until it is resumed."""
    from engine.core.reasons import ended

    session = session_of(context)
    with session.records() as records:  # the brake must work whatever is wrong with the files
        held = records.storage.holds()
        if campaign not in {*held, *records.storage.campaigns()}:
            with session.app() as application:  # takes in files that no daemon has seen yet
                _known(campaign, {*held, *application.revisions.plans.current})
        if campaign in held:
            say(f"{campaign} stands still already: {ended(held[campaign])}")
            return
        records.storage.hold(campaign, "paused", records.clock.now())
    say(f"{campaign} is paused; its journeys stand still until: "
        f"lagniappe campaigns resume {campaign}")  # fmt: skip


@app.command()
def resume(
    context: typer.Context,
    campaign: Annotated[str, typer.Argument(metavar="ID")],
) -> None:
    """Lift a pause or a brake: journeys go on; what is too late by now is skipped, and says so."""
    from engine.core.campaign import CampaignStatus
    from engine.core.reasons import ended

    with session_of(context).app() as application:
        plans = question(application).plans
        _known(campaign, {*plans.current, *plans.held})
        if campaign not in plans.held:
            say(f"{campaign} was not held")
        else:
            count = application.storage.resume(campaign, application.clock.now())
            waited = f"{count:,} journeys go on; " if count else ""
            say(f"{campaign} is resumed: {waited}it was held: {ended(plans.held[campaign])}")
        plan = plans.current.get(campaign)
        if plan is None or plan.status is not CampaignStatus.LIVE:
            told = "has no good file" if plan is None else f"says status: {plan.status.value}"
            raise Failure(f"{campaign} still stands still, because its file {told}")


def _known(campaign: str, known: set[str]) -> None:
    if campaign not in known:
        near = nearest(campaign, known)
        hint = f"; did you mean {near}?" if near else ""
        raise Failure(f"there is no campaign {campaign}{hint}")


def _live(row: Row) -> str:
    parked = f" ({row['parked']:,} still)" if row["parked"] else ""
    return f"{row['live']:,}{parked}"


def _goals(row: Row) -> str:
    if row["conversion"] is None:
        return "-" if row["goals"] is None else f"{row['goals']:,}"
    return f"{row['goals']:,} ({row['conversion']:.0%})"


def _withheld(row: Row) -> str:
    reasons = sorted(row["skipped"].items(), key=lambda one: (-one[1], one[0]))
    told = [f"{count:,} {reason}" for reason, count in reasons[:3]]
    rest = sum(count for _, count in reasons[3:])
    return ", ".join([*told, f"{rest:,} other"] if rest else told)
