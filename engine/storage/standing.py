"""Where the journeys that live now stand, counted."""

from __future__ import annotations

from typing import Final

from engine.storage.bulk import fetch
from engine.storage.database import Database

_STANDING: Final = (
    "SELECT campaign, revision, step, count(*) FROM journeys WHERE status = 'live'"
    " GROUP BY campaign, revision, step ORDER BY campaign, revision, step"
)


def live_journeys(database: Database) -> list[tuple[str, str, str, int]]:
    """(campaign, revision, step, how many); reads every live journey."""
    with database.reading() as connection:
        return [(row[0], row[1], row[2], int(row[3])) for row in fetch(connection, _STANDING)]
