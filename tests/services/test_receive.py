"""Receipts change the log, the address, what is scheduled, and what campaigns see."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from engine.core.message import Outcome, SendResult
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.providers.simulated import SILENCE, UNAVAILABLE, Script
from engine.services import deciding
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, MINUTE, TEXTING, House, campaign, email

NEWS = email(template="news")
BRANCH = [
    NEWS,
    {"id": "heard", "wait_for": {"event": "message.clicked", "timeout": "2d"}},
    {"branch": [
        {"if": "heard.happened && ask.clicked",
         "steps": [{"update_customer": {"add_tags": ["clicker"]}}]},
        {"else": None, "steps": [{"update_customer": {"add_tags": ["quiet"]}}]},
    ]},
]  # fmt: skip


def sent(new_house: NewHouse, *steps: Any, **more: Any) -> House:
    house = new_house(campaign("news", "order.placed", steps or [NEWS], **more))
    house.tell("order.placed", order=1)
    house.clock.advance_to(house.clock.now() + MINUTE)
    return house


def receipt(house: House, kind: str, number: int = 1, **more: Any) -> Receipt:
    message = house.messages()[0]
    plain: dict[str, Any] = {
        "provider": "sendgrid", "id": f"{kind}-{number}", "kind": ReceiptKind(kind),
        "message_id": message.id, "at": house.clock.now(), "raw": f'{{"event":"{kind}"}}',
    }  # fmt: skip
    return Receipt(**{**plain, **more})


def take(house: House, *receipts: Receipt) -> int:
    taken = house.app.receive.take(receipts)
    house.app.worker.quiesce()
    return taken


def tags(house: House) -> str:
    ((found,),) = house.rows("SELECT tags FROM customers")
    return str(found)


def test_each_counts_once_and_is_kept_as_it_came(new_house: NewHouse) -> None:
    house = sent(new_house)
    one, other = receipt(house, "delivered"), receipt(house, "opened")
    assert take(house, one, other, one) == 2
    assert take(house, other, one) == 0
    detail = house.app.history.message(one.message_id)
    assert detail is not None
    assert [each.raw for each in detail.receipts] == ['{"event":"delivered"}', '{"event":"opened"}']
    assert detail.message.status == "delivered"
    assert detail.message.opened_at == detail.message.delivered_at == house.clock.now()
    assert len(house.events("message.opened")) == len(house.events("message.delivered")) == 1


def test_campaigns_hear_of_it_with_the_receipt(new_house: NewHouse) -> None:
    """What is observed is stored and decided in the receipt's own transaction."""
    house = sent(new_house, *BRANCH)
    house.app.receive.take([receipt(house, "clicked")])
    assert house.rows("SELECT count(*) FROM events WHERE state = 0") == [(0,)]
    house.app.worker.quiesce()
    assert tags(house) == '["clicker"]'


def test_what_cannot_be_told_now_is_told_later(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receipt holds whatever campaigns make of it."""
    house = sent(new_house, *BRANCH)

    def fails(*args: Any, **more: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(deciding, "decide", fails)
    assert house.app.receive.take([receipt(house, "clicked")]) == 1
    assert house.messages()[0].clicked_at is not None
    assert house.rows("SELECT count(*) FROM events WHERE state = 0") == [(1,)]
    house.app.worker.quiesce()
    assert tags(house) == '["clicker"]'


def test_a_page_of_hundreds_for_many_customers(new_house: NewHouse) -> None:
    house = new_house(campaign("news", "order.placed", [NEWS]))
    house.tell_all(
        [house.event("order.placed", f"c{number}", order=number) for number in range(300)]
    )
    receipts = [
        receipt(house, kind, message_id=message.id, id=f"{kind}-{message.id}")
        for message in house.messages()
        for kind in ("queued", "delivered")
    ]
    assert take(house, *receipts) == 600
    assert {one.status.value for one in house.messages()} == {"delivered"}


def test_what_nobody_knows_is_passed_over(new_house: NewHouse) -> None:
    house = sent(new_house)
    assert take(house, receipt(house, "delivered", message_id="somebody else's")) == 0
    assert house.rows("SELECT * FROM receipts") == []


def test_campaigns_wait_for_a_click_and_branch_on_it(new_house: NewHouse) -> None:
    house = sent(new_house, *BRANCH)
    take(house, receipt(house, "clicked", url="https://shop.example.com/a"))
    assert tags(house) == '["clicker"]'
    (event,) = house.events("message.clicked")
    assert '"url":"https://shop.example.com/a"' in event.body
    assert '"machine":false' in event.body


def test_what_nobody_waits_for_is_remembered_all_the_same(new_house: NewHouse) -> None:
    later = {"if": "ask.opened", "update_customer": {"add_tags": ["reader"]}}
    house = sent(new_house, {"id": "ask", **NEWS}, {"delay": "1d"}, later)
    take(house, receipt(house, "opened"))
    assert tags(house) == "[]"
    house.clock.advance_to(house.clock.now() + 25 * 60 * MINUTE)
    house.app.worker.quiesce()
    assert tags(house) == '["reader"]'


@pytest.mark.parametrize("agent", ["Mozilla/5.0", "Barracuda Sentinel (EE)"])
def test_a_machines_click_moves_nothing(new_house: NewHouse, agent: str) -> None:
    house = sent(new_house, *BRANCH)
    before = house.journey()
    take(house, receipt(house, "clicked", user_agent=agent), receipt(house, "opened", machine=True))
    assert house.journey() == before
    one = house.message()
    assert (one.status, one.opened_at, one.clicked_at) == ("delivered", None, None)
    assert [row[0] for row in house.rows("SELECT machine FROM receipts")] == [True, True]
    assert '"machine":true' in house.events("message.clicked")[0].body
    house.run(3 * DAY)
    assert tags(house) == '["quiet"]'


@pytest.mark.parametrize(
    ("kind", "verdict", "scope", "reason"),
    [
        ("bounced", Verdict.DEAD, "all", "hard_bounce"),
        ("failed", Verdict.STOPPED, "all", "stop"),
        ("complained", Verdict.REPORTED, "marketing", "complaint"),
        ("unsubscribed", Verdict.UNWANTED, "marketing", "unsubscribed"),
    ],
)
def test_a_verdict_suppresses_at_once_and_withholds_what_is_scheduled(
    new_house: NewHouse, kind: str, verdict: Verdict, scope: str, reason: str
) -> None:
    late = [{"id": "pause", "delay": "1h"}, email("late")]
    quiet = {"email": {"from": "10:00", "until": "20:00"}, "sms": "none"}
    house = new_house(
        campaign("news", "order.placed", [NEWS]),
        campaign("offer", "order.placed", [email()], purpose="marketing", exit_on=[]),
        campaign("later", "order.placed", late),
        store={"quiet_hours": quiet},
    )
    house.run(2 * HOUR)
    house.tell("order.placed", order=1)
    status = {one.campaign: one.status.value for one in house.messages()}
    assert status == {"news": "sent", "offer": "scheduled"}
    (news,) = house.messages("news")
    house.app.receive.take([receipt(house, kind, verdict=verdict, message_id=news.id)])
    # Before the worker has done anything more.
    (offer,) = house.messages("offer")
    assert (offer.status, offer.reason) == ("skipped", "suppressed")
    assert house.rows("SELECT scope, reason FROM suppressions") == [(scope, reason)]
    ((consent,),) = house.rows("SELECT status FROM consents WHERE channel = 'email'")
    is_withdrawn = verdict is not Verdict.DEAD
    assert consent == ("unsubscribed" if is_withdrawn else "subscribed")
    assert len(house.events("customer.unsubscribed")) == is_withdrawn
    house.run(2 * HOUR)
    (late_one,) = house.messages("later")
    assert late_one.status == ("skipped" if scope == "all" else "sent")
    assert all(one.status != "live" for one in house.journeys())


def test_an_older_opt_out_does_not_undo_a_newer_opt_in(new_house: NewHouse) -> None:
    house = sent(new_house)
    told = receipt(house, "unsubscribed", verdict=Verdict.UNWANTED)
    house.run(DAY)
    house.tell("customer.subscribed", data={"channel": "email"})
    take(house, told)
    assert house.rows("SELECT * FROM suppressions") == []
    assert house.rows("SELECT status FROM consents WHERE channel = 'email'") == [("subscribed",)]


@pytest.mark.parametrize(
    ("kind", "verdict", "stays"),
    [
        ("unsubscribed", Verdict.UNWANTED, []),
        ("complained", Verdict.REPORTED, [("complaint",)]),
        ("failed", Verdict.STOPPED, [("stop",)]),
    ],
)
def test_a_new_permission_ends_an_unsubscribe_and_nothing_else(
    new_house: NewHouse, kind: str, verdict: Verdict, stays: list[tuple[str]]
) -> None:
    house = sent(new_house)
    take(house, receipt(house, kind, verdict=verdict))
    house.run(DAY)
    house.tell("customer.subscribed", data={"channel": "email"})
    assert house.rows("SELECT reason FROM suppressions") == stays
    assert house.rows("SELECT status FROM consents WHERE channel = 'email'") == [("subscribed",)]


def test_what_blocks_everything_is_not_narrowed(new_house: NewHouse) -> None:
    house = sent(new_house)
    take(house, receipt(house, "bounced", verdict=Verdict.DEAD))
    take(house, receipt(house, "complained", verdict=Verdict.REPORTED))
    assert house.rows("SELECT scope FROM suppressions") == [("all",)]


def test_only_the_channel_that_bounced_is_blocked(new_house: NewHouse) -> None:
    house = new_house(
        campaign("both", "order.placed", [{"id": "s", "send_sms": {"template": "text"}}, NEWS]),
        store={"senders": TEXTING},
    )
    house.tell("order.placed", order=1)
    by_channel = {one.channel: one for one in house.messages()}
    take(
        house,
        receipt(house, "bounced", verdict=Verdict.DEAD, message_id=by_channel["sms"].id),
    )
    assert house.rows("SELECT channel, scope FROM suppressions") == [("sms", "all")]


def test_a_receipt_ends_doubt(new_house: NewHouse) -> None:
    house = new_house(
        campaign("news", "order.placed", [NEWS, {"delay": "1h"}]), script=Script(calls=[SILENCE])
    )
    house.tell("order.placed", order=1)
    assert house.message().status == "unknown"
    take(house, receipt(house, "queued", provider_message_id="sg-1"))
    one = house.message()
    assert (one.status, one.reason, one.error_code) == ("sent", None, None)
    assert one.provider_message_id == "sg-1"
    detail = house.app.history.message(one.id)
    assert detail is not None
    settled = [each for each in detail.decisions if each.kind == "settled"]
    assert [(each.code, each.trace) for each in settled] == [
        ("sent", {"by": "receipt", "kind": "queued", "provider": "sendgrid"})
    ]


def test_a_receipt_prevents_a_second_try(new_house: NewHouse) -> None:
    """The provider said "unavailable" and had it all the same."""
    house = new_house(
        campaign("news", "order.placed", [NEWS, {"delay": "1h"}]),
        script=Script(calls=[UNAVAILABLE]),
    )
    house.tell("order.placed", order=1)
    assert house.message().status == "scheduled"
    assert house.journey().waiting == "message"
    take(house, receipt(house, "delivered"))
    assert house.message().status == "delivered"
    assert house.journey().waiting == "delay"
    house.run(DAY)
    assert len(house.received) == 1
    assert house.journey().reason == "completed"


@pytest.mark.parametrize("tries", [1, 2])
def test_a_provider_whose_clock_is_behind_makes_no_room_under_the_caps(
    new_house: NewHouse, tries: int
) -> None:
    """What went out counts from when it was due."""
    house = new_house(
        campaign("news", "order.placed", [NEWS]), script=Script(calls=[UNAVAILABLE] * (tries - 1))
    )
    began = house.clock.now()
    house.tell("order.placed", order=1)
    house.run(HOUR)
    assert len(house.received) == tries
    due = house.message().send_at
    assert (due > began) is (tries > 1)
    take(house, receipt(house, "delivered", at=began - 2 * HOUR))
    ((customer,),) = house.rows("SELECT customer_id FROM messages")
    with house.app.storage.deciding() as unit:
        unit.look_back(DAY)
        world = unit.load([customer], now=house.clock.now())[customer]
    assert [contact.at >= due for contact in world.contacts] == [True]


def test_a_receipt_that_ends_a_planned_try_counts_from_then_on(new_house: NewHouse) -> None:
    house = new_house(campaign("news", "order.placed", [NEWS]), script=Script(calls=[UNAVAILABLE]))
    house.tell("order.placed", order=1)
    assert house.message().send_at > house.clock.now()
    take(house, receipt(house, "delivered"))
    assert house.message().send_at == house.clock.now()


def test_a_receipt_for_what_was_never_handed_over_changes_nothing(new_house: NewHouse) -> None:
    quiet = {"email": {"from": "08:00", "until": "20:00"}, "sms": "none"}
    house = new_house(
        campaign("offer", "order.placed", [email()], purpose="marketing", exit_on=[]),
        store={"quiet_hours": quiet},
    )
    house.tell("order.placed", order=1)
    before = house.message()
    assert before.status == "scheduled"
    take(house, receipt(house, "bounced", verdict=Verdict.DEAD))
    assert house.message() == before
    assert house.rows("SELECT * FROM suppressions") == []


def test_the_future_is_not_believed(new_house: NewHouse) -> None:
    house = sent(new_house)
    now = house.clock.now()
    take(house, receipt(house, "delivered", at=now + timedelta(days=400)))
    assert house.message().delivered_at == now
    assert house.events("message.delivered")[0].time == now


def test_a_receipt_that_comes_before_the_answer_is_not_undone_by_it(new_house: NewHouse) -> None:
    house = sent(new_house)
    key = house.message().id
    with house.app.storage.database.writing() as connection:
        connection.execute(
            text("UPDATE messages SET status = 'sending', sent_at = NULL, owner = 'w'")
        )
    take(house, receipt(house, "delivered"))
    answer = SendResult(message_id=key, outcome=Outcome.ACCEPTED, at=house.clock.now())
    silence = replace(answer, outcome=Outcome.UNKNOWN)
    for late in (answer, silence):
        house.app.worker.dispatch.record([late], house.clock.now())
        assert house.message().status == "delivered"
    detail = house.app.history.message(key)
    assert detail is not None
    assert "settled" not in [each.kind for each in detail.decisions]


def test_the_same_batch_posted_at_once_from_many_sides_counts_once(new_house: NewHouse) -> None:
    house = new_house(campaign("news", "order.placed", [NEWS]))
    house.tell_all([house.event("order.placed", f"c{n}", order=n) for n in range(20)])
    receipts = [
        receipt(house, kind, message_id=message.id, id=f"{kind}-{message.id}", verdict=verdict)
        for message in house.messages()
        for kind, verdict in (("delivered", Verdict.NOTHING), ("complained", Verdict.REPORTED))
    ]
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(house.app.receive.take, [receipts, receipts[::-1]] * 2))
    house.app.worker.quiesce()
    assert sum(taken) == 40
    assert len(house.events("customer.unsubscribed")) == 20
    assert len(house.rows("SELECT * FROM suppressions")) == 20
    assert {one.status.value for one in house.messages()} == {"delivered"}
