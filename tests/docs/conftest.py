"""What the program itself says of its commands."""

from __future__ import annotations

import pytest
import typer

from engine.cli.main import app


@pytest.fixture(scope="session")
def commands() -> frozenset[str]:
    """The names of all commands of the first level."""
    return frozenset(getattr(typer.main.get_command(app), "commands"))  # noqa: B009
