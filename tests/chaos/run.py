"""One database's run: everything works, everything breaks, everything is accounted for."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from engine.storage.migrate import upgrade
from tests.chaos.books import (
    CAMPAIGN,
    Books,
    balance,
    read_doubts,
    read_journal,
    read_rows,
    read_settled,
)
from tests.chaos.crew import LATER, LEASED, LIVE, Post, Role, Tally, Wanted, run_charged
from tests.chaos.customers import EVERY, Shop, told
from tests.chaos.life import AFTERWARDS, PROGRAM
from tests.chaos.plan import Outcome, Plan
from tests.chaos.premises import CALLS, JOURNAL, edit, furnish, provider, settings
from tests.e2e.processes import free_port
from tests.e2e.shop import write_events
from tests.postgres import Server


@dataclass(slots=True, kw_only=True)
class Chaos:
    """The run. ``server``: the PostgreSQL to be killed, where the plan says so."""

    folder: Path
    url: str
    plan: Plan
    server: Server | None = None
    workers: int = 3  # on PostgreSQL
    say: Callable[[str], None] = print
    tally: Tally = field(default_factory=Tally)
    chance: random.Random = field(init=False)
    engine: Engine = field(init=False)
    workspace: Path = field(init=False)
    environ: dict[str, str] = field(init=False)
    posts: list[Post] = field(default_factory=list)
    wanted: Wanted = field(init=False)
    database_kills: int = 0
    _edits: int = 0
    _control: str = ""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.plan.seed)
        self.engine = create_engine(self.url, pool_pre_ping=True)
        self.wanted = Wanted.times(LIVE, self.plan.kills, self.plan.failures)

    @property
    def is_sqlite(self) -> bool:
        """Whether one process does everything."""
        return self.url.startswith("sqlite")

    def run(self) -> Outcome:
        """The whole of it."""
        began = time.monotonic()
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        with provider(self.folder, self.plan, base) as addresses, self._nobody_left():
            self._control = addresses["control"]
            self.workspace = furnish(self.folder, addresses["control"] + "/hook")
            self.environ = settings(self.url, port, self.plan, addresses)
            upgrade(self.url)
            shop = Shop(base, self.plan.orders, self.plan.seconds)
            self._man()
            shop.start()
            self._break_things(shop)
            self.say("no more faults; waiting for quiet")
            self._recover()
            self._wait_for_quiet(shop)
            self._hear_receipts()
            self._ask_a_person()
            for post in self.posts:
                code = post.end()
                assert code == 0, f"a {post.role} ended with {code}"
            self._settle()
            books = self._balance(shop)
            self._erase_and_forget(books)
            hooks = self._check_hooks(books)
            state = httpx.get(f"{self._control}/state").json()
        self.engine.dispose()
        return Outcome(
            database="SQLite" if self.is_sqlite else "PostgreSQL",
            processes="1 process" if self.is_sqlite else f"{self.workers} workers, 1 web",
            seconds=time.monotonic() - began,
            books=books,
            tally=self.tally,
            database_kills=self.database_kills,
            provider_downs=state["downs"],
            receipts=state["reported"],
            retried_posts=sum(n for said, n in shop.answers.items() if said != "202"),
            webhook_calls=hooks,
            missing=self.wanted.missing(),
        )

    @contextmanager
    def _nobody_left(self) -> Iterator[None]:
        try:
            yield
        finally:
            for post in self.posts:
                if post.process is not None:
                    post.process.kill()
                    post.process.join()

    def _man(self) -> None:
        roles: Sequence[Role] = ["all"] if self.is_sqlite else ["web", *["worker"] * self.workers]  # type: ignore[list-item]
        for role in roles:
            post = Post(
                role=role, workspace=self.workspace, environ=self.environ, wanted=self.wanted,
                tally=self.tally, chance=self.chance, lives=self.plan.lives,
                passages=self.plan.passages,
            )  # fmt: skip
            post.start(charged=True)
            self.posts.append(post)

    def _break_things(self, shop: Shop) -> None:
        """Until all has come in, and every fault has happened."""
        plan, began = self.plan, time.monotonic()
        events = self._timetable()
        edit_at, say_at = began + 4.0, began + 15.0
        while True:
            now = time.monotonic()
            for post in self.posts:
                post.look()
            while events and now - began >= events[0][0]:
                events.pop(0)[1]()
            if now >= edit_at:
                self._edits += 1
                edit(self.workspace, self._edits)
                edit_at = now + min(20.0, plan.seconds / 8)
            if now >= say_at:
                self._progress(shop)
                say_at = now + 30.0
            left = len(self.wanted.missing()) - len(self.wanted.missing_of(LEASED))
            is_over = not shop.is_alive() and not events and not left
            if is_over or now - began > plan.at_most:
                return
            if self.plan.hurry_orphans:
                self._forget_the_dead()
            time.sleep(0.02)

    def _timetable(self) -> list[tuple[float, Callable[[], None]]]:
        plan = self.plan
        events: list[tuple[float, Callable[[], None]]] = []

        def spread(count: int, action: Callable[[int], None]) -> None:
            for number in range(count):
                at = plan.seconds * (number + 0.5 + self.chance.uniform(-0.2, 0.2)) / count
                events.append((at, lambda number=number: action(number)))  # type: ignore[misc]

        spread(plan.downs, lambda _: self._tell_provider(down=plan.down))
        spread(plan.checkpoints, lambda _: self._kill_at_checkpoint())
        ways: tuple[Literal["postmaster", "immediate", "backend"], ...] = (
            "postmaster", "immediate", "backend",
        )  # fmt: skip
        spread(plan.database_kills, lambda number: self._kill_database(ways[number % 3]))
        return sorted(events, key=lambda each: each[0])

    def _kill_database(self, how: Literal["postmaster", "immediate", "backend"]) -> None:
        assert self.server is not None
        self.say(f"the database is killed: {how}")
        self.server.crash(how)
        if how != "backend":
            time.sleep(self.chance.uniform(0.2, 2.0))
            self.server.restart()
        self.database_kills += 1

    def _kill_at_checkpoint(self) -> None:
        """SQLite writes into its main file only while it empties the write-ahead log."""
        (post,) = self.posts
        file = self.folder / "lagniappe.db"
        before, end = file.stat().st_mtime_ns, time.monotonic() + 20.0
        while time.monotonic() < end and post.process is not None and post.process.is_alive():
            if file.stat().st_mtime_ns != before:
                post.kill(at_checkpoint=True)
                return
            time.sleep(0.001)

    def _tell_provider(self, **what: Any) -> None:
        httpx.post(f"{self._control}/control", json=what)

    def _pending_receipts(self) -> int:
        return int(httpx.get(f"{self._control}/state").json()["pending"])

    def _progress(self, shop: Shop) -> None:
        left = ", ".join(self.wanted.missing())
        self.say(
            f"{len(shop.accepted)} orders taken, {self.tally.kills} kills, "
            f"{self._pending_receipts()} receipts to come; still wanted: {left or 'nothing'}"
        )

    def _forget_the_dead(self) -> None:
        """Let a dead worker's last sign of life be as old as it will be in two minutes."""
        alive = [f"%:{post.process.pid}:%" for post in self.posts if post.process is not None]
        where = " AND ".join(f"id NOT LIKE :p{number}" for number in range(len(alive))) or "1 = 1"
        values = {f"p{number}": each for number, each in enumerate(alive)}
        try:
            with self.engine.begin() as connection:
                connection.execute(text(f"UPDATE workers SET seen_at = 0 WHERE {where}"), values)
        except OperationalError:
            return  # the database is away

    def _recover(self) -> None:
        for post in self.posts:
            if post.process is not None:
                post.kill()
            post.start(charged=False)

    def _wait_for_quiet(self, shop: Shop) -> None:
        def is_quiet() -> bool:
            if shop.is_alive():
                return False
            if self.plan.hurry_orphans:
                self._forget_the_dead()
            with self.engine.connect() as connection:
                waiting = connection.execute(
                    text("SELECT 1 FROM events WHERE state = 0 LIMIT 1")
                ).first()
                open_ = connection.execute(
                    text(
                        "SELECT 1 FROM messages WHERE status IN ('scheduled', 'sending')"
                        f" AND campaign = '{CAMPAIGN}' LIMIT 1"
                    )
                ).first()
            return waiting is None and open_ is None

        self._wait("everything sent", is_quiet, patience=400)

    def _hear_receipts(self) -> None:
        self._tell_provider(hurry=True)
        self._wait("every receipt taken", lambda: self._pending_receipts() == 0, patience=200)

    def _wait(self, what: str, holds: Callable[[], bool], *, patience: float) -> None:
        end = time.monotonic() + patience
        while not holds():
            for post in self.posts:
                assert post.process is not None
                assert post.process.is_alive(), f"a {post.role} ended while: {what}"
            if time.monotonic() > end:
                self.say(f"never came about: {what}")
                return  # the books tell what is missing
            time.sleep(0.1)

    def _ask_a_person(self) -> None:
        """Somebody who can look at the provider's own pages ends three doubts."""
        taken = {line["message_id"] for line in read_journal(self.folder / JOURNAL)
                 if line["taken"]}  # fmt: skip
        unknown = sorted(row.id for row in read_rows(self.engine) if row.status == "unknown")
        for word, ids in (
            ("--sent", [each for each in unknown if each in taken][:1]),
            ("--resend", [each for each in unknown if each not in taken][:1]),
            ("--abandon", [each for each in unknown if each not in taken][1:2]),
        ):
            for each in ids:
                assert self._program("log", "resolve", each, word) == 0
        self._wait(
            "what a person sent again is sent",
            lambda: all(row.status not in ("scheduled", "sending")
                        for row in read_rows(self.engine)),
            patience=60,
        )  # fmt: skip

    def _settle(self) -> None:
        """Hours go by at once: look-ups, then the policy. The first ones who try are killed."""
        leased = self.wanted.missing_of(LEASED)
        for charges in (*leased, *leased, "settlement.asked", "settlement.decided", ""):
            code = self._afterwards("settle", charges)
            assert code == 0 or charges, self.tally.logs[-1].read_text()

    def _program(self, *arguments: str, charges: str = "") -> int | None:
        return self._charged(PROGRAM, *arguments, charges=charges)

    def _afterwards(self, what: str, charges: str) -> int | None:
        return self._charged(AFTERWARDS, what, str(self.workspace), charges=charges)

    def _charged(self, module: str, *arguments: str, charges: str) -> int | None:
        return run_charged(
            module, *arguments, folder=self.workspace, environ=self.environ, tally=self.tally,
            wanted=self.wanted,
            charges=charges,
        )  # fmt: skip

    def _balance(self, shop: Shop) -> Books:
        books = balance(
            accepted=shop.accepted,
            rows=read_rows(self.engine),
            journal=read_journal(self.folder / JOURNAL),
            settled=read_settled(self.engine),
            doubts=read_doubts(self.tally.logs),
        )
        if len(set(shop.accepted)) != self.plan.orders:
            books.breaches.append(f"only {len(set(shop.accepted))} orders were ever taken")
        return books

    def _check_hooks(self, books: Books) -> int:
        """Each call was made, and on record; more than once is what its key is for."""
        file = self.folder / CALLS
        made = set(file.read_text().split()) if file.exists() else set()
        with self.engine.connect() as connection:
            calls = connection.execute(text("SELECT id, status FROM webhook_calls")).all()
        for key, status in calls:
            if status != "done" or key not in made:
                books.breaches.append(f"web hook {key} is {status}, made: {key in made}")
        if len(calls) != len(range(0, self.plan.orders, EVERY)):
            books.breaches.append(f"{len(calls)} web hooks were to be called")
        return len(calls)

    def _erase_and_forget(self, books: Books) -> None:
        """Killed half-way, done again, and nothing of it comes back."""
        before = len(read_rows(self.engine))
        codes = [
            self._program("customers", "erase", "shop:c1", "--yes", charges=charges)
            for charges in ("erasure.decided", "erasure.committed", "")
        ]
        if codes[2] == 0:  # the second had committed: nobody is left to be erased
            books.breaches.append("a customer was erased twice")
        file = write_events(self.workspace / "again.jsonl", [told(1)])
        assert self._program("ingest", str(file)) == 0
        for charges in ("retention.page", "retention.page:kill:3", ""):
            code = self._afterwards("forget", charges)
        with self.engine.connect() as connection:
            contents = connection.execute(text("SELECT count(*) FROM contents")).scalar_one()
            named = connection.execute(
                text("SELECT count(*) FROM messages WHERE recipient = 'c1@example.com'")
            ).scalar_one()
        if code or contents or named or len(read_rows(self.engine)) != before:
            books.breaches.append(
                f"after erasing and forgetting: {contents} contents, {named} addresses,"
                f" {before} messages became {len(read_rows(self.engine))}, exit {code}"
            )
        for fault in LATER:
            if not self.tally.faults[fault, "kill"]:
                books.breaches.append(f"nothing was killed at {fault}")
