"""The campaigns that travel with Lagniappe, as a shop may take them over one at a time.

A campaign that is complete in itself is one file. A program may be several, because a file has one
trigger; their ids then begin alike: ``loyalty-welcome`` and ``loyalty-tier`` are ``loyalty``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.yaml_source import load as read_yaml
from engine.authoring.compile import Draft, compile_campaign
from engine.authoring.contacts import needed_by
from engine.authoring.event_types import EVENTS_FILE, extend_catalog
from engine.authoring.loader import CAMPAIGNS, campaign_files
from triggers.catalog import Catalog
from triggers.event_types import BUILT_IN

_EDITORS = "# yaml-language-server:"
_SENTENCE_END = re.compile(r"(?<=[.!?])\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One campaign of a library; ``file`` is its path within the workspace."""

    file: str
    draft: Draft

    @property
    def id(self) -> str:
        """The campaign's id."""
        return self.draft.spec.id

    @property
    def text(self) -> str:
        """The file, as it is written."""
        return self.draft.document.source.text

    @property
    def about(self) -> str:
        """The first paragraph of the comment that the file begins with, or else the name."""
        return _first_paragraph(self.text) or self.draft.spec.name or self.id

    @property
    def line(self) -> str:
        """What it is for, in its first sentence."""
        return _SENTENCE_END.split(self.about, maxsplit=1)[0]

    @property
    def templates(self) -> frozenset[str]:
        """The names of the templates that its steps need."""
        needed = (needed_by(step.spec) for step in self.draft.steps)
        return frozenset(one.template for one in needed if one is not None)


def read_library(root: Path) -> tuple[Entry, ...]:
    """Every campaign of the workspace ``root``, by id.

    :raises SourceError: one cannot be read.
    """
    catalog = _catalog(root)
    found = [
        Entry(file=file, draft=compile_campaign(read_yaml(path.read_bytes(), file), catalog))
        for path in campaign_files(root / CAMPAIGNS)
        for file in (path.relative_to(root).as_posix(),)
    ]
    return tuple(sorted(found, key=lambda entry: entry.id))


def program(entries: Iterable[Entry], name: str) -> tuple[Entry, ...]:
    """The campaigns that ``name`` means: the one of this id, and all whose ids begin with it."""
    return tuple(one for one in entries if one.id == name or one.id.startswith(f"{name}-"))


def programs(entries: Iterable[Entry]) -> frozenset[str]:
    """Every name that ``program`` knows: ids, and the words that several of them begin with."""
    ids = [entry.id for entry in entries]
    begun = [words for one in ids for words in _beginnings(one)]
    return frozenset(ids) | {words for words in begun if begun.count(words) > 1}


def under_ids(
    entries: Sequence[Entry], name: str, wanted: str, catalog_of: Path
) -> tuple[Entry, ...]:
    """The campaigns of ``name`` with ids that begin with ``wanted`` instead, in files called so.

    :raises SourceError: ``wanted`` makes no valid id.
    """
    catalog = _catalog(catalog_of)
    return tuple(_renamed(entry, wanted + entry.id[len(name) :], catalog) for entry in entries)


def _renamed(entry: Entry, wanted: str, catalog: Catalog) -> Entry:
    at = entry.draft.document.position(("id",))
    lines = entry.text.split("\n")
    line = lines[at.line - 1]
    rest = line[(at.end_column or len(line) + 1) - 1 :]
    lines[at.line - 1] = f"{line[: at.column - 1]}{wanted}{rest}"
    file = Path(entry.file).with_stem(wanted).as_posix()
    document = read_yaml("\n".join(lines), file)
    return Entry(file=file, draft=compile_campaign(document, catalog))


def _catalog(root: Path) -> Catalog:
    path = root / EVENTS_FILE
    if not path.is_file():
        return BUILT_IN
    return extend_catalog(read_yaml(path.read_bytes(), EVENTS_FILE), BUILT_IN)


def _beginnings(identity: str) -> list[str]:
    words = identity.split("-")
    return ["-".join(words[:count]) for count in range(1, len(words))]


def _first_paragraph(text: str) -> str:
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(_EDITORS):
            continue
        if not line.startswith("#") or (lines and not line.strip("# ")):
            break
        lines.append(line.strip("# "))
    return " ".join(lines).strip()
