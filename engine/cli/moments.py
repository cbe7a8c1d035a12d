"""Times as people give them on the command line."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from config.durations import parse
from engine.cli.failure import WRONG_USAGE, Failure


def moment(text: str | None, now: datetime, zone: tzinfo) -> datetime | None:
    """``2026-03-01``, ``2026-03-01T09:00`` (on the shop's clock unless it has an offset), or
    ``7d`` or ``7d ago`` for so long ago. Fails with how to write it."""
    if text is None:
        return None
    span = _span(text.removesuffix("ago").rstrip())
    return _date(text, zone, "7d for seven days ago") if span is None else now - span


def ahead(text: str, now: datetime, zone: tzinfo) -> datetime:
    """``2026-03-01``, ``2026-03-01T09:00`` (on the shop's clock unless it has an offset), or
    ``2h`` for so much later than now. Fails with how to write it."""
    span = _span(text)
    return _date(text, zone, "2h for two hours from now") if span is None else now + span


def _span(text: str) -> timedelta | None:
    try:
        given = parse(text)
    except ValueError:
        return None
    return timedelta(days=given.days, seconds=given.seconds)


def _date(text: str, zone: tzinfo, or_else: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError:
        raise Failure(
            f"{text} is no time; write 2026-03-01, 2026-03-01T09:00, or {or_else}",
            code=WRONG_USAGE,
        ) from None
    return told if told.tzinfo is not None else told.replace(tzinfo=zone)
