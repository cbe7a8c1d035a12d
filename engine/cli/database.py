"""``lagniappe db``: the database's schema."""

from __future__ import annotations

import typer

from engine.cli.output import say
from engine.cli.session import session_of

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """Keep ``upgrade`` a command of its own, though it is the only one."""


@app.command()
def upgrade(context: typer.Context) -> None:
    """Bring the database to the schema of this release; live journeys go on."""
    from config.settings import load_settings
    from engine.storage import migrate

    session = session_of(context)
    settings = load_settings(session.workspace, session.environ)
    migrate.upgrade(settings.database_url)
    say(f"{settings.database_label} has the newest schema")
