"""What stays in force when files change: revisions, frozen campaigns, holds and moving journeys."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.core.world import JourneyStatus, Waiting
from engine.providers.simulated import UNAVAILABLE, Script
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, House, campaign, email


def waiting(days: int = 2, *, step: str = "ask", pause: str = "pause", **more: Any) -> Any:
    steps = [{"id": pause, "delay": f"{days}d"}, email(step, "news")]
    return campaign("thanks", "order.placed", steps, entry={"key": "order.id"}, **more)


def sent(house: House) -> list[str]:
    return [one.step for one in house.messages() if one.status == "sent"]


def test_a_broken_file_leaves_its_last_good_revision_live(new_house: NewHouse) -> None:
    other = campaign("other", "order.placed", [email("hello", "news")])
    house = new_house(waiting(), other)
    house.tell("order.placed", order=1)
    (good,) = {one.revision for one in house.journeys() if one.campaign == "thanks"}
    house.write("campaigns/thanks.yaml", "version: 1\nid: thanks\nsteps: [")
    house.put(campaign("other", "order.placed", [email("hi", "news")]))
    house.reload()
    house.tell("order.placed", "ben", order=2)
    house.run(3 * DAY)
    assert sorted(sent(house)) == ["ask", "ask", "hello", "hi"]
    assert {one.revision for one in house.messages("thanks")} == {good}
    # a process that starts now has never seen the good file: what is under way stands still
    house.tell("order.placed", "cem", order=3)
    house.restart()
    house.run(3 * DAY)
    assert [one.parked for one in house.journeys("cem") if one.campaign == "thanks"] == [True]


@pytest.mark.parametrize("how", ["removed", "paused", "draft", "held"])
def test_a_campaign_that_stands_still_goes_on_where_it_stood(new_house: NewHouse, how: str) -> None:
    house = new_house(waiting())
    house.tell("order.placed", order=1)
    match how:
        case "removed":
            house.remove("thanks")
        case "held":
            house.app.storage.hold("thanks", "a person said so", house.clock.now())
        case status:
            house.put(waiting(status=status))
    house.reload()
    house.tell("order.placed", "ben", order=2)
    house.run(2 * DAY + HOUR)
    assert house.received == []
    assert house.journey().parked
    assert house.journeys("ben") == []
    assert house.verdicts("order.placed")[0] == "entered"
    house.put(waiting())
    house.reload()
    if how == "held":
        assert house.journey().parked  # no file lifts a hold
        assert house.app.storage.resume("thanks", house.clock.now()) == 1
        house.run(HOUR)
    assert sent(house) == ["ask"]
    assert house.journey().status is JourneyStatus.COMPLETED


def test_a_hold_keeps_back_messages_that_wait(new_house: NewHouse) -> None:
    quiet = {"email": {"from": "08:00", "until": "11:00"}, "sms": "none"}
    one = campaign("offer", "order.placed", [email()], purpose="marketing", exit_on=[])
    house = new_house(one, store={"quiet_hours": quiet})
    house.tell("order.placed", order=1)
    house.app.storage.hold("offer", "a person said so", house.clock.now())
    house.run(5 * HOUR)
    assert (house.message().status, house.message().reason) == ("scheduled", "frozen")
    house.app.storage.resume("offer", house.clock.now())
    house.app.worker.quiesce()
    assert house.message().sent_at == START + 5 * HOUR


def test_a_message_that_a_hold_keeps_back_takes_no_place_of_others(new_house: NewHouse) -> None:
    quiet = {"email": {"from": "08:00", "until": "11:00"}, "sms": "none"}
    one = campaign("offer", "order.placed", [email()], purpose="marketing", exit_on=[])
    two = campaign("news", "order.shipped", [email()], purpose="marketing", exit_on=[])
    caps = {"quiet_hours": quiet, "caps": [{"channel": "any", "count": 1, "per": "7d"}]}
    house = new_house(one, two, store=caps)
    house.tell("order.placed", order=1)
    house.app.storage.hold("offer", "a person said so", house.clock.now())
    house.run(5 * HOUR)
    house.tell("order.shipped", order=1)
    house.app.worker.quiesce()
    assert {each.campaign: each.status for each in house.messages()} == {
        "offer": "scheduled",
        "news": "sent",
    }
    house.app.storage.resume("offer", house.clock.now())
    house.app.worker.quiesce()
    assert {each.campaign: each.reason for each in house.messages()}["offer"] == "cap"


def test_journeys_finish_on_the_revision_that_they_began_with(new_house: NewHouse) -> None:
    house = new_house(waiting())
    house.tell("order.placed", order=1)
    first = house.journey().revision
    house.put(waiting(days=1, step="other"))
    house.reload()
    house.tell("order.placed", "ben", order=2)
    house.restart()  # the old revision is compiled from what the database keeps
    house.run(3 * DAY)
    told = {one.entry_key: (one.step, one.revision == first) for one in house.messages()}
    assert told == {"shop:1": ("ask", True), "shop:2": ("other", False)}


def test_a_delay_that_stays_keeps_its_due_time(new_house: NewHouse) -> None:
    house = new_house(waiting(in_flight="migrate"))
    house.tell("order.placed", order=1)
    house.put(waiting(days=9, in_flight="migrate"))
    house.reload()
    (newest,) = house.app.revisions.plans.current.values()
    assert house.journey().revision == newest.revision
    assert house.journey().due_at == START + 2 * DAY
    house.run(2 * DAY)
    assert [one.revision for one in house.messages() if one.status == "sent"] == [newest.revision]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_step_that_is_gone_gives_way_to_the_next_that_stays(
    new_house: NewHouse, restarts: bool
) -> None:
    house = new_house(waiting(in_flight="migrate"))
    house.tell("order.placed", order=1)
    house.put(waiting(pause="longer", in_flight="migrate"))
    if restarts:
        house.restart()
    house.reload()
    assert house.message().step == "ask"  # it never stands before a step that it did not choose
    assert house.journey().status is JourneyStatus.COMPLETED


@pytest.mark.parametrize("restarts", [False, True])
def test_a_wait_that_is_only_given_an_id_goes_on(new_house: NewHouse, restarts: bool) -> None:
    """Steps get their ids when journeys are first to move; nobody is written to early for that."""
    unnamed = campaign("thanks", "order.placed",
                       [{"delay": "1h"}, email("hello", "news"), {"delay": "2d"},
                        {"wait_for": {"event": "order.paid", "timeout": "9d"}},
                        email("ask", "news")],
                       entry={"key": "order.id"})  # fmt: skip
    house = new_house(unnamed)
    house.tell("order.placed", order=1)
    house.run(DAY)
    assert (house.journey().step, house.journey().waiting) == ("step_3", Waiting.DELAY)
    first, hello, pause, paid, ask = unnamed["steps"]
    named = [
        {"id": "tag", "update_customer": {"add_tags": ["new"]}},
        first | {"id": "first"}, hello, pause | {"id": "pause"}, paid | {"id": "paid"}, ask,
    ]  # fmt: skip
    house.put(unnamed | {"in_flight": "migrate", "steps": named})
    if restarts:
        house.restart()
    house.reload()
    assert (house.journey().step, house.journey().waiting) == ("pause", Waiting.DELAY)
    assert house.journey().due_at == START + HOUR + 2 * DAY
    house.run(2 * DAY)
    assert (house.journey().step, house.journey().waiting) == ("paid", Waiting.EVENT)
    house.tell("order.paid", order=1)
    assert sent(house) == ["hello", "ask"]


def test_an_event_ends_a_wait_that_was_given_an_id(new_house: NewHouse) -> None:
    wait = {"wait_for": {"event": "order.paid", "timeout": "9d"}}
    mailing = campaign("news", "order.placed", [wait, email(template="news")])
    house = new_house(mailing)
    house.tell("order.placed", order=1)
    house.put(mailing | {"in_flight": "migrate", "steps": [wait | {"id": "paid"}, email()]})
    house.reload()
    assert house.received == []
    house.run(DAY)
    house.tell("order.paid", order=1)
    assert [one.status for one in house.messages()] == ["sent"]


def test_a_question_that_is_asked_is_not_asked_again_by_another_name(new_house: NewHouse) -> None:
    """What was made without an id is answered by the name that it had then."""
    asking = {"send_email": "news"}
    wait = {"id": "w", "wait_for": {"event": "order.paid", "timeout": "9d"}}
    mailing = campaign("news", "order.placed", [asking, wait])
    house = new_house(mailing, script=Script(calls=[UNAVAILABLE]), store={"retry": {"first": "1h"}})
    house.tell("order.placed", order=1)
    assert (house.journey().step, house.journey().waiting) == ("step_1", Waiting.MESSAGE)
    named = [asking | {"id": "ask"}, wait]
    house.put(mailing | {"in_flight": "migrate", "steps": named})
    house.reload()
    house.run(DAY)
    assert [(one.step, one.reason) for one in house.messages()] == [("step_1", "migrated")]
    assert house.journey().step == "w"


def test_a_journey_that_is_held_stands_before_the_same_step(new_house: NewHouse) -> None:
    tag = {"update_customer": {"add_tags": ["new"]}}
    held = campaign("news", "order.placed", [tag, email("hello", "news")],
                    hold_while="customer.open_tickets > 0")  # fmt: skip
    house = new_house(held)
    house.tell("ticket.opened", ticket={"id": "7"})
    house.tell("order.placed", order=1)
    assert (house.journey().step, house.journey().waiting) == ("step_1", Waiting.HOLD)
    steps = [email("early", "news"), tag | {"id": "tag"}, email("hello", "news")]
    house.put(held | {"in_flight": "migrate", "steps": steps})
    house.reload()
    assert (house.journey().step, house.journey().waiting) == ("tag", Waiting.HOLD)
    house.tell("ticket.solved", ticket={"id": "7"})
    house.app.worker.quiesce()
    assert sent(house) == ["hello"]


def test_a_stored_revision_that_cannot_be_read_harms_nobody_else(new_house: NewHouse) -> None:
    other = campaign("other", "order.placed", [{"id": "p", "delay": "2d"}, email("hi", "news")])
    house = new_house(waiting(), other)
    house.tell("order.placed", order=1)
    house.put(waiting(days=1))
    house.reload()
    house.tell("order.placed", "ben", order=2)
    first = next(one.revision for one in house.journeys() if one.campaign == "thanks")
    with house.app.storage.database.writing() as connection:
        connection.exec_driver_sql(
            f"UPDATE revisions SET source = 'version: 1\nsteps: no' WHERE revision = '{first}'"
        )
    with capture_logs() as logs:
        house.restart()
    told = [one for one in logs if one["event"] == "revision_rejected"]
    assert [(one["campaign"], one["revision"]) for one in told] == [("thanks", first)]
    house.run(3 * DAY)
    assert sorted(sent(house)) == ["ask", "hi", "hi"]
    (stuck,) = [one for one in house.journeys() if one.campaign == "thanks"]
    assert (stuck.parked, stuck.waiting) == (True, Waiting.DELAY)


def test_a_policy_that_is_wrong_leaves_the_last_good_one(new_house: NewHouse) -> None:
    house = new_house(waiting(days=1))
    house.tell("order.placed", order=1)
    house.write("config/store.yaml", "version: 1\ncurrency: none")
    with capture_logs() as logs:
        house.reload()
    assert "policy_rejected" in {one["event"] for one in logs}
    house.run(DAY)
    assert sent(house) == ["ask"]


def test_a_revision_that_ends_with_the_order_ends_what_the_former_let_pass(
    new_house: NewHouse,
) -> None:
    steps = [{"id": "pause", "delay": "2d"}, email()]
    by_customer = campaign("offer", "order.placed", steps, purpose="marketing",
                           entry={"key": "customer.id"}, in_flight="migrate")  # fmt: skip
    house = new_house(by_customer)
    house.tell("order.placed", order=1)
    house.tell("order.cancelled", order=1)
    assert house.journey().status == "live"
    house.put(by_customer | {"entry": {"key": "order.id"}})
    house.reload()
    assert (house.journey().status, house.journey().reason) == ("exited", "order.cancelled")
    house.run(3 * DAY)
    assert house.received == []


def test_a_message_that_one_revision_called_off_is_not_waited_for_in_the_next(
    new_house: NewHouse,
) -> None:
    mailing = campaign("news", "order.placed", [email(template="news")], in_flight="migrate")
    house = new_house(mailing, script=Script(calls=[UNAVAILABLE]), store={"retry": {"first": "1h"}})
    house.tell("order.placed", order=1)
    assert house.message().status == "scheduled"
    wait = {"id": "ask", "wait_for": {"event": "order.paid", "timeout": "1d"}}
    for steps in ([wait], mailing["steps"]):
        house.put(mailing | {"steps": steps})
        house.reload()
    house.run(DAY)
    assert (house.message().status, house.message().reason) == ("cancelled", "migrated")
    assert house.journey().status == "completed"
