"""The command ``lagniappe``: global options, and every command under its name.

What takes long to import (the database, templates, the web) is imported by the commands that need
it, so that ``--help`` and mistakes answer at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.cli import (
    calls,
    campaigns,
    checking,
    coupons,
    customers,
    daemon,
    database,
    diff,
    doctor,
    events,
    ingest,
    log,
    preview,
    referrals,
    report,
    simulate,
    starter,
    synthesize,
    testing,
    why,
)
from engine.cli.failure import DefaultCommand, Program
from engine.cli.output import say
from engine.cli.session import Session

app = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Order events in, the right message out, and the reason for each on record.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            say(f"lagniappe {version('lagniappe')}")
        except PackageNotFoundError:
            say("lagniappe, not installed but run from its source")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace", "-w", metavar="DIR",
            help="The workspace; else LAGNIAPPE_WORKSPACE, else this directory.",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:  # fmt: skip
    """Take the options that stand before the command."""
    if not isinstance(context.obj, Session):
        context.obj = Session()
    if workspace is not None:
        context.obj.given = workspace


for name, command, about in (
    ("init", starter.init, "Make a workspace from the starter library."),
    ("check", checking.check, "Check every file, tell every problem."),
    ("schema", checking.schema, "Print the JSON Schema of campaigns."),
    ("test", testing.play, "Play campaigns' tests under a virtual clock."),
    ("demo", daemon.demo, "Run a sample shop's weeks, here and now."),
    ("run", daemon.run, "Run the daemon."),
    ("ingest", ingest.ingest, "Take in events or orders from a file."),
    ("simulate", simulate.simulate, "Try the campaigns on recorded customers."),
    ("synthesize", synthesize.synthesize, "Make up a shop's events, of any number."),
    ("diff", diff.diff, "What a change would do to recorded customers."),
    ("why", why.why, "Why a customer was, or was not, contacted."),
    ("preview", preview.preview, "Render a template or a campaign to files."),
    ("doctor", doctor.doctor, "What is wrong with the set-up; how to mend it."),
):
    app.command(name, short_help=about)(command)
for name, group, about in (
    ("log", log.app, "The message log: what was sent and withheld."),
    ("events", events.app, "Events that came in, and what became of them."),
    ("calls", calls.app, "Follow-up calls: who calls whom, and what came of it."),
    ("campaigns", campaigns.app, "Campaigns, how they do, the library, and the brake."),
    ("coupons", coupons.app, "Coupons given, and the pools of codes."),
    ("referrals", referrals.app, "Friends brought by customers, and your decisions."),
):
    app.add_typer(group, name=name, help=f"{about} Alone: list.", short_help=about,
                  cls=DefaultCommand)  # fmt: skip
app.add_typer(customers.app, name="customers", help="Customers and all that is known of them.")
app.add_typer(report.app, name="report", help="What came of it, in figures.")
app.add_typer(database.app, name="db", help="The database's schema.")


def main() -> None:
    """Run the program; the entry point of the distribution."""
    app()


if __name__ == "__main__":
    main()
