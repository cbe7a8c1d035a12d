"""What is on record, for commands that only look back: no campaign compiled, no template read.

They answer in a fraction of the time that the whole application takes to put together, and also
when ``config/store.yaml`` is broken: that is when people look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

from config.policy import POLICY_FILE, Policy, load_policy
from config.settings import load_settings
from config.yaml_source import SourceError, load
from engine.core.guards import GuardRules
from engine.ports.clock import Clock, SystemClock
from engine.services.configuration import compile_rules
from engine.storage.database import Database
from engine.storage.history import SqlHistory
from engine.storage.migrate import upgrade
from engine.storage.store import SqlStorage


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """The database of a workspace; ``policy`` is None when its file cannot be used."""

    policy: Policy | None
    clock: Clock
    storage: SqlStorage
    history: SqlHistory

    @property
    def zone(self) -> tzinfo:
        """The clock that people are shown: the shop's, else UTC."""
        return UTC if self.policy is None else self.policy.zone

    @property
    def country(self) -> str | None:
        """How telephone numbers without a country code are read."""
        return None if self.policy is None else self.policy.country

    @property
    def rules(self) -> GuardRules | None:
        """The guard rules of the policy."""
        if self.policy is None:
            return None
        zones = {name: ZoneInfo(name) for name in available_timezones()}
        return compile_rules(self.policy, zones)

    def close(self) -> None:
        """Close the database."""
        self.storage.database.close()


def open_records(
    workspace: Path, environ: Mapping[str, str], *, clock: Clock | None = None
) -> Records:
    """The records of ``workspace``; the database is brought up to date.

    Raises ``SettingsError``, or ``DatabaseNewer``.
    """
    settings = load_settings(workspace, environ)
    upgrade(settings.database_url)
    storage = SqlStorage(Database(settings.database_url))
    return Records(
        policy=_policy(settings.workspace),
        clock=clock or SystemClock(),
        storage=storage,
        history=SqlHistory(storage.database),
    )


def _policy(workspace: Path) -> Policy | None:
    try:
        return load_policy(load((workspace / POLICY_FILE).read_bytes(), POLICY_FILE))
    except (OSError, SourceError):
        return None
