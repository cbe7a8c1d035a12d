"""The pages of ``docs/`` as text: generated blocks, first columns of tables, links, code blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
TOP_PAGES: Final = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")

_GENERATED = re.compile(
    r"(?P<open><!-- generated: (?P<name>[\w ./-]+) -->\n).*?(?P<close><!-- end -->)", re.DOTALL
)
_HEADING = re.compile(r"^(#+) (.*)$", re.MULTILINE)
_FIRST_CELL = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
_BLOCK = re.compile(
    r"^<!-- (?:run(?:: exit (?P<exit>\d))?|file: (?P<file>[\w./-]+)) -->\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A code block that a test runs (``file`` None), or writes to ``file``."""

    file: str | None
    text: str
    line: int
    exit: int  # of its last command


def all_pages() -> list[Path]:
    """Every page, the ones at the top of the repository first."""
    return [ROOT / name for name in TOP_PAGES] + sorted(DOCS.rglob("*.md"))


def filled_in(page: str, generators: Mapping[str, Callable[[], str]]) -> str:
    """The page with each generated block made anew."""

    def fill(found: re.Match[str]) -> str:
        return f"{found['open']}\n{generators[found['name']]().strip()}\n\n{found['close']}"

    return _GENERATED.sub(fill, page)


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next of its level or above."""
    headings = list(_HEADING.finditer(page))
    for index, found in enumerate(headings):
        if found[2] == heading:
            later = (h for h in headings[index + 1 :] if len(h[1]) <= len(found[1]))
            end = next(later, None)
            return page[found.end() : end.start() if end else len(page)]
    raise AssertionError(f"there is no heading {heading!r}")


def first_cells(text: str) -> list[str]:
    """The first cells of all tables' rows, where they are code."""
    return _FIRST_CELL.findall(text)


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = (found[2].lower() for found in _HEADING.finditer(_FENCED.sub("", page)))
    return {re.sub(r"[^\w\- ]", "", text).strip().replace(" ", "-") for text in plain}


def links(page: str) -> list[str]:
    """The targets of a page's links, those in code left out."""
    return _LINK.findall(_FENCED.sub("", page))


def marked_blocks(page: str) -> Iterator[Block]:
    """The code blocks marked ``<!-- run -->`` or ``<!-- file: … -->``, in their order."""
    for found in _BLOCK.finditer(page):
        line = page.count("\n", 0, found.start()) + 1
        yield Block(file=found["file"], text=found["text"], line=line, exit=int(found["exit"] or 0))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
