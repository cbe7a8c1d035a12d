"""``lagniappe run`` and ``lagniappe demo``: options only; the work is the daemon's."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from engine.cli.session import session_of


class Role(StrEnum):
    """What one process does; several processes need PostgreSQL."""

    ALL = "all"
    WEB = "web"
    WORKER = "worker"


def run(
    context: typer.Context,
    role: Annotated[
        Role, typer.Option(help="Serve HTTP, work through what is due, or both.")
    ] = Role.ALL,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C; SIGHUP reloads the campaigns."""
    from engine import daemon

    session = session_of(context)
    raise typer.Exit(daemon.run(session.workspace, session.environ, role=role.value))


def demo(
    context: typer.Context,
    leave: Annotated[
        bool, typer.Option("--exit", help="End after the table instead of staying up.")
    ] = False,
) -> None:
    """Run a sample shop's weeks in fast-forward; nothing leaves this machine."""
    from engine.cli import demo as show

    raise typer.Exit(show.run(session_of(context).environ, leave=leave))
