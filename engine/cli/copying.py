"""Puts new files into a workspace that may be in use: all of them or none, and over none."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.cli.failure import Failure

# What stands in a library for Python, an editor or a system, and not for shops.
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.py", "*.pyc", ".*")


def place(workspace: Path, wanted: Mapping[str, Path | str], *, last: Sequence[str]) -> None:
    """Write files and folders under ``workspace``; ``last`` are those that need the others.

    A value is what is copied (a file or a folder), or a file's text. Everything is made ready in a
    hidden folder beside and then moved, so that a daemon never reads half of it. What was moved is
    taken back when a later one cannot be.

    :raises Failure: something stands in one of the places, or cannot be written; nothing is left.
    """
    staging = Path(tempfile.mkdtemp(prefix=".adding-", dir=workspace))
    placed: list[Path] = []
    made: list[Path] = []
    try:
        for name, source in wanted.items():
            _stage(staging / name, source)
        for name in sorted(wanted, key=lambda name: name in last):
            target = workspace / name
            made += _make_folders(target.parent)
            _move(staging / name, target)
            placed.append(target)
    except OSError as error:
        for path in reversed(placed):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for folder in reversed(made):
            folder.rmdir()
        where = Path(error.filename or workspace)
        shown = where.relative_to(workspace) if where.is_relative_to(workspace) else where
        raise Failure(f"{shown}: {error.strerror}; nothing was changed") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _stage(path: Path, source: Path | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, str):
        path.write_text(source, encoding="utf-8")
    elif source.is_dir():
        shutil.copytree(source, path, ignore=LEFT_OUT)
    else:
        shutil.copyfile(source, path)


def _move(source: Path, target: Path) -> None:
    if target.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    source.rename(target)


def _make_folders(folder: Path) -> list[Path]:
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir()
    return missing[::-1]
