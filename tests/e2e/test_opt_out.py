"""An opt-out that is on record before the hand-over prevents the message, whoever is quicker."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.bootstrap import App
from tests.e2e.engine_room import rows, running, served, tell
from tests.e2e.recorder import Recorder
from tests.e2e.shop import campaign, make_workspace, order_placed

NewDatabase = Callable[[], str]
Scale = Callable[[int, int], int]

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
DAY = timedelta(days=1)
# The first message brings the link; the second is the one to be prevented.
ASK = campaign("ask", "  - {id: first, send_email: note}\n  - delay: 1d\n"
               "  - {id: second, send_email: note}", purpose="marketing")  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "shop", [ASK])


def tokens(app: App, url: str) -> dict[str, str]:
    """The path of each customer's link, by address."""
    return {
        row["recipient"]: "/u/" + app.links.unsubscribe(row["id"]).rpartition("/")[2]
        for row in rows(url, "messages")
        if row["step"] == "first"
    }


def sent_to(provider: Recorder, step: str, url: str) -> set[str]:
    """Who was handed the message of a step."""
    ids = {row["id"] for row in rows(url, "messages") if row["step"] == step}
    return {outgoing.to for outgoing in provider.sent if outgoing.message_id in ids}


def second_messages(url: str) -> dict[str, str]:
    """Status of the second message, by address."""
    return {
        row["recipient"]: row["status"] for row in rows(url, "messages") if row["step"] == "second"
    }


@pytest.mark.parametrize("moment", ["before the step", "as it renders", "after the commit"])
def test_the_commit_is_the_point_of_no_return(
    workspace: Path, database_url: str, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = Recorder("email", lambda: START)
    with (
        running(workspace, database_url, START, provider=provider) as (app, clock),
        served(app) as client,
    ):
        tell(app, [order_placed(1, START)])
        app.worker.quiesce()
        [path] = tokens(app, database_url).values()
        clock.advance_to(START + DAY)
        answers: list[int] = []

        def opt_out() -> None:
            body = {"List-Unsubscribe": "One-Click"}
            answers.append(client.post(path, data=body).status_code)

        if moment == "before the step":
            opt_out()
            app.worker.quiesce()
        elif moment == "after the commit":
            monkeypatch.setattr(app.sender, "submit", _then(app.sender.submit, opt_out))
            app.worker.quiesce()
        else:
            # The worker holds the customer: the opt-out has to wait for its commit.
            waiting = threading.Thread(target=opt_out)
            held: list[bool] = []

            def start_and_look(*_: Any) -> None:
                if not waiting.ident:
                    waiting.start()
                    waiting.join(0.3)
                    held.append(waiting.is_alive())

            monkeypatch.setattr(app.templates, "pack", _then(app.templates.pack, start_and_look))
            app.worker.quiesce()
            waiting.join()
            assert held == [True], "the opt-out was told done while the message was being decided"
        app.worker.quiesce()
        assert answers == [200]
    prevented = moment == "before the step"
    [status] = second_messages(database_url).values()
    assert status == ("skipped" if prevented else "sent")
    assert len(provider.sent) == (1 if prevented else 2)
    [consent] = [row for row in rows(database_url, "consents") if row["channel"] == "email"]
    assert consent["status"] == "unsubscribed"


def _then(first: Callable[..., Any], then: Callable[..., Any]) -> Callable[..., Any]:
    def both(*arguments: Any, **named: Any) -> Any:
        result = first(*arguments, **named)
        then()
        return result

    return both


def test_opt_outs_race_with_the_worker(
    workspace: Path, new_database: NewDatabase, scale: Scale
) -> None:
    races = [
        race(workspace, new_database(), random.Random(turn), scale(60, 400))
        for turn in range(scale(2, 20))
    ]
    assert sum(races) > 0, "every opt-out came too late"


def race(workspace: Path, url: str, chance: random.Random, customers: int) -> int:
    """Everybody opts out while the worker is sending; how many messages that prevented."""
    provider = Recorder("email", lambda: START)
    with (
        running(workspace, url, START, provider=provider) as (app, clock),
        served(app) as client,
    ):
        tell(app, [order_placed(number, START) for number in range(customers)])
        app.worker.quiesce()
        clock.advance_to(START + DAY)
        app.worker.batch = chance.choice([3, 10])
        links = list(tokens(app, url).items())
        chance.shuffle(links)
        safe: set[str] = set()
        begun = threading.Event()

        def opt_out_all() -> None:
            # Nothing handed over when the opt-out is answered: then never afterwards.
            for address, path in links:
                answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
                assert answer.status_code == 200
                if second_messages(url).get(address) not in ("sending", "sent"):
                    safe.add(address)
                begun.set()

        thread = threading.Thread(target=opt_out_all)
        thread.start()
        begun.wait(60)  # a quick worker would otherwise be done before the first came
        app.worker.quiesce()
        thread.join()
        app.worker.quiesce()
    reached = sent_to(provider, "second", url)
    assert safe & reached == set()
    statuses = second_messages(url)
    assert {to for to, status in statuses.items() if status == "sent"} == reached
    assert set(statuses.values()) <= {"sent", "skipped"}
    assert len(statuses) == customers
    return len(safe)
