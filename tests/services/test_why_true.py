"""Answers that must hold: the rule that decided, what had taken a slot, and what will come."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.cli.lookup import question
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.services.case import Case, Question
from engine.services.forecast import forecast
from engine.services.history import case_of
from engine.services.why import Answer, answer
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, MINUTE, TEXTING, House, campaign, email

PLACED = {"event": "order.placed"}
FORK = {
    "id": "fork",
    "branch": [
        {"if": "order.total >= 100", "steps": [{"id": "rich", "exit": "for the concierge"}]},
        {"if": "customer.orders_count >= 5", "steps": [email("best")]},
        {"else": None, "steps": [{"id": "poor", "exit": "not a regular"}]},
    ],
}


def case(house: House) -> tuple[Case, Question]:
    app, asked = house.app, question(house.app)
    found = case_of(app.history, app.storage, house.id_of("ada"), asked.now, asked.rules.look_back)
    return found, asked


def ask(house: House, name: str) -> Answer:
    found, asked = case(house)
    return answer(found, name, asked)


def changes(told: Answer) -> list[str]:
    return [one.text for one in told.changes]


@pytest.mark.parametrize("reason", ["paused", "erased", "no_coupon", "order.refunded", "completed"])
def test_an_exit_step_gives_its_authors_reason_whatever_the_engine_means_by_the_word(
    new_house: NewHouse, reason: str
) -> None:
    house = new_house(campaign("thanks", PLACED, [{"id": "out", "exit": reason}]))
    house.tell("order.placed", order="1")
    told = ask(house, "thanks")
    assert told.text == (
        f"the journey ended 2026-03-02 09:00 CST: its exit step out: {reason}; nothing was sent"
    )
    assert changes(told) == ["nothing: whoever comes to the exit step out leaves by it"]
    assert told.facts[-1].text == f"left by its exit step: {reason}"


@pytest.mark.parametrize(
    ("total", "reason", "led_by", "takes"),
    [
        (
            "80.00",
            "its exit step poor: not a regular",
            (
                "took else (needs order.total >= 100, but order.total is 80; needs "
                "customer.orders_count >= 5, but customer.orders_count is 1)"
            ),
            ["order.total >= 100", "customer.orders_count >= 5"],
        ),
        (
            "120.00",
            "its exit step rich: for the concierge",
            "took arm 1: order.total >= 100, as order.total is 120",
            ["order.total >= 100 not met"],
        ),
    ],
)
def test_an_exit_step_in_an_arm_tells_what_led_there(
    new_house: NewHouse, total: str, reason: str, led_by: str, takes: list[str]
) -> None:
    house = new_house(campaign("thanks", PLACED, [FORK, {"id": "out", "exit": "done"}]))
    placed = house.event("order.placed", order="1")
    placed["order"]["total"] = total
    house.tell_all([placed])
    told = ask(house, "thanks")
    assert told.text == (
        f"the journey ended 2026-03-02 09:00 CST: {reason}; at fork: {led_by}; nothing was sent"
    )
    assert changes(told) == [f"at the branch fork: {one}" for one in takes]


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([], "assigned to variant b (step ab); completed, nothing was sent"),
        (
            [{"id": "out", "exit": "not asked"}],
            (
                "the journey ended 2026-03-02 09:00 CST: its exit step out: not asked; at ab: "
                "assigned to variant b; nothing was sent"
            ),
        ),
    ],
)
def test_a_variant_in_which_nothing_is_sent_is_what_decided(
    new_house: NewHouse, steps: list[dict[str, str]], text: str
) -> None:
    variants = {"a": {"weight": 1, "steps": [email()]}, "b": {"weight": 99, "steps": steps}}
    house = new_house(campaign("trial", PLACED, [{"id": "ab", "split": variants}]))
    house.tell("order.placed", order="1")
    told = ask(house, "trial")
    assert told.text == text
    assert changes(told) == ["nothing: the variant follows from campaign and customer, and stays"]


def test_an_exit_step_behind_a_branch_is_not_put_down_to_it(new_house: NewHouse) -> None:
    fork = {"id": "fork", "branch": [{"if": "order.total >= 100", "steps": []}]}
    out = {"id": "out", "if": "order.total < 100", "exit": "small"}
    house = new_house(campaign("thanks", PLACED, [fork, out, email()]))
    house.tell("order.placed", order="1")
    told = ask(house, "thanks")
    assert told.text.startswith(
        "the journey ended 2026-03-02 09:00 CST: its exit step out: small (order.total < 100, as "
        "order.total is 80)"
    )
    assert changes(told) == ["order.total < 100 not met at the exit step out"]


def test_a_slot_that_was_taken_by_a_message_still_to_go_out_names_it_too(
    new_house: NewHouse,
) -> None:
    store = {
        "caps": [{"channel": "any", "count": 2, "per": "7d"}],
        "quiet_hours": {"email": {"from": "21:00", "until": "08:00"}, "sms": "none"},
    }
    started = {
        name: campaign(name, {"event": event}, [email()], purpose="marketing")
        for name, event in (("first", "order.placed"), ("night", "order.paid"),
                            ("last", "order.shipped"))
    }  # fmt: skip
    house = new_house(*started.values(), store=store)
    house.tell("order.placed", order="1")
    house.run(14 * HOUR)  # eleven at night
    house.tell("order.paid", order="1")
    house.run(HOUR)
    house.tell("order.shipped", order="1")
    first, night = "first 2026-03-02 09:00 CST", "night 2026-03-03 08:00 CST"
    for _ in range(2):  # while it is to go out, and when it has
        told = ask(house, "last")
        assert told.text.startswith(
            "not sent: marketing cap 2 per 7d reached (2 in the last 7 days), taken by "
            f"{first}, {night} (step ask, email)"
        )
        assert changes(told)[0].endswith(
            f"is free 2026-03-09 10:00 CDT (taken by {first}, {night})"
        )
        house.run(12 * HOUR)


@pytest.mark.parametrize(("late", "told"), [
    (5 * DAY + HOUR, "5 days"),
    (2 * DAY + HOUR, "2 days 1 hour"),
    (2 * DAY + timedelta(seconds=20), "2 days 20 seconds"),
])  # fmt: skip
def test_a_lateness_is_told_so_that_it_is_beyond_the_limit(
    new_house: NewHouse, late: timedelta, told: str
) -> None:
    house = new_house(campaign("thanks", {**PLACED, "max_age": "2d"}, [email()]))
    house.tell("order.placed", order="1", time=(house.clock.now() - late).isoformat())
    assert ask(house, "thanks").text.startswith(
        f"did not enter: told {told} after it happened, beyond max_age of 2 days"
    )


def test_an_event_told_too_late_is_not_put_down_to_the_daemon(new_house: NewHouse) -> None:
    house = new_house(campaign("thanks", PLACED, [{"id": "day", "delay": "1d"}, email()]))
    house.tell("order.placed", order="1", time=(house.clock.now() - 5 * DAY).isoformat())
    told = ask(house, "thanks")
    assert told.text == (
        "not sent: too late: due 2026-02-26 09:00 CST, to be sent by 2026-02-27 09:00 CST at the "
        "latest; order.placed was told only 2026-03-02 09:00 CST (step ask, email)"
    )
    assert changes(told) == [
        "the event told sooner after it happened, or a longer max_lateness of the step"
    ]


def test_an_event_told_late_but_in_time_leaves_it_to_the_daemon(new_house: NewHouse) -> None:
    house = new_house(campaign("thanks", PLACED, [{"id": "day", "delay": "1d"}, email()]))
    house.tell("order.placed", order="1", time=(house.clock.now() - HOUR).isoformat())
    house.clock.advance_to(house.clock.now() + 3 * DAY)
    house.app.worker.quiesce()
    assert changes(ask(house, "thanks")) == [
        "the daemon running when it falls due, or a longer max_lateness of the step"
    ]


@pytest.mark.parametrize(("lateness", "code", "takes"), [
    ("2d", "quiet_hours", ("nothing: it goes by itself 2026-03-03 08:00 CST, as quiet_hours puts "
                           "it off again at 2026-03-03 05:00 CST")),
    ("21h", "too_late", "a longer max_lateness of the step: it would have been put off beyond it"),
])  # fmt: skip
def test_a_message_that_is_put_off_again_is_not_said_to_go_before(
    new_house: NewHouse, lateness: str, code: str, takes: str
) -> None:
    store = {
        "min_gap": "20h",
        "quiet_hours": {"email": {"from": "21:00", "until": "08:00"}, "sms": "none"},
    }
    house = new_house(
        campaign("first", PLACED, [email()], purpose="marketing"),
        campaign("second", "order.paid", [email(max_lateness=lateness)], purpose="marketing"),
        store=store,
    )
    house.tell("order.placed", order="1")
    house.run(MINUTE)
    house.tell("order.paid", order="1")
    told = ask(house, "second")
    assert (told.code, changes(told)) == ("min_gap", [takes])
    assert told.changes[0].code == code
    house.run(DAY)
    after = ask(house, "second")
    if told.changes[0].at is None:
        assert after.code == code
    else:
        assert after.text.startswith("sent 2026-03-03 08:00 CST")


def test_what_comes_next_of_an_order_is_of_that_order_alone(new_house: NewHouse) -> None:
    house = new_house(
        campaign("thanks", PLACED, [{"id": "day", "delay": "1d"}, email()]),
        campaign("weekly", {"schedule": {"cron": "0 9 * * 1"}, "segment": "true"}, [email()]),
        campaign("reply", PLACED, [{"id": "wait", "wait_for": {"event": "order.paid",
                                                               "timeout": "2d"}}]),
    )  # fmt: skip
    house.tell("order.placed", order="1")
    house.run(HOUR)
    house.tell("order.placed", order="2")
    found, asked = case(house)
    placed = {one.id for one in found.journeys if one.order_id == "shop:1"}
    ahead = forecast(found, asked, order="shop:1")
    assert ahead.ended == "horizon"  # of the schedule, nothing of which is about the order
    assert {one.journey for one in ahead.coming} == placed
    assert [one.kind for one in ahead.coming] == [
        "waits", "sent", "completed", "timed_out", "completed"
    ]  # fmt: skip
    assert {one.campaign for one in forecast(found, asked, campaign="thanks", order="shop:1").coming
            } == {"thanks"}  # fmt: skip


def test_a_message_refused_for_a_stop_takes_a_start(new_house: NewHouse) -> None:
    house = new_house(
        campaign("thanks", PLACED, [{"id": "text", "send_sms": {"template": "text"}}]),
        store={"senders": TEXTING},
    )
    house.tell("order.placed", order="1")
    house.app.receive.take([
        Receipt(provider="simulated", id="1", kind=ReceiptKind.FAILED, verdict=Verdict.STOPPED,
                message_id=house.message().id, at=house.clock.now())
    ])  # fmt: skip
    house.app.worker.quiesce()
    told = ask(house, "thanks")
    assert told.code == "failed"
    assert changes(told) == ["the customer texts START to the number that they stopped"]


def test_the_condition_of_the_step_that_was_skipped_last_is_what_it_takes(
    new_house: NewHouse,
) -> None:
    steps = [
        {**email(f"ask_{least}"), "if": f"customer.orders_count >= {least}"} for least in (2, 5)
    ]
    house = new_house(campaign("thanks", PLACED, steps))
    house.tell("order.placed", order="1")
    told = ask(house, "thanks")
    assert told.text.startswith("step skipped: needs customer.orders_count >= 5, but ")
    assert changes(told) == ["its condition met when the step is taken: customer.orders_count >= 5"]


@pytest.mark.parametrize("key", ["filter", "profile_filter"])
def test_what_a_filter_asks_besides_is_told_too(new_house: NewHouse, key: str) -> None:
    condition = "customer.total_spent > 0.0 && customer.orders_count >= 5 && customer.tags == []"
    trigger = {**PLACED, "filter": condition} if key == "filter" else PLACED
    more = {} if key == "filter" else {key: condition}
    house = new_house(campaign("thanks", trigger, [email()], **more))
    house.tell("order.placed", order="1")
    (change,) = changes(ask(house, "thanks"))
    assert change.endswith(
        " with customer.orders_count >= 5; what it asks then as well: customer.tags == []"
    )


def test_what_is_mended_by_now_is_not_asked_for_again(new_house: NewHouse) -> None:
    house = new_house(campaign("thanks", PLACED, [email()], purpose="marketing"))
    house.tell("order.placed", order="1", customer={"consent": {}})
    assert changes(ask(house, "thanks")) == [
        "an opt-in to email marketing from ada@example.com (an event customer.subscribed)"
    ]
    house.run(HOUR)
    house.tell("customer.subscribed")
    told = ask(house, "thanks")
    assert told.code == "no_consent"
    assert changes(told) == ["a new entry: by now the customer may be written to"]
    house.tell("order.placed", order="2")
    assert ask(house, "thanks").code == "sent"


def test_what_keeps_a_customer_from_being_written_to_by_now_is_asked_for(
    new_house: NewHouse,
) -> None:
    house = new_house(campaign("thanks", PLACED, [email()], purpose="marketing"))
    house.tell("order.placed", order="1", customer={"email": None, "email_verified": False})
    assert changes(ask(house, "thanks"))[0].startswith("an email address")
    house.run(HOUR)
    house.tell("customer.updated", customer={"consent": {}})
    assert changes(ask(house, "thanks")) == [
        "an opt-in to email marketing from ada@example.com (an event customer.subscribed)"
    ]


def test_a_campaign_that_runs_again_takes_another_event(new_house: NewHouse) -> None:
    paused = campaign("thanks", PLACED, [email()], status="paused")
    house = new_house(paused)
    house.tell("order.placed", order="1")
    assert changes(ask(house, "thanks")) == ["status: live in the file of thanks"]
    house.put({**paused, "status": "live"})
    house.reload()
    told = ask(house, "thanks")
    assert told.text.startswith("did not enter: the campaign's file said paused (order.placed, ")
    assert changes(told) == ["another order.placed: the campaign stands still no more"]


def test_an_event_that_a_campaign_could_not_see_is_not_told_as_from_before_it(
    new_house: NewHouse,
) -> None:
    missing, draft = (campaign(name, PLACED, [email()]) for name in ("missing", "draft"))
    house = new_house(missing, {**draft, "status": "draft"})
    house.run(HOUR)
    house.remove("missing")
    house.reload()
    house.run(HOUR)
    house.tell("order.placed", order="1")
    house.run(HOUR)
    house.put(missing)
    house.put(draft)
    house.reload()
    house.put(campaign("young", PLACED, [email()]))
    house.reload()
    happened = "never triggered: order.placed happened (2026-03-02 11:00 CST)"
    stood = "unseen: the campaign stood still from"
    until = "until 2026-03-02 12:00 CST"
    for name, code, why in (
        (
            "missing",
            "gone",
            f"{stood} 2026-03-02 10:00 CST {until} (its file was missing or broken)",
        ),
        ("draft", "draft", f"{stood} 2026-03-02 09:00 CST {until} (its file said status: draft)"),
        ("young", "before_campaign", "before the campaign was there to see it"),
    ):
        told = ask(house, name)
        assert (told.code, told.text) == (code, f"{happened} {why}")
        assert changes(told) == ["another order.placed"]
