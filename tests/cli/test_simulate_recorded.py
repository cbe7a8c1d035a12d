"""What customers really did with messages happens again when the messages go out again."""

from __future__ import annotations

import heapq
import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.bootstrap import build
from engine.core.message import Message
from engine.fast_forward import live_through
from engine.ports.clock import VirtualClock
from engine.ports.stored import Incoming
from engine.providers.immediate import ImmediateSender
from engine.simulator.behaviour import Behaviour, Manner
from engine.simulator.recorded import Done
from engine.storage.database import Database
from engine.storage.recordings import recordings
from tests.cli import shop
from tests.cli.shop import DAY, END, START, Cli
from tests.simulator.both import Watching
from triggers.event import CustomerFacts, Event
from triggers.sources.native import parse_line, serialize

SPAN = ("--from", START.isoformat(), "--until", END.isoformat())
# Everybody reads, and whoever is asked for a review has had enough.
READERS = Manner(open=1.0, click=1.0)
BEHAVIOUR = Behaviour(
    channels={"email": READERS, "sms": READERS, "voice": READERS},
    campaigns={"review": Manner(unsubscribe=1.0)},
)
PAST = sorted(
    (
        *shop.past(),
        # ada buys twice more, and does not say again that she wants news
        *(
            (
                START + day * DAY,
                shop.event(kind, START + day * DAY, "ada", order, customer={"consent": False}),
            )
            for kind, day, order in (
                ("order.placed", 9, 1009),
                ("order.delivered", 10, 1009),
                ("order.placed", 14, 1010),
                ("order.delivered", 15, 1010),
            )
        ),
        # ben buys again, when his mail does not arrive any more
        (
            START + 12 * DAY,
            shop.event("order.placed", START + 12 * DAY, "ben", 1011, customer={"consent": False}),
        ),
    ),
    key=lambda one: one[0],
)


class Readers(Watching):
    """Everybody behaves so, and ben's first message bounces."""

    def _plan(self, message: Message) -> None:
        sent = message.sent_at
        if message.order_id != "shop:1002" or sent is None:
            super()._plan(message)
            return
        at = sent + timedelta(hours=1)
        told = Event(
            id=f"message.bounced:{message.id}", source="lagniappe", type="message.bounced",
            time=at, customer=CustomerFacts(id=message.customer_id),
            data={"message_id": message.id, "permanent": True},
        )  # fmt: skip
        heapq.heappush(self._planned, (at, message.id, 0, Done(at=at, event=told)))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose daemon has lived three weeks with customers who react."""
    workspace = tmp_path_factory.mktemp("shop")
    shop.make(workspace)
    clock = VirtualClock(START)
    app = build(
        workspace, {}, clock=clock, sends=True,
        make_sender=lambda providers: ImmediateSender(
            providers, max_in_flight=100, clock=clock.now
        ),
    )  # fmt: skip
    app.sender.start()
    try:
        arrivals = []
        for at, told in PAST:
            event = parse_line(json.dumps(told).encode(), received_at=at, catalog=app.catalog)
            assert isinstance(event, Event)
            arrivals.append(Incoming(event=event, body=serialize(event), received_at=at))
        live_through(app, clock, arrivals, END, crowd=Readers(app, BEHAVIOUR))
    finally:
        app.sender.stop()
        app.close()
    return workspace


@pytest.fixture
def lived(workspace: Path) -> Cli:
    return Cli(workspace)


def logged(cli: Cli) -> tuple[Counter[str], Counter[str], Counter[tuple[str, str]]]:
    """Messages sent by campaign, withheld by reason, and reactions, as the log has them."""
    rows = cli.json("log")
    sent = Counter(row["campaign"] for row in rows if row["sent_at"])
    withheld = Counter(row["reason"] for row in rows if row["status"] in ("skipped", "cancelled"))
    done = Counter(
        (row["campaign"], deed)
        for row in rows
        for deed, column in (("open", "opened_at"), ("click", "clicked_at"))
        if row[column]
    )
    return sent, withheld, done


def simulated(report: Any) -> tuple[Counter[str], Counter[str], Counter[tuple[str, str]]]:
    sent = Counter({row["id"]: row["sent"] for row in report["campaigns"] if row["sent"]})
    withheld: Counter[str] = Counter()
    for row in report["withheld"]:
        withheld[row["reason"]] += row["count"]
    done = Counter(
        {
            (row["campaign"], row["reaction"]): row["as_recorded"]
            for row in report["reactions"]
            if row["reaction"] in ("open", "click")
        }
    )
    return sent, withheld, done


def test_its_own_history_comes_out_with_its_reactions(lived: Cli) -> None:
    wanted = logged(lived)
    assert wanted[1]["no_consent"] == 1  # ada wants no more
    assert wanted[1]["suppressed"] == 2  # ben cannot be reached
    for seed in ("1", "2"):
        report = lived.json("simulate", *SPAN, "--seed", seed)
        assert simulated(report) == wanted
        assert all(row["messages"] == row["as_recorded"] for row in report["reactions"])
        assert report["recorded"]["left_out"] == 0
        assert report["recorded"]["replayed"] >= sum(wanted[2].values())


def test_a_file_of_what_was_recorded_says_the_same(lived: Cli, tmp_path: Path) -> None:
    shop.make(tmp_path)
    database = Database(f"sqlite:///{lived.workspace / 'lagniappe.db'}")
    lines = [one.body + b"\n" for one in recordings(database)]
    database.close()
    (tmp_path / "all.jsonl").write_bytes(b"".join(lines))
    report = Cli(tmp_path).json("simulate", str(tmp_path / "all.jsonl"), *SPAN)
    assert simulated(report) == logged(lived)
    assert report["history"]["events"] == len(PAST)
    assert report["recorded"]["left_out"] == 0


def test_what_does_not_go_out_is_not_reacted_to(lived: Cli) -> None:
    whole = lived.json("simulate", *SPAN)
    part = lived.json("simulate", *SPAN, "--campaign", "thanks")
    assert part["history"] == whole["history"]
    assert {row["campaign"] for row in part["reactions"]} == {"thanks"}
    recorded = part["recorded"]
    assert recorded["left_out"] > 0
    shown = lived.ok("simulate", *SPAN, "--campaign", "thanks")
    assert f"{recorded['left_out']:,} things that they really did are left out" in " ".join(
        shown.split()
    )
    assert recorded["replayed"] + recorded["left_out"] == whole["recorded"]["replayed"]
    few = lived.json("simulate", *SPAN, "--campaign", "thanks", "--customers", "1")["recorded"]
    assert few["replayed"] + few["left_out"] < recorded["replayed"] + recorded["left_out"]


def test_a_reaction_moves_along_with_its_message(lived: Cli, tmp_path: Path) -> None:
    shop.make(tmp_path)
    review = tmp_path / "campaigns/review.yaml"
    review.write_text(review.read_text().replace("delay: 3d", "delay: 2d"))
    environ = {"LAGNIAPPE_DATABASE_URL": f"sqlite:///{lived.workspace / 'lagniappe.db'}"}
    told = Cli(tmp_path).ok("simulate", *SPAN, "--format", "json", **environ)
    report, before = json.loads(told), lived.json("simulate", *SPAN)
    assert report["recorded"] == before["recorded"]
    assert report["reactions"] == before["reactions"]
    days = [datetime.fromisoformat(row["day"]) for row in before["days"] if row["email"]]
    moved = [datetime.fromisoformat(row["day"]) for row in report["days"] if row["email"]]
    assert days != moved
    assert {each - timedelta(days=1) for each in days} & set(moved)


def test_a_file_may_ask_for_its_model_alone(lived: Cli, tmp_path: Path) -> None:
    still = tmp_path / "still.yaml"
    still.write_text(
        "version: 1\nas_recorded: false\n"
        "channels: {email: {open: 0%, click: 0%, unsubscribe: 0%, complain: 0%}}\n"
    )
    report = lived.json("simulate", *SPAN, "--behaviour", str(still))
    assert report["reactions"] == []
    assert report["recorded"] == {"replayed": 0, "left_out": 0, "modelled": 0}
    still.write_text(still.read_text().replace("as_recorded: false\n", ""))
    assert lived.json("simulate", *SPAN, "--behaviour", str(still))["reactions"] != []


def test_what_was_said_before_holds(lived: Cli) -> None:
    """An opt-out by the link of a message of before, and a bounce of one, are history."""
    log = lived.json("log")
    told = min(row["sent_at"] for row in log if row["campaign"] == "review" and row["sent_at"])
    since = datetime.fromisoformat(told) + timedelta(minutes=1)
    report = lived.json("simulate", "--from", since.isoformat(), "--until", END.isoformat())
    assert {"no_consent", "suppressed"} <= {row["reason"] for row in report["withheld"]}
