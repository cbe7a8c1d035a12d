"""The next messages are decided on while a commit is under way: each is sent once all the same."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from engine.ports import faults
from engine.ports.faults import Charge, Fault, Injected
from engine.ports.storage import Unavailable
from tests.services.conftest import NewHouse
from tests.services.house import HOUR, House, campaign, email

_MAILS = campaign("mails", "order.placed", [{"id": "p", "delay": "1h"}, email()])
_PEOPLE = 80
_ROUND = 25  # customers, the least that a round takes
# Refuses once: the sequence remembers although everything else is rolled back.
_REFUSE_ONCE = (
    "CREATE SEQUENCE tries",
    """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tries') = 1 THEN
            RAISE EXCEPTION 'another came first' USING ERRCODE = '40001';
        END IF;
        RETURN NEW;
    END $$""",
    "CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION refuse()",
)

_ADVISORY = (
    "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database"
    " WHERE d.datname = current_database() AND l.locktype = 'advisory'"
)


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    faults.arm([])


def _due(new_house: NewHouse, **more: int) -> House:
    """A shop in which many have a message due."""
    house = new_house(_MAILS, **more)
    house.tell_all([house.event("order.placed", f"c{n}", order=n) for n in range(_PEOPLE)])
    house.clock.advance_to(house.clock.now() + HOUR + timedelta(seconds=1))
    house.app.worker.batch = _ROUND
    return house


def _work_off(house: House) -> None:
    """As the worker's thread does, going on after each failure."""
    worker = house.app.worker
    busy = True
    while busy:
        try:
            busy = worker.begin_round()
            if not busy:
                worker.settle()
        except (Injected, Unavailable):
            busy = True


def _assert_sent_once(house: House) -> None:
    assert [one.status.value for one in house.messages()] == ["sent"] * _PEOPLE
    assert sorted(one.message_id for one in house.received) == sorted(
        one.id for one in house.messages()
    )


def test_nothing_is_handed_over_before_its_commit_has_ended(new_house: NewHouse) -> None:
    house = _due(new_house)
    worker, is_postgresql = house.app.worker, not house.app.storage.database.is_sqlite
    for number in range(3):
        assert worker.begin_round()
        assert worker.advance.is_under_way is is_postgresql
        house.app.sender.collect()  # which is when the sender of these tests calls
        assert len(house.received) == _ROUND * (number if is_postgresql else number + 1)
    worker.settle()
    house.app.sender.collect()
    assert len(house.received) == 3 * _ROUND
    assert not worker.advance.is_under_way


@pytest.mark.parametrize("slots", [1, 30, 1000])
def test_each_message_is_sent_once_and_goes_on_record(new_house: NewHouse, slots: int) -> None:
    house = _due(new_house, slots=slots)
    _work_off(house)
    _assert_sent_once(house)


@pytest.mark.parametrize(
    "fault",
    [Fault.DECIDED, Fault.DECISION_WRITTEN, Fault.DECISION_COMMITTED, Fault.HANDOVER_COMMITTED,
     Fault.RESULTS_COLLECTED],
)  # fmt: skip
@pytest.mark.parametrize("passage", [1, 2, 3])
def test_a_failure_between_two_rounds_neither_doubles_nor_loses_a_message(
    new_house: NewHouse, capfd: pytest.CaptureFixture[str], fault: Fault, passage: int
) -> None:
    house = _due(new_house)
    faults.arm([Charge(fault=fault, action="raise", passage=passage)])
    _work_off(house)
    assert capfd.readouterr().err.count('"event": "fault"') == 1
    _assert_sent_once(house)
    assert {one.attempts for one in house.messages()} == {1}


def test_whom_a_commit_under_way_is_about_is_not_claimed_again(new_house: NewHouse) -> None:
    """Looked for before it has ended, and locked after that, they would be loaded in vain."""
    house = _due(new_house)
    storage, now = house.app.storage, house.clock.now()
    with storage.deciding() as unit:
        first = unit.due_customers(now, _ROUND)
    with storage.deciding() as unit:
        then = unit.due_customers(now, _ROUND, frozenset(first))
    assert len(first) == len(then) == _ROUND
    assert not set(first) & set(then)


def _refuse(house: House) -> None:
    with house.app.storage.database.writing() as connection:
        for statement in _REFUSE_ONCE:
            connection.execute(text(statement))


def _end_connections(house: House) -> None:
    """Those that are in a transaction, or were a moment ago."""
    with house.app.storage.database.reading() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )


@pytest.mark.parametrize("end_connections", [True, False])
def test_a_commit_that_fails_under_way_is_done_again(
    new_postgresql_house: NewHouse, *, end_connections: bool
) -> None:
    house = _due(new_postgresql_house)
    worker = house.app.worker
    if not end_connections:
        _refuse(house)
    assert worker.begin_round()
    if end_connections:  # a refusal may be told while the rest is still being sent
        assert worker.advance.is_under_way
        _end_connections(house)
    assert house.received == []
    with contextlib.suppress(Unavailable):
        worker.settle()
    _work_off(house)
    _assert_sent_once(house)


def test_no_lock_is_waited_for_while_a_commit_is_under_way(
    new_postgresql_house: NewHouse,
) -> None:
    """Its holder might wait for that commit, of which nobody would then see the end."""
    house = _due(new_postgresql_house)
    held: list[int] = []

    def settle() -> None:
        with house.app.storage.database.reading() as connection:
            held.append(connection.execute(text(_ADVISORY)).scalar_one())

    advance = house.app.worker.advance
    assert advance.begin(house.clock.now(), _ROUND, (), settle) == _ROUND
    advance.settle()
    assert held == [0]
