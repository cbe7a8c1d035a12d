"""Something fails half-way in a process that lives on: no message twice, none stuck."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from engine.bootstrap import build
from engine.core.message import Outcome, SendResult
from engine.ports import faults
from engine.ports.faults import Charge, Fault, Injected, read_charges
from engine.setup import SetupError
from tests.services.conftest import NewHouse
from tests.services.house import HOUR, House, campaign, email

_MAILS = campaign("mails", "order.placed", [email(), {"id": "p", "delay": "1h"}, email("again")])
_MIDWAY = [
    Fault.EVENTS_CLAIMED, Fault.DECIDED, Fault.DECISION_WRITTEN, Fault.DECISION_COMMITTED,
    Fault.HANDOVER_COMMITTED, Fault.RESULTS_COLLECTED, Fault.RESULTS_WRITTEN,
    Fault.RESULTS_RECORDED,
]  # fmt: skip


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    faults.arm([])


def work_through(house: House) -> None:
    """Do what is due as the worker's thread does, going on after each failure."""
    while True:
        with contextlib.suppress(Injected):
            house.app.worker.quiesce()
            return


def accept(house: House, number: int) -> None:
    told = house.event("order.placed", f"c{number}", order=number)
    house.app.storage.accept([house.incoming(told)])


@pytest.mark.parametrize("fault", _MIDWAY)
@pytest.mark.parametrize("passage", [1, 2])
def test_a_failure_at_any_moment_neither_doubles_nor_loses_a_message(
    new_house: NewHouse, capfd: pytest.CaptureFixture[str], fault: Fault, passage: int
) -> None:
    house = new_house(_MAILS)
    for number in range(3):
        accept(house, number)
    faults.arm([Charge(fault=fault, action="raise", passage=passage)])
    work_through(house)
    house.clock.advance_to(house.clock.now() + HOUR + timedelta(seconds=1))
    accept(house, 3)
    work_through(house)
    assert capfd.readouterr().err.count('"event": "fault"') == 1
    assert {one.status.value for one in house.messages()} == {"sent"}
    assert sorted(one.message_id for one in house.received) == sorted(
        one.id for one in house.messages()
    )
    assert {one.attempts for one in house.messages()} == {1}


@pytest.mark.parametrize("fault", [Fault.DECISION_WRITTEN, Fault.DECISION_COMMITTED])
def test_what_nobody_knows_to_be_committed_is_not_handed_over_before_it_is_known(
    new_house: NewHouse, fault: Fault
) -> None:
    house = new_house(_MAILS)
    accept(house, 1)
    faults.arm([Charge(fault=fault, action="raise", passage=1)])
    worker, now = house.app.worker, house.clock.now()
    with pytest.raises(Injected):
        worker.ingest.process_waiting(10)
    worker.ingest.process_waiting(10)
    worker.dispatch.run(now, 10)
    assert house.received == []
    work_through(house)
    assert [one.status.value for one in house.messages()] == ["sent"]
    assert len(house.received) == 1


def test_a_late_answer_changes_nothing_of_what_another_worker_has_under_way(
    new_house: NewHouse,
) -> None:
    house = new_house(_MAILS)
    house.tell("order.placed", order=1)
    with house.app.storage.database.writing() as connection:
        connection.execute(text("UPDATE messages SET status = 'sending', owner = 'another'"))
    late = SendResult(
        message_id=house.message().id, outcome=Outcome.RETRY, at=house.clock.now(), retry_after=0
    )
    house.app.worker.dispatch.record([late], house.clock.now())
    assert house.message().status == "sending"
    assert len(house.received) == 1


def test_charges_are_read_and_what_is_wrong_is_told() -> None:
    assert read_charges("accept.written, call.begins:raise:3") == [
        Charge(fault=Fault.ACCEPT_WRITTEN),
        Charge(fault=Fault.CALL_BEGINS, action="raise", passage=3),
    ]
    for text_, words in (
        ("accept.writen", "did you mean accept.written"),
        ("call.begins:stop", "kill or raise"),
        ("call.begins:kill:0", "for the third time"),
        ("call.begins:kill:1:2", "for the third time"),
    ):
        with pytest.raises(ValueError, match=words):
            read_charges(text_)


def test_faults_are_refused_beside_a_provider_that_reaches_customers(tmp_path: Path) -> None:
    environ = {
        "LAGNIAPPE_FAULTS": "call.begins",
        "LAGNIAPPE_EMAIL_PROVIDER": "sendgrid",
        "LAGNIAPPE_SENDGRID_API_KEY": "SG.x",
    }
    with pytest.raises(SetupError, match="EMAIL_PROVIDER at an address beyond loopback"):
        build(tmp_path, environ)
    with pytest.raises(SetupError, match=r"did you mean call\.begins"):
        build(tmp_path, {"LAGNIAPPE_FAULTS": "call.begin"})
