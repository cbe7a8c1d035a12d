"""What goes wrong, as one clear message and an exit code; never a traceback."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from engine.cli.output import warn

FINDING = 1  # something was found or has failed
WRONG_USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count


class Failure(Exception):
    """A command that cannot do what was asked; ``str`` is for the person who asked."""

    def __init__(self, message: str, *, code: int = FINDING) -> None:
        super().__init__(message)
        self.code = code


class DefaultCommand(TyperGroup):
    """A group whose ``list`` may be left out: ``lagniappe log`` is ``lagniappe log list``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first not in self.commands and first not in ("--help", "-h"):
            args = ["list", *args]
        return super().parse_args(ctx, args)


class Program(TyperGroup):
    """The whole program: the one place where exceptions become messages and exit codes."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run one command and leave with its exit code."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a sign
                stream.reconfigure(errors="backslashreplace")
        try:
            code = super().main(
                args, "lagniappe", complete_var, False, windows_expand_args, **extra
            )
            sys.stdout.flush()
        except typer.TyperException as error:
            code = _usage(error)
        except Failure as failure:
            warn(f"lagniappe: {failure}")
            code = failure.code
        except (KeyboardInterrupt, typer.Abort):
            code = INTERRUPTED
        except BrokenPipeError:
            code = _pipe_closed()
        except Exception as error:
            warn(f"lagniappe: {_sentence(error)}")
            if os.environ.get("LAGNIAPPE_LOG_LEVEL", "").lower() == "debug":
                traceback.print_exc()
            code = FINDING
        sys.exit(code if isinstance(code, int) else 0)


def _usage(error: typer.TyperException) -> int:
    context = getattr(error, "ctx", None)
    told = getattr(error, "format_message", lambda: str(error))()
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stdout.write(f"{context.get_help()}\n" if context else "")
        return WRONG_USAGE
    warn(f"lagniappe: {told.replace('Value error, ', '')}")
    if context is not None:
        warn(f"Try '{context.command_path} --help'.")
    return int(getattr(error, "exit_code", WRONG_USAGE))


def _pipe_closed() -> int:
    """Whoever read along has gone: say nothing, and keep the interpreter from saying it later."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
    return FINDING


def _sentence(error: Exception) -> str:
    problems = getattr(error, "problems", None)
    if isinstance(problems, tuple) and problems:  # settings and set-up errors
        return "\n           ".join(str(one) for one in problems)
    module, name = type(error).__module__, type(error).__name__
    if module.startswith("sqlalchemy"):
        cause = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
        return f"the database cannot be used: {cause}"
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    if name in ("WorkspaceBusy", "DatabaseNewer", "SourceError", "RenderError"):
        return str(error)
    return (
        f"this should not have happened: {name}: {error}\n"
        "           LAGNIAPPE_LOG_LEVEL=debug shows where; please report it"
    )
