"""A call task never has two outcomes, whatever people do, and each is told once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from config.calling import CallRetry
from config.durations import parse
from config.working_hours import parse_hours
from engine.programs import call_tasks
from engine.programs.call_tasks import CallTask, Claimed, Closed, read, record_of
from engine.programs.working_time import Team
from tests.core.shop import DAY, HOUR, T0

TEAM = Team(hours=parse_hours("Mon-Fri 09:00-17:00"), zone=ZoneInfo("Europe/Vienna"))
RETRY = CallRetry(attempts=3, after=parse("4h"))
TASK = CallTask(
    id="call-1", at=T0, queue="support", due=T0 + DAY, priority="high", script="recovery",
    campaign="detractors", journey="j-1", step="call", order_id="shopify:1",
    trigger={"type": "order.delivered"}, results={"nps": {"score": 3}}, causes=("detractors",),
)  # fmt: skip
WHO = st.sampled_from(["ann", "bob", None])

Act = Callable[[CallTask], CallTask]
ACTS = st.one_of(
    st.sampled_from(["ann", "bob"]).map(
        lambda who: lambda task, now: call_tasks.claim(task, who, now)
    ),
    WHO.map(lambda who: lambda task, now: call_tasks.hand_over(task, who, now)),
    WHO.map(lambda who: lambda task, now: call_tasks.snooze(task, now + DAY, who, now)),
    WHO.map(lambda who: lambda task, now: call_tasks.complete(task, "fine", "ok", who, now)),
    WHO.map(
        lambda who: lambda task, now: call_tasks.not_reached(task, TEAM, RETRY, None, who, now)
    ),
    st.just(lambda task, now: call_tasks.cancel(task, "order.refunded", now)),
)


@given(st.lists(ACTS, max_size=12))
def test_the_first_outcome_is_the_only_one(acts: list[Callable[..., CallTask]]) -> None:
    task, now, events = TASK, T0, []
    for act in acts:
        now += timedelta(minutes=10)
        was = task
        try:
            task = act(task, now)
        except Closed:
            assert not was.is_open
            continue
        except Claimed:
            assert was.assignee is not None
            continue
        assert was.is_open
        assert read(record_of(task)) == task
        if (event := call_tasks.outcome_event(task)) is not None:
            events.append(event)
        assert (task.closed_at is None) is task.is_open
        assert task.attempts <= RETRY.attempts
        assert task.due > now or task.due == was.due
    assert len(events) == (task.state in ("completed", "no_answer"))


def test_nobody_answers_three_times() -> None:
    task, now = TASK, T0
    dues = []
    for _ in range(3):
        task = call_tasks.not_reached(task, TEAM, RETRY, None, "ann", now)
        dues.append(task.due)
        now = task.due
    assert dues == [T0 + 4 * HOUR, T0 + DAY, T0 + DAY]  # Monday 11:00, +4h working time
    assert (task.state, task.attempts) == ("no_answer", 3)
    event = call_tasks.outcome_event(task)
    assert event is not None
    assert (event.type, event.data["attempts"]) == ("call.no_answer", 3)
