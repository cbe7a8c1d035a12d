"""When campaigns stood still, from what is on record of their phases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.campaign import Plans
from engine.ports.history import Phase
from engine.services.case import Question
from engine.services.stops import Stop, kept_back, stops_of
from tests.services.planted import Planted
from tests.services.test_planted_questions import planted as planted
from tests.services.test_why import RULES

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _asked(*phases: Phase, at: int = 100) -> Question:
    return Question(plans=Plans.of(()), rules=RULES, now=NOW + at * HOUR, phases=phases)


def _phase(at: int, **facts: Any) -> Phase:
    told = {"campaign": "thanks", "revision": "1", "status": "live", **facts}
    return Phase(at=NOW + at * HOUR, **told)


def test_a_hold_counts_before_the_file_and_a_change_of_cause_begins_another_stop() -> None:
    found = stops_of("thanks", _asked(
        _phase(0), _phase(1, hold="volume_limit"), _phase(2, hold="volume_limit", status="paused"),
        _phase(3, status="paused"), _phase(4, revision="", status=""), _phase(5),
    ))  # fmt: skip
    assert [((one.since - NOW) // HOUR, one.code) for one in found] == [
        (1, "volume_limit"), (3, "paused"), (4, "gone"),
    ]  # fmt: skip
    assert [one.until for one in found] == [NOW + at * HOUR for at in (3, 4, 5)]


def test_what_stands_still_yet_has_no_end_and_what_came_later_does_not_count() -> None:
    phases = (_phase(0, hold="paused"), _phase(9), _phase(9, campaign="other", hold="paused"))
    (stop,) = stops_of("thanks", _asked(*phases, at=5))
    assert (stop.until, stop.why) == (None, "paused by hand")
    assert stops_of("other", _asked(*phases, at=5)) == []


_CAUSES = st.sampled_from([
    {}, {"hold": "paused"}, {"hold": "render_error: no such name"}, {"status": "paused"},
    {"status": "draft"}, {"revision": "", "status": ""}, {"status": ""}, {"revision": "2"},
])  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 30), _CAUSES)), st.integers(0, 40))
def test_at_every_moment_it_stood_still_as_the_phase_of_then_says(
    told: list[tuple[int, dict[str, str]]], at: int
) -> None:
    phases = [_phase(when, **facts) for when, facts in sorted(told, key=lambda one: one[0])]
    asked = _asked(*phases, at=at)
    stops = stops_of("thanks", asked)
    for hour in range(at):
        moment = NOW + hour * HOUR + HOUR / 2
        last = next((one for one in reversed(phases) if one.at <= moment), None)
        still = last is not None and (
            last.hold != "" or not last.revision or last.status in ("paused", "draft")
        )
        then = [one for one in stops if one.meets(moment - HOUR / 4, moment + HOUR / 4)]
        assert len(then) == still
    assert list(stops) == sorted(stops, key=lambda one: one.since)


def _message(due: int, sent: int) -> Any:
    times = {"due_at": NOW + due * HOUR, "sent_at": NOW + sent * HOUR}
    return SimpleNamespace(campaign="thanks", reason=None, **times)


@pytest.mark.parametrize(("due", "sent", "stops", "all_the_time"), [
    (1, 3, 1, True), (0, 3, 1, False), (1, 5, 2, True), (2, 7, 3, False), (8, 9, 1, True),
    (6, 7, 0, False), (9, 50, 1, True),
])  # fmt: skip
def test_stops_that_follow_each_other_keep_back_together(
    due: int, sent: int, stops: int, all_the_time: bool
) -> None:
    asked = _asked(
        _phase(0), _phase(1, hold="paused"), _phase(4, revision="", status=""),
        _phase(5, status="paused"), _phase(6), _phase(8, status="paused"),
    )  # fmt: skip
    kept = kept_back(_message(due, sent), None, asked)
    assert (len(kept.stops), kept.all_the_time) == (stops, all_the_time)
    assert kept.text(UTC).count("; the campaign stood still") == stops


def test_the_causes_are_told_in_their_order() -> None:
    asked = _asked(_phase(1, hold="paused"), _phase(4, revision="", status=""), _phase(6))
    why = "paused by hand, then its file was missing or broken"
    assert kept_back(_message(1, 6), None, asked).why == why


def test_a_stop_meets_what_it_shares_a_moment_with() -> None:
    stop = Stop(since=NOW, until=NOW + 2 * HOUR, code="paused", why="paused by hand")
    assert stop.meets(NOW + HOUR, None)
    assert not stop.meets(NOW + 2 * HOUR, None)
    assert not stop.meets(NOW - HOUR, NOW)


def test_the_log_and_the_timeline_tell_it_too(planted: Planted) -> None:
    from engine.services.history import entry_of
    from engine.services.timeline import timeline

    case, asked = planted.case("stop-slow"), planted.asked()
    (message,) = case.messages
    detail = planted.house.app.history.message(message.id)
    assert detail is not None
    assert "the campaign stood still from" in entry_of(detail, None, asked).text
    told = [(one.kind, one.text) for one in timeline(case, asked) if one.kind in _KINDS]
    assert told == [("stopped", "stands still: paused by hand"), ("resumed", "goes on")]
    nobody = planted.case("sent")
    assert not [one for one in timeline(nobody, asked) if one.kind in _KINDS]


_KINDS = ("stopped", "resumed")
