"""What a command works on: the workspace that was named, and the application built from it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from engine.cli.failure import WRONG_USAGE, Failure
from engine.cli.output import warn

if TYPE_CHECKING:
    from engine.bootstrap import App
    from engine.records import Records

Build = Callable[[Path, Mapping[str, str]], "App"]
OpenRecords = Callable[[Path, Mapping[str, str]], "Records"]
_MARKS = ("campaigns", "config/store.yaml")  # either makes a directory a workspace


def _build(workspace: Path, environ: Mapping[str, str]) -> App:
    from engine.bootstrap import build

    return build(workspace, environ)


def _look(workspace: Path, environ: Mapping[str, str]) -> App:
    from engine.bootstrap import build

    return build(workspace, environ, looks=True)


def _open_records(workspace: Path, environ: Mapping[str, str]) -> Records:
    from engine.records import open_records

    return open_records(workspace, environ)


@dataclass(kw_only=True)
class Session:
    """One run of the program.

    ``build`` makes the application, ``look`` one that only answers questions, ``open_records`` only
    what looking back takes; tests may put in others.
    """

    given: Path | None = None  # --workspace
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    build: Build = _build
    look: Build = _look
    open_records: OpenRecords = _open_records

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
        with closing(self.build(self.workspace, self.environ)) as app:
            yield app

    @contextmanager
    def looking(self) -> Iterator[App]:
        """The application for a question: it is there sooner, and must not be used to do things."""
        with closing(self.look(self.workspace, self.environ)) as app:
            yield app

    def has_database(self, url: str) -> bool:
        """Whether there is something to look back into; opening the records would make it."""
        backend, _, place = url.partition("://")
        if backend.partition("+")[0] != "sqlite":
            return True
        return Path(place.partition("?")[0].removeprefix("/")).is_file()

    @contextmanager
    def records(self) -> Iterator[Records]:
        """What is on record in the workspace, closed at the end."""
        records = self.open_records(self.workspace, self.environ)
        try:
            if records.policy is None:
                warn("config/store.yaml cannot be used, so times are in UTC; "
                     "lagniappe check tells what is wrong")  # fmt: skip
            yield records
        finally:
            records.close()


def session_of(context: typer.Context) -> Session:
    """The session that the global options have made."""
    return cast(Session, context.find_root().obj)
