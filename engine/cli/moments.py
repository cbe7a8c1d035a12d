"""Times as people give them on the command line."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from config.durations import parse
from engine.cli.failure import WRONG_USAGE, Failure


def moment(text: str | None, now: datetime, zone: tzinfo) -> datetime | None:
    """``2026-03-01``, ``2026-03-01T09:00`` (on the shop's clock unless it has an offset), or
    ``7d`` for so long ago. Fails with how to write it."""
    if text is None:
        return None
    try:
        ago = parse(text)
    except ValueError:
        pass
    else:
        return now - timedelta(days=ago.days, seconds=ago.seconds)
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            f"{text} is no time; write 2026-03-01, 2026-03-01T09:00, or 7d for seven days ago",
            code=WRONG_USAGE,
        ) from None
    return told if told.tzinfo is not None else told.replace(tzinfo=zone)


def ahead(text: str, now: datetime, zone: tzinfo) -> datetime:
    """``2026-03-01``, ``2026-03-01T09:00`` (on the shop's clock unless it has an offset), or
    ``2h`` for so much later than now. Fails with how to write it."""
    try:
        later = parse(text)
    except ValueError:
        pass
    else:
        return now + timedelta(days=later.days, seconds=later.seconds)
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            f"{text} is no time; write 2026-03-01, 2026-03-01T09:00, or 2h for two hours from now",
            code=WRONG_USAGE,
        ) from None
    return told if told.tzinfo is not None else told.replace(tzinfo=zone)
