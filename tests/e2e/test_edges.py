"""What lies between the parts: permissions of shared addresses, frozen campaigns, bad events."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from engine.bootstrap import App
from engine.core import projection
from engine.ports.storage import Contended, Unavailable
from engine.services import deciding
from engine.services.batch import Batch
from tests.e2e.engine_room import arriving, let_time_pass, rows, running, tell
from tests.e2e.recorder import Recorder
from tests.e2e.shop import campaign, make_workspace, order_placed, write

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WAITS = "  - delay: 1d\n  - {id: ask, send_email: note}"
Shop = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Shop:
    def one(*campaigns: str, **store: str) -> Path:
        return make_workspace(tmp_path / "shop", campaigns, **store)

    return one


def consent_event(number: int, address: str, status: str, at: datetime) -> dict[str, Any]:
    return {
        "id": f"consent-{number}-{status}", "source": "shop", "type": "customer.updated",
        "time": at.isoformat(),
        "customer": {"id": f"c{number}", "email": address,
                     "consent": {"email": {"status": status, "at": at.isoformat()}}},
    }  # fmt: skip


@pytest.mark.parametrize("together", [True, False])
def test_an_old_permission_does_not_outdo_a_newer_withdrawal(
    make: Shop, database_url: str, together: bool
) -> None:
    """Nor when another customer, a new one even, tells it of the same address."""
    workspace = make(campaign("ask", WAITS, purpose="marketing"))
    withdrawal = consent_event(1, "home@example.com", "unsubscribed", START - DAY)
    old = consent_event(2, "home@example.com", "subscribed", START - 2 * DAY)
    provider = Recorder("email", lambda: START)
    order = order_placed(2, START)
    order["customer"] = {"id": "c2", "email": "home@example.com"}
    with running(workspace, database_url, START, provider=provider) as (app, clock):
        for burst in [[withdrawal, old, order]] if together else [[withdrawal], [old], [order]]:
            tell(app, burst)
            app.worker.quiesce()
        let_time_pass(app, clock, START + 3 * DAY)
    [consent] = rows(database_url, "consents")
    assert consent["status"] == "unsubscribed"
    assert len(rows(database_url, "consent_history")) == 2  # every word is kept
    assert provider.sent == []
    assert [row["reason"] for row in rows(database_url, "messages")] == ["no_consent"]


def test_a_customer_who_takes_on_an_address_takes_on_what_it_permits(
    make: Shop, database_url: str
) -> None:
    workspace = make(campaign("ask", WAITS, purpose="marketing"))
    provider = Recorder("email", lambda: START)
    with running(workspace, database_url, START, provider=provider) as (app, clock):
        tell(app, [order_placed(1, START)])
        tell(app, [consent_event(2, "home@example.com", "unsubscribed", START)])
        app.worker.quiesce()
        moved = consent_event(1, "home@example.com", "subscribed", START)
        del moved["customer"]["consent"]
        clock.advance_to(START + MINUTE)
        moved["time"] = (START + MINUTE).isoformat()
        tell(app, [moved])
        let_time_pass(app, clock, START + 3 * DAY)
    assert provider.sent == []
    assert [row["reason"] for row in rows(database_url, "messages")] == ["no_consent"]


def test_a_tickets_event_knows_the_order_that_it_names(make: Shop, database_url: str) -> None:
    care = campaign("care", "  - {id: ask, send_email: note}",
                    trigger="{event: ticket.opened, filter: order.total > 20}")  # fmt: skip
    with running(make(care), database_url, START) as (app, _):
        tell(app, [order_placed(1, START)])
        app.worker.quiesce()
        ticket = {
            "id": "t1", "source": "desk", "type": "ticket.opened", "time": START.isoformat(),
            "customer": {"id": "x1", "email": "c1@example.com", "email_verified": True},
            "ticket": {"id": "77", "subject": "Broken", "status": "open", "order_id": "shop:1"},
        }  # fmt: skip
        tell(app, [ticket])
        app.worker.quiesce()
    [message] = rows(database_url, "messages")
    assert (message["status"], message["order_id"]) == ("sent", "shop:1")


@pytest.mark.parametrize("is_refunded", [True, False])
def test_a_message_to_be_tried_again_outlives_its_journey_but_not_a_refund(
    make: Shop, database_url: str, is_refunded: bool
) -> None:
    """The journey is through, yet its message waits for a busy provider."""
    steps = "  - {id: ask, send_email: note}\n  - {id: tag, update_customer: {add_tags: [asked]}}"
    workspace = make(campaign("ask", steps, purpose="marketing"))
    provider = Recorder("email", lambda: START)
    provider.busy = 1
    with running(workspace, database_url, START, provider=provider) as (app, clock):
        tell(app, [order_placed(1, START)])
        app.worker.quiesce()
        [journey], [message] = rows(database_url, "journeys"), rows(database_url, "messages")
        assert (journey["status"], message["status"]) == ("completed", "scheduled")
        if is_refunded:
            refund = order_placed(1, START)
            refund |= {"id": "refund", "type": "order.refunded"}
            tell(app, [refund])
        let_time_pass(app, clock, START + DAY)
    [message] = rows(database_url, "messages")
    assert message["status"] == ("cancelled" if is_refunded else "sent")
    assert len(provider.sent) == (0 if is_refunded else 1)


@pytest.mark.parametrize("way", ["file", "missing file", "hold"])
def test_a_frozen_campaign_goes_on_where_it_stood(make: Shop, database_url: str, way: str) -> None:
    source = campaign("ask", "  - delay: 1d\n  - {id: ask, send_email: note}")
    workspace = make(source)
    file = workspace / "campaigns/ask.yaml"
    provider = Recorder("email", lambda: START)

    def freeze(app: App) -> None:
        if way == "hold":
            app.storage.hold("ask", "paused", app.clock.now())
        elif way == "file":
            write(workspace, "campaigns/ask.yaml", source.replace("status: live", "status: paused"))
        else:
            file.unlink()
        app.reload()

    def thaw(app: App) -> None:
        if way == "hold":
            app.storage.resume("ask", app.clock.now())
        write(workspace, "campaigns/ask.yaml", source)
        app.reload()

    with running(workspace, database_url, START, provider=provider) as (app, clock):
        tell(app, [order_placed(1, START)])
        let_time_pass(app, clock, START + DAY / 2)
        freeze(app)
        tell(app, [order_placed(2, clock.now())])
        let_time_pass(app, clock, START + 2 * DAY)
        assert provider.sent == []
        [journey] = rows(database_url, "journeys")
        assert (journey["status"], bool(journey["parked"])) == ("live", True)
        thaw(app)
        app.worker.quiesce()
        assert [outgoing.to for outgoing in provider.sent] == ["c1@example.com"]


def test_a_message_frozen_by_its_file_goes_out_when_the_file_is_live_again(
    make: Shop, database_url: str
) -> None:
    source = campaign("ask", "  - {id: ask, send_email: note}")
    workspace = make(source)
    provider = Recorder("email", lambda: START)
    with running(workspace, database_url, START, provider=provider, max_in_flight=1) as (app, _):
        tell(app, [order_placed(number, START) for number in range(2)])
        app.ingest.process_waiting(10)
        write(workspace, "campaigns/ask.yaml", source.replace("status: live", "status: paused"))
        app.reload()
        app.worker.quiesce()
        assert len(provider.sent) == 1
        write(workspace, "campaigns/ask.yaml", source)
        app.reload()
        app.worker.quiesce()
        assert len(provider.sent) == 2


def test_a_hold_lifted_while_a_decision_sees_it_lets_its_journeys_go(
    make: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``campaigns resume`` is another process: it cannot see what is just being put aside."""
    workspace = make(campaign("ask", WAITS))
    provider = Recorder("email", lambda: START)
    with running(workspace, database_url, START, provider=provider) as (app, clock):
        tell(app, [order_placed(1, START)])
        app.worker.quiesce()
        app.storage.hold("ask", "paused", START)
        clock.advance_to(START + DAY)
        with app.storage.deciding() as unit:
            batch = Batch(unit, app.revisions.configuration(unit), app.handover)
            worlds = unit.load(unit.due_customers(clock.now(), 10), now=clock.now())
            other = create_engine(database_url)
            with other.begin() as connection:
                connection.execute(text("DELETE FROM holds"))
            other.dispose()
            for world in worlds.values():
                batch.take_due_steps(world, batch.context(clock.now()))
            batch.finish(worlds.values(), clock.now())
        app.worker.quiesce()
        assert [bool(row["parked"]) for row in rows(database_url, "journeys")] == [True]
        app.revisions.release_lifted(clock.now())
        app.worker.quiesce()
    assert len(provider.sent) == 1


def test_an_event_that_cannot_be_processed_holds_up_no_other(
    make: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = projection.project

    def failing(world: Any, event: Any) -> Any:
        if event.id == "placed-3":
            raise ZeroDivisionError("a defect of ours")
        return real(world, event)

    monkeypatch.setattr(deciding, "project", failing)
    provider = Recorder("email", lambda: START)
    workspace = make(campaign("ask", "  - {id: ask, send_email: note}"))
    with running(workspace, database_url, START, provider=provider) as (app, _):
        tell(app, [order_placed(number, START) for number in range(8)])
        app.worker.quiesce()
        assert not app.storage.queues(app.clock.now()).events
    assert len(provider.sent) == 7
    rejected = [row for row in rows(database_url, "events") if row["state"] == 2]
    assert [row["id"] for row in rejected] == ["placed-3"]
    assert rejected[0]["reason"] == "cannot be processed: ZeroDivisionError"


def test_a_database_in_trouble_makes_no_event_a_rejected_one(
    make: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = projection.project
    failures = 3

    def failing(world: Any, event: Any) -> Any:
        nonlocal failures
        if failures:
            failures -= 1
            raise OperationalError("UPDATE", {}, Exception("disk I/O error"))
        return real(world, event)

    monkeypatch.setattr(deciding, "project", failing)
    provider = Recorder("email", lambda: START)
    workspace = make(campaign("ask", "  - {id: ask, send_email: note}"))
    with running(workspace, database_url, START, provider=provider) as (app, _):
        tell(app, [order_placed(number, START) for number in range(4)])
        for _ in range(3):
            with pytest.raises(Unavailable):
                app.worker.run_once()
            assert app.storage.queues(app.clock.now()).events
        app.worker.quiesce()
    assert len(provider.sent) == 4
    assert {row["state"] for row in rows(database_url, "events")} == {1}


def test_an_event_taken_by_both_doors_is_processed_once(
    make: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The web stores an event while a file that has it as well is being taken in."""
    again = campaign("again", "  - {id: ask, send_email: note}").replace(
        "re_entry: never", "re_entry: always"
    )
    provider = Recorder("email", lambda: START)
    with running(make(again), database_url, START, provider=provider) as (app, _):
        order = order_placed(1, START)
        incoming = arriving(app, [order])
        real = projection.project

        def door(world: Any, event: Any) -> Any:
            monkeypatch.setattr(deciding, "project", real)
            tell(app, [order])
            return real(world, event)

        monkeypatch.setattr(deciding, "project", door)
        with pytest.raises(Contended):
            app.ingest.take(incoming)
        assert app.ingest.take(incoming) == 0
        app.worker.quiesce()
    assert len(provider.sent) == 1


def test_a_chore_that_another_writer_overtook_is_done_again(make: Shop, database_url: str) -> None:
    done: list[str] = []

    def overtaken() -> None:
        done.append("overtaken")
        if len(done) == 1:
            raise Contended("another came first")

    with running(make(campaign("ask", WAITS)), database_url, START) as (app, _):
        app.worker.soon(overtaken)
        app.worker.soon(app.worker.stop)
        app.worker.run()
        assert done == ["overtaken"]
        app.worker._do_chores()
        assert done == ["overtaken"] * 2
