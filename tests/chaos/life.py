"""The program in processes forked from one that has imported everything.

A life that ends after seconds should not have spent most of them on reading the program from disk.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

PROGRAM = "engine.cli.main"
AFTERWARDS = "tests.chaos.afterwards"
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload([PROGRAM, AFTERWARDS, "engine.daemon", __name__])


def begin(
    module: str, *arguments: str, folder: Path, environ: Mapping[str, str], log: Path
) -> ForkServerProcess:
    """Start the ``main`` of a module; what it says goes to ``log``."""
    log.touch()
    process = _CONTEXT.Process(
        target=_live, args=(module, arguments, str(folder), dict(environ), str(log))
    )
    process.start()
    return process


def run(
    module: str, *arguments: str, folder: Path, environ: Mapping[str, str], log: Path
) -> int | None:
    """The same, to its end; the exit code, below 0 for the signal that ended it."""
    process = begin(module, *arguments, folder=folder, environ=environ, log=log)
    process.join()
    return process.exitcode


def _live(
    module: str, arguments: Sequence[str], folder: str, environ: dict[str, str], log: str
) -> None:
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    sys.argv = [module, *arguments]
    importlib.import_module(module).main()
