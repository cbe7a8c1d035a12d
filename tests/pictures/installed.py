"""The browser of this machine."""

from __future__ import annotations

import shutil
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def program() -> str | None:
    """Where the system's Chromium is; None when there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)
