"""The settings in force: secrets are read anew on reload, everything else holds until a restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from config.settings import Settings, SettingsError, rotated

log = structlog.get_logger(__name__)

# Makes ready what new settings ask for, or raises; what it returns puts that into use, and cannot.
Preparation = Callable[[Settings], Callable[[], None]]


class Rotation:
    """Holds the settings. All parts take new secrets, or none does."""

    def __init__(
        self,
        settings: Settings,
        reread: Callable[[], Settings],
        files: Callable[[], Sequence[Path]],
    ) -> None:
        self._settings = settings
        self._reread = reread
        self._preparations: list[Preparation] = []
        self.files = files  # where secrets may stand, whether or not they exist

    def settings(self) -> Settings:
        """Those in force now."""
        return self._settings

    def on_change(self, prepare: Preparation) -> None:
        """Have a part follow."""
        self._preparations.append(prepare)

    def reload(self) -> bool:
        """Take new secrets into use; whether there were any. Unusable ones change nothing."""
        try:
            fresh = rotated(self._settings, self._reread())
            if fresh == self._settings:
                return False
            ready = [prepare(fresh) for prepare in self._preparations]
        except SettingsError as error:
            log.error("secrets_not_reloaded", problems=error.problems)
            return False
        except Exception as error:
            log.error("secrets_not_reloaded", problems=[type(error).__name__])
            return False
        for put_into_use in ready:
            put_into_use()
        self._settings = fresh
        log.info("secrets_reloaded")
        return True
