"""The state machine: a shop's life in random order, and the promises looked at after each step."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.bootstrap import App
from engine.cli.lookup import question
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.services.forecast import forecast
from engine.services.history import case_of
from engine.services.settlement import NotInDoubt
from engine.services.why import answers
from engine.web_parts import WebParts
from tests.invariants.kept import Kept
from tests.invariants.life import CHANNELS, Teller, Told, bought, kills, told
from tests.invariants.outside import MOODS, Answer, Given
from tests.invariants.shop import MICROSECOND, Shop, empty, faults, persistently
from tests.invariants.strategies import CAMPAIGNS, PEOPLE, STARTS, ZONES, campaigns, stores
from tests.invariants.truth import Block, Truth

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LEAPS = (MINUTE, 10 * MINUTE, HOUR, 3 * HOUR, 8 * HOUR, DAY, 3 * DAY)
WORKERS = st.integers(0, 1)
# Messages are picked by a number, the newest first, because how many there are is not known here.
PICKED = st.integers(0, 7)
KINDS = (
    (ReceiptKind.DELIVERED, Verdict.NOTHING), (ReceiptKind.DELIVERED, Verdict.NOTHING),
    (ReceiptKind.OPENED, Verdict.NOTHING), (ReceiptKind.CLICKED, Verdict.NOTHING),
    (ReceiptKind.QUEUED, Verdict.NOTHING), (ReceiptKind.BOUNCED, Verdict.DEAD),
    (ReceiptKind.BOUNCED, Verdict.NOTHING), (ReceiptKind.COMPLAINED, Verdict.REPORTED),
    (ReceiptKind.UNSUBSCRIBED, Verdict.UNWANTED), (ReceiptKind.FAILED, Verdict.STOPPED),
)  # fmt: skip
FAILURES = frozenset({ReceiptKind.BOUNCED, ReceiptKind.FAILED})
WITHDRAWING = frozenset({Verdict.STOPPED, Verdict.REPORTED, Verdict.UNWANTED})
EVERYTHING = ("customers", "consents", "suppressions", "journeys", "messages", "events", "orders")

steps_taken = 0


class ShopLife(RuleBasedStateMachine):
    """One shop on one database; subclasses say which, and how many workers it has."""

    database = ""
    workers = 1

    def __init__(self) -> None:
        super().__init__()
        self.home = Path(tempfile.mkdtemp(prefix="lagniappe-life-"))
        self.teller = Teller()
        self.shop: Shop
        self.truth: Truth
        self.kept: Kept
        self.receipts: list[Receipt] = []

    # The shop opens

    @initialize(
        store=stores,
        start=st.sampled_from(STARTS),
        first=campaigns(CAMPAIGNS[0]),
        second=campaigns(CAMPAIGNS[1]),
        third=campaigns(CAMPAIGNS[2]),
        zones=st.permutations(ZONES),
        batch=st.sampled_from([1, 3, 50]),
        slots=st.sampled_from([2, 20]),
        seed=st.text("abcdef", max_size=3),
        people=st.lists(told, min_size=5, max_size=10),
        mood=st.sampled_from(sorted(MOODS)),
    )
    def open(
        self,
        store: dict[str, Any],
        start: datetime,
        first: dict[str, Any],
        second: dict[str, Any],
        third: dict[str, Any],
        zones: list[str],
        batch: int,
        slots: int,
        seed: str,
        people: list[Told],
        mood: str,
    ) -> None:
        empty(self.database)
        self.truth = Truth(store)
        self.shop = Shop(
            self.home,
            self.database,
            store,
            start,
            workers=self.workers,
            slots=slots,
            batch=batch,
            seed=seed,
            judge=self.truth.judge,
        )
        self.shop.outside.mood = mood
        self.kept = Kept(self.shop, self.truth)
        for written in (first, second, third):
            self._write(written)
        self.shop.reload()
        self._tell(self.teller.everyone(self.shop.clock.now(), zones[: len(PEOPLE)]))
        self._tell([self.teller.write(each, self.shop.clock.now()) for each in people])
        self._quiesce()

    def teardown(self) -> None:
        if hasattr(self, "shop"):
            self.shop.close()
        shutil.rmtree(self.home, ignore_errors=True)

    # Authors

    @rule(written=st.sampled_from(CAMPAIGNS).flatmap(campaigns))
    def write_campaign(self, written: dict[str, Any]) -> None:
        """A new campaign, or another revision of one that has journeys under way."""
        self._write(written)
        self.shop.reload()

    @rule(
        name=st.sampled_from(CAMPAIGNS), status=st.sampled_from(["live", "live", "paused", "gone"])
    )
    def switch(self, name: str, status: str) -> None:
        """Pause a file, take it away, bring it back."""
        file = self.home / "campaigns" / f"{name}.yaml"
        if not file.exists():
            return
        if status == "gone":
            file.unlink()
        else:
            file.write_text(json.dumps(json.loads(file.read_text()) | {"status": status}))
        self.shop.reload()

    @rule(name=st.sampled_from(CAMPAIGNS), held=st.sampled_from([False, False, True]))
    def hold(self, name: str, held: bool) -> None:
        """``campaigns pause`` and ``campaigns resume``; a brake is lifted the same way."""
        if held:
            self._app().storage.hold(name, "paused", self.shop.clock.now())
        else:
            self._app().storage.resume(name, self.shop.clock.now())

    # Platforms and customers

    @rule(news=st.lists(told, min_size=1, max_size=5), again=st.integers(0, 20))
    def tell(self, news: list[Told], again: int) -> None:
        """Events arrive; now and then one that has come before."""
        events = [self.teller.write(each, self.shop.clock.now()) for each in news]
        self._tell(events + self.teller.written[again : again + 1])

    @rule(news=st.lists(told, min_size=1, max_size=5), backfill=st.booleans())
    def take(self, news: list[Told], backfill: bool) -> None:
        """A file is read in, stored and processed at once."""
        events = [self.teller.write(each, self.shop.clock.now()) for each in news]
        incoming = self.shop.incoming(events, backfill=backfill)
        for event in events:  # before they are taken in: what is due goes out with it
            self.truth.hear(event)
        persistently(lambda: self._app().ingest.take(incoming))

    @rule(news=st.lists(told, min_size=1, max_size=4), leap=st.sampled_from(LEAPS))
    def tell_and_live(self, news: list[Told], leap: timedelta) -> None:
        """Events come one by one, each followed by all that it leads to; then time passes."""
        for each in news:
            self._tell([self.teller.write(each, self.shop.clock.now())])
            self._quiesce()
        self.live(leap)

    @rule(leap=st.sampled_from(LEAPS))
    def everyone_buys(self, leap: timedelta) -> None:
        """An order of each person at once, and time for what follows."""
        now = self.shop.clock.now()
        self._tell([self.teller.write(bought(person), now) for person in PEOPLE])
        self.live(leap)

    @rule(picked=PICKED, undo=st.sampled_from([False, False, True]))
    def unsubscribe(self, picked: int, undo: bool) -> None:
        """The link in a message, which is good for ever."""
        given = self._pick(picked, "marketing")
        if given is not None:
            self._unsubscribe(given, undo=undo)

    @rule(
        picked=PICKED,
        kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3),
        agent=st.sampled_from([None, "Mozilla/5.0", "Mozilla/5.0 (iPhone) Mail"]),
        age=st.sampled_from([timedelta(0), MINUTE, 2 * HOUR]),
        again=st.booleans(),
    )
    def report(
        self,
        picked: int,
        kinds: list[tuple[ReceiptKind, Verdict]],
        agent: str | None,
        age: timedelta,
        again: bool,
    ) -> None:
        """Receipts come: late, in any order, doubled, by machines."""
        given = self._pick(picked)
        if given is None:
            return
        fresh = [self._receipt(given, kind, verdict, agent, age) for kind, verdict in kinds]
        self._report(fresh + (self.receipts[-3:] if again else []))

    # Time and work

    @rule(leap=st.sampled_from(LEAPS))
    def let_time_pass(self, leap: timedelta) -> None:
        """Nobody works meanwhile: an outage."""
        self.shop.clock.advance_to(self.shop.clock.now() + leap)

    @rule(leap=st.sampled_from(LEAPS))
    def live(self, leap: timedelta) -> None:
        """The daemon works at each moment at which something falls due."""
        clock = self.shop.clock
        end = clock.now() + leap
        self._quiesce()
        for _ in range(25):
            due = self._app().storage.next_due()
            if due is None or due > end:
                break
            clock.advance_to(max(due, clock.now() + MICROSECOND))
            self._quiesce()
        clock.advance_to(max(end, clock.now()))
        self._quiesce()

    @rule(worker=WORKERS, rounds=st.integers(1, 4))
    def work(self, worker: int, rounds: int) -> None:
        """One of the workers does some rounds."""
        for _ in range(rounds):
            self._app(worker).worker.run_once()

    @rule(contended=st.integers(1, 3))
    def contend(self, contended: int) -> None:
        """Another writer comes first, some times over."""
        with faults(contended=contended):
            self._quiesce()

    @rule()
    def advance_in_order(self) -> None:
        """Promise 4: a customer's due journeys go by priority, then due time, then id."""
        now = round(self.shop.clock.now().timestamp() * 1_000_000)
        due = self.shop.rows(
            "SELECT id, customer_id, priority, due_at FROM journeys WHERE status = 'live'"
            " AND NOT parked AND due_at IS NOT NULL AND due_at <= :now", now=now,
        )  # fmt: skip
        due.sort(key=lambda row: (-row["priority"], row["due_at"], row["id"]))
        last = self.shop.scalar("SELECT coalesce(max(seq), 0) FROM decisions")
        persistently(lambda: self._app().worker.advance.run(self.shop.clock.now(), self.shop.batch))
        made = self.shop.rows(
            "SELECT journey_id FROM decisions WHERE seq > :last ORDER BY seq", last=last
        )
        taken = list(dict.fromkeys(row["journey_id"] for row in made))
        for customer in {row["customer_id"] for row in due}:
            wanted = [row["id"] for row in due if row["customer_id"] == customer]
            found = [each for each in taken if each in wanted]
            assert found == [each for each in wanted if each in found], (wanted, found)

    @rule()
    def sweep(self) -> None:
        """The ticker looks at schedules and dates."""
        self._app().worker.sweep.run(self.shop.clock.now())
        self._quiesce()

    @rule()
    def beat(self) -> None:
        """What the daemon does every some seconds beside the work."""
        for app in self.shop.apps:
            app.storage.heartbeat(app.worker.id, "all", self.shop.clock.now())
        for app in self.shop.apps:
            persistently(app.worker.settle_orphans)
            app.revisions.release_lifted(self.shop.clock.now())
            doubtful = self._in_doubt()
            app.settlement.run()
            if self.truth.store["on_unknown"]["do"] == "resend":
                for one in doubtful - self._in_doubt():
                    self.truth.send_again(one)

    @rule(picked=PICKED, ending=st.sampled_from(["sent", "resend", "abandon"]))
    def resolve(self, picked: int, ending: Any) -> None:
        """A person ends the doubt about a message."""
        unknown = sorted(self._in_doubt())
        if not unknown:
            return
        one = unknown[picked % len(unknown)]
        try:
            self._app().settlement.resolve(one, ending)
        except NotInDoubt:
            return
        if ending == "resend":
            self.truth.send_again(one)
        else:
            (self.truth.sworn if ending == "sent" else self.truth.given_up).add(one)

    @rule(mood=st.sampled_from(sorted(MOODS)))
    def mood(self, mood: str) -> None:
        """The provider has better and worse days."""
        self.shop.outside.mood = mood

    # Trouble

    @rule(worker=WORKERS, answer=st.sampled_from([Answer.KILLED, Answer.KILLED_BEFORE]))
    def crash_at_call(self, worker: int, answer: Answer) -> None:
        """Killed with a call under way: after the commit, before the answer is recorded."""
        self.shop.outside.crash = answer
        self._until_crash(worker)
        self.shop.outside.crash = None

    @rule(worker=WORKERS)
    def crash_before_calls(self, worker: int) -> None:
        """Killed right after the commit of ``sending``, before any call."""
        index = worker % len(self.shop.apps)
        self.shop.hands[index].crash_at_submit = True
        if self._until_crash(worker):
            self.shop.hands[index].crash_at_submit = False

    @rule(worker=WORKERS, commit=st.integers(0, 4), after=st.booleans())
    def crash_at_commit(self, worker: int, commit: int, after: bool) -> None:
        """Killed just before or just after one of the next commits."""
        with faults(**{"crash_after" if after else "crash_before": commit}):
            self._until_crash(worker)

    @rule(worker=WORKERS)
    def restart(self, worker: int) -> None:
        """Killed while idle."""
        self.shop.kill(worker % len(self.shop.apps))

    @rule(what=st.sampled_from(["cancel", "unsubscribe", "receipt", "other worker"]))
    def meanwhile(self, what: str) -> None:
        """Something happens while the next call to the provider is under way."""
        happens: dict[str, Callable[[], None]] = {
            "cancel": self._cancel_newest,
            "unsubscribe": self._unsubscribe_newest,
            "receipt": self._report_newest,
            "other worker": self._work_elsewhere,
        }
        self.shop.outside.meanwhile = [happens[what]]
        now = self.shop.clock.now()
        self._tell([self.teller.write(bought(person), now) for person in PEOPLE])
        self._quiesce()
        self.shop.outside.meanwhile.clear()

    # Lookers-on

    @rule(picked=PICKED)
    def follow_links(self, picked: int) -> None:
        """Promise 9: whoever fetches the public pages changes nothing."""
        given = self._pick(picked, "marketing")
        if given is None or given.outgoing.unsubscribe_url is None:
            return
        before = self.shop.dump(*EVERYTHING)
        asyncio.run(_fetch(self._app(), given.outgoing.unsubscribe_url))
        assert self.shop.dump(*EVERYTHING) == before

    @rule(picked=PICKED)
    def ask_why(self, picked: int) -> None:
        """Promise 8: of every customer it can be told why they were, or were not, contacted."""
        people = self.shop.rows("SELECT id FROM customers ORDER BY id")
        if not people:
            return
        app = self._app()
        case = case_of(
            app.history, app.storage, people[picked % len(people)]["id"], self.shop.clock.now()
        )
        asked = question(app)
        for each in answers(case, asked):
            assert each.text
            assert each.code
            assert all(fact.text for fact in each.facts)
        ahead = forecast(case, asked, horizon=timedelta(days=60))
        assert all(one.text for one in ahead.coming)
        assert all(asked.now <= one.at <= ahead.until for one in ahead.coming)
        for message in case.messages:
            assert app.history.message(message.id) is not None

    @rule(again=st.integers(0, 40))
    def tell_again(self, again: int) -> None:
        """Promise 1: what has come before counts once, however often it comes."""
        self._quiesce()
        before = self.shop.dump("customers", "consents", "orders", "tickets", "events")
        self._tell(self.teller.written[again : again + 5])
        persistently(
            lambda: self._app().ingest.take(
                self.shop.incoming(self.teller.written[again : again + 2])
            )
        )
        assert self.shop.dump("customers", "consents", "orders", "tickets", "events") == before

    # What must hold

    @invariant()
    @precondition(lambda self: hasattr(self, "kept"))
    def promises_hold(self) -> None:
        """After each step."""
        global steps_taken
        steps_taken += 1
        self.kept.look()

    # By the way

    def _app(self, worker: int = 0) -> App:
        return self.shop.apps[worker % len(self.shop.apps)]

    def _write(self, written: dict[str, Any]) -> None:
        self.shop.write(f"campaigns/{written['id']}.yaml", json.dumps(written))
        self.kept.limit(written["id"], written)

    def _tell(self, events: list[dict[str, Any]]) -> None:
        self._app().storage.accept(self.shop.incoming(events))
        for event in events:
            self.truth.hear(event)

    def _quiesce(self) -> None:
        """Work until nothing is due; what a full sender leaves is left."""
        busy, rounds = True, 0
        while busy and rounds < 400:
            busy = sum(app.worker.run_once() for app in self.shop.apps) > 0
            rounds += 1
        assert rounds < 400, "the worker never rests"
        wrong = list(self.kept.nothing_is_left())
        assert not wrong, "\n".join(wrong)

    def _until_crash(self, worker: int) -> bool:
        """New orders, and work in one process until nothing is due; whether it lived."""
        now = self.shop.clock.now()
        self._tell([self.teller.write(bought(person), now) for person in PEOPLE])
        index = worker % len(self.shop.apps)
        return self.shop.surviving(index, lambda app: app.worker.quiesce())

    def _in_doubt(self) -> set[str]:
        rows = self.shop.rows("SELECT id FROM messages WHERE status = 'unknown'")
        return {row["id"] for row in rows}

    def _pick(self, picked: int, purpose: str | None = None) -> Given | None:
        """One of the newest messages that a provider has."""
        took = [e for e in self.shop.outside.took() if purpose in (None, e.outgoing.purpose)]
        return took[-1 - picked % len(took)] if took else None

    def _unsubscribe(self, given: Given, *, undo: bool) -> None:
        channel, address = given.outgoing.channel, given.outgoing.to
        now = self.shop.clock.now()
        before = self.truth.consent(channel, address, self.shop.processed())
        status = "subscribed" if undo else "unsubscribed"
        said = list(self.truth.statements)
        if before is None or before.status != status:
            at = now if before is None or before.at < now else before.at + MICROSECOND
            # Before it is done: what is due goes out with it, in one commit.
            self.truth.say(channel, address, status, at)
        if not self.shop.unsubscribe(given.outgoing.message_id, undo=undo):
            self.truth.statements = said

    def _receipt(
        self,
        given: Given,
        kind: ReceiptKind,
        verdict: Verdict,
        agent: str | None = None,
        age: timedelta = timedelta(0),
    ) -> Receipt:
        self.teller.count += 1
        return Receipt(
            provider="outside",
            id=f"r{self.teller.count}",
            kind=kind,
            message_id=given.outgoing.message_id,
            at=self.shop.clock.now() - age,
            user_agent=agent,
            verdict=verdict,
        )

    def _report(self, receipts: list[Receipt]) -> None:
        self._app().receive.take(receipts)
        now = self.shop.clock.now()
        for one in receipts:
            if one in self.receipts:
                continue
            self.receipts.append(one)
            if one.kind in FAILURES:
                self.truth.failed.add(one.message_id)
            out = self.shop.outside.last(one.message_id).outgoing
            at = min(one.at, now)
            if one.verdict in WITHDRAWING:
                self.truth.say(out.channel, out.to, "unsubscribed", at)
            if one.verdict in (Verdict.DEAD, Verdict.STOPPED, Verdict.REPORTED):
                always = one.verdict is not Verdict.REPORTED
                block = Block(channel=out.channel, address=out.to, always=always, at=at)
                self.truth.blocks.append(block)

    def _newest(self) -> Given:
        """The message whose call is under way."""
        return next(e for e in reversed(self.shop.outside.given) if e.answer is not None)

    def _cancel_newest(self) -> None:
        order = self._newest().seen["message"]["order_id"]
        if order is None:
            return
        number = order.partition(":")[2]
        self.teller.count += 1
        now = self.shop.clock.now().astimezone(UTC)
        event = {
            "id": f"e{self.teller.count}", "source": "shop", "type": "order.cancelled",
            "time": now.isoformat(), "order": {"id": number, "total": "80.00", "currency": "USD"},
        }  # fmt: skip
        assert kills(event)
        self.teller.written.append(event)
        self._tell([event])
        persistently(lambda: self._app(1).ingest.process_waiting(50))

    def _unsubscribe_newest(self) -> None:
        given = self._newest()
        if given.outgoing.purpose == "marketing" and given.outgoing.channel in CHANNELS:
            self._unsubscribe(given, undo=False)

    def _report_newest(self) -> None:
        given = self._newest()
        if given.answer in (Answer.ACCEPTED, Answer.LOST, Answer.SILENT):
            self._report([self._receipt(given, ReceiptKind.DELIVERED, Verdict.NOTHING)])

    def _work_elsewhere(self) -> None:
        if len(self.shop.apps) > 1:
            self.shop.apps[1].worker.run_once()


async def _fetch(app: App, address: str) -> None:
    parts = WebParts(app, works=False)
    path = "/" + address.split("/", 3)[3]
    transport = httpx.ASGITransport(app=parts.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=app.settings.base_url) as client:
        for method in ("GET", "HEAD"):
            answer = await client.request(method, path)
            assert answer.status_code == 200, (path, answer.status_code)
