"""What the services ask of the database besides decisions."""

import sqlite3
import subprocess
import sys
import threading
from datetime import date, timedelta
from itertools import count as count_from
from pathlib import Path

import pytest

from engine.core.message import MessageStatus
from engine.core.world import JourneyStatus, WebhookCall
from engine.ports.stored import ALL_ZONES, Loaded, Occurrence
from engine.storage.bulk import fetch
from engine.storage.database import Database, Gate, WorkspaceBusy
from engine.storage.history import SqlHistory
from engine.storage.store import SqlStorage
from tests.storage import things
from tests.storage.things import NOW, load, store

MINUTE = timedelta(minutes=1)


def test_doubt_is_what_no_living_worker_holds(storage: SqlStorage) -> None:
    sending = MessageStatus.SENDING
    made = [
        things.message("alive", "c", status=sending, owner="w1"),
        things.message("silent", "c", status=sending, owner="w2"),
        things.message("gone", "c", status=sending, owner="w3"),
        things.message("nobody", "c", status=sending),
        things.message("known", "c", status=MessageStatus.UNKNOWN, owner="w3"),
    ]
    store(storage, things.new_world("c", *made))
    storage.heartbeat("w1", "worker", NOW - MINUTE)
    storage.heartbeat("w1", "worker", NOW)
    storage.heartbeat("w2", "worker", NOW - MINUTE)
    storage.heartbeat("w3", "worker", NOW)
    storage.forget("w3")
    with storage.deciding() as unit:
        assert unit.doubtful(NOW) == ["gone", "nobody", "silent"]
        assert unit.doubtful(NOW - MINUTE) == ["gone", "nobody"]


def test_revisions_in_use_are_those_that_journeys_stand_on(storage: SqlStorage) -> None:
    assert storage.live_revisions(NOW) == set()
    ended = {"status": JourneyStatus.COMPLETED, "due_at": None}
    journeys = [
        things.journey("1", "c", revision="live"),
        things.journey("2", "c", revision="live"),
        things.journey("3", "c", revision="held", status=JourneyStatus.HOLDOUT),
        things.journey("4", "c", revision="ended", **ended),
        things.journey("5", "c", revision="hoped", goal_until=NOW, **ended),
        things.journey("6", "c", revision="missed", goal_until=NOW - MINUTE, **ended),
        things.journey("7", "c", revision="reached", goal_until=NOW, goal_at=NOW, **ended),
        things.journey("8", "c", revision="live", campaign="other"),
    ]
    store(storage, things.new_world("c", *journeys))
    live = {("thanks", "live"), ("thanks", "held"), ("other", "live")}
    assert storage.live_revisions() == live
    assert storage.live_revisions(NOW) == live | {("thanks", "hoped")}


def test_a_stored_revision_stays_as_it_is(storage: SqlStorage) -> None:
    storage.store_revisions([loaded("r1", source="steps: []")], NOW)
    later = [loaded("r1", source="other", file="b.yaml"), loaded("r2", source="x", file="b.yaml")]
    storage.store_revisions(later, NOW)
    assert storage.revision_source("thanks", "r1") == ("steps: []", "a.yaml")
    assert storage.revision_source("thanks", "r2") == ("x", "b.yaml")
    assert storage.revision_source("thanks", "r3") is None


def loaded(revision: str, campaign: str = "thanks", **facts: str) -> Loaded:
    told = {"status": "live", "source": "", "file": "a.yaml", **facts}
    return Loaded(campaign=campaign, revision=revision, **told)


def test_every_phase_of_a_campaign_stays_on_record(storage: SqlStorage) -> None:
    moments = (NOW + number * MINUTE for number in count_from())
    other, first = loaded("1", "other"), loaded("1")
    storage.store_revisions([first, other], next(moments))
    storage.store_revisions([first, other], next(moments))
    storage.hold("thanks", "volume_limit", next(moments))
    storage.hold("thanks", "paused", next(moments))
    storage.store_revisions([loaded("2", status="paused")], next(moments))
    storage.resume("thanks", next(moments))
    storage.resume("thanks", next(moments))
    storage.store_revisions([first], next(moments))
    storage.store_revisions([first], next(moments), whole=True)
    storage.hold("other", "paused", next(moments))
    found = [
        (one.campaign, (one.at - NOW) // MINUTE, one.revision, one.status, one.hold)
        for one in SqlHistory(storage.database).phases()
    ]
    assert found == [
        ("other", 0, "1", "live", ""),
        ("thanks", 0, "1", "live", ""),
        ("thanks", 2, "1", "live", "volume_limit"),
        ("thanks", 4, "2", "paused", "volume_limit"),
        ("thanks", 5, "2", "paused", ""),
        ("thanks", 7, "1", "live", ""),
        ("other", 8, "", "", ""),
        ("other", 9, "", "", "paused"),
    ]


def test_a_campaign_that_stops_itself_begins_a_phase(storage: SqlStorage) -> None:
    storage.store_revisions([loaded("1")], NOW)
    with storage.deciding() as unit:
        unit.hold("thanks", "volume_limit", NOW + MINUTE)
        unit.commit()
    (_, last) = SqlHistory(storage.database).phases()
    assert (last.at, last.revision, last.hold) == (NOW + MINUTE, "1", "volume_limit")


def test_resuming_lets_everything_go_on(
    storage: SqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.storage.store._PAGE", 2)
    later = NOW + MINUTE
    worlds = [
        things.new_world(
            f"c{n}",
            things.journey(f"j{n}", f"c{n}", parked=True),
            things.journey(f"o{n}", f"c{n}", parked=True, campaign="other", entry_key=f"o{n}"),
            things.message(f"m{n}", f"c{n}", send_at=later, reason="frozen"),
            things.message(f"q{n}", f"c{n}", send_at=later, reason="quiet_hours"),
        )
        for n in range(5)
    ]
    store(storage, *worlds)
    storage.hold("thanks", "volume_limit", NOW)
    storage.hold("thanks", "by hand", later)
    assert storage.holds() == {"thanks": "volume_limit"}
    assert storage.parked_campaigns() == {"thanks", "other"}
    assert storage.next_due() == later
    assert storage.resume("thanks", NOW) == 5
    assert storage.holds() == {}
    assert storage.parked_campaigns() == {"other"}
    assert storage.next_due() == NOW
    with storage.deciding() as unit:
        assert sorted(unit.due_customers(NOW, 10)) == [f"c{n}" for n in range(5)]
        unit.customers_to_message(NOW, "email", 10)
        read = unit.load([f"c{n}" for n in range(5)], now=NOW)
        assert unit.holds() == {}
    assert {m.id: m.send_at for w in read.values() for m in w.messages.values()} == {
        **{f"m{n}": NOW for n in range(5)},
        **{f"q{n}": later for n in range(5)},
    }
    assert storage.resume("thanks", NOW) == 0


def test_next_due_is_the_earliest_of_all(storage: SqlStorage) -> None:
    assert storage.next_due() is None
    world = things.new_world(
        "c",
        things.journey("j", "c", due_at=NOW + 3 * MINUTE),
        things.journey("parked", "c", due_at=NOW, parked=True),
        things.journey("waits", "c", due_at=None),
    )
    store(storage, world)
    assert storage.next_due() == NOW + 3 * MINUTE
    store(
        storage,
        things.new_world("d", things.message("m", "d", channel="sms", send_at=NOW + 2 * MINUTE)),
    )
    assert storage.next_due() == NOW + 2 * MINUTE
    _call(storage, "w", NOW + MINUTE)  # the outbox looks after its own
    assert storage.next_due() == NOW + 2 * MINUTE


def _call(storage: SqlStorage, key: str, at: object = NOW) -> None:
    world = load(storage, "hooked").get("hooked") or things.new_world("hooked")
    world.changes.webhooks += (
        WebhookCall(
            id=key,
            journey_id="j",
            step="call",
            campaign="thanks",
            url="https://shop.example/hook",
            body={"n": 1},
            created_at=at,  # type: ignore[arg-type]
        ),
    )
    store(storage, world)


def test_webhook_calls_are_leased(storage: SqlStorage) -> None:
    for n, key in enumerate(["first", "second", "third"]):
        _call(storage, key, NOW + n * MINUTE)
    assert storage.claim_webhook_calls(NOW - MINUTE, 5, MINUTE) == []
    now = NOW + 2 * MINUTE
    calls = storage.claim_webhook_calls(now, 2, MINUTE)
    assert [(each.id, each.attempts, each.body) for each in calls] == [
        ("first", 1, b'{"n":1}'),
        ("second", 1, b'{"n":1}'),
    ]
    assert [each.id for each in storage.claim_webhook_calls(now, 5, MINUTE)] == ["third"]
    storage.record_webhook_call("first")
    storage.record_webhook_call("second", reason="503", retry_at=now + 5 * MINUTE)
    storage.record_webhook_call("third", reason="404")
    assert storage.claim_webhook_calls(now + 4 * MINUTE, 5, MINUTE) == []
    again = storage.claim_webhook_calls(now + 5 * MINUTE, 5, MINUTE)
    assert [(each.id, each.attempts) for each in again] == [("second", 2)]
    unrecorded = storage.claim_webhook_calls(now + 6 * MINUTE, 5, MINUTE)
    assert [(each.id, each.attempts) for each in unrecorded] == [("second", 3)]


def test_a_sweep_goes_on_where_it_stopped(storage: SqlStorage) -> None:
    first = Occurrence(campaign="win-back", zone="Europe/Berlin", key="2026-03-01T09:00", at=NOW)
    unknown = Occurrence(campaign="win-back", zone=None, key="2026-03-01T09:00", at=NOW)
    with storage.deciding() as unit:
        unit.begin_occurrence(first)
        unit.begin_occurrence(unknown)
        unit.commit()
    done = Occurrence(
        campaign="win-back", zone=first.zone, key=first.key, at=NOW, cursor="c9", done=True
    )
    with storage.deciding() as unit:
        unit.advance_occurrence(done)
        unit.commit()
        assert unit.occurrence_state("win-back") == {"Europe/Berlin": done, None: unknown}
        assert unit.occurrence_state("other") == {}
    then = Occurrence(campaign="win-back", zone=first.zone, key="2026-03-02T09:00", at=NOW + MINUTE)
    with storage.deciding() as unit:
        unit.begin_occurrence(then)
        unit.commit()
        assert unit.occurrence_state("win-back") == {"Europe/Berlin": then, None: unknown}
    with storage.database.reading() as connection:
        assert fetch(connection, "SELECT count(*) FROM occurrences") == [(2,)]


def test_customers_are_paged_by_zone_and_birthday(storage: SqlStorage) -> None:
    born = {"a": "1990-02-28", "b": "2000-02-29", "c": None, "d": "1990-03-01"}
    zones = {"a": "Europe/Berlin", "b": "Europe/Berlin", "c": None, "d": "Asia/Tokyo"}
    for key in "abcd":
        birthday = born[key]
        store(
            storage,
            things.new_world(
                key,
                zone=zones[key],
                birthday=date.fromisoformat(birthday) if birthday else None,
            ),
        )
    with storage.deciding() as unit:
        assert unit.zones_in_use() == {"Europe/Berlin": 2, "Asia/Tokyo": 1, None: 1}
        assert unit.page_customers(ALL_ZONES, "", 3) == ["a", "b", "c"]
        assert unit.page_customers(ALL_ZONES, "c", 3) == ["d"]
        assert unit.page_customers("Europe/Berlin", "a", 3) == ["b"]
        assert unit.page_customers(None, "", 3) == ["c"]
        assert unit.page_customers(ALL_ZONES, "", 3, {"02-29", "02-28"}) == ["a", "b"]
        assert unit.page_customers("Asia/Tokyo", "", 3, {"03-01"}) == ["d"]
        assert unit.page_customers(ALL_ZONES, "", 3, set()) == ()


def test_customers_to_migrate_come_in_pages(storage: SqlStorage) -> None:
    for n, revision in enumerate(["r1", "r2", "r0", "r1", "r2"]):
        store(
            storage, things.new_world(f"c{n}", things.journey(f"j{n}", f"c{n}", revision=revision))
        )
    with storage.deciding() as unit:
        assert unit.customers_to_migrate("thanks", "r2", "", 2) == ["c0", "c2"]
        assert unit.customers_to_migrate("thanks", "r2", "c2", 2) == ["c3"]
        assert unit.customers_to_migrate("thanks", "r2", "c3", 2) == []


def test_one_process_decides_on_a_file(sqlite_storage: SqlStorage) -> None:
    database = sqlite_storage.database
    script = (
        "import sys; from engine.storage.database import Database, WorkspaceBusy\n"
        "try: Database(sys.argv[1]).claim_workspace()\n"
        "except WorkspaceBusy as error: sys.exit(str(error))"
    )
    claim = [sys.executable, "-c", script, database.url]
    root = str(Path(__file__).parents[2])
    database.claim_workspace()
    database.claim_workspace()
    refused = subprocess.run(claim, capture_output=True, text=True, check=False, cwd=root)
    assert refused.returncode == 1
    assert "another lagniappe process is at work on" in refused.stderr
    database.close()
    assert subprocess.run(claim, check=False, cwd=root).returncode == 0
    Database(database.url).claim_workspace()


def test_the_workspace_is_free_on_postgresql(postgresql_storage: SqlStorage) -> None:
    postgresql_storage.database.claim_workspace()
    other = Database(postgresql_storage.database.url)
    other.claim_workspace()
    other.close()


def test_the_workspace_is_not_claimed_twice_in_one_process(sqlite_storage: SqlStorage) -> None:
    sqlite_storage.database.claim_workspace()
    with pytest.raises(WorkspaceBusy):
        Database(sqlite_storage.database.url).claim_workspace()


def test_urgent_goes_before_background() -> None:
    gate, order = Gate(), list[str]()
    ready = threading.Semaphore(0)

    def work(name: str, *, urgent: bool) -> None:
        ready.release()
        with gate.pass_through(urgent=urgent):
            order.append(name)

    threads: list[threading.Thread] = []
    with gate.pass_through(urgent=False):
        for name, urgent in (("slow 1", False), ("slow 2", False), ("quick", True)):
            threads.append(threading.Thread(target=work, args=(name,), kwargs={"urgent": urgent}))
            threads[-1].start()
            ready.acquire()
        while gate.urgent_waiting() == 0:
            threading.Event().wait(0.001)
    for thread in threads:
        thread.join()
    assert order[0] == "quick"
    assert sorted(order) == ["quick", "slow 1", "slow 2"]


def test_a_reader_never_blocks_the_writer(sqlite_storage: SqlStorage) -> None:
    store(sqlite_storage, *(things.new_world(f"c{n}") for n in range(20)))
    reader = sqlite3.connect(sqlite_storage.database.path, timeout=0)
    cursor = reader.execute("SELECT id FROM customers")
    assert cursor.fetchone()
    store(sqlite_storage, things.new_world("d"))
    sqlite_storage.accept([things.incoming("1")])
    assert len(cursor.fetchall()) == 19
    reader.close()
    assert set(load(sqlite_storage, "d")) == {"d"}
