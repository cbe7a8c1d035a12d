"""Each starter campaign from its first event to its last, at the moments that it promises."""

from datetime import timedelta
from itertools import pairwise

import pytest

from engine.core.decision import VerdictCode
from engine.core.world import JourneyStatus
from tests.library.walk import Walk, at, live, policy
from triggers.event import LineQuantity

ENTERED = VerdictCode.ENTERED


def test_an_order_is_acknowledged_at_once_and_without_consent() -> None:
    walk = Walk.through("thank-you", email=False)
    assert walk.orders(at(0)) == {"thank-you": ENTERED}
    walk.run_to(at(1))
    assert walk.sent == [(at(0), "email", "thank_you")]


def test_an_order_of_the_past_or_cancelled_is_not_acknowledged() -> None:
    walk = Walk.through("thank-you")
    walk.run_to(at(2))
    assert walk.orders(at(2), 1, placed_at=at(1)) == {"thank-you": VerdictCode.TOO_OLD}
    verdicts = walk.orders(at(3), 2, cancelled_at=at(3))
    assert verdicts == {"thank-you": VerdictCode.FILTER}
    walk.run_to(at(9))
    assert walk.sent == []


@pytest.mark.parametrize("placed", ["08:59", "11:00", "21:30"])
def test_a_new_customer_is_welcomed_next_morning_and_asked_later(placed: str) -> None:
    walk = Walk.through("onboarding")
    assert walk.orders(at(0, placed)) == {"onboarding": ENTERED}
    walk.parcel("delivered", at(4, "15:00"))
    walk.run_to(at(30))
    welcome = at(1 if placed < "22:00" else 2, "10:00")
    assert walk.sent == [
        (welcome, "email", "onboarding_welcome"),
        (at(10, "10:00"), "email", "onboarding_first_days"),
        (at(26, "10:00"), "email", "onboarding_nearby"),
    ]


def test_onboarding_is_for_first_orders_with_consent() -> None:
    walk = Walk.through("onboarding")
    walk.orders(at(0))
    assert walk.orders(at(1), 2) == {"onboarding": VerdictCode.FILTER}
    silent = Walk.through("onboarding", email=False)
    silent.orders(at(0))
    silent.parcel("delivered", at(4))
    silent.run_to(at(60))
    assert silent.sent == []
    assert {message.reason for message in silent.world.messages.values()} == {"no_consent"}


def test_onboarding_ends_when_nothing_arrives_or_all_is_paid_back() -> None:
    lost = Walk.through("onboarding")
    lost.orders(at(0))
    lost.run_to(at(60))
    assert lost.templates() == ["onboarding_welcome"]
    assert lost.journey.reason == "not known to be delivered"
    refunded = Walk.through("onboarding")
    refunded.orders(at(0))
    refunded.refunds(50, at(0, "12:00"))
    refunded.run_to(at(60))
    assert refunded.sent == []
    assert refunded.journey.reason == "order.refunded"


def test_a_gift_needs_no_first_days() -> None:
    walk = Walk.through("onboarding")
    walk.orders(at(0), is_gift=True)
    walk.parcel("delivered", at(4))
    walk.run_to(at(30))
    assert walk.templates() == ["onboarding_welcome", "onboarding_nearby"]


@pytest.mark.parametrize(("sms", "channel"), [(True, "sms"), (False, "email")])
def test_each_parcel_has_its_own_news(sms: bool, channel: str) -> None:
    walk = Walk.through("delivery-news", "delivery-arrived", sms=sms)
    walk.orders(at(0))
    one, two = (LineQuantity(line_id="a", quantity=2),), (LineQuantity(line_id="b", quantity=1),)
    walk.parcel("shipped", at(1), parcel="p1", lines=one)
    walk.parcel("shipped", at(2), parcel="p2", lines=two)
    walk.parcel("out_for_delivery", at(4, "07:30"), parcel="p2")
    walk.parcel("delivered", at(4, "12:00"), parcel="p2")
    walk.run_to(at(5))
    assert walk.sent == [
        (at(1), "email", "delivery_shipped"),
        (at(2), "email", "delivery_shipped"),
        (at(4, "07:30"), channel, "delivery_today"),
    ]
    walk.parcel("out_for_delivery", at(6, "07:30"), parcel="p1")
    walk.parcel("delivered", at(6, "12:00"), parcel="p1")
    walk.run_to(at(60))
    expected = [(at(6, "07:30"), channel, "delivery_today")]
    expected += [(at(6, "12:00"), "email", "delivery_arrived")]
    expected += [(at(6, "12:00"), "sms", "delivery_arrived")] if sms else []
    assert walk.sent[3:] == expected


def test_parcels_of_two_orders_are_not_mixed_up() -> None:
    walk = Walk.through("delivery-news")
    for number in (1, 2):
        walk.orders(at(0), number)
        assert walk.parcel("shipped", at(1), number)["delivery-news"] is ENTERED
    walk.parcel("out_for_delivery", at(3, "07:00"), 2)
    walk.parcel("delivered", at(3, "13:00"), 2)
    walk.run_to(at(5))
    first, second = sorted(walk.world.journeys.values(), key=lambda one: str(one.order_id))
    assert (first.status, second.status) == (JourneyStatus.LIVE, JourneyStatus.COMPLETED)
    assert walk.templates().count("delivery_today") == 1


def test_a_parcel_that_arrives_unannounced_ends_its_news() -> None:
    walk = Walk.through("delivery-news")
    walk.orders(at(0))
    walk.parcel("shipped", at(1))
    walk.parcel("delivered", at(3))
    walk.run_to(at(60))
    assert walk.templates() == ["delivery_shipped"]
    assert walk.journey.reason == "order.delivered"


def test_a_delay_is_told_once_and_only_while_it_matters() -> None:
    walk = Walk.through("delivery-delay", sms=True)
    walk.orders(at(0))
    walk.parcel("delayed", at(3))
    walk.parcel("delayed", at(4))
    walk.parcel("delivered", at(5))
    walk.run_to(at(9))
    assert walk.sent == [(at(3), "email", "delivery_delayed"), (at(3), "sms", "delivery_delayed")]
    late = Walk.through("delivery-delay")
    late.orders(at(0))
    late.parcel("delivered", at(3))
    late.parcel("delayed", at(3, "11:30"))
    late.run_to(at(9))
    assert late.sent == []


def test_satisfaction_is_asked_two_days_after_the_last_parcel() -> None:
    walk = Walk.through("satisfaction-survey")
    walk.orders(at(0))
    walk.parcel("delivered", at(4, "15:00"))
    walk.refunds(20, at(5))
    walk.run_to(at(60))
    assert walk.sent == [(at(7, "10:00"), "email", "satisfaction_ask")]


def test_satisfaction_waits_while_a_ticket_is_open_but_not_for_ever() -> None:
    for solved, asked in ((at(12, "15:00"), True), (at(40, "15:00"), False)):
        walk = Walk.through("satisfaction-survey")
        walk.orders(at(0))
        walk.ticket_is("open", at(3))
        walk.parcel("delivered", at(4, "15:00"))
        walk.ticket_is("solved", solved)
        walk.run_to(at(60))
        assert walk.sent == ([(solved, "email", "satisfaction_ask")] if asked else [])


def test_whoever_opens_a_ticket_is_asked_about_the_help_and_not_about_the_order() -> None:
    walk = Walk.through("satisfaction-survey", "effort-survey")
    walk.orders(at(0))
    walk.parcel("delivered", at(4, "15:00"))
    walk.ticket_is("open", at(5))
    walk.ticket_is("solved", at(6))
    walk.run_to(at(60))
    assert walk.sent == [(at(7), "email", "effort_ask")]


def test_satisfaction_is_not_asked_of_a_full_refund() -> None:
    walk = Walk.through("satisfaction-survey")
    walk.orders(at(0))
    walk.parcel("delivered", at(4))
    walk.refunds(50, at(5))
    walk.run_to(at(60))
    assert walk.sent == []


@pytest.mark.parametrize(("sms", "channel"), [(True, "sms"), (False, "email")])
def test_a_review_is_asked_for_and_reminded_of_once(sms: bool, channel: str) -> None:
    walk = Walk.through("review-request", sms=sms)
    walk.orders(at(0))
    walk.parcel("delivered", at(4, "09:00"))
    walk.run_to(at(60))
    assert walk.sent == [
        (at(14, "10:00"), "email", "review_request"),
        (at(21, "10:00"), channel, "review_reminder"),
    ]


def test_whoever_has_reviewed_anything_is_not_reminded() -> None:
    walk = Walk.through("review-request")
    walk.orders(at(0))
    walk.parcel("delivered", at(4, "09:00"))
    walk.run_to(at(15))
    walk.happens("review.submitted", at(16), data={"rating": 4})
    walk.run_to(at(60))
    assert walk.templates() == ["review_request"]
    assert walk.journey.goal_at == at(16)
    assert walk.journey.reason == "no reminder needed"
    assert walk.tasks() == []


def test_one_or_two_stars_bring_help_and_change_nothing_else() -> None:
    walk = Walk.through("review-request")
    walk.orders(at(0))
    walk.parcel("delivered", at(4, "09:00"))
    walk.happens("review.submitted", at(16), data={"rating": 1})
    (task,) = walk.tasks()
    assert task.script == "review_rescue"
    walk.run_to(at(60))
    assert walk.templates() == ["review_request"]


def test_no_review_is_asked_for_after_money_back_or_of_a_gift() -> None:
    whole = Walk.through("review-request")
    whole.orders(at(0))
    whole.parcel("delivered", at(4))
    whole.refunds(50, at(6))
    gift = Walk.through("review-request")
    gift.orders(at(0), is_gift=True)
    gift.parcel("delivered", at(4))
    for walk in (whole, gift):
        walk.run_to(at(60))
        assert walk.sent == []


def test_what_was_kept_is_still_asked_about_after_a_part_went_back() -> None:
    walk = Walk.through("review-request")
    walk.orders(at(0))
    walk.parcel("delivered", at(4))
    walk.refunds(20, at(6))
    walk.run_to(at(60))
    assert walk.templates() == ["review_request", "review_reminder"]


def test_a_reminder_lets_the_first_request_for_another_order_go_first() -> None:
    walk = Walk.through("review-request")
    for number, day in ((1, 0), (2, 8)):
        walk.orders(at(day), number)
        walk.parcel("delivered", at(day + 4, "09:00"), number)
    walk.run_to(at(60))
    assert walk.templates() == ["review_request", "review_request", *["review_reminder"] * 2]


def test_a_review_waits_for_an_open_ticket() -> None:
    walk = Walk.through("review-request")
    walk.orders(at(0))
    walk.parcel("delivered", at(4, "09:00"))
    walk.ticket_is("open", at(5))
    walk.ticket_is("solved", at(20, "16:00"))
    walk.run_to(at(21))
    assert walk.sent == [(at(20, "16:00"), "email", "review_request")]


def _three_orders(walk: Walk) -> dict[str, VerdictCode]:
    for number in (1, 2):
        walk.orders(at(-40 + number), number)
    return walk.orders(at(0), 3)


def test_the_third_order_earns_a_gift_once() -> None:
    walk = Walk.through("third-order")
    walk.now = at(-60)
    walk.spare("third-order")
    assert _three_orders(walk) == {"third-order": ENTERED}
    walk.parcel("delivered", at(4, "15:00"), 3)
    walk.run_to(at(20))
    assert walk.sent == [(at(8, "10:00"), "email", "third_order_gift")]
    assert walk.world.customer.tags == ("third-order-gift",)
    walk.cancels(at(21), 1)
    assert walk.orders(at(22), 4) == {"third-order": VerdictCode.FILTER}
    assert next(iter(walk.world.journeys.values())).goal_at == at(22)


def test_no_gift_for_what_was_cancelled_or_held_out() -> None:
    cancelled = Walk.through("third-order")
    cancelled.spare("third-order")
    cancelled.now = at(-60)
    _three_orders(cancelled)
    cancelled.cancels(at(1), 3)
    held = Walk.through("third-order")
    held.spare("third-order", held=True)
    held.now = at(-60)
    assert _three_orders(held) == {"third-order": VerdictCode.HELD_OUT}
    for walk in (cancelled, held):
        walk.run_to(at(60))
        assert walk.sent == []


def test_one_order_through_all_campaigns_keeps_the_caps() -> None:
    walk = Walk.through(*live(), sms=True)
    walk.spare("cross-sell")
    walk.orders(at(0))
    walk.parcel("shipped", at(1))
    walk.parcel("out_for_delivery", at(3, "07:30"))
    walk.parcel("delivered", at(3, "12:00"))
    walk.run_to(at(60))
    assert set(walk.templates()) == {
        "thank_you",
        "onboarding_welcome",
        "onboarding_first_days",
        "onboarding_nearby",
        "delivery_shipped",
        "delivery_today",
        "delivery_arrived",
        "satisfaction_ask",
        "review_request",
        "review_reminder",
        "second_order",
    }
    moments = sorted(
        contact.at for contact in walk.world.contacts if contact.purpose == "marketing"
    )
    assert len(moments) == 7
    gap = policy().min_gap
    assert gap is not None
    least = timedelta(days=gap.days, seconds=gap.seconds)
    assert all(later - sooner >= least for sooner, later in pairwise(moments))
