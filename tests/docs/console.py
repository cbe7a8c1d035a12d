"""Runs the console blocks of a page in a directory of its own, as a reader would type them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from tests.docs.pages import ROOT, Block

PATIENCE: Final = 90.0  # seconds until a daemon has done what a command waits to see
_MARK: Final = "__lagniappe_docs__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a command printed, and its exit code."""

    text: str
    code: int


@dataclass(slots=True)
class Console:
    """A shell in ``directory``, with ``lagniappe`` of this checkout on its path.

    While a process runs in the background, a command whose output is not yet as the page shows it
    is asked again for some time: the page's reader would do so as well.
    """

    directory: Path
    _shell: subprocess.Popen[str] = field(init=False)
    _in_background: bool = False

    def __post_init__(self) -> None:
        programs = self.directory / ".bin"
        programs.mkdir()
        program = programs / "lagniappe"
        program.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m engine.cli.main "$@"\n',
            encoding="utf-8",
        )
        program.chmod(0o755)
        own = {key: value for key, value in os.environ.items() if not key.startswith("LAGNIAPPE_")}
        own.pop("COLUMNS", None)
        self._shell = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self.directory,
            env={
                **own,
                "PATH": f"{programs}:{own.get('PATH', '')}",
                "PYTHONPATH": str(ROOT),
                "LAGNIAPPE_BIND": "127.0.0.1:0",
            },
        )
        self.run("set -m")  # jobs, so that a page can say: kill %1

    def run(self, command: str) -> Told:
        """Type one command and read what it prints."""
        stdin, stdout = _pipes(self._shell)
        stdin.write(f"{command}\necho {_MARK} $?\n")
        stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line.startswith(_MARK):
                return Told(text="".join(lines), code=int(line.split()[1]))
            lines.append(line)
        raise AssertionError(f"the shell ended at {command!r}: {''.join(lines)}")

    def follow(self, block: Block) -> None:
        """Do what a block says: write its file, or run its commands and compare."""
        if block.file is not None:
            path = Path(self.run("pwd").text.strip()) / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            return
        commands = list(_commands(block.text))
        for index, (command, expected) in enumerate(commands):
            if command.endswith("&"):
                self._in_background = True
            wanted = block.exit if index == len(commands) - 1 else 0
            told = self._ask(command, expected)
            assert fits(expected, told.text), f"line {block.line}: $ {command}\n{told.text}"
            assert told.code == wanted, f"line {block.line}: $ {command}: exit {told.code}"

    def _ask(self, command: str, expected: str) -> Told:
        told = self.run(command)
        until = time.monotonic() + PATIENCE
        while self._in_background and expected and not fits(expected, told.text):
            if time.monotonic() > until:
                break
            told = self.run(command)
        return told

    def close(self) -> None:
        """End the shell, and whatever it left in the background."""
        stdin, stdout = _pipes(self._shell)
        stdin.write("kill $(jobs -p) 2>/dev/null; wait; exit\n")
        stdin.close()
        self._shell.wait(timeout=60)
        stdout.close()


def _pipes(shell: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert shell.stdin is not None
    assert shell.stdout is not None
    return shell.stdin, shell.stdout


def _commands(text: str) -> list[tuple[str, str]]:
    """The commands of a block, which begin with ``$ ``, each with the output below it."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("$ "):
            found.append((line[2:].strip(), ""))
        else:
            command, output = found[-1]
            found[-1] = (command, output + line)
    return found


def fits(expected: str, told: str) -> bool:
    """Whether a command told what the page shows.

    ``...`` stands for anything within a line, and alone on a line for any lines. Where the page
    shows nothing, anything may be told.
    """
    if not expected:
        return True
    lines = []
    for line in expected.rstrip("\n").split("\n"):
        if line == "...":
            lines.append(r"(?:.*\n)*")
        else:
            lines.append(re.escape(line.rstrip()).replace(r"\.\.\.", ".*") + r"[ ]*\n")
    return re.fullmatch("".join(lines), told.rstrip("\n") + "\n") is not None
