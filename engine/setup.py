"""What a workspace says: its settings and its policy, or what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from config.diagnostic_report import as_text
from config.policy import POLICY_FILE, Policy, load_policy
from config.settings import Settings, SettingsError, load_settings
from config.yaml_source import SourceError, load

_AS_CHANGED: Final = f"{POLICY_FILE}, as changed"


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
        policy = load_policy(document)
    except SourceError as error:
        shown = as_text(error.diagnostics, {POLICY_FILE: text.decode("utf-8", "replace")})
        raise SetupError([shown.rstrip()]) from None
    return _changed(document.data, changes) if changes else policy


def _changed(data: Any, changes: Mapping[str, str]) -> Policy:
    """The policy of this plain data with ``changes``.

    A place that is wrong stands in no file: it is shown in the policy as it would be with them.
    """
    text = ""
    try:
        for place, value in changes.items():
            text = value
            data = _with(data, place.split("."), load(value, place).data)
        text = json.dumps(data, ensure_ascii=False, indent=2)  # which is YAML, too
        return load_policy(load(text, _AS_CHANGED))
    except SourceError as error:
        shown = as_text(error.diagnostics, {one.at.file: text for one in error.diagnostics})
        told = [f"with {place}: {value}" for place, value in changes.items()]
        raise SetupError([shown.rstrip(), *told]) from None


def _with(data: Any, place: Sequence[str], value: Any) -> Any:
    """Plain data with another value at a place, and the mappings on the way where they are missing.

    An entry that a list has is named by its number, from 0.
    """
    if not place:
        return value
    name, *below = place
    if isinstance(data, list) and name.isdecimal() and int(name) < len(data):
        changed = _with(data[int(name)], below, value)
        return [changed if number == int(name) else one for number, one in enumerate(data)]
    before = data if isinstance(data, dict) else {}
    return {**before, name: _with(before.get(name), below, value)}
