"""The daemon as a process: signals, files that change, and what was answered before a kill."""

from __future__ import annotations

import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.e2e.engine_room import rows
from tests.e2e.processes import TOKEN, Daemon, environment, fakes, lagniappe, wait_until
from tests.e2e.shop import campaign, make_workspace, order_placed, write, write_events

Scale = Callable[[int, int], int]

NOTE = campaign("note", "  - {id: mail, send_email: note}")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "shop", [NOTE])


@pytest.fixture
def daemon(shop: Path, database_url: str) -> Iterator[Daemon]:
    """A daemon of the shop, not yet started."""
    with Daemon(workspace=shop, environ=environment(database_url, api_token=TOKEN)) as it:
        yield it


def database_of(daemon: Daemon) -> str:
    return daemon.environ["LAGNIAPPE_DATABASE_URL"]


def place(daemon: Daemon, *numbers: int) -> httpx.Response:
    at = datetime.now(UTC)
    return daemon.post("/v1/events", json=[order_placed(number, at) for number in numbers])


def statuses(daemon: Daemon) -> dict[str, str]:
    """Message status by order."""
    return {row["order_id"]: row["status"] for row in rows(database_of(daemon), "messages")}


def test_sigterm_lets_calls_in_flight_end(shop: Path, database_url: str, tmp_path: Path) -> None:
    with fakes(tmp_path / "record.jsonl", delay=0.5) as providers:
        environ = environment(
            database_url, max_in_flight="20", api_token=TOKEN, **providers.settings()
        )
        at = datetime.now(UTC)
        file = write_events(tmp_path / "in.jsonl", (order_placed(n, at) for n in range(60)))
        assert lagniappe("ingest", str(file), workspace=shop, environ=environ).returncode == 0
        with Daemon(workspace=shop, environ=environ) as daemon:
            daemon.start()
            wait_until("calls in flight", lambda: len(providers.received()) >= 20)
            assert daemon.stop() == 0
            assert len(daemon.told("stopped")) == 1
        taken = providers.received()
        found = [row["status"] for row in rows(database_url, "messages")]
        assert set(found) == {"sent", "scheduled"}
        assert found.count("sent") == len(taken)
        assert rows(database_url, "workers") == []


def test_the_last_good_campaign_stays_live_while_its_file_is_broken(daemon: Daemon) -> None:
    daemon.start()
    assert place(daemon, 1).status_code == 202
    wait_until("the first message", lambda: statuses(daemon) == {"shop:1": "sent"})
    write(daemon.workspace, "campaigns/note.yaml", NOTE.replace("send_email", "send_emial"))
    daemon.signal(signal.SIGHUP)
    wait_until("a reload", lambda: len(daemon.told("reloaded")) == 1)
    [problem] = daemon.told("campaign_problem")
    assert problem["at"].startswith("campaigns/note.yaml:")
    place(daemon, 2)
    wait_until("a message of the last good file", lambda: statuses(daemon).get("shop:2") == "sent")
    # No signal this time: the change of the file is seen.
    again = NOTE.replace("  - {id: mail,", "  - {id: again,")
    write(daemon.workspace, "campaigns/note.yaml", again)
    wait_until("the file to be seen", lambda: len(daemon.told("reloaded")) >= 2)
    place(daemon, 3)
    wait_until("a message of the new file", lambda: statuses(daemon).get("shop:3") == "sent")
    steps = {row["order_id"]: row["step"] for row in rows(database_of(daemon), "messages")}
    assert steps == {"shop:1": "mail", "shop:2": "mail", "shop:3": "again"}
    assert daemon.stop() == 0


def test_a_paused_campaign_stands_still_until_it_is_resumed(
    daemon: Daemon, database_url: str
) -> None:
    waits = campaign("waits", "  - delay: 1m\n  - {id: mail, send_email: note}")
    write(daemon.workspace, "campaigns/waits.yaml", waits)
    daemon.start()

    def command(*arguments: str) -> str:
        done = lagniappe(*arguments, workspace=daemon.workspace, environ=daemon.environ)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert place(daemon, *range(5)).status_code == 202

    def journeys() -> list[tuple[str, bool]]:
        found = rows(database_url, "journeys")
        return [(row["status"], bool(row["parked"])) for row in found if row["campaign"] == "waits"]

    wait_until("journeys that wait", lambda: journeys() == [("live", False)] * 5)
    assert "is paused" in command("campaigns", "pause", "waits")
    make_due(database_url)
    wait_until("journeys put aside", lambda: journeys() == [("live", True)] * 5)
    assert "waits" not in {row["campaign"] for row in rows(database_url, "messages")}
    assert "5 journeys go on" in command("campaigns", "resume", "waits")
    wait_until("the end of the journeys", lambda: journeys() == [("completed", False)] * 5)

    def sent() -> list[str]:
        found = rows(database_url, "messages")
        return [row["status"] for row in found if row["campaign"] == "waits"]

    wait_until("the messages", lambda: sent() == ["sent"] * 5)
    assert daemon.stop() == 0


def make_due(database_url: str) -> None:
    """Let a minute pass for every journey."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE journeys SET due_at = due_at - 60000000"))
    engine.dispose()


def test_one_sqlite_file_has_one_daemon(shop: Path, sqlite_url: str) -> None:
    environ = environment(sqlite_url, bind="127.0.0.1:0")
    with Daemon(workspace=shop, environ=environment(sqlite_url)) as first:
        first.start()
        second = lagniappe("run", workspace=shop, environ=environ)
        assert second.returncode == 1
        assert "another lagniappe process is at work" in second.stderr
        assert "Traceback" not in second.stderr
        assert httpx.get(f"{first.url}/readyz").status_code == 200
        assert first.stop() == 0


@pytest.mark.parametrize("role", ["web", "worker"])
def test_sqlite_is_for_one_process(shop: Path, sqlite_url: str, role: str) -> None:
    done = lagniappe("run", "--role", role, workspace=shop, environ=environment(sqlite_url))
    assert done.returncode == 1
    assert "--role needs PostgreSQL" in done.stderr


def test_a_taken_port_is_said_so(shop: Path, sqlite_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = lagniappe("run", workspace=shop, environ=environment(sqlite_url, bind=address))
    assert done.returncode == 1
    assert address.rpartition(":")[2] in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_events_lose_no_good_ones(daemon: Daemon, database_url: str) -> None:
    daemon.start()
    at = datetime.now(UTC)
    bad: list[Any] = [
        {"id": "x"},
        {**order_placed(900, at), "time": "yesterday"},
        {**order_placed(901, at), "type": "order.placd"},
        {**order_placed(902, at), "id": "nul\x00"},
        {**order_placed(903, at), "order": {"id": "903", "total": "much"}},
        17,
        None,
    ]
    good = [order_placed(number, at) for number in range(len(bad) + 1)]
    mixed = [good[0]]
    for number, event in enumerate(bad, 1):
        mixed += [event, good[number]]
    answer = daemon.post("/v1/events", json=mixed)
    assert answer.status_code == 207
    assert (answer.json()["accepted"], answer.json()["rejected"]) == (len(good), len(bad))
    wait_until("every good one's message", lambda: len(statuses(daemon)) == len(good))
    events = rows(database_url, "events")
    assert sorted(row["id"] for row in events) == sorted(event["id"] for event in good)
    assert {row["state"] for row in events} == {1}
    assert daemon.post("/v1/events", json=bad).status_code == 400
    assert daemon.stop() == 0


def test_an_event_answered_with_202_survives_a_kill(
    daemon: Daemon, database_url: str, scale: Scale
) -> None:
    answered: set[int] = set()
    number = 0
    for _ in range(scale(2, 30)):
        daemon.start()
        number = _post_until_killed(daemon, number, answered)
    _age_the_dead(database_url)
    daemon.start()
    # Whoever heard nothing sends again, as clients do; and one more time.
    unheard = sorted(set(range(number)) - answered)
    for _ in range(2):
        for start in range(0, len(unheard), 500):
            assert place(daemon, *unheard[start : start + 500]).status_code == 202
    wait_until(
        "every order's message",
        lambda: (
            (now := Counter(statuses(daemon).values())).total() == number
            and now["sent"] + now["unknown"] == number
        ),
    )
    assert daemon.stop() == 0
    assert answered, "nothing was answered before the kills"
    events = rows(database_url, "events")
    assert sorted(row["id"] for row in events) == sorted(f"placed-{n}" for n in range(number))
    assert {row["state"] for row in events} == {1}
    assert len(rows(database_url, "orders")) == len(rows(database_url, "customers")) == number


def _age_the_dead(database_url: str) -> None:
    """Let the workers that were killed be long gone, so that nobody waits for them to come back."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE workers SET seen_at = 0"))
    engine.dispose()


def _post_until_killed(daemon: Daemon, first: int, answered: set[int]) -> int:
    """Four clients post single events until the daemon is killed under them; the next number."""
    lock = threading.Lock()
    numbers = iter(range(first, first + 10_000))
    last = first

    def client() -> None:
        nonlocal last
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(base_url=daemon.url, headers=headers, timeout=30) as connection:
            while True:
                with lock:
                    number = next(numbers)
                    last = number + 1
                event = order_placed(number, datetime.now(UTC))
                event["customer"]["phone"] = f"+1504556{number % 10_000:04}"
                try:
                    answer = connection.post("/v1/events", json=event)
                except httpx.HTTPError:
                    return
                if answer.status_code == 202:
                    with lock:
                        answered.add(number)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    goal = len(answered) + 150
    wait_until("answers", lambda: len(answered) >= goal)
    daemon.kill()
    for thread in clients:
        thread.join()
    return last


def test_the_demo_runs_in_an_empty_environment(tmp_path: Path) -> None:
    done = lagniappe("demo", "--exit", workspace=tmp_path, environ=environment())
    assert done.returncode == 0, done.stderr
    assert "review" in done.stdout
    assert "sent" in done.stdout.lower()
    assert (tmp_path / ".demo" / "lagniappe.db").exists()
    assert _at_work_in(tmp_path) == [], "the demo left something running"


def _at_work_in(workspace: Path) -> list[str]:
    """The processes of this machine that stand in the workspace, whoever began them."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            place = link.readlink()
        except OSError:  # ended meanwhile, or not ours to see
            continue
        if place.is_relative_to(workspace):
            found.append(link.parent.name)
    return found
