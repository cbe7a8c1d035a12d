"""Calls to the shop's systems: one a step, repeated until taken, always under the same key."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
import structlog

from engine.core.reasons import CALLS
from engine.ports.calls import CallRefused
from engine.ports.stored import DueCall
from engine.services.case import Fact, Question
from engine.services.configuration import compile_rules
from engine.services.history import case_of
from engine.services.outbox import MAX_ATTEMPTS, Outbox
from engine.services.why import answer
from tests.services.conftest import NewHouse
from tests.services.house import MINUTE, House, campaign

CALL = {"id": "tell", "call_webhook": "https://shop.example.com/hook"}


class Receiver:
    """Keeps what it was given; answers with the next of ``answers``, or takes it."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.answers = list(answers)
        self.calls: list[DueCall] = []

    def post(self, call: DueCall) -> str | None:
        self.calls.append(call)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def called(new_house: NewHouse, orders: int = 1) -> House:
    house = new_house(campaign("tell", "order.placed", [CALL]))
    for number in range(orders):
        house.tell("order.placed", f"c{number}", order=number)
    return house


def outbox(house: House, receiver: Receiver) -> Outbox:
    return Outbox(house.app.storage, receiver, house.clock.now)


def states(house: House) -> list[tuple[Any, ...]]:
    return house.rows("SELECT status, attempts FROM webhook_calls ORDER BY id")


def test_one_call_for_each_journey_and_step(new_house: NewHouse) -> None:
    house, receiver = called(new_house, 3), Receiver()
    assert outbox(house, receiver).run() == 3
    assert outbox(house, receiver).run() == 0
    journeys = [house.journey(f"c{number}") for number in range(3)]
    assert {call.id for call in receiver.calls} == {f"{one.id}:tell" for one in journeys}
    assert {one.status for one in journeys} == {"completed"}
    told = {json.loads(call.body)["order"]["number"] for call in receiver.calls}
    assert told == {"#0", "#1", "#2"}
    assert states(house) == [("done", 1)] * 3


def test_waits_grow_until_it_gives_up(new_house: NewHouse) -> None:
    house = called(new_house)
    receiver = Receiver(*["answered 500"] * 20)
    box, times = outbox(house, receiver), list[datetime]()
    for _ in range(3 * 60):
        if box.run():
            times.append(house.clock.now())
        house.clock.advance_to(house.clock.now() + MINUTE / 2)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == [timedelta(seconds=30 * 2**number) for number in range(MAX_ATTEMPTS - 1)]
    assert states(house) == [("failed", MAX_ATTEMPTS)]
    assert len({call.id for call in receiver.calls}) == 1


def test_taken_at_last(new_house: NewHouse) -> None:
    house, receiver = called(new_house), Receiver("answered 503", "no answer: ConnectError")
    for _ in range(4):
        outbox(house, receiver).run()
        house.clock.advance_to(house.clock.now() + MINUTE)
    assert [call.attempts for call in receiver.calls] == [1, 2, 3]
    assert states(house) == [("done", 3)]
    assert house.rows("SELECT reason FROM webhook_calls") == [(None,)]


def test_a_crash_between_call_and_record_repeats_under_the_same_key(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, receiver = called(new_house), Receiver()
    with monkeypatch.context() as broken:

        def dies(*_: Any, **__: Any) -> None:
            raise RuntimeError("the process ends here")

        broken.setattr(house.app.storage, "record_webhook_call", dies)
        with pytest.raises(RuntimeError):
            outbox(house, receiver).run()
    assert outbox(house, receiver).run() == 0  # its lease runs
    house.clock.advance_to(house.clock.now() + 11 * MINUTE)
    assert outbox(house, receiver).run() == 1
    first, second = receiver.calls
    assert (first.id, first.body) == (second.id, second.body)
    assert states(house) == [("done", 2)]


def test_a_call_that_cannot_be_made_does_not_hold_up_the_others(new_house: NewHouse) -> None:
    house, receiver = called(new_house, 3), Receiver(RuntimeError("who knows"))
    assert outbox(house, receiver).run() == 3
    assert len(receiver.calls) == 3
    assert sorted(states(house)) == [("done", 1), ("done", 1), ("waiting", 1)]


def calls_told(house: House) -> list[Fact]:
    app, now = house.app, house.clock.now()
    case = case_of(app.history, app.storage, house.id_of("c0"), now)
    question = Question(plans=app.revisions.plans, rules=compile_rules(app.policy, {}), now=now)
    return [fact for fact in answer(case, "tell", question).facts if fact.kind == "call"]


def test_a_refused_call_is_final_and_why_names_the_reason(new_house: NewHouse) -> None:
    house = called(new_house)
    receiver = Receiver(CallRefused("private_address"))
    with structlog.testing.capture_logs() as logs:
        outbox(house, receiver).run()
    house.clock.advance_to(house.clock.now() + 60 * MINUTE)
    assert outbox(house, receiver).run() == 0
    assert states(house) == [("failed", 1)]
    assert [(one["event"], one["reason"]) for one in logs if one["log_level"] == "warning"] == [
        ("webhook_refused", "private_address")
    ]
    (call,) = calls_told(house)
    assert (call.code, call.step) == ("private_address", "tell")
    assert CALLS["private_address"] in call.text


def test_why_tells_of_a_call_that_is_still_tried(new_house: NewHouse) -> None:
    house = called(new_house)
    outbox(house, Receiver("answered 503")).run()
    (call,) = calls_told(house)
    assert call.text == "the shop's webhook did not take the call: answered 503 (1 attempt so far)"
