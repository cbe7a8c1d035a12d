"""Steps, clocks, waits, holds and ends."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import Duration
from engine.core.customer import Refund
from engine.core.decision import DecisionKind
from engine.core.timing import add
from engine.core.verbs import (
    Arm,
    Branch,
    CallWebhook,
    Delay,
    EmitEvent,
    EventMatch,
    Exit,
    SendEmail,
    Split,
    UpdateCustomer,
    Variant,
    WaitFor,
)
from engine.core.world import JourneyStatus, Waiting
from tests.core.shop import DAY, HOUR, T0, VIENNA, Shop, default_exits, plan, when

YEAR = datetime(2026, 1, 1)  # noqa: DTZ001 - hypothesis wants naive bounds
MAIL = {"kind": SendEmail, "id": "ask", "template": "t"}
REMIND = {"kind": SendEmail, "id": "remind", "template": "t2"}
THREE_DAYS = {"kind": Delay, "for_": Duration(days=3)}


def wait(event: str | None = "review.submitted", **more: Any) -> dict[str, Any]:
    base = {"kind": WaitFor, "id": "w", "timeout": Duration(days=5)}
    return base | ({"match": EventMatch(event=event)} if event else {}) | more


def started(*parts: dict[str, Any], **given: Any) -> Shop:
    shop = Shop.of(plan(*parts, **given))
    shop.tell("order.delivered")
    shop.step()
    return shop


@given(
    start=st.datetimes(YEAR, YEAR + 364 * DAY, timezones=st.just(UTC)),
    days=st.integers(1, 60),
)
def test_days_are_calendar_days_on_the_customers_clock(start: datetime, days: int) -> None:
    shop = Shop.of(plan({"kind": Delay, "for_": Duration(days=days)}, MAIL), now=start)
    shop.tell("order.delivered")
    shop.step()
    due = shop.journey.due_at
    assert due == add(start, Duration(days=days), VIENNA)
    shop.run_to(start + timedelta(days=days + 1))
    assert shop.message.due_at == due
    assert shop.message.created_at == due


def test_a_delay_waits_for_the_hour_in_the_customers_zone() -> None:
    shop = Shop.of(plan({"kind": Delay, "until": time(10), "days": frozenset({2})}, MAIL))
    shop.world.customer.timezone = "America/New_York"
    shop.tell("order.delivered")
    shop.step()
    assert shop.journey.due_at == datetime(2026, 3, 4, 15, tzinfo=UTC)


def test_late_steps_count_from_when_they_were_due() -> None:
    shop = Shop.of(plan(THREE_DAYS, {**THREE_DAYS, "id": "second"}, MAIL), now=T0)
    shop.tell("order.delivered")
    shop.step()
    shop.step(T0 + 5 * DAY)
    assert shop.journey.step == "second"
    assert shop.journey.due_at == T0 + 6 * DAY
    assert shop.waiting() is Waiting.DELAY


def test_nothing_happens_before_it_is_due() -> None:
    shop = started(THREE_DAYS, MAIL)
    before = len(shop.world.changes.decisions)
    shop.step(T0 + 3 * DAY - timedelta(microseconds=1))
    assert len(shop.world.changes.decisions) == before
    shop.step(T0 + 3 * DAY)
    assert shop.waiting() is Waiting.MESSAGE


def test_the_first_met_arm_is_taken_and_both_paths_join() -> None:
    branch = {
        "kind": Branch,
        "next": 3,
        "arms": (
            Arm(condition=when("order.total > 100"), target=1),
            Arm(condition=when("order.total > 10"), target=2),
        ),
    }
    add_a = {"kind": UpdateCustomer, "add_tags": ("a",), "next": 3}
    add_b = {"kind": UpdateCustomer, "add_tags": ("b",), "next": 3}
    shop = started(branch, add_a, add_b, {"kind": Exit, "reason": "done"})
    assert shop.world.customer.tags == ("b",)
    assert shop.codes(DecisionKind.BRANCHED) == ["arm_2"]
    assert (shop.journey.status, shop.journey.reason) == (JourneyStatus.EXITED, "done")


def test_no_arm_met_goes_on_and_says_what_it_saw() -> None:
    arm = Arm(condition=when("order.subtotal > 100"), target=1)
    shop = started({"kind": Branch, "arms": (arm,), "next": 2}, MAIL)
    (decision,) = (d for d in shop.world.changes.decisions if d.kind is DecisionKind.BRANCHED)
    assert decision.code == "no_arm"
    assert decision.trace is not None
    assert decision.trace["unmet"][0]["field"] == "order.subtotal"
    assert shop.status() is JourneyStatus.COMPLETED


def test_a_split_is_stored_at_entry_and_seen_by_conditions() -> None:
    variants = (Variant(name="a", weight=1, target=1), Variant(name="b", weight=3, target=2))
    split = {"kind": Split, "id": "ab", "variants": variants}
    counts = {"a": 0, "b": 0}
    for number in range(200):
        shop = Shop.of(plan(split, {**MAIL, "next": 3}, REMIND))
        shop.world.customer.id = f"c-{number}"
        shop.tell("order.delivered")
        stored = shop.journey.variants["ab"]
        shop.step()
        assert shop.message.step == {"a": "ask", "b": "remind"}[stored]
        assert shop.message.variant == stored
        counts[stored] += 1
    assert 30 < counts["a"] < 70


def test_a_variant_that_a_revision_took_away_is_assigned_anew() -> None:
    only = (Variant(name="b", weight=1, target=1),)
    shop = Shop.of(plan({"kind": Split, "id": "ab", "variants": only}, MAIL))
    shop.tell("order.delivered")
    shop.journey.variants = {"ab": "gone"}
    shop.step()
    assert shop.codes(DecisionKind.ASSIGNED) == ["b"]
    assert shop.journey.variants == {"ab": "b"}


def test_an_unmet_if_skips_the_step_with_its_reason() -> None:
    shop = started({**MAIL, "condition": when("order.total > 100")}, {"kind": Exit})
    assert not shop.world.messages
    assert shop.journey.results["ask"] == {"skipped": True}
    (decision,) = (d for d in shop.world.changes.decisions if d.kind is DecisionKind.STEP_SKIPPED)
    assert decision.trace == {"verdict": "unmet", "clause": 0, "values": {"order.total": 50.0}}


def test_update_emit_and_call_leave_their_marks() -> None:
    shop = started(
        {"kind": UpdateCustomer, "add_tags": ("vip",), "attributes": {"tier": "gold"}},
        {**MAIL, "condition": when("customer.attributes.tier == 'silver'")},
        {"kind": EmitEvent, "event": "loyalty.joined", "data": {"n": 1}},
        {"kind": CallWebhook, "url": "https://shop.example/hook", "data": {"x": 1}},
    )
    world, journey = shop.world, shop.journey
    assert world.customer.tags == ("vip",)
    assert world.changes.customer
    assert set(world.customer.stamps) == {"tags", "attributes.tier"}
    (emitted,) = world.changes.emitted
    assert (emitted.id, emitted.causes) == (f"{journey.id}:step_3", ("review",))
    (call,) = world.changes.webhooks
    assert call.body["order"]["total"] == "50"
    assert call.body["data"] == {"x": 1}


def test_a_chain_of_eight_causes_emits_no_ninth() -> None:
    emit = {"kind": EmitEvent, "event": "loyalty.joined"}
    for length, expected in ((7, 1), (8, 0)):
        shop = Shop.of(plan(emit))
        shop.tell("order.delivered", causes=tuple("abcdefgh"[:length]))
        shop.step()
        assert len(shop.world.changes.emitted) == expected
    assert shop.codes(DecisionKind.STEP_SKIPPED) == ["chain_too_long"]


def test_a_wait_ends_at_the_events_time() -> None:
    shop = started(wait(), MAIL)
    assert shop.journey.due_at == T0 + 5 * DAY
    shop.now = T0 + 2 * DAY
    shop.tell("review.submitted", at=T0 + DAY)
    assert shop.journey.clock == shop.journey.due_at == T0 + DAY
    assert shop.journey.results["w"] == {"happened": True}
    assert shop.codes(DecisionKind.WOKE) == ["review.submitted"]


def test_an_event_after_the_time_out_is_a_time_out() -> None:
    shop = started(wait(), {**THREE_DAYS, "id": "x"}, MAIL)
    shop.now = T0 + 7 * DAY
    shop.tell("review.submitted")
    shop.step()
    assert shop.journey.results["w"] == {"timed_out": True}
    # Five days to the time-out, three more from there: calendar days, so no hour is lost.
    assert shop.journey.due_at == T0 + 8 * DAY


@pytest.mark.parametrize(("since", "happened"), [("entry", True), ("now", False)])
def test_what_came_before_the_wait_counts_since_entry_only(since: str, happened: bool) -> None:
    shop = started(THREE_DAYS, wait(since=since), MAIL)
    shop.now = T0 + DAY
    shop.tell("review.submitted")
    shop.step(T0 + 3 * DAY)
    assert shop.journey.results.get("w", {}).get("happened", False) is happened
    assert shop.waiting() is (Waiting.MESSAGE if happened else Waiting.EVENT)


def test_a_wait_looks_at_the_event() -> None:
    match = EventMatch(event="review.submitted", condition=when("event.data.stars >= 4"))
    shop = started(wait(match=match), MAIL)
    shop.tell("review.submitted", stars=3)
    assert shop.waiting() is Waiting.EVENT
    shop.tell("review.submitted", stars=5)
    assert shop.waiting() is Waiting.READY


@pytest.mark.parametrize(
    ("match", "order", "wakes"),
    [
        ("object", "shopify:1", True),
        ("object", None, True),
        ("object", "shopify:2", False),
        ("customer", "shopify:2", True),
    ],
)
def test_an_event_of_another_order_is_another_matter(
    match: Any, order: str | None, wakes: bool
) -> None:
    shop = started(wait(match=EventMatch(event="review.submitted", match=match)), MAIL)
    shop.tell("review.submitted", order=order)
    assert (shop.waiting() is Waiting.READY) is wakes


def test_a_condition_is_waited_for_at_each_event() -> None:
    shop = started(wait(None, until=when("customer.open_tickets == 0 && order.paid")), MAIL)
    assert shop.waiting() is Waiting.EVENT
    shop.tell("customer.updated", order=None)
    assert shop.waiting() is Waiting.EVENT
    shop.now = T0 + HOUR
    shop.tell("order.paid")
    assert (shop.journey.waiting, shop.journey.clock) == (Waiting.READY, T0 + HOUR)


def test_a_condition_met_on_arrival_takes_no_time() -> None:
    shop = started(wait(None, until=when("customer.open_tickets == 0")), MAIL)
    assert shop.message.due_at == T0


def test_receipts_are_known_before_conditions_are_asked() -> None:
    shop = started(MAIL, wait(None, until=when("ask.clicked")), REMIND)
    shop.send()
    journey = shop.journey
    assert shop.waiting() is Waiting.EVENT
    shop.tell("message.clicked", order=None, journey=journey.id, step="ask", machine=True)
    shop.tell("message.clicked", order=None, journey="another", step="ask")
    assert shop.waiting() is Waiting.EVENT
    shop.tell("message.clicked", order=None, journey=journey.id, step="ask")
    assert shop.waiting() is Waiting.READY
    assert journey.results["ask"] == {"sent": True, "clicked": True}


@pytest.mark.parametrize("event", ["order.refunded", "order.cancelled", "order.returned"])
def test_the_orders_truth_ends_a_journey_during_its_wait(event: str) -> None:
    shop = started(THREE_DAYS, MAIL, **default_exits())
    shop.now = T0 + DAY
    shop.tell(event, at=T0 - DAY)  # whenever it happened
    journey = shop.journey
    assert (journey.status, journey.reason, journey.due_at) == (JourneyStatus.EXITED, event, None)
    shop.run_to(T0 + 9 * DAY)
    assert not shop.world.messages


def test_only_a_full_refund_ends_it_by_default_but_any_if_asked_for() -> None:
    for given_exits, ends in (
        (default_exits(), False),
        ({"exit_on": (EventMatch(event="order.refunded"),)}, True),
    ):
        shop = started(THREE_DAYS, MAIL, **given_exits)
        order = shop.world.orders["shopify:1"]
        order.refunds = {**order.refunds, "r1": Refund(id="r1", at=T0, amount=Decimal(20))}
        shop.tell("order.refunded", fact="refunded:r1")
        assert (shop.status() is JourneyStatus.EXITED) is ends
        order.refunds = {**order.refunds, "r2": Refund(id="r2", at=T0, amount=Decimal(30))}
        shop.tell("order.refunded", fact="refunded:r2")
        assert shop.status() is JourneyStatus.EXITED


def test_an_authors_exit_does_not_reach_back_before_entry() -> None:
    shop = started(THREE_DAYS, exit_on=(EventMatch(event="review.submitted"),))
    shop.tell("review.submitted", at=T0 - HOUR)
    assert shop.status() is JourneyStatus.LIVE
    shop.tell("review.submitted", order="shopify:2")
    assert shop.status() is JourneyStatus.LIVE
    shop.tell("review.submitted")
    assert shop.status() is JourneyStatus.EXITED


def test_a_goal_counts_once_within_its_time_even_after_the_end() -> None:
    shop = started({"kind": Exit}, goal="review.submitted")
    assert shop.status() is JourneyStatus.EXITED
    shop.now = T0 + 31 * DAY
    shop.tell("review.submitted")
    assert shop.journey.goal_at is None
    shop.tell("review.submitted", at=T0 + 2 * DAY)
    shop.tell("review.submitted", at=T0 + 3 * DAY)
    assert shop.journey.goal_at == T0 + 2 * DAY
    assert shop.kinds().count(DecisionKind.GOAL) == 1


def test_a_hold_waits_and_is_released_by_an_event() -> None:
    shop = Shop.of(plan(THREE_DAYS, MAIL, hold_while=when("order.has_open_return")))
    shop.order(has_open_return=True)
    shop.tell("order.delivered")
    shop.step()
    assert shop.waiting() is Waiting.DELAY  # time passes meanwhile
    shop.step(T0 + 3 * DAY)
    assert shop.waiting() is Waiting.HOLD
    shop.step(T0 + 4 * DAY)
    assert (shop.journey.waiting, shop.journey.due_at) == (Waiting.HOLD, T0 + 5 * DAY)
    shop.world.orders["shopify:1"].has_open_return = False
    shop.now = T0 + 4 * DAY + HOUR
    shop.tell("order.updated")
    shop.step()
    assert shop.message.due_at == T0 + 4 * DAY + HOUR  # not too late: the hold was meant
    assert shop.kinds().count(DecisionKind.HELD) == 1
    assert shop.kinds().count(DecisionKind.RELEASED) == 1


def test_a_hold_is_looked_at_again_without_an_event() -> None:
    shop = Shop.of(plan(MAIL, hold_while=when("order.has_open_return")))
    shop.order(has_open_return=True)
    shop.tell("order.delivered")
    shop.step()
    shop.world.orders["shopify:1"].has_open_return = False
    shop.run_to(T0 + 3 * DAY)
    assert shop.sent_steps() == ["ask"]
    assert shop.message.due_at == T0 + DAY


def test_a_frozen_campaign_parks_but_loses_nothing() -> None:
    campaign = plan(wait(), MAIL)
    shop = Shop.of(campaign)
    shop.tell("order.delivered")
    shop.step()
    held = Shop.of(campaign, held={"review": "paused"}, world=shop.world, now=T0 + HOUR)
    held.tell("review.submitted")
    held.step()
    assert shop.journey.parked
    assert not shop.world.messages
    shop.journey.parked = False
    shop.step(T0 + 2 * HOUR)
    assert shop.message.due_at == T0 + HOUR
    assert not shop.journey.parked


def test_a_journey_of_an_unknown_revision_is_parked() -> None:
    shop = started(THREE_DAYS, MAIL)
    shop.journey.revision = "r0"
    shop.step(T0 + 4 * DAY)
    assert shop.journey.parked


def test_delays_that_are_over_already_still_count_one_from_the_other() -> None:
    shop = Shop.of(plan(THREE_DAYS, {**THREE_DAYS, "id": "second"}, MAIL), now=T0 + 6 * DAY + HOUR)
    shop.tell("order.delivered", at=T0)
    shop.step()
    assert shop.message.due_at == T0 + 6 * DAY
    assert shop.message.send_at == T0 + 6 * DAY + HOUR


def test_a_campaign_about_refunds_is_not_ended_by_refunds() -> None:
    shop = Shop.of(plan(THREE_DAYS, MAIL, on="order.refunded", **default_exits()))
    shop.tell("order.refunded", fact="refunded:r1")
    shop.step()
    shop.now = T0 + DAY
    shop.tell("order.refunded", fact="refunded:r2")
    assert shop.status() is JourneyStatus.LIVE
    shop.tell("order.returned")
    assert shop.status() is JourneyStatus.EXITED
