"""``kill -9`` at any instant: no message twice, none lost, little in doubt."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from tests.e2e.processes import (
    TOKEN,
    Daemon,
    Fakes,
    children,
    environment,
    fakes,
    lagniappe,
    wait_until,
)
from tests.e2e.shop import campaign, make_workspace, order_placed, write_events
from tests.soak import SOAK

Scale = Callable[[int, int], int]
NewDatabase = Callable[[], str]

IN_FLIGHT = 50
_NOTES = campaign("notes", "  - {id: mail, send_email: note}\n  - {id: text, send_sms: note}")


@dataclass
class Chaos:
    """2,000 journeys that send, and the books kept beside them."""

    workspace: Path
    url: str
    fakes: Fakes
    journeys: int
    most_in_doubt: int = 0
    kills: int = 0
    engine: Engine = field(init=False)
    environ: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.engine = create_engine(self.url)
        self.environ = environment(
            self.url,
            max_in_flight=str(IN_FLIGHT),
            public_url="https://mail.example.com",
            secret_key="key-of-the-tests-0123456789abcdef",
            api_token=TOKEN,
            **self.fakes.settings(),
        )

    def seed(self) -> None:
        """Take in the orders; every journey then has its first message due."""
        at = datetime.now(UTC) - timedelta(minutes=5)
        orders = (order_placed(number, at) for number in range(self.journeys))
        file = write_events(self.workspace / "orders.jsonl", orders)
        done = lagniappe("ingest", str(file), workspace=self.workspace, environ=self.environ)
        assert done.returncode == 0, done.stderr
        assert self.statuses() == {"scheduled": self.journeys}

    def statuses(self, owner: str = "%") -> Counter[str]:
        """How many messages stand where; ``owner``: of the workers whose id is like this."""
        query = text(
            "SELECT status, count(*) FROM messages"
            " WHERE :owner = '%' OR owner LIKE :owner GROUP BY status"
        )
        with self.engine.connect() as connection:
            rows = connection.execute(query, {"owner": owner}).all()
        return Counter({row[0]: row[1] for row in rows})

    def daemon(self, *arguments: str) -> Daemon:
        """One more process."""
        return Daemon(workspace=self.workspace, environ=self.environ, arguments=arguments)

    def sending(self, daemon: Daemon) -> int:
        """How many messages are on record as being handed over by it."""
        assert daemon.process is not None
        return self.statuses(f"%:{daemon.process.pid}:%")["sending"]

    def first_to_send(self, daemons: Sequence[Daemon]) -> Daemon:
        """Wait until one of them is in the midst of it."""
        wait_until("one of them sends", lambda: any(map(self.sending, daemons)), patience=120)
        return max(daemons, key=self.sending)

    def kill_at_some_instant(self, daemon: Daemon, chance: random.Random) -> None:
        """Kill it, up to a second or some requests from now."""
        done = len(self.fakes.received())
        goal = done + chance.randrange(0, 2 * IN_FLIGHT)
        end = time.monotonic() + chance.uniform(0, 1.0)
        while len(self.fakes.received()) <= goal and time.monotonic() < end:
            time.sleep(chance.uniform(0, 0.005))
        self.kill(daemon)

    def kill(self, daemon: Daemon) -> None:
        """Kill it now, and look at the books."""
        daemon.kill()
        self.kills += 1
        in_doubt = self.sending(daemon)
        assert in_doubt <= IN_FLIGHT
        self.most_in_doubt = max(self.most_in_doubt, in_doubt)
        self.check_books()

    def check_books(self) -> None:
        """Nothing reached a customer twice, or without being on record."""
        taken = [line for line in self.fakes.received() if line["accepted"]]
        ids = Counter(line["message_id"] for line in taken)
        assert [key for key, count in ids.items() if count > 1] == []
        with self.engine.connect() as connection:
            rows = connection.execute(text("SELECT id, status FROM messages")).all()
        known = {row[0]: row[1] for row in rows}
        assert {key for key in ids if known.get(key) not in ("sending", "sent", "unknown")} == set()

    def forget(self, pid: int) -> None:
        """Let a dead worker's last sign of life be as old as it will be in two minutes."""
        with self.engine.begin() as connection:
            connection.execute(
                text("UPDATE workers SET seen_at = 0 WHERE id LIKE :id"), {"id": f"%:{pid}:%"}
            )

    def is_done(self) -> bool:
        """Whether every message of every journey has been tried."""
        now = self.statuses()
        return now["sent"] + now["unknown"] == 2 * self.journeys

    def check_end(self) -> None:
        """None lost: each message was taken once, or is listed as in doubt."""
        self.check_books()
        statuses = self.statuses()
        assert statuses.total() == 2 * self.journeys
        assert set(statuses) <= {"sent", "unknown"}
        assert statuses["unknown"] <= self.kills * IN_FLIGHT
        answered = [line for line in self.fakes.received() if not line["accepted"]]
        assert answered == []
        with self.engine.connect() as connection:
            sent = set(connection.execute(text("SELECT id FROM messages WHERE status = 'sent'"))
                       .scalars())  # fmt: skip
        assert sent <= {line["message_id"] for line in self.fakes.received()}
        self.engine.dispose()


@pytest.fixture
def chance() -> random.Random:
    """The same instants every time in the short form, new ones in a soak."""
    return random.Random(time.time_ns() if SOAK else 20260302)


def rounds(scale: Scale) -> tuple[int, int, int]:
    """Rounds, kills in each, journeys in each: a round's messages must outlive its kills."""
    return scale(1, 10), scale(3, 20), scale(350, 2000)


def test_a_daemon_is_killed(
    tmp_path: Path,
    new_sqlite: NewDatabase,
    scale: Scale,
    chance: random.Random,
    record_property: Callable[[str, object], None],
) -> None:
    count, kills, journeys = rounds(scale)
    worst = 0
    for number in range(count):
        workspace = make_workspace(tmp_path / f"shop{number}", [_NOTES])
        with fakes(tmp_path / f"record{number}.jsonl", delay=0.05) as providers:
            chaos = Chaos(workspace, new_sqlite(), providers, journeys)
            chaos.seed()
            with chaos.daemon() as daemon:
                chaos.kill(chaos.first_to_send([daemon.start(ready=False)]))
                for _ in range(kills - 1):
                    chaos.kill_at_some_instant(daemon.start(), chance)
                    assert not chaos.is_done(), "too few journeys for so many kills"
                daemon.start()
                wait_until("the end of all sending", chaos.is_done, patience=120)
                assert daemon.stop() == 0
            chaos.check_end()
            worst = max(worst, chaos.most_in_doubt)
    record_property("most_in_doubt", worst)
    assert worst > 0, "every kill missed the sending"


def test_the_process_that_calls_is_killed(
    tmp_path: Path, new_sqlite: NewDatabase, scale: Scale
) -> None:
    workspace = make_workspace(tmp_path / "shop", [_NOTES])
    with fakes(tmp_path / "record.jsonl", delay=0.5) as providers:
        chaos = Chaos(workspace, new_sqlite(), providers, scale(250, 1000))
        chaos.seed()
        with chaos.daemon() as daemon:
            daemon.start()
            assert daemon.process is not None
            for kill in range(3):
                wait_until("calls", lambda: children(daemon.process.pid) and chaos.sending(daemon))
                for pid in children(daemon.process.pid):
                    os.kill(pid, signal.SIGKILL)
                chaos.kills += 1
                wait_until("the next", lambda n=kill: len(daemon.told("sending_process_back")) > n)
            wait_until("the end of all sending", chaos.is_done, patience=120)
            assert daemon.stop() == 0
        told = [line["in_doubt"] for line in daemon.told("sending_process_ended")]
        assert len(told) == chaos.kills
        assert all(0 <= each <= IN_FLIGHT for each in told)
        assert chaos.statuses()["unknown"] == sum(told) > 0
        chaos.check_end()


def test_one_of_two_workers_is_killed(
    tmp_path: Path,
    new_postgresql: NewDatabase,
    scale: Scale,
    chance: random.Random,
    record_property: Callable[[str, object], None],
) -> None:
    count, kills, journeys = rounds(scale)
    worst = 0
    for number in range(count):
        workspace = make_workspace(tmp_path / f"shop{number}", [_NOTES])
        with (
            fakes(tmp_path / f"record{number}.jsonl", delay=0.2) as providers,
            ExitStack() as stack,
        ):
            chaos = Chaos(workspace, new_postgresql(), providers, journeys)
            chaos.seed()
            workers = [stack.enter_context(chaos.daemon("--role", "worker")) for _ in range(2)]
            for worker in workers:
                worker.start(ready=False)
            for turn in range(kills):
                if turn == 0:  # surely in the midst: the others may come when all is sent
                    victim = chaos.first_to_send(workers)
                    chaos.kill(victim)
                else:
                    victim = workers[turn % 2]
                    chaos.kill_at_some_instant(victim, chance)
                assert victim.process is not None
                chaos.forget(victim.process.pid)
                victim.start()
            wait_until("the end of all sending", chaos.is_done, patience=120)
            assert [worker.stop() for worker in workers] == [0, 0]
            chaos.check_end()
            check_no_trouble(workers)
            worst = max(worst, chaos.most_in_doubt)
    record_property("most_in_doubt", worst)
    assert worst > 0, "every kill missed the sending"


def check_no_trouble(daemons: Sequence[Daemon]) -> None:
    """Nothing unexpected was logged: no deadlock came through, no error."""
    for daemon in daemons:
        assert daemon.told("worker_error") == []
