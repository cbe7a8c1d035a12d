"""Group commit: taken means durable, whoever else comes at the same time."""

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from engine.ports.stored import Incoming
from engine.services.inbox import Inbox, NotStored, Overloaded
from engine.storage import tables
from engine.storage.database import Database
from engine.storage.store import SqlStorage
from tests.web.site import NOW, RecordingStorage
from triggers.event import Event
from triggers.event_types import BUILT_IN
from triggers.sources.native import parse_line, serialize


def incoming(number: int) -> Incoming:
    event = parse_line(
        b'{"id": "%d", "source": "shop", "type": "customer.updated",'
        b' "time": "2026-03-02T09:00:00Z", "customer": {"id": "c-1"}}' % number,
        received_at=NOW,
        catalog=BUILT_IN,
    )
    assert isinstance(event, Event)
    return Incoming(event=event, body=serialize(event), received_at=NOW)


def ids(batch: Sequence[Incoming]) -> list[str]:
    return [one.event.id for one in batch]


class Held(RecordingStorage):
    """Storage whose commits wait until the test lets them pass."""

    def __init__(self) -> None:
        super().__init__()
        self.is_committing = threading.Event()
        self.may_pass = threading.Event()
        self.before = self._wait

    def _wait(self) -> None:
        self.is_committing.set()
        assert self.may_pass.wait(10)

    async def committing(self) -> None:
        assert await asyncio.to_thread(self.is_committing.wait, 10)


def test_whoever_comes_during_a_commit_shares_the_next() -> None:
    storage = Held()
    inbox = Inbox(storage)
    inbox.start()

    async def run() -> None:
        first = asyncio.create_task(inbox.accept([incoming(0)]))
        await storage.committing()
        others = [asyncio.create_task(inbox.accept([incoming(n)])) for n in range(1, 50)]
        await asyncio.sleep(0)
        assert not first.done()
        storage.may_pass.set()
        await asyncio.gather(first, *others)

    asyncio.run(run())
    inbox.stop()
    assert [len(batch) for batch in storage.batches] == [1, 49]


def test_a_batch_is_bounded_and_never_splits_a_caller() -> None:
    storage = Held()
    inbox = Inbox(storage, batch=10)
    inbox.start()

    async def run() -> None:
        first = asyncio.create_task(inbox.accept([incoming(0)]))
        await storage.committing()
        sizes = [4, 4, 4, 25, 3]
        others = [
            asyncio.create_task(inbox.accept([incoming(n) for n in range(size)])) for size in sizes
        ]
        await asyncio.sleep(0)
        storage.may_pass.set()
        await asyncio.gather(first, *others)

    asyncio.run(run())
    inbox.stop()
    assert [len(batch) for batch in storage.batches] == [1, 8, 4, 25, 3]


@given(st.lists(st.lists(st.integers(0, 99), max_size=4), max_size=12), st.integers(1, 6))
def test_everything_taken_is_stored_once_in_order(calls: list[list[int]], batch: int) -> None:
    storage = RecordingStorage()
    inbox = Inbox(storage, batch=batch)
    inbox.start()

    async def call(numbers: list[int]) -> None:
        events = [incoming(number) for number in numbers]
        await inbox.accept(events)
        stored = storage.accepted
        assert all(any(event is one for one in stored) for event in events)

    async def run() -> None:
        await asyncio.gather(*(call(numbers) for numbers in calls))

    asyncio.run(run())
    inbox.stop()
    assert ids(storage.accepted) == [str(number) for numbers in calls for number in numbers]


def test_a_failed_commit_fails_every_waiter_and_the_next_one_works() -> None:
    storage = Held()
    storage.fail_with = OSError("disk full, and ann@example.com")
    inbox = Inbox(storage)
    inbox.start()

    async def run() -> None:
        storage.may_pass.set()
        tasks = [asyncio.create_task(inbox.accept([incoming(n)])) for n in range(5)]
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(result, NotStored) for result in results)
        assert "ann@example.com" not in str(results[0])
        storage.fail_with = None
        await inbox.accept([incoming(9)])

    asyncio.run(run())
    inbox.stop()
    assert ids(storage.accepted) == ["9"]


def test_a_full_queue_refuses_at_once_but_an_empty_one_takes_any_request() -> None:
    storage = Held()
    inbox = Inbox(storage, capacity=10)
    inbox.start()

    async def run() -> None:
        first = asyncio.create_task(inbox.accept([incoming(0)]))
        await storage.committing()
        big = asyncio.create_task(inbox.accept([incoming(n) for n in range(12)]))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await inbox.accept([incoming(99)])
        storage.may_pass.set()
        await asyncio.gather(first, big)

    asyncio.run(run())
    inbox.stop()
    assert "99" not in ids(storage.accepted)


def test_stop_commits_what_waits_and_refuses_newcomers() -> None:
    storage = Held()
    inbox = Inbox(storage)
    inbox.start()

    async def run() -> None:
        tasks = [asyncio.create_task(inbox.accept([incoming(n)])) for n in range(3)]
        await storage.committing()
        stopping = asyncio.create_task(asyncio.to_thread(inbox.stop))
        storage.may_pass.set()
        await asyncio.gather(*tasks, stopping)
        with pytest.raises(Overloaded):
            await inbox.accept([incoming(9)])

    asyncio.run(run())
    assert sorted(ids(storage.accepted)) == ["0", "1", "2"]
    inbox.stop()  # once more is harmless


def test_a_caller_that_goes_away_leaves_its_events_and_harms_nobody() -> None:
    storage = Held()
    inbox = Inbox(storage)
    inbox.start()

    async def run() -> None:
        gone = asyncio.create_task(inbox.accept([incoming(1)]))
        await storage.committing()
        gone.cancel()
        storage.may_pass.set()
        await inbox.accept([incoming(2)])

    asyncio.run(run())
    inbox.stop()
    assert ids(storage.accepted) == ["1", "2"]


def test_the_worker_is_woken_after_each_commit_and_cannot_break_the_door() -> None:
    storage = RecordingStorage()
    seen: list[int] = []

    def wake() -> None:
        seen.append(len(storage.accepted))
        raise ValueError("the worker is broken")

    inbox = Inbox(storage, on_accepted=wake)
    inbox.start()
    asyncio.run(inbox.accept([incoming(1)]))
    asyncio.run(inbox.accept([incoming(2)]))
    inbox.stop()
    assert seen == [1, 2]


def test_events_are_in_the_database_when_accept_returns(
    database_url: str, scale: Callable[[int, int], int]
) -> None:
    database = Database(database_url)
    inbox = Inbox(SqlStorage(database))
    inbox.start()
    events = tables.events.c

    async def send(number: int) -> None:
        # Every event is sent twice, by two callers at the same time.
        await inbox.accept([incoming(number % count)])
        with database.reading() as connection:
            query = select(events.id).where(events.id == str(number % count))
            assert connection.execute(query).scalar() is not None

    async def run() -> None:
        await asyncio.gather(*(send(number) for number in range(2 * count)))

    count = scale(100, 5000)
    asyncio.run(run())
    inbox.stop()
    with database.reading() as connection:
        stored = connection.execute(select(events.id)).scalars().all()
    database.close()
    assert sorted(stored, key=int) == [str(number) for number in range(count)]
