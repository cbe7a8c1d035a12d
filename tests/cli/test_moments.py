"""Times on the command line: what is taken, and what is said of the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.cli.failure import Failure
from engine.cli.moments import ahead, moment

_NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
_ZONE = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-03-09T09:00", datetime(2026, 3, 9, 9, tzinfo=_ZONE)),
        ("2026-03-09", datetime(2026, 3, 9, tzinfo=_ZONE)),
        ("2026-03-09T09:00+00:00", datetime(2026, 3, 9, 9, tzinfo=UTC)),
        ("7d", _NOW - timedelta(days=7)),
        ("7d ago", _NOW - timedelta(days=7)),
        ("1d12h ago", _NOW - timedelta(days=1, hours=12)),
    ],
)
def test_a_moment_of_the_past_is_a_date_or_so_long_ago(text: str, meant: datetime) -> None:
    assert moment(text, _NOW, _ZONE) == meant


def test_a_length_of_time_leads_ahead_where_that_is_asked() -> None:
    assert ahead("2h", _NOW, _ZONE) == _NOW + timedelta(hours=2)


@pytest.mark.parametrize("text", ["soon", "ago", "-7d", "2026-13-01", "days ago", "7 days ago"])
def test_anything_else_is_told_how_to_write_it(text: str) -> None:
    with pytest.raises(Failure, match=r"is no time; write .* 7d for seven days ago"):
        moment(text, _NOW, _ZONE)


def test_what_lies_ahead_is_not_told_as_ago() -> None:
    with pytest.raises(Failure, match="2h for two hours from now"):
        ahead("7d ago", _NOW, _ZONE)
