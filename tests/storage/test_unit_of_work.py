"""A unit of work writes everything or nothing, and two never decide for one customer."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from engine.core.customer import Line
from engine.core.identity import IdentityKey
from engine.core.message import MessageStatus, Outcome, SendResult
from engine.core.world import JourneyStatus, Waiting, World
from engine.ports.storage import Contended
from engine.ports.stored import Archived, Merge, Processed
from engine.storage.bulk import fetch
from engine.storage.store import SqlStorage
from tests.storage import things
from tests.storage.things import NOW, load, store

LATER = NOW + timedelta(minutes=1)


def count(storage: SqlStorage, table: str) -> int:
    with storage.database.reading() as connection:
        return int(fetch(connection, f"SELECT count(*) FROM {table}")[0][0])


def test_lines_that_an_edit_removed_are_gone(storage: SqlStorage) -> None:
    store(storage, things.new_world("c", things.order("o", "c", lines=3)))
    world = load(storage, "c")["c"]
    order = world.orders["o"]
    order.lines = {"new": Line(id="new", price=Decimal(1)), "1": order.lines["1"]}
    world.changes.lines |= {"o"}
    store(storage, world)
    assert load(storage, "c")["c"].orders["o"].lines == order.lines
    assert list(load(storage, "c")["c"].orders["o"].lines) == ["new", "1"]


def test_an_order_that_only_changed_itself_keeps_its_lines(storage: SqlStorage) -> None:
    store(storage, things.new_world("c", things.order("o", "c", lines=2)))
    world = World(customer=things.customer("c"))
    world.orders["o"] = things.order("o", "c", lines=0, number="#1")
    world.changes.orders |= {"o"}
    store(storage, world)
    read = load(storage, "c")["c"].orders["o"]
    assert (read.number, len(read.lines)) == ("#1", 2)


def test_what_was_not_committed_is_not_there(storage: SqlStorage) -> None:
    with storage.deciding() as unit:
        unit.save(things.new_world("c"))
    assert load(storage, "c") == {}


@pytest.mark.parametrize("fault", ["_JOURNEYS", "_DECISIONS", "_EVENTS", "phases"])
def test_a_crash_in_the_middle_of_the_flush_leaves_nothing(
    storage: SqlStorage, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    storage.accept([things.incoming("1")])

    class Broken:
        def __getattr__(self, _name: str) -> Callable[..., None]:
            raise OSError("power cut")

    def work() -> None:
        with storage.deciding() as unit:
            unit.save(things.new_world("c", things.order("o", "c"), things.journey("j", "c")))
            unit.identify(IdentityKey("email", "a@example.com"), "c")
            stored = unit.waiting_events(5)
            unit.processed([Processed(seq=stored[0].seq, incoming=None, customer_id="c")])
            unit.hold("thanks", "brake", NOW)
            unit.commit()

    with monkeypatch.context() as patch:
        patch.setattr(f"engine.storage.flush.{fault}", Broken())
        with pytest.raises(OSError, match="power cut"):
            work()
    for table in ("customers", "orders", "order_lines", "journeys", "identities", "holds"):
        assert count(storage, table) == 0, table
    assert storage.queues(NOW).events


def test_a_row_that_another_made_first_is_contention(storage: SqlStorage) -> None:
    store(storage, things.new_world("c"))
    with storage.deciding() as unit:
        unit.save(things.new_world("d"))
        unit.save(things.new_world("c"))
        with pytest.raises(Contended):
            unit.commit()
    assert set(load(storage, "c", "d")) == {"c"}


def test_one_live_journey_per_key(storage: SqlStorage) -> None:
    store(storage, things.new_world("c", things.journey("j", "c", entry_key="k")))
    second = things.new_world("d", things.journey("other", "d", entry_key="k"))
    with pytest.raises(Contended):
        store(storage, second)
    second.journeys["other"].status = JourneyStatus.EXITED
    store(storage, second)


def test_a_mistake_of_ours_is_no_contention(storage: SqlStorage) -> None:
    world = things.new_world("c")
    world.customer.tags = None  # type: ignore[assignment]
    world.customer.id = None  # type: ignore[assignment]
    with pytest.raises(Exception, match=r"(?i)null") as raised:
        store(storage, world)
    assert not isinstance(raised.value, Contended)


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(count) as pool:
        yield pool


def test_workers_never_hold_one_customer_at_once(storage: SqlStorage) -> None:
    names = [f"c{n:02}" for n in range(40)]
    store(storage, *(things.new_world(n, things.journey(f"j{n}", n)) for n in names))
    held: dict[str, int] = {}
    taken: list[str] = []
    turn = threading.Lock()

    def work() -> None:
        for _ in range(200):
            try:
                with storage.deciding() as unit:
                    mine = unit.due_customers(NOW, 5)
                    if not mine:
                        return
                    with turn:
                        for name in mine:
                            held[name] = held.get(name, 0) + 1
                            assert held[name] == 1, name
                    worlds = unit.load(mine, now=NOW)
                    for world in worlds.values():
                        for journey in world.journeys.values():
                            if journey.due_at == NOW:
                                taken.append(journey.id)
                                journey.due_at = LATER
                                world.changes.journeys.add(journey.id)
                        unit.save(world)
                    with turn:
                        for name in mine:
                            held[name] -= 1
                    unit.commit()
            except Contended:
                continue

    with _threads(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result()
    assert sorted(taken) == [f"j{n}" for n in names]


def test_a_locked_customer_is_passed_over(postgresql_storage: SqlStorage) -> None:
    storage = postgresql_storage
    store(storage, *(things.new_world(n, things.journey(f"j{n}", n)) for n in "ab"))
    with storage.deciding() as first, storage.deciding() as second:
        assert first.due_customers(NOW, 1) == ["a"]
        assert second.due_customers(NOW, 5) == ["b"]
        assert second.customers_to_message(NOW, "email", 5) == []


def test_only_one_at_a_time_processes_events(postgresql_storage: SqlStorage) -> None:
    storage = postgresql_storage
    storage.accept([things.incoming("1")])
    with storage.deciding() as first, storage.deciding() as second:
        assert len(first.waiting_events(5)) == 1
        assert second.waiting_events(5) == ()
    with storage.deciding() as third:
        assert len(third.waiting_events(5)) == 1


def test_a_deadlock_is_contention(postgresql_storage: SqlStorage) -> None:
    storage = postgresql_storage
    store(storage, things.new_world("a"), things.new_world("b"))
    both = threading.Barrier(2)
    outcomes: list[str] = []

    def work(first: str, second: str) -> None:
        try:
            with storage.deciding() as unit:
                unit.lock([first])
                both.wait()
                unit.lock([second])
                unit.commit()
            outcomes.append("done")
        except Contended:
            outcomes.append("contended")

    with _threads(2) as pool:
        for done in [pool.submit(work, *names) for names in ("ab", "ba")]:
            done.result()
    assert sorted(outcomes) == ["contended", "done"]


def test_events_wait_in_order_of_arrival_and_count_once(storage: SqlStorage) -> None:
    batch = [things.incoming(key) for key in ("3", "1", "2", "1")]
    storage.accept(batch)
    storage.accept([*reversed(batch), things.incoming("1", source="other")])
    with storage.deciding() as unit:
        stored = unit.waiting_events(10)
    assert [each.body for each in stored] == [
        b'{"id":"3"}',
        b'{"id":"1"}',
        b'{"id":"2"}',
        b'{"id":"1"}',
    ]
    assert stored[0].received_at == NOW


def test_accepting_at_once_stores_each_once(storage: SqlStorage) -> None:
    batch = [things.incoming(str(n)) for n in range(50)]
    with _threads(4) as pool:
        for done in [pool.submit(storage.accept, each) for each in (batch, batch[::-1]) * 6]:
            done.result()
    assert count(storage, "events") == 50


def test_processed_events_wait_no_more(storage: SqlStorage) -> None:
    storage.accept([things.incoming("1"), things.incoming("2")])
    with storage.deciding() as unit:
        first, second = unit.waiting_events(10)
        unit.processed(
            [
                Processed(seq=first.seq, incoming=None, customer_id=None),
                Processed(seq=second.seq, incoming=None, customer_id=None, reason="no"),
                Processed(seq=None, incoming=things.incoming("3"), customer_id=None),
            ]
        )
        assert unit.unseen({("shop", "1"), ("shop", "3"), ("other", "1")}) == {
            ("shop", "3"),
            ("other", "1"),
        }
        unit.enqueue([things.incoming("4")])
        unit.commit()
    with storage.deciding() as unit:
        assert [each.body for each in unit.waiting_events(10)] == [b'{"id":"4"}']
        assert unit.unseen({("shop", "3"), ("shop", "4")}) == set()


def test_messages_come_with_their_journey_however_old(storage: SqlStorage) -> None:
    old = NOW - timedelta(days=400)
    ended = things.journey(
        "j", "c", status=JourneyStatus.COMPLETED, due_at=None, order_id="o", campaign="x"
    )
    message = things.message("m", "c", journey_id="j", created_at=old, send_at=old)
    store(storage, things.new_world("c", ended, message, things.order("o", "c")))
    assert load(storage, "c", complete=())["c"].messages == {}
    with storage.deciding() as unit:
        assert unit.customers_to_message(NOW, "sms", 5) == []
        assert unit.customers_to_message(NOW, "email", 5) == ["c"]
        world = unit.load(["c"], now=NOW)["c"]
    assert world.messages == {"m": message}
    assert world.journeys == {"j": ended}
    assert list(world.orders) == ["o"]


def test_a_journey_brings_the_message_it_awaits(storage: SqlStorage) -> None:
    old = NOW - timedelta(days=400)
    waiting = things.journey("j", "c", waiting=Waiting.MESSAGE, awaiting="m", due_at=None)
    message = things.message("m", "c", journey_id="j", created_at=old)
    store(storage, things.new_world("c", waiting, message))
    assert load(storage, "c")["c"].messages == {"m": message}


def test_contacts_are_those_that_count(storage: SqlStorage) -> None:
    made = [
        things.message(status.value, "c", status=status, sent_at=LATER, topic="offers")
        for status in MessageStatus
    ]
    waits = things.message("waits", "c", reason="first_asks_first", topic="offers")
    store(storage, things.new_world("c", *made, waits))
    world = load(storage, "c")["c"]
    assert {each.topic for each in world.contacts} == {"offers"}
    assert {each.message_id for each in world.contacts} == {
        "scheduled",
        "sending",
        "sent",
        "delivered",
        "unknown",
    }
    assert {each.at for each in world.contacts} == {LATER}
    assert set(world.messages) == {"scheduled", "sending", "unknown", "waits"}


def test_only_what_is_handed_over_becomes_sent(storage: SqlStorage) -> None:
    made = [things.message(status.value, "c", status=status) for status in MessageStatus]
    store(storage, things.new_world("c", *made))
    results = [
        SendResult(
            message_id=each.id,
            outcome=Outcome.ACCEPTED,
            at=LATER,
            provider_message_id=f"p-{each.id}",
            cost=Decimal("0.0075"),
        )
        for each in made
    ]
    with storage.deciding() as unit:
        unit.record_sent(results)
        unit.commit()
        read = unit.messages([each.id for each in made])
    sent = {key for key, each in read.items() if each.provider_message_id is not None}
    assert sent == {"sending", "unknown"}
    assert {read[key].status for key in sent} == {MessageStatus.SENT}
    assert {(read[key].sent_at, read[key].cost) for key in sent} == {(LATER, Decimal("0.0075"))}


def test_an_older_copy_never_undoes_the_sending(storage: SqlStorage) -> None:
    store(storage, things.new_world("c", things.message("m", "c", status=MessageStatus.SENDING)))
    world = load(storage, "c")["c"]
    with storage.deciding() as unit:
        unit.record_sent([SendResult(message_id="m", outcome=Outcome.ACCEPTED, at=LATER)])
        unit.commit()
    world.changes.messages.add("m")
    store(storage, world)
    with storage.deciding() as unit:
        assert unit.messages(["m"])["m"].status is MessageStatus.SENT


def test_a_merge_moves_every_row(storage: SqlStorage) -> None:
    young = things.new_world(
        "young",
        things.order("o", "young"),
        things.journey("j", "young"),
        things.message("m", "young"),
    )
    store(storage, things.new_world("old"), young, things.new_world("first"))
    key = IdentityKey("email", "a@example.com")
    with storage.deciding() as unit:
        unit.identify(key, "young")
        unit.commit()
    with storage.deciding() as unit:
        unit.merge(Merge(survivor="old", merged="young", at=NOW))
        unit.commit()
    with storage.deciding() as unit:
        unit.merge(Merge(survivor="first", merged="old", at=LATER))
        unit.commit()
    assert set(load(storage, "old", "young", "first")) == {"first"}
    world = load(storage, "first")["first"]
    assert (set(world.orders), set(world.journeys), set(world.messages)) == ({"o"}, {"j"}, {"m"})
    with storage.deciding() as unit:
        assert unit.resolve([key]) == {key: "first"}
        assert unit.identities_of(["first"]) == {"first": {key}}
        assert unit.aliases(["young", "old", "first"]) == {"young": "first", "old": "first"}
        assert unit.owners(["o", "none"], []) == {"o": "first"}


def test_a_volume_is_never_exceeded(storage: SqlStorage) -> None:
    taken: list[int] = []

    def work() -> None:
        for _ in range(30):
            try:
                with storage.deciding() as unit:
                    got = sum(unit.take_volume("thanks", NOW, 10) for _ in range(2))
                    unit.commit()
                taken.append(got)
            except Contended:
                continue

    with _threads(3) as pool:
        for done in [pool.submit(work) for _ in range(3)]:
            done.result()
    with storage.database.reading() as connection:
        assert fetch(connection, "SELECT count FROM volumes") == [(10,)]
    assert sum(taken) == 10


def test_of_two_who_take_a_volume_at_once_one_gets_it(postgresql_storage: SqlStorage) -> None:
    storage = postgresql_storage  # on SQLite nobody decides beside another
    with storage.deciding() as one, storage.deciding() as other:
        for unit in (one, other):
            assert sum(unit.take_volume("thanks", NOW, 10) for _ in range(6)) == 6
        one.commit()
        with pytest.raises(Contended):
            other.commit()
    with storage.database.reading() as connection:
        assert fetch(connection, "SELECT count FROM volumes") == [(6,)]


def test_orphans_wait_for_their_customer(storage: SqlStorage) -> None:
    orphan = things.order("o", None, lines=2)
    with storage.deciding() as unit:
        unit.save_orphans([orphan], [])
        unit.commit()
    with storage.deciding() as unit:
        assert unit.owners(["o"], []) == {"o": None}
        assert unit.load_orphans(["o"], []) == ({"o": orphan}, {})
    store(storage, things.new_world("c", replace(orphan, customer_id="c")))
    with storage.deciding() as unit:
        assert unit.owners(["o"], []) == {"o": "c"}
        assert unit.load_orphans(["o"], []) == ({}, {})


def test_contents_share_their_sample(storage: SqlStorage) -> None:
    kept = [
        Archived(message_id=str(n), template="t", sample_id="s", sample=b"\0s", packed=b"\xff")
        for n in range(3)
    ]
    with storage.deciding() as unit:
        unit.archive(kept)
        unit.commit()
    assert (count(storage, "contents"), count(storage, "samples")) == (3, 1)
