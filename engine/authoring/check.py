"""Every problem of every file of a workspace, for ``lagniappe check``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from config.diagnostic_report import in_order
from config.diagnostics import Diagnostic, Position, Severity
from config.policy import POLICY_FILE, Policy, load_policy
from config.yaml_source import SourceError
from config.yaml_source import load as read_yaml
from engine.authoring.lint_policy import lint_policy
from engine.authoring.loader import CAMPAIGNS, Loader
from engine.authoring.rehearsals import read_test_files
from engine.authoring.rules import supporting
from engine.ports.rendering import Templates

OpenTemplates = Callable[[Path, Policy | None], Templates]
"""Opens a workspace's templates; the policy is None when ``config/store.yaml`` is at fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All problems, by file, line and column, and the texts that they are about, by file name."""

    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    @property
    def has_errors(self) -> bool:
        """Whether something would not run."""
        return any(one.severity is Severity.ERROR for one in self.diagnostics)


def check(workspace: Path, open_templates: OpenTemplates) -> Report:
    """Reads policy, event types, templates, campaigns, tests; raises nothing for their faults."""
    problems: list[Diagnostic] = []
    sources: dict[str, str] = {}
    policy = _read_policy(workspace, problems, sources)
    templates = open_templates(workspace, policy)
    infos = [info for name in sorted(templates.names()) if (info := templates.info(name))]
    problems += [one for info in infos for one in info.diagnostics]
    problems += supporting.check(infos)
    result = Loader(workspace, templates).read()
    problems += result.diagnostics
    if policy is not None:
        problems += [
            one for draft in result.drafts for one in lint_policy(draft, policy, templates)
        ]
    if not any(name.startswith(f"{CAMPAIGNS}/") for name in result.sources):
        problems.append(
            Diagnostic(
                code="no-campaigns",
                message=f"there is no campaign in {CAMPAIGNS}/",
                at=Position(file=CAMPAIGNS, line=1, column=1),
                severity=Severity.WARNING,
                expected=f"{CAMPAIGNS}/*.yaml",
            )
        )
    sources.update(result.sources)
    tests = read_test_files(workspace, result.drafts, policy)
    problems += tests.diagnostics
    sources.update(tests.sources)
    _read_others(workspace, problems, sources)
    return Report(diagnostics=tuple(in_order(dict.fromkeys(problems))), sources=sources)


def _read_policy(
    workspace: Path, problems: list[Diagnostic], sources: dict[str, str]
) -> Policy | None:
    try:
        text = (workspace / POLICY_FILE).read_bytes()
    except OSError as error:
        problems.append(
            Diagnostic(
                code="unreadable-file",
                message=f"the file cannot be read: {error.strerror}",
                at=Position(file=POLICY_FILE, line=1, column=1),
                expected="what the shop decides for all campaigns: brand, senders, quiet hours",
            )
        )
        return None
    sources[POLICY_FILE] = text.decode("utf-8", "replace")
    try:
        return load_policy(read_yaml(text, POLICY_FILE))
    except SourceError as error:
        problems += error.diagnostics
        return None


def _read_others(workspace: Path, problems: list[Diagnostic], sources: dict[str, str]) -> None:
    """The texts of other files with problems: those of templates."""
    for name in {one.at.file for one in problems} - sources.keys():
        try:
            sources[name] = (workspace / name).read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
