"""Messages from decision to hand-over, and what comes of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from config.durations import Duration, Rate
from engine.core import ids
from engine.core.campaign import EventTrigger, Plans
from engine.core.decision import DecisionKind
from engine.core.guards import Allow, Defer, Drop
from engine.core.journey import exit_journey, migrate, on_failed, on_retry
from engine.core.message import MessageStatus
from engine.core.verbs import Delay, EventMatch, Exit, SendEmail, SendSms, UpdateCustomer, WaitFor
from engine.core.world import JourneyStatus, Waiting
from tests.core.shop import DAY, HOUR, RULES, T0, Shop, Volume, default_exits, plan, steps, when

MAIL = {"kind": SendEmail, "id": "ask", "template": "t"}
REMIND = {"kind": SendSms, "id": "remind", "template": "t2"}
ONE_DAY = {"kind": Delay, "for_": Duration(days=1)}


def started(*parts: dict[str, Any], **given: Any) -> Shop:
    shop = Shop.of(plan(*parts, **given))
    shop.tell("order.delivered")
    shop.step()
    return shop


def test_a_message_is_made_once_and_holds_its_slot() -> None:
    shop = started(MAIL, ONE_DAY, REMIND)
    message = shop.message
    assert message.id == ids.message_id(shop.journey.id, "ask")
    assert (message.recipient, message.template) == ("ann@example.com", "t")
    assert message.expires_at == T0 + DAY
    assert [one.message_id for one in shop.world.contacts] == [message.id]
    assert (shop.journey.waiting, shop.journey.awaiting) == (Waiting.MESSAGE, message.id)
    assert shop.journey.due_at is None


def test_the_journey_goes_on_from_the_hand_over() -> None:
    shop = started(MAIL, ONE_DAY, REMIND)
    shop.now = T0 + HOUR
    assert shop.send() == Allow()
    assert shop.message.status is MessageStatus.SENDING
    assert shop.journey.due_at == T0 + HOUR + DAY
    assert shop.journey.results["ask"] == {"sent": True}
    shop.run_to(T0 + 3 * DAY)
    assert shop.sent_steps() == ["ask", "remind"]
    assert shop.journey.status is JourneyStatus.COMPLETED


def test_marketing_without_consent_is_dropped_and_the_journey_goes_on() -> None:
    shop = started(MAIL, ONE_DAY, {"kind": Exit}, purpose="marketing")
    assert (shop.message.status, shop.message.reason) == (MessageStatus.SKIPPED, "no_consent")
    assert not shop.world.contacts
    assert shop.journey.waiting is Waiting.DELAY
    assert shop.journey.results["ask"] == {"skipped": True}


def test_consent_withdrawn_before_the_hand_over_prevents_it() -> None:
    shop = Shop.of(plan(MAIL, ONE_DAY, REMIND, purpose="marketing"))
    shop.consent()
    shop.tell("order.delivered")
    shop.step()
    shop.world.consents.clear()
    shop.now = T0 + HOUR
    verdict = shop.send()
    assert isinstance(verdict, Drop)
    assert (shop.message.status, shop.message.reason) == (MessageStatus.SKIPPED, "no_consent")
    assert not shop.world.contacts
    assert shop.journey.due_at == T0 + HOUR + DAY


def test_a_deferred_message_waits_and_keeps_its_slot() -> None:
    gap = replace(RULES, min_gap=timedelta(hours=2))
    first = plan(MAIL, id="first", purpose="marketing", priority=9)
    second = plan(MAIL, id="second", purpose="marketing", priority=1)
    shop = Shop.of(second, first, rules=gap)
    shop.consent()
    shop.tell("order.delivered")
    shop.step()
    one, two = sorted(shop.world.messages.values(), key=lambda m: m.campaign)
    assert (one.send_at, two.send_at, two.reason) == (T0, T0 + 2 * HOUR, "min_gap")
    assert shop.codes(DecisionKind.DEFERRED) == ["min_gap"]
    assert len(shop.world.contacts) == 2


def test_a_deferral_beyond_the_lateness_is_too_late_and_says_by_which_guard() -> None:
    gap = replace(RULES, min_gap=timedelta(days=2))
    first = plan(MAIL, id="first", purpose="marketing", priority=9)
    shop = Shop.of(first, plan(MAIL, id="second", purpose="marketing", priority=1), rules=gap)
    shop.consent()
    shop.tell("order.delivered")
    shop.step()
    (dropped,) = (d for d in shop.world.changes.decisions if d.kind is DecisionKind.DROPPED)
    assert (dropped.campaign, dropped.code) == ("second", "too_late")
    assert dropped.trace is not None
    assert dropped.trace["guard"] == "min_gap"


@pytest.mark.parametrize(
    ("limit", "late", "status"),
    [
        (None, 24 * HOUR, MessageStatus.SCHEDULED),
        (None, 24 * HOUR + timedelta(microseconds=1), MessageStatus.SKIPPED),
        (Duration(days=2), 2 * DAY, MessageStatus.SCHEDULED),
        (Duration(seconds=60), timedelta(seconds=61), MessageStatus.SKIPPED),
    ],
)
def test_an_overdue_message_is_skipped(
    limit: Duration | None, late: timedelta, status: MessageStatus
) -> None:
    shop = Shop.of(plan({**MAIL, "max_lateness": limit}), now=T0 + late)
    shop.tell("order.delivered", at=T0)
    shop.step()
    assert shop.message.status is status
    if status is MessageStatus.SCHEDULED:
        shop.now += timedelta(microseconds=1)
        assert isinstance(shop.send(), Drop)
        assert shop.message.reason == "too_late"


def test_the_profile_filter_ends_the_journey_at_decision_and_at_sending() -> None:
    calm = when("customer.open_tickets == 0")
    shop = Shop.of(plan(ONE_DAY, MAIL, profile_filter=calm))
    shop.tell("order.delivered")
    shop.step()
    shop.world.customer.open_tickets = 1
    shop.step(T0 + DAY)
    assert (shop.journey.status, shop.journey.reason) == (JourneyStatus.EXITED, "profile_filter")
    assert not shop.world.messages

    shop = started(MAIL, profile_filter=calm)
    shop.world.customer.open_tickets = 1
    assert isinstance(shop.send(), Drop)
    assert (shop.message.status, shop.message.reason) == (MessageStatus.SKIPPED, "profile_filter")
    assert shop.journey.reason == "profile_filter"


def test_a_hold_before_sending_puts_off_and_does_not_make_late() -> None:
    shop = started(MAIL, {"kind": Exit}, hold_while=when("order.has_open_return"))
    shop.world.orders["shopify:1"].has_open_return = True
    assert isinstance(shop.send(), Defer)
    shop.run_to(T0 + 5 * DAY)
    assert isinstance(shop.send(), Defer)
    assert shop.message.status is MessageStatus.SCHEDULED
    assert shop.message.send_at > shop.now
    assert shop.codes(DecisionKind.DEFERRED) == ["hold_while"]
    shop.world.orders["shopify:1"].has_open_return = False
    shop.tell("order.updated")
    assert shop.message.send_at == shop.now
    assert shop.send() == Allow()


def test_a_frozen_campaign_sends_nothing_scheduled() -> None:
    shop = started(MAIL)
    held = Shop.of(plan(MAIL), held={"review": "paused"}, world=shop.world)
    verdict = held.send()
    assert isinstance(verdict, Defer)
    assert verdict.code == "frozen"
    assert shop.message.status is MessageStatus.SCHEDULED
    assert not shop.world.contacts  # other campaigns need not make way for it
    assert isinstance(shop.send(), Allow)
    assert [one.message_id for one in shop.world.contacts] == [shop.message.id]


def test_an_exit_before_the_hand_over_cancels_the_message() -> None:
    shop = started(MAIL, **default_exits())
    message = shop.message
    shop.tell("order.refunded", fact="refunded:r1")
    assert (message.status, message.reason) == (MessageStatus.CANCELLED, "order.refunded")
    assert not shop.world.contacts
    assert isinstance(shop.send(message), Drop)


def test_an_exit_after_the_hand_over_is_too_late_and_stops_a_retry() -> None:
    for parts in ((MAIL, ONE_DAY), (MAIL,)):  # waiting on, or completed by its last message
        shop = started(*parts, **default_exits())
        shop.send()
        shop.tell("order.refunded", fact="refunded:r1")
        assert shop.codes(DecisionKind.TOO_LATE) == ["order.refunded"]
        on_retry(shop.world, shop.message, T0 + HOUR, shop.plans, shop.context)
        assert shop.message.status is MessageStatus.CANCELLED


@pytest.mark.parametrize("following", [(ONE_DAY, REMIND), (), ({"kind": Exit},)])
def test_a_retry_puts_the_journey_before_its_message_again(following: tuple[Any, ...]) -> None:
    shop = started(MAIL, *following)
    shop.send()
    on_retry(shop.world, shop.message, T0 + 2 * HOUR, shop.plans, shop.context)
    journey, message = shop.journey, shop.message
    assert (journey.status, journey.awaiting) == (JourneyStatus.LIVE, message.id)
    assert (message.status, message.send_at) == (MessageStatus.SCHEDULED, T0 + 2 * HOUR)
    shop.now = T0 + 2 * HOUR
    assert shop.send() == Allow()
    assert message.attempts == 2
    assert len(shop.world.contacts) == 1
    if following and following[0] is ONE_DAY:
        assert journey.due_at == T0 + 2 * HOUR + DAY


def test_a_retry_after_something_was_made_takes_nothing_back() -> None:
    shop = started(MAIL, {"kind": UpdateCustomer, "add_tags": ("asked",)}, ONE_DAY, REMIND)
    shop.send()
    due = shop.journey.due_at
    on_retry(shop.world, shop.message, T0 + HOUR, shop.plans, shop.context)
    assert (shop.journey.waiting, shop.journey.due_at) == (Waiting.DELAY, due)
    shop.now = T0 + HOUR
    assert shop.send() == Allow()
    assert shop.journey.due_at == due


def test_a_permanent_failure_is_seen_by_later_conditions() -> None:
    shop = started(MAIL, ONE_DAY, {**REMIND, "condition": when("ask.failed && !ask.sent")})
    shop.send()
    on_failed(shop.world, shop.message, shop.context)
    assert not shop.world.contacts
    shop.run_to(T0 + 2 * DAY)
    assert shop.sent_steps() == ["remind"]


def test_a_campaign_over_its_volume_brakes_once_and_parks() -> None:
    limit = Rate(count=1, unit="d")
    shop = Shop.of(plan(MAIL, volume_limit=limit, re_entry="always"), shared=Volume(left=1))
    for number in range(4):
        shop.tell("order.delivered", order=f"s:{number}")
    shop.step()
    assert len(shop.world.messages) == 1
    assert shop.braked == {"review": "volume_limit"}
    assert sum(one.parked for one in shop.world.journeys.values()) == 3
    assert shop.codes(DecisionKind.HELD) == ["volume_limit"]
    assert all(
        one.waiting is Waiting.READY and one.due_at == T0
        for one in shop.world.journeys.values()
        if one.parked
    )


def test_exit_journey_is_final() -> None:
    shop = started(ONE_DAY)
    exit_journey(shop.world, shop.journey, "erased", shop.context)
    exit_journey(shop.world, shop.journey, "again", shop.context)
    assert shop.journey.reason == "erased"
    assert shop.codes(DecisionKind.EXITED) == ["erased"]


def migrated(shop: Shop, *parts: dict[str, Any]) -> Shop:
    old = shop.plans.current["review"]
    new = replace(old, revision="r2", steps=steps(*parts), step_index={})
    migrate(shop.world, shop.journey, new, shop.context, plan_old=old)
    plans = Plans.of([new], older=[old])
    return Shop(plans=plans, world=shop.world, now=shop.now)


WAIT_A = {**ONE_DAY, "id": "a"}
WAIT_B = {**ONE_DAY, "id": "b"}


def test_migrating_keeps_the_step_and_its_due_time() -> None:
    shop = migrated(started(WAIT_A, MAIL), MAIL | {"id": "new"}, WAIT_A | {"for_": None}, REMIND)
    journey = shop.journey
    assert (journey.step, journey.revision, journey.due_at) == ("a", "r2", T0 + DAY)
    shop.run_to(T0 + 2 * DAY)
    assert shop.sent_steps() == ["remind"]


def test_a_removed_step_goes_on_at_the_next_that_remains() -> None:
    shop = migrated(started(MAIL, WAIT_A, WAIT_B, REMIND), WAIT_B, REMIND)
    assert shop.journey.step == "b"
    (message,) = shop.world.messages.values()
    assert (message.status, message.reason) == (MessageStatus.CANCELLED, "migrated")
    shop.run_to(T0 + 3 * DAY)
    assert shop.sent_steps() == ["remind"]


def test_a_journey_with_nothing_left_completes() -> None:
    shop = migrated(started(WAIT_A), MAIL)
    assert shop.journey.status is JourneyStatus.COMPLETED
    assert shop.kinds()[-2:] == [DecisionKind.MIGRATED, DecisionKind.COMPLETED]


def test_a_step_that_became_another_verb_is_taken_anew() -> None:
    shop = migrated(started(WAIT_A, MAIL), {**MAIL, "id": "a"})
    shop.run_to(T0 + HOUR)
    assert shop.sent_steps() == ["a"]


@pytest.mark.parametrize(
    "exits", [default_exits(), {"exit_on": (EventMatch(event="order.cancelled"),)}]
)
def test_what_began_a_journey_ends_it_where_its_revision_begins_otherwise(
    exits: dict[str, Any],
) -> None:
    shop = Shop.of(plan(WAIT_A, MAIL, on="order.cancelled", **exits))
    shop.tell("order.cancelled")
    old = shop.plans.current["review"]
    assert shop.journey.status is JourneyStatus.LIVE
    same = replace(old, revision="r2")
    migrate(shop.world, shop.journey, same, shop.context, plan_old=old)
    assert shop.journey.status is JourneyStatus.LIVE
    new = replace(old, revision="r3", trigger=EventTrigger(event="order.placed"))
    migrate(shop.world, shop.journey, new, shop.context, plan_old=same)
    assert (shop.journey.status, shop.journey.reason) == (JourneyStatus.EXITED, "order.cancelled")


def test_a_wait_survives_migration() -> None:
    wait = {
        "kind": WaitFor,
        "id": "w",
        "timeout": Duration(days=5),
        "match": EventMatch(event="review.submitted"),
    }
    shop = migrated(started(wait, MAIL), wait, REMIND)
    shop.tell("review.submitted")
    shop.run_to(T0 + HOUR)
    assert shop.sent_steps() == ["remind"]


def test_a_retry_forgets_what_came_of_a_wait_after_the_message() -> None:
    wait = {
        "kind": WaitFor,
        "id": "w",
        "timeout": Duration(days=5),
        "match": EventMatch(event="review.submitted", match="customer"),
    }
    shop = started(MAIL, wait, ONE_DAY, REMIND)
    shop.send()
    shop.tell("review.submitted")
    assert shop.journey.results["w"] == {"happened": True}
    on_retry(shop.world, shop.message, T0 + HOUR, shop.plans, shop.context)
    assert shop.journey.results == {"ask": {}}


def test_a_revision_that_leads_past_a_message_again_makes_no_second() -> None:
    shop = started(MAIL, WAIT_A)
    shop.send()
    shop = migrated(shop, WAIT_A, MAIL, REMIND)
    shop.run_to(T0 + 2 * DAY)
    assert shop.sent_steps() == ["ask", "remind"]
    assert shop.codes(DecisionKind.STEP_SKIPPED) == ["already_made"]


def test_messages_due_together_go_out_one_after_the_other() -> None:
    week = {"kind": SendEmail, "id": "ask", "template": "t", "max_lateness": Duration(days=7)}
    plans = [plan(week, id=name, purpose="marketing") for name in ("one", "two", "three")]
    shop = Shop.of(*plans, rules=replace(RULES, min_gap=20 * HOUR))
    shop.consent()
    shop.tell("order.delivered")
    shop.run_to(T0 + 6 * DAY)
    assert shop.sent_steps() == ["ask"] * 3
    moments = sorted(contact.at for contact in shop.world.contacts)
    assert moments == [T0, T0 + 20 * HOUR, T0 + 40 * HOUR]
