"""What a workspace says: its settings and its policy, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from config.diagnostic_report import as_text
from config.policy import POLICY_FILE, Policy, load_policy
from config.settings import Settings, SettingsError, load_settings
from config.yaml_source import SourceError, load


class SetupError(Exception):
    """The set-up is wrong: one sentence for each thing to mend."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def settings_of(workspace: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of a workspace; raises ``SetupError``."""
    try:
        return load_settings(workspace, environ)
    except SettingsError as error:
        raise SetupError(error.problems) from None


def read_policy(workspace: Path, changes: Mapping[str, str] | None = None) -> Policy:
    """The store's policy, with ``changes`` (dotted place to YAML text) in force on top of it.

    Raises ``SetupError``.
    """
    path = workspace / POLICY_FILE
    try:
        text = path.read_bytes()
    except OSError:
        raise SetupError(
            [f"{path} cannot be read; make a workspace with: lagniappe init"]
        ) from None
    try:
        document = load(text, POLICY_FILE)
        for place, value in (changes or {}).items():
            _put(document.data, place.split("."), load(value.encode(), place).data)
        return load_policy(document)
    except SourceError as error:
        sources = {POLICY_FILE: text.decode("utf-8", "replace"), **(changes or {})}
        problems = [as_text(error.diagnostics, sources).rstrip()]
        problems += [f"with {place}: {value}" for place, value in (changes or {}).items()]
        raise SetupError(problems) from None


def _put(data: Any, place: Sequence[str], value: Any) -> None:
    """Change one value of plain data, making the mappings on the way where they are missing."""
    *way, last = place
    for name in way:
        if not isinstance(data.get(name), dict):
            data[name] = {}
        data = data[name]
    data[last] = value
