"""Promise 7 over time: what was once recorded of a daemon is decided in the same way for ever.

`WRITE_GOLDEN=1` records anew, on purpose: CONTRIBUTING.md says when that is right.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta

import pytest

from engine.simulator.behaviour import SCORES, UNMOVED, Behaviour, Manner
from engine.simulator.recorded import Done, Recollection
from engine.storage.migrate import upgrade
from engine.storage.scalars import moment
from tests.databases import NewDatabase
from tests.simulator.both import Watching, by_daemon, by_simulation
from tests.simulator.live_recording import record
from tests.simulator.recording import (
    FOLDER,
    WORKSPACE,
    Decided,
    Recording,
    decided,
    departures,
    read,
    workspace_hash,
    write,
)
from tests.simulator.story import CUSTOMERS, START, UNTIL, Texting, arrivals
from triggers.event import CustomerFacts, Event

WEEKS, LIVE = FOLDER / "weeks.jsonl", FOLDER / "live.jsonl"
LIVELY = Manner(
    open=0.8, click=0.4, answer=0.7, buy=0.0, unsubscribe=0.05, complain=0.03, scores=SCORES
)
BEHAVIOUR = Behaviour(channels={"email": LIVELY, "sms": LIVELY, "voice": Manner()})
AT_WORK = 10 * 10**6  # µs that a process may have been at work where virtual time stands still
MOST = 200_000  # bytes that a recording may have in the repository


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    if os.environ.get("WRITE_GOLDEN"):
        url = f"sqlite:///{tmp_path_factory.mktemp('weeks') / 'lagniappe.db'}"
        upgrade(url)
        lived = by_daemon(
            WORKSPACE, url, START, arrivals(), UNTIL,
            lambda app: Texting(app, BEHAVIOUR),
        )  # fmt: skip
        write(WEEKS, url, START, UNTIL, decided(lived))
    return read(WEEKS)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    if os.environ.get("WRITE_GOLDEN"):
        record(LIVE, tmp_path_factory.mktemp("live"))
    return read(LIVE)


def same(recording: Recording, found: Decided, tolerance: int = 0) -> None:
    assert recording.workspace == workspace_hash(WORKSPACE), (
        f"{WORKSPACE} is not what it was when this was recorded"
    )
    departed = list(departures(recording.decided, found, tolerance))
    assert not departed, f"{len(departed)} departures:\n" + "\n".join(departed[:5])


@pytest.mark.parametrize("times", [1, 2])
def test_a_simulation_decides_what_was_recorded(weeks: Recording, times: int) -> None:
    """Also when everything is told twice."""
    told = [each for each in weeks.arrivals for _ in range(times)]
    lived = by_simulation(
        WORKSPACE, weeks.start, told, weeks.until, recollection=weeks.recollection
    )
    same(weeks, decided(lived))


def test_a_simulation_decides_what_a_live_process_did(live: Recording) -> None:
    lived = by_simulation(
        WORKSPACE, live.start, live.arrivals, live.until, recollection=live.recollection
    )
    same(live, decided(lived), AT_WORK)
    journeys, messages = live.decided["journey"], live.decided["message"]
    statuses = {one["status"] for one in messages.values()}
    assert {"delivered", "bounced", "scheduled"} <= statuses
    assert {"live", "exited", "completed"} <= {one["status"] for one in journeys.values()}
    assert all(one["words"] for one in messages.values() if "sent_at" in one)


def test_a_daemon_decides_what_was_recorded(weeks: Recording, new_database: NewDatabase) -> None:
    lived = by_daemon(
        WORKSPACE, new_database(), weeks.start, weeks.arrivals, weeks.until,
        lambda app: Watching(app, UNMOVED, weeks.recollection),
    )  # fmt: skip
    same(weeks, decided(lived))


def test_a_daemon_decides_what_a_live_process_did(
    live: Recording, new_database: NewDatabase
) -> None:
    lived = by_daemon(
        WORKSPACE, new_database(), live.start, live.arrivals, live.until,
        lambda app: Watching(app, UNMOVED, live.recollection),
    )  # fmt: skip
    same(live, decided(lived), AT_WORK)


def test_the_recording_tells_of_all_that_matters(weeks: Recording) -> None:
    journeys, messages = weeks.decided["journey"], weeks.decided["message"]
    statuses = Counter((one["campaign"], one["status"]) for one in journeys.values())
    assert statuses["onboarding", "holdout"]
    assert statuses["survey", "exited"]
    assert any(one["entry_no"] > 1 for one in journeys.values())  # re-entry
    codes = {code for one in journeys.values() for *_, code, _ in one["decisions"]}
    assert {"quiet_hours", "no_consent", "order.refunded"} <= codes, codes
    deeds = Counter(one.event.type for done in weeks.recollection.done.values() for one in done)
    assert {"message.opened", "message.clicked", "message.complained", "message.replied",
            "survey.answered", "customer.unsubscribed"} <= deeds.keys()  # fmt: skip
    templates = {one["step"] for one in messages.values() if one["words"]}
    assert {"welcome", "tip", "shipped", "arrived", "nps", "glad", "letter", "tell"} <= templates
    times = [one.event.time for one in weeks.arrivals]
    assert times != sorted(times)  # out of order
    assert len(weeks.decided["customer"]) == CUSTOMERS + 1  # mia's two records are one
    assert WEEKS.stat().st_size < MOST


def test_a_text_that_replies_to_nothing_stops_texts(weeks: Recording) -> None:
    """One from somebody who is not among those who are simulated changes nothing."""

    def lived(*texts: Done) -> Decided:
        told = Recollection(unasked=texts)
        outcome = by_simulation(
            WORKSPACE, weeks.start, weeks.arrivals, weeks.until, recollection=told
        )
        return decided(outcome)

    plain = lived()
    key, text = next(
        (key, one)
        for key, one in plain["message"].items()
        if one["channel"] == "sms" and "sent_at" in one
    )
    customer = plain["journey"][text["journey_id"]]["customer_id"]
    before = moment(text["sent_at"]) - timedelta(minutes=1)
    stopped = lived(stop(plain["customer"][customer]["phone"], before))
    assert stopped["message"][key]["reason"] in ("suppressed", "no_consent")
    assert list(departures(plain, lived(stop("+15045559999", before)))) == []


def stop(number: str, at: datetime) -> Done:
    event = Event(
        id="SMstop", source="twilio", type="message.replied", time=at,
        customer=CustomerFacts(phone=number, phone_verified=True),
        data={"channel": "sms", "text": "STOP", "keyword": "STOP", "flagged": False},
    )  # fmt: skip
    return Done(at=at, event=event)


def test_other_decisions_are_noticed(weeks: Recording) -> None:
    """A replay in which nobody answers one of the surveys departs from the recording."""
    silent = next(
        key for key, done in weeks.recollection.done.items()
        if any(one.event.type == "survey.answered" for one in done)
    )  # fmt: skip
    without = Recollection(
        sent=weeks.recollection.sent,
        done={key: one for key, one in weeks.recollection.done.items() if key != silent},
    )
    lived = by_simulation(WORKSPACE, weeks.start, weeks.arrivals, weeks.until, recollection=without)
    assert any(silent in each for each in departures(weeks.decided, decided(lived)))
