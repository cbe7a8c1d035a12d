"""Who enters a campaign, and why not."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from config.durations import Duration
from engine.core import ids
from engine.core.campaign import CampaignStatus, ScheduleTrigger
from engine.core.customer import Refund
from engine.core.decision import VerdictCode
from engine.core.journey import enrol_by_schedule
from engine.core.verbs import Delay, EventMatch, SendEmail, WaitFor
from engine.core.world import JourneyStatus
from tests.core.shop import DAY, T0, Shop, default_exits, plan, transition, when

MAIL = {"kind": SendEmail, "id": "ask", "template": "t"}
WAIT = {"kind": Delay, "for_": Duration(days=3)}


def codes(shop: Shop, *events: str) -> list[VerdictCode]:
    return [verdict.code for event in events for verdict in shop.tell(event)]


def test_an_event_enrols_from_its_own_time() -> None:
    shop = Shop.of(plan(WAIT), now=T0 + DAY)
    (verdict,) = shop.tell("order.delivered", at=T0)
    journey = shop.journey
    assert verdict.code is VerdictCode.ENTERED
    assert verdict.journey_id == journey.id == ids.journey_id("review", "shopify:1", 1)
    assert journey.clock == journey.due_at == journey.entered_at == T0
    shop.step()
    assert journey.due_at == T0 + 3 * DAY
    assert journey.id in shop.world.changes.journeys


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"filter": when("order.total >= 60")}, VerdictCode.FILTER),
        ({"filter": when("order.subtotal >= 1")}, VerdictCode.FILTER),
        ({"profile_filter": when("customer.orders_count > 0")}, VerdictCode.PROFILE_FILTER),
        ({"max_age": Duration(seconds=3600)}, VerdictCode.TOO_OLD),
        ({"key": "trigger.data.sku"}, VerdictCode.NO_KEY),
        ({"status": CampaignStatus.PAUSED}, VerdictCode.FROZEN),
        ({"holdout": 100.0}, VerdictCode.HELD_OUT),
        ({"filter": when("trigger.data.size == 'L' && event.data.size == 'L'")}, None),
        ({"max_age": Duration(days=1)}, None),
    ],
)
def test_the_reason_for_not_entering(given: dict[str, object], expected: VerdictCode) -> None:
    shop = Shop.of(plan(MAIL, **given), now=T0 + DAY)
    (verdict,) = shop.tell("order.delivered", at=T0, size="L")
    assert verdict.code is (expected or VerdictCode.ENTERED)
    live = [one for one in shop.world.journeys.values() if one.status is JourneyStatus.LIVE]
    assert bool(live) == (expected is None)


def test_a_refusal_keeps_the_values_it_saw() -> None:
    shop = Shop.of(plan(MAIL, filter=when("order.total >= 60 && !order.is_gift")))
    (verdict,) = shop.tell("order.delivered")
    assert verdict.trace == {"verdict": "unmet", "clause": 0, "values": {"order.total": 50.0}}


def test_a_draft_is_not_asked_and_a_held_campaign_enrols_nobody() -> None:
    assert Shop.of(plan(MAIL, status=CampaignStatus.DRAFT)).tell("order.delivered") == []
    held = Shop.of(plan(MAIL), held={"review": "paused by ann"})
    assert codes(held, "order.delivered") == [VerdictCode.FROZEN]


def test_one_live_journey_a_key_and_another_for_another_key() -> None:
    shop = Shop.of(plan(WAIT, re_entry="always"))
    shop.tell("order.delivered")
    assert codes(shop, "order.delivered") == [VerdictCode.ALREADY_IN]
    (other,) = shop.tell("order.delivered", order="shopify:2")
    assert other.code is VerdictCode.ENTERED
    assert len(shop.world.journeys) == 2


@pytest.mark.parametrize(
    ("re_entry", "days", "expected"),
    [
        ("never", 400, VerdictCode.RE_ENTRY),
        ("always", 0, VerdictCode.ENTERED),
        (Duration(days=180), 179, VerdictCode.RE_ENTRY),
        (Duration(days=180), 180, VerdictCode.ENTERED),
    ],
)
@pytest.mark.parametrize("remembered", [True, False])
def test_re_entry_counts_from_the_last_entry(
    re_entry: object, days: int, expected: VerdictCode, remembered: bool
) -> None:
    winter = datetime(2026, 1, 5, 10, tzinfo=UTC)
    shop = Shop.of(plan(re_entry=re_entry), now=winter)
    shop.tell("order.delivered")
    assert shop.journey.status is JourneyStatus.COMPLETED  # it has no steps
    if remembered:  # as storage would have it: only what re-entry needs
        shop.world.journeys.clear()
        shop.world.past.note(
            "review", "shopify:1", shop.world.customer.id, entry_no=1, entered_at=winter
        )
    # 180 calendar days on a Vienna clock are an hour less across the change to summer time.
    shop.now = winter + timedelta(days=days) - timedelta(hours=1 if days == 180 else 0)
    (verdict,) = shop.tell("order.delivered")
    assert verdict.code is expected
    if expected is VerdictCode.ENTERED:
        assert verdict.journey_id == ids.journey_id("review", "shopify:1", 2)


def test_the_newest_past_entry_counts() -> None:
    shop = Shop.of(plan(WAIT, re_entry="always"))
    shop.world.past.note("review", "shopify:1", shop.world.customer.id, entry_no=6, entered_at=T0)
    shop.tell("order.delivered")
    assert shop.journey.entry_no == 7


def test_keys_of_two_customers_never_meet() -> None:
    shop = Shop.of(plan(WAIT, key="trigger.data.sku"))
    shop.tell("order.delivered", sku="A")
    assert shop.journey.entry_key == "c-1:A"


def test_held_out_customers_take_no_step_but_may_reach_the_goal() -> None:
    shop = Shop.of(plan(MAIL, holdout=100.0, goal="review.submitted"))
    shop.tell("order.delivered")
    assert shop.journey.status is JourneyStatus.HOLDOUT
    shop.run_to(T0 + 2 * DAY)
    assert not shop.world.messages
    shop.tell("review.submitted")
    assert shop.journey.goal_at == T0 + 2 * DAY
    assert codes(shop, "order.delivered") == [VerdictCode.RE_ENTRY]


def test_holdout_takes_its_share_and_is_independent_of_the_campaign() -> None:
    standings = [ids.share("a", "holdout", f"c-{number}") for number in range(4000)]
    assert all(0 <= one < 100 for one in standings)
    assert 350 < sum(one < 10 for one in standings) < 450
    both = sum(
        one < 50 and ids.share("b", "holdout", f"c-{number}") < 50
        for number, one in enumerate(standings)
    )
    assert 900 < both < 1100


def test_test_orders_and_long_chains_and_history_enrol_nobody() -> None:
    shop = Shop.of(plan(WAIT))
    shop.order(is_test=True)
    assert codes(shop, "order.delivered") == [VerdictCode.TEST_ORDER]
    (long_chain,) = shop.tell("order.delivered", order="s:2", causes=tuple("abcdefghi"))
    assert long_chain.code is VerdictCode.CHAIN_TOO_LONG
    (history,) = shop.tell("order.delivered", order="s:3", enrol=False)
    assert history.code is VerdictCode.BACKFILL
    assert not shop.world.journeys


@pytest.mark.parametrize("fact", ["cancelled", "returned", "disputed:d1", "refunded:r1"])
@pytest.mark.parametrize("offset", [-DAY, DAY])
def test_default_exits_bar_the_door_whenever_they_happened(fact: str, offset: timedelta) -> None:
    shop = Shop.of(plan(WAIT, **default_exits()))
    shop.order(facts={fact: T0 + offset})
    assert codes(shop, "order.delivered") == [VerdictCode.EXIT_ALREADY]


def test_a_partial_refund_bars_nobody_by_default() -> None:
    shop = Shop.of(plan(WAIT, **default_exits()))
    part = Refund(id="r1", at=T0, amount=Decimal(10))
    shop.order(facts={"refunded:r1": T0}, refunds={"r1": part})
    assert codes(shop, "order.delivered") == [VerdictCode.ENTERED]


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(-DAY, VerdictCode.ENTERED), (timedelta(0), VerdictCode.EXIT_ALREADY)],
)
def test_an_authors_own_exit_counts_from_the_trigger_on(
    offset: timedelta, expected: VerdictCode
) -> None:
    shop = Shop.of(plan(WAIT, exit_on=(EventMatch(event="order.shipped"),)))
    shop.order(facts={"shipped:p1": T0 + offset})
    assert codes(shop, "order.delivered") == [expected]


def test_what_the_order_went_through_before_the_trigger_was_told_is_remembered() -> None:
    wait = {
        "kind": WaitFor,
        "id": "w",
        "timeout": Duration(days=5),
        "match": EventMatch(event="order.delivered"),
    }
    shop = Shop.of(plan(wait, MAIL, on="order.placed", goal="order.delivered"), now=T0 + DAY)
    shop.order(facts={"delivered": T0 + DAY})
    shop.tell("order.placed", at=T0)
    assert shop.journey.goal_at == T0 + DAY
    shop.step()
    assert shop.journey.results["w"] == {"happened": True}
    assert shop.message.due_at == T0 + DAY


def test_candidates_are_asked_by_priority_and_each_has_its_verdict() -> None:
    low, high = plan(WAIT, id="low", priority=1), plan(WAIT, id="high", priority=9)
    shop = Shop.of(low, high, plan(WAIT, id="other", on="order.paid"))
    assert [one.campaign for one in shop.tell("order.delivered")] == ["high", "low"]


def test_a_ticket_brings_its_order() -> None:
    shop = Shop.of(plan(WAIT, on="ticket.solved", key="ticket.id", filter=when("order.total > 1")))
    shop.order()
    shop.ticket(order_id="shopify:1")
    (verdict,) = shop.tell("ticket.solved", order=None, ticket="zendesk:1")
    assert verdict.code is VerdictCode.ENTERED
    assert (shop.journey.order_id, shop.journey.ticket_id) == ("shopify:1", "zendesk:1")


def test_a_schedule_enrols_its_segment_once_an_occurrence() -> None:
    trigger = ScheduleTrigger(cron="0 9 * * *", zone=None, segment=when("customer.open_tickets==0"))
    campaign = replace(plan(WAIT, key="customer.id", re_entry="always"), trigger=trigger)
    shop = Shop.of(campaign)
    fire = transition("schedule.fired", T0, order=None)

    def enrol(key: str) -> VerdictCode:
        args = (shop.world, campaign, key, fire, shop.plans, shop.context)
        return enrol_by_schedule(*args).code

    shop.world.customer.open_tickets = 1
    assert enrol("2026-03-02") is VerdictCode.FILTER
    shop.world.customer.open_tickets = 0
    outcomes = Counter(enrol(key) for key in ("2026-03-02", "2026-03-02", "2026-03-03"))
    assert outcomes == {VerdictCode.ENTERED: 2, VerdictCode.ALREADY_IN: 1}
    assert {one.entry_key for one in shop.world.journeys.values()} == {
        "c-1:2026-03-02",
        "c-1:2026-03-03",
    }


def test_a_schedule_with_a_time_between_entries_goes_by_the_customer() -> None:
    trigger = ScheduleTrigger(cron="0 9 * * *", zone=None, segment=when("customer.open_tickets==0"))
    again = Duration(days=30)
    campaign = replace(plan(WAIT, key="customer.id", re_entry=again), trigger=trigger)
    shop = Shop.of(campaign)

    def enrol(day: int) -> VerdictCode:
        shop.run_to(T0 + day * DAY)
        fire = transition("schedule.fired", shop.now, order=None)
        args = (shop.world, campaign, f"day-{day}", fire, shop.plans, shop.context)
        return enrol_by_schedule(*args).code

    assert [enrol(day) for day in (0, 1, 20, 31)] == [
        VerdictCode.ENTERED,
        VerdictCode.ALREADY_IN,
        VerdictCode.RE_ENTRY,
        VerdictCode.ENTERED,
    ]
    assert {one.entry_key for one in shop.world.journeys.values()} == {"c-1"}
