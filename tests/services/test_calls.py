"""Follow-up calls: from the answer of a survey to the task, to what came of it, and on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from engine.programs.call_tasks import CallTask, Claimed, Closed
from engine.services.call_desk import CallFilter, ListedCall, NoSuchCall, listed_calls
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, TEMPLATES, House, campaign, email

STORE = {"calls": {"queues": {"support": {
    "hours": "Mon-Fri 09:00-17:00", "retry": {"attempts": 3, "after": "4h"},
}}}}  # fmt: skip
SCRIPT = {
    "recovery/script.txt": "Call {{ customer.first_name }} about {{ order.number }}: "
    "{{ nps.score }} points.\nSay sorry.",
}
ASK = {"id": "nps", "ask_survey": {"kind": "nps", "template": "note", "timeout": "5d"}}
CALL = {"id": "call", "assign_call": {
    "queue": "support", "within": "1d", "script": "recovery", "priority": "high", "timeout": "7d",
}}  # fmt: skip
THEN = {"branch": [
    {"if": "call.completed && call.outcome == 'resolved'", "steps": [email("glad")]},
    {"if": "call.no_answer", "steps": [email("missed")]},
    {"else": None, "steps": []},
]}  # fmt: skip
RESCUE: dict[str, Any] = campaign(
    "rescue",
    "order.delivered",
    [ASK, {"branch": [{"if": "nps.score <= 6", "steps": [CALL, THEN]}]}],
    exit_on=["order.returned"],
)


def unhappy(new_house: NewHouse, **more: Any) -> House:
    """A customer who has given three points, and the task that came of it."""
    house = new_house(RESCUE, **({"store": STORE, "templates": TEMPLATES | SCRIPT} | more))
    house.tell("order.delivered", order=1)
    house.run(HOUR)
    house.tell("survey.answered", data={"kind": "nps", "score": 3})
    return house


def calls(house: House, **wanted: Any) -> list[ListedCall]:
    return listed_calls(house.app.storage, wanted=CallFilter(**wanted))


def task(house: House) -> CallTask:
    (only,) = calls(house, states=None)
    return only.task


def test_a_bad_score_becomes_a_call_and_its_outcome_the_next_step(new_house: NewHouse) -> None:
    house = unhappy(new_house)
    (listed,) = calls(house, queue="support")
    assert (listed.name, listed.task.priority) == ("Ada", "high")
    assert listed.task.due == house.clock.now() + DAY  # Monday morning to Tuesday morning
    opened = house.app.calls.open(listed.task.id[:8])
    assert opened.script == "Call Ada about #1: 3 points.\nSay sorry."
    house.run(2 * HOUR)
    assert house.journey().step == "call"
    house.app.calls.claim(listed.task.id, "ann")
    house.app.calls.complete(listed.task.id, "resolved", "All is well again", "ann")
    house.app.worker.quiesce()
    assert [one.step for one in house.messages()] == ["nps", "glad"]
    (event,) = house.events("call.completed")
    assert event.source == "lagniappe"
    assert calls(house) == []
    with pytest.raises(Closed):
        house.app.calls.no_answer(listed.task.id, None, "bob")


def test_nobody_answers_until_the_attempts_are_used_up(new_house: NewHouse) -> None:
    house = unhappy(new_house)
    for attempt in (1, 2, 3):
        tried = house.app.calls.no_answer(task(house).id, f"attempt {attempt}", "ann")
        assert tried.attempts == attempt
        house.app.worker.quiesce()
        assert len(house.events("call.no_answer")) == (attempt == 3)
        house.run(max(tried.due, house.clock.now() + HOUR))
    assert (task(house).state, task(house).note) == ("no_answer", "attempt 3")
    assert [one.step for one in house.messages()] == ["nps", "missed"]


def test_without_an_outcome_the_journey_goes_on_and_the_task_stays(new_house: NewHouse) -> None:
    house = unhappy(new_house)
    house.run(8 * DAY)
    assert house.journey().status == "completed"
    assert task(house).is_open
    assert [one.id for one in (t.task for t in calls(house, due_before=house.clock.now()))]


def test_a_refund_cancels_the_call_and_says_so(new_house: NewHouse) -> None:
    house = unhappy(new_house)
    house.tell("order.returned", order=1)
    assert house.journey().status == "exited"
    (gone,) = calls(house, states=frozenset({"cancelled"}))
    assert gone.task.outcome == "order.returned"
    with pytest.raises(Closed):
        house.app.calls.complete(gone.task.id, "resolved", None, "ann")
    house.app.worker.quiesce()
    assert house.events("call.completed") == []


CHECK_IN: list[dict[str, Any]] = [
    {"id": "call", "assign_call": {"queue": "support", "script": "check"}}
]


def checked_in(new_house: NewHouse, *more_steps: Any, **more: Any) -> House:
    """A task whose journey is over: it does not wait for what comes of the call."""
    house = new_house(
        campaign("check-in", "order.delivered", [*CHECK_IN, *more_steps], **more),
        store=STORE,
        templates=TEMPLATES | {"check/script.txt": "Is all well?"},
    )
    house.tell("order.delivered", order=1)
    assert house.journey().status in ("completed", "exited")
    assert task(house).is_open
    house.run(HOUR)
    return house


@pytest.mark.parametrize("undone", ["order.refunded", "order.cancelled", "order.disputed"])
@pytest.mark.parametrize("last", [(), ({"exit": "called"},)])
def test_a_refund_after_the_journey_calls_off_the_open_call(
    new_house: NewHouse, undone: str, last: tuple[Any, ...]
) -> None:
    house = checked_in(new_house, *last, purpose="marketing")
    house.tell(undone, order=2)
    assert task(house).is_open
    house.tell(undone, order=1)
    assert (task(house).state, task(house).outcome) == ("cancelled", undone)
    house.run(DAY)
    assert house.events("call.completed") == house.events("call.no_answer") == []


def test_a_partial_refund_leaves_the_call_where_the_campaign_goes_on(new_house: NewHouse) -> None:
    house = checked_in(new_house, purpose="marketing")
    house.tell("order.refunded", order=1, data={"refund_id": "r1", "amount": 20})
    assert task(house).is_open
    house.tell("order.refunded", order=1, data={"refund_id": "r2", "amount": 60}, id="r2")
    assert task(house).outcome == "order.refunded"


def test_what_the_campaign_does_not_exit_on_leaves_the_call(new_house: NewHouse) -> None:
    house = checked_in(new_house, exit_on=["order.returned"])
    house.tell("order.refunded", order=1)
    assert task(house).is_open
    house.app.calls.complete(task(house).id, "well", None, "ann")
    house.tell("order.returned", order=1)
    assert task(house).state == "completed"


def test_a_call_because_of_a_refund_is_not_called_off_by_it(new_house: NewHouse) -> None:
    house = new_house(
        campaign("sorry", "order.refunded", CHECK_IN, purpose="marketing"),
        store=STORE,
        templates=TEMPLATES | {"check/script.txt": "Is all well?"},
    )
    house.tell("order.refunded", order=1)
    house.run(HOUR)
    house.tell("order.updated", order=1)
    assert task(house).is_open
    house.tell("order.disputed", order=1)
    assert task(house).outcome == "order.disputed"


def test_the_exit_step_of_its_own_campaign_leaves_the_task(new_house: NewHouse) -> None:
    call = {"id": "call", "assign_call": {"queue": "support", "script": "check"}}
    house = new_house(
        campaign("check-in", "order.delivered", [call, {"exit": "called"}]),
        store=STORE,
        templates=TEMPLATES | {"check/script.txt": "Is all well?"},
    )
    house.tell("order.delivered", order=1)
    assert house.journey().status == "exited"
    assert task(house).is_open


def test_of_two_who_claim_at_once_one_wins(new_house: NewHouse) -> None:
    house = unhappy(new_house)
    named = task(house).id

    def claim(who: str) -> str:
        try:
            return house.app.calls.claim(named, who).assignee or ""
        except Claimed as error:
            return f"not {who}, {error.task.assignee}"

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(claim, ["ann", "bob", "cat", "dan"]))
    winner = task(house).assignee
    assert sorted(told) == sorted(
        [str(winner), *(f"not {w}, {winner}" for w in ("ann", "bob", "cat", "dan") if w != winner)]
    )


def test_of_two_outcomes_at_once_one_counts(new_house: NewHouse) -> None:
    house = unhappy(new_house)
    named = task(house).id

    def settle(outcome: str) -> bool:
        try:
            house.app.calls.complete(named, outcome, None, outcome)
        except Closed:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(settle, ["resolved", "angry", "moved", "rude"]))
    assert sum(told) == 1
    house.app.worker.quiesce()
    assert len(house.events("call.completed")) == 1


def test_a_task_is_put_off_given_back_and_found_by_no_other_name(new_house: NewHouse) -> None:
    house = unhappy(new_house)
    named = task(house).id
    later = house.clock.now() + timedelta(days=3)
    assert house.app.calls.snooze(named, later, "ann").due == later
    house.app.calls.claim(named, "ann")
    assert calls(house, unassigned=True) == []
    assert house.app.calls.hand_over(named, None).assignee is None
    for wrong in ("zzz", ""):
        with pytest.raises(NoSuchCall):
            house.app.calls.claim(wrong, "ann")


def test_a_step_of_a_queue_that_is_not_there_is_skipped(new_house: NewHouse) -> None:
    other: dict[str, Any] = {"calls": {"queues": {"sales": {}}}}
    house = unhappy(new_house, store=other)
    assert calls(house, states=None) == []
    codes = [one.code for one in house.app.history.timeline(house.id_of("ada")).decisions]
    assert "no_queue" in codes
    assert house.journey().status == "completed"


def test_an_erasure_takes_the_task(new_house: NewHouse) -> None:
    house = unhappy(new_house)
    house.app.privacy.erase(house.id_of("ada"))
    assert calls(house, states=None) == []
