"""What a command works on: the workspace that was named, and the application built from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from engine.cli.failure import WRONG_USAGE, Failure

if TYPE_CHECKING:
    from engine.bootstrap import App

Build = Callable[[Path, Mapping[str, str]], "App"]
_MARKS = ("campaigns", "config/store.yaml")  # either makes a directory a workspace


def _build(workspace: Path, environ: Mapping[str, str]) -> App:
    from engine.bootstrap import build

    return build(workspace, environ)


@dataclass(kw_only=True)
class Session:
    """One run of the program. ``build`` makes the application; tests may put in another."""

    given: Path | None = None  # --workspace
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    build: Build = _build

    @cached_property
    def workspace(self) -> Path:
        """The workspace: as given, else ``LAGNIAPPE_WORKSPACE``, else this directory."""
        told = self.environ.get("LAGNIAPPE_WORKSPACE", "").strip()
        path = (self.given or Path(told or ".")).absolute()
        if not path.is_dir():
            raise Failure(f"there is no directory {path}", code=WRONG_USAGE)
        if not any((path / mark).exists() for mark in _MARKS):
            raise Failure(
                f"{path} is not a workspace: it has no campaigns/. Name one with --workspace DIR "
                "(or LAGNIAPPE_WORKSPACE), or make one with: lagniappe init DIR",
                code=WRONG_USAGE,
            )
        return path

    @contextmanager
    def app(self) -> Iterator[App]:
        """The application of the workspace, closed at the end."""
        app = self.build(self.workspace, self.environ)
        try:
            yield app
        finally:
            app.close()


def session_of(context: typer.Context) -> Session:
    """The session that the global options have made."""
    return cast(Session, context.find_root().obj)
