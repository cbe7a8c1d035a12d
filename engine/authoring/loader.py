"""The workspace's campaigns, kept current: a bad file stops one campaign, never the others."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.diagnostic_report import in_order
from config.diagnostics import Diagnostic, Position, Severity
from config.yaml_source import SourceError
from config.yaml_source import load as read_yaml
from engine.authoring.compile import Draft, compile_campaign
from engine.authoring.event_types import EVENTS_FILE, extend_catalog
from engine.authoring.lint import lint, lint_together
from engine.core.campaign import Plan
from engine.ports.plans import Compiled
from engine.ports.rendering import Templates
from triggers.catalog import Catalog
from triggers.event_types import BUILT_IN

__all__ = ["Compiled", "LoadResult", "Loader", "is_test_file"]

CAMPAIGNS = "campaigns"
CAMPAIGN_SUFFIXES = (".yaml", ".yml")
_TESTS = (".test.yaml", ".test.yml")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What the workspace holds.

    ``campaigns``: by id, the last good version of each. ``drafts``: the files that can be read,
    good or not. ``sources``: the texts of all files read, by name, for reports.
    """

    campaigns: Mapping[str, Compiled]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]
    drafts: tuple[Draft, ...]


@dataclass(slots=True)
class _File:
    """One campaign file: as it stands (``draft`` None: it cannot be read), and as it was good."""

    digest: bytes
    source: str
    draft: Draft | None
    problems: tuple[Diagnostic, ...]
    good: Compiled | None = None


@dataclass(frozen=True, slots=True)
class _Types:
    """The shop's own event types, as ``config/events.yaml`` last declared them well."""

    catalog: Catalog
    source: str | None = None
    problems: tuple[Diagnostic, ...] = field(default=())


class Loader:
    """Reads ``campaigns/`` (with its sub-folders) and ``config/events.yaml`` of ``workspace``.

    Files named ``*.test.yaml`` are tests and no campaigns (``engine.authoring.rehearsals``).

    Implements ``engine.ports.plans.CampaignSource``. A file whose content has not changed is not
    compiled again; the rules that look at templates and at other campaigns run every time.
    ``templates`` is asked as it stands: who owns it refreshes it first. It is not asked about
    ``proven`` revisions, (campaign, revision): they have been in force.
    """

    def __init__(
        self,
        workspace: Path,
        templates: Templates,
        catalog: Catalog = BUILT_IN,
        *,
        proven: Collection[tuple[str, str]] = (),
    ) -> None:
        self._workspace = workspace
        self._templates = templates
        self._proven = proven
        self._built_in = catalog
        self._types = _Types(catalog)
        self._files: dict[str, _File] = {}
        self._owners: dict[str, str] = {}  # campaign id -> the file that it last came from
        self._last = LoadResult(campaigns={}, diagnostics=(), sources={}, drafts=())

    @property
    def catalog(self) -> Catalog:
        """The event types that campaigns can name, the shop's own among them, as last read."""
        return self._types.catalog

    def load(self) -> Mapping[str, Compiled]:
        """Reads what has changed; every campaign by its id, in its last good version."""
        return self.read().campaigns

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Every problem that the last ``load`` or ``read`` found, by file, line and column."""
        return self._last.diagnostics

    def sources(self) -> Mapping[str, str]:
        """The texts of the files that the last ``load`` or ``read`` found, by name."""
        return self._last.sources

    def compile_source(self, source: str, file: str) -> Plan:
        """The plan of a stored revision; templates and the shop's event types may be gone.

        :raises SourceError: it is no campaign of this release's grammar.
        """
        document = read_yaml(source, file)
        draft = compile_campaign(document, self.catalog)
        if draft.plan is None:
            draft = compile_campaign(document, self.catalog, lenient=True)
        if draft.plan is None:
            raise SourceError(draft.diagnostics)
        return draft.plan

    def read(self) -> LoadResult:
        """Reads what has changed, and tells every problem of every file at once."""
        self._read_types()
        self._read_files()
        problems: list[Diagnostic] = list(self._types.problems)
        failed: set[str] = set()
        for name, file in self._files.items():
            found = [*file.problems]
            if file.draft is not None:
                plan = file.draft.plan
                is_proven = plan is not None and (plan.id, plan.revision) in self._proven
                found += lint(file.draft, None if is_proven else self._templates)
            if file.draft is None or _has_error(found):
                failed.add(name)
            problems += found
        drafts = [file.draft for file in self._files.values() if file.draft is not None]
        for one in (*self._claims(failed), *lint_together(drafts)):
            problems.append(one)
            if one.severity is Severity.ERROR:
                failed.add(one.at.file)
        result = LoadResult(
            campaigns=self._settle(failed),
            diagnostics=tuple(in_order(dict.fromkeys(problems))),
            sources=self._sources(),
            drafts=tuple(drafts),
        )
        self._last = result
        return result

    def _read_types(self) -> None:
        path = self._workspace / EVENTS_FILE
        try:
            text = path.read_bytes() if path.exists() else None
        except OSError as error:
            self._types = replace(self._types, problems=(_unreadable(EVENTS_FILE, error),))
            return
        shown = None if text is None else text.decode("utf-8", "replace")
        if shown == self._types.source and not self._types.problems:
            return
        catalog = self._built_in
        if text is not None:
            try:
                catalog = extend_catalog(read_yaml(text, EVENTS_FILE), self._built_in)
            except SourceError as error:
                problems = error.diagnostics
                self._types = replace(self._types, source=shown, problems=problems)
                return
        if catalog.types != self._types.catalog.types:
            for file in self._files.values():
                file.digest = b""
        self._types = _Types(catalog, shown)

    def _read_files(self) -> None:
        found: dict[str, _File] = {}
        for path in campaign_files(self._workspace / CAMPAIGNS):
            name = path.relative_to(self._workspace).as_posix()
            known = self._files.get(name)
            try:
                text = path.read_bytes()
            except OSError as error:
                good = known.good if known else None
                found[name] = _File(b"", "", None, (_unreadable(name, error),), good)
                continue
            digest = hashlib.sha256(text).digest()
            if known is not None and known.digest == digest:
                found[name] = known
            else:
                found[name] = self._compiled(name, text, digest, known.good if known else None)
        self._files = found

    def _compiled(self, name: str, text: bytes, digest: bytes, good: Compiled | None) -> _File:
        source = text.decode("utf-8", "replace")
        try:
            draft = compile_campaign(read_yaml(text, name), self.catalog)
        except SourceError as error:
            return _File(digest, source, None, error.diagnostics, good)
        return _File(digest, source, draft, draft.diagnostics, good)

    def _claims(self, failed: set[str]) -> Iterator[Diagnostic]:
        """Two files for one campaign: the one that had it keeps it, else the first by name."""
        claims: dict[str, list[str]] = {}
        for name, file in self._files.items():
            if file.draft is not None:
                claims.setdefault(file.draft.spec.id, []).append(name)
        for campaign, names in claims.items():
            owner = self._owners.get(campaign)
            sound = [name for name in names if name not in failed]
            keeper = owner if owner in names else (sound or names)[0]
            for name in names:
                draft = self._files[name].draft
                if name != keeper and draft is not None:
                    yield draft.problem(
                        "duplicate-campaign-id",
                        ("id",),
                        f'the id "{campaign}" is that of {keeper}',
                        expected="another id, or one file for both",
                    )

    def _settle(self, failed: set[str]) -> dict[str, Compiled]:
        campaigns: dict[str, Compiled] = {}
        for name, file in self._files.items():
            draft = file.draft
            if name not in failed and draft is not None and draft.plan is not None:
                if file.good is None or file.good.plan is not draft.plan:
                    source = draft.document.source.text
                    file.good = Compiled(plan=draft.plan, source=source, file=name)
                campaigns[draft.plan.id] = file.good
        for name, file in self._files.items():
            if name in failed and file.good is not None:
                campaigns.setdefault(file.good.plan.id, file.good)
        self._owners = {campaign: compiled.file for campaign, compiled in campaigns.items()}
        return dict(sorted(campaigns.items()))

    def _sources(self) -> dict[str, str]:
        sources = {name: file.source for name, file in self._files.items()}
        if self._types.source is not None:
            sources[EVENTS_FILE] = self._types.source
        return sources


def is_test_file(path: Path) -> bool:
    """Whether a file below ``campaigns/`` holds tests of a campaign, and not a campaign."""
    return path.name.endswith(_TESTS) and not path.name.startswith(".") and path.is_file()


def campaign_files(root: Path) -> list[Path]:
    """The files of a folder of campaigns, sub-folders included and hidden ones not, by name."""
    return sorted(
        path
        for path in root.rglob("*")
        if path.suffix in CAMPAIGN_SUFFIXES
        and not path.name.endswith(_TESTS)
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(root).parts)
    )


def _has_error(problems: Iterable[Diagnostic]) -> bool:
    return any(one.severity is Severity.ERROR for one in problems)


def _unreadable(file: str, error: OSError) -> Diagnostic:
    return Diagnostic(
        code="unreadable-file",
        message=f"the file cannot be read: {error.strerror}",
        at=Position(file=file, line=1, column=1),
    )
