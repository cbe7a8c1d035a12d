"""Makes each mistake of ``mutations`` in a copy of the tree and shows which test notices it.

``python -m tests.invariants.mutate`` runs all of them and writes the table in
``docs/explanation/invariants.md``; with words, only those whose description or file has one of
them, and writes nothing. The exit code is 1 when a mistake went unnoticed.
"""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NoReturn

import pytest

from tests.invariants.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/explanation/invariants.md"
BEGIN = "<!-- mutations: made by `make mutations` -->"
END = "<!-- end of mutations -->"
# What the engine and its tests use most; loading it once saves seconds for each mistake.
LIBRARIES = ("sqlalchemy", "pydantic", "jinja2", "phonenumbers", "babel.numbers", "structlog",
             "cel_expr_python", "alembic")  # fmt: skip
_FAILED = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)
_LONGEST = 600  # seconds for one mistake; a hang is a notice as well


def places(mutation: Mutation) -> int:
    """How often the text to be replaced stands in its file; once is right."""
    return (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.old)


def caught_by(mutation: Mutation, tree: Path) -> str | None:
    """The first test that fails with this mistake made; None when none does."""
    file = tree / mutation.file
    whole = file.read_text(encoding="utf-8")
    _write(file, whole.replace(mutation.old, mutation.new))
    try:
        for tests in mutation.tests:
            found = _first_failure(tests, tree)
            if found is not None:
                return found
    finally:
        _write(file, whole)
    return None


def _write(file: Path, text: str) -> None:
    """Change a module; what was compiled of it tells a change only by whole seconds and size."""
    file.write_text(text, encoding="utf-8")
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def _first_failure(tests: str, tree: Path) -> str | None:
    """Run pytest on the copy, in a child that has the libraries loaded already."""
    words = [*shlex.split(tests), "-x", "-q", "-p", "no:cacheprovider"]
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            _become_pytest(words, tree, said)
        if not _ends(child):
            return f"{words[0]} (never ends)"
        _, status = os.waitpid(child, 0)
        said.seek(0)
        told = said.read()
    if os.waitstatus_to_exitcode(status) == 0:
        return None
    found = _FAILED.search(told)
    if found is None:
        raise RuntimeError(f"{tests} did not run:\n{told[-3000:]}")
    return found[1]


def _become_pytest(words: Sequence[str], tree: Path, said: IO[str]) -> NoReturn:
    os.setsid()
    for stream in (1, 2):
        os.dup2(said.fileno(), stream)
    os.chdir(tree)
    ours = {each.partition(".")[0] for each in ("tests", "engine", "config", "triggers")}
    for name in [each for each in sys.modules if each.partition(".")[0] in ours]:
        del sys.modules[name]
    sys.path[:] = [str(tree), *(p for p in sys.path if p not in ("", str(ROOT)))]
    os.environ["PYTHONPATH"] = str(tree)
    code = 70
    try:
        code = int(pytest.main(list(words)))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _ends(child: int) -> bool:
    """Wait for a child; one that takes too long is ended with all that it has started."""
    end = time.monotonic() + _LONGEST
    while time.monotonic() < end:
        found = os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if found is not None:
            return True
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def copy_of_the_tree(into: Path) -> Path:
    """What git knows of, without its history."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = ROOT / name
        if source.is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, into / name)
    return into


def table(found: Sequence[tuple[Mutation, str | None]]) -> str:
    """The page's table, promise by promise."""
    lines = ["| promise | what is done wrong | where | noticed by |", "| --- | --- | --- | --- |"]
    for mutation, test in sorted(found, key=lambda each: each[0].promise):
        by = "**nothing**" if test is None else f"`{_named(test)}`"
        lines.append(f"| {mutation.promise} | {mutation.breaks} | `{mutation.file}` | {by} |")
    caught = sum(test is not None for _, test in found)
    return "\n".join([f"{len(found)} mistakes, {caught} of them noticed.", "", *lines])


def _named(test: str) -> str:
    """The test without its parameters: which of them comes first says nothing."""
    return test.removeprefix("tests/").partition("[")[0]


def main(words: Sequence[str]) -> int:
    """Try the chosen mistakes, one after another; 1 when one went unnoticed."""
    chosen = [
        each
        for each in MUTATIONS
        if not words or any(word in f"{each.breaks} {each.file}" for word in words)
    ]
    for library in LIBRARIES:
        importlib.import_module(library)
    found: list[tuple[Mutation, str | None]] = []
    with tempfile.TemporaryDirectory(prefix="lagniappe-mutations-") as folder:
        tree = copy_of_the_tree(Path(folder))
        for each in chosen:
            test = caught_by(each, tree)
            found.append((each, test))
            sys.stdout.write(
                f"{'noticed' if test else 'UNNOTICED'}: {each.breaks}: {test or ''}" + "\n"
            )
            sys.stdout.flush()
    if not words:
        text = PAGE.read_text(encoding="utf-8")
        head, rest = text.split(BEGIN)
        tail = rest.split(END)[1]
        PAGE.write_text(f"{head}{BEGIN}\n{table(found)}\n{END}{tail}", encoding="utf-8")
    return int(any(test is None for _, test in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
