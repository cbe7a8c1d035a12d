"""The codes that diagnostics can have, read from the source, where they are plain words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.pages import ROOT

_PLACES = ("config", "engine/authoring", "engine/rehearsal", "engine/rendering", "engine/core")
_KEBAB = re.compile(r"[a-z]+(?:-[a-z]+)+")
_GOLDEN = re.compile(r" \[([a-z-]+)\]$", re.MULTILINE)
# Words with a dash that are no codes.
_OTHER = frozenset({"review-request", "sample-event", "one-click"})


def codes() -> set[str]:
    """Every code: words with a dash, what stands after ``code=``, and what golden files show."""
    found: set[str] = set()
    for place in _PLACES:
        for path in sorted((ROOT / place).rglob("*.py")):
            found.update(_in_source(path))
    for path in (ROOT / "tests").rglob("err/*.out"):
        found.update(_GOLDEN.findall(path.read_text(encoding="utf-8")))
    return found


def _in_source(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _KEBAB.fullmatch(node.value) and node.value not in _OTHER:
                yield node.value
        elif isinstance(node, ast.Call) and _name(node.func) == "Diagnostic":
            for keyword in node.keywords:
                if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                    yield str(keyword.value.value)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
