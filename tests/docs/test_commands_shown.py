"""The commands that pages show have the names and the options that the program has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from engine.cli.main import app
from tests.docs.pages import all_pages

_BLOCK = re.compile(r"^```(?:sh|console|yaml|text)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_IN_A_BLOCK = re.compile(r"^\s*(?:\$ |- run: )?(?:[A-Z_]+=\S+ |\S*bin/)*(lagniappe .*)", re.M)
_IN_A_LINE = re.compile(r"`(lagniappe [^`\n]+)`")
_ENDS = frozenset({"|", "||", "&&", "&", ";", ">", ">>", "<"})


def shown(page: str) -> Iterator[tuple[str, bool]]:
    """Each command of a page, and whether it stands there to be typed as it is."""
    for block in _BLOCK.findall(page):
        for line in _IN_A_BLOCK.findall(block.replace("\\\n", " ")):
            yield line, True
    for line in _IN_A_LINE.findall(page):
        yield line, False


def words(line: str) -> list[str]:
    """What the shell passes on of a line."""
    found: list[str] = []
    for word in shlex.split(line, comments=True):
        if word in _ENDS:
            break
        found.append(word)
    return found[1:]


@cache
def program() -> Any:
    """The command ``lagniappe``."""
    return typer.main.get_command(app)


def parse(given: list[str]) -> None:
    """Have the program take the words apart as if it was called with them; nothing is done."""
    command = program()
    context = command.make_context("lagniappe", given)
    while hasattr(command, "commands") and (rest := [*context._protected_args, *context.args]):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def fault(line: str, *, whole: bool) -> str | None:
    """What the program would say of a command, or None."""
    try:
        parse(words(line))
    except typer.Exit:  # --help, --version
        return None
    except Exception as error:  # of typer's own parser, which it does not give a name to
        kind = type(error).__name__
        partial = kind in ("MissingParameter", "BadOptionUsage")
        if partial and not whole:
            return None
        return f"{kind}: {error}"
    return None


@pytest.mark.parametrize("page", all_pages(), ids=lambda page: page.name)
def test_the_commands_of_a_page_are_taken(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    found = {line: fault(line, whole=whole) for line, whole in shown(text) if "[" not in line}
    assert not {line: one for line, one in found.items() if one is not None}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lagniappe simulat", "No such command"),
        ("lagniappe simulate --form json", "No such option"),
        ("lagniappe campaigns liste", "unexpected extra argument"),
        ("lagniappe why a b", "unexpected extra argument"),
        ("lagniappe why", "Missing parameter"),
        ("lagniappe simulate --render none x.jsonl", "a valid integer"),
    ],
)
def test_a_wrong_command_would_be_noticed(line: str, said: str) -> None:
    assert said.lower() in (fault(line, whole=True) or "").lower()
