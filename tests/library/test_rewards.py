"""Referrals and loyalty: who is invited, what is told of rewards, and what ends the telling."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from engine.core.coupon import coupons_of
from engine.core.decision import VerdictCode
from engine.core.identity import OWN_SOURCE
from engine.core.journey import next_due
from engine.core.points import loyalty_page
from tests.library.walk import Walk, at
from triggers.event import LineFacts

ENTERED = VerdictCode.ENTERED
FILTER = VerdictCode.FILTER


def invited(**facts: object) -> Walk:
    """A customer whose second order arrives on the fourth day."""
    walk = Walk.through("referral-invite")
    walk.now = at(-60)
    walk.orders(at(-50), 1)
    walk.orders(at(0), 2, **facts)
    assert walk.parcel("delivered", at(4, "15:00"), 2) == {"referral-invite": ENTERED}
    return walk


def test_who_came_back_is_invited_and_reminded_once() -> None:
    walk = invited()
    walk.run_to(at(120))
    assert walk.sent == [
        (at(26, "10:00"), "email", "referral_invite"),
        (at(40, "10:00"), "email", "referral_reminder"),
    ]


def test_who_has_opened_their_link_is_not_reminded() -> None:
    walk = invited()
    walk.run_to(at(30))
    walk.journey.results["invite"]["clicked"] = True
    walk.run_to(at(120))
    assert walk.templates() == ["referral_invite"]


def test_a_friend_who_buys_makes_the_reminder_needless() -> None:
    walk = invited()
    walk.happens("referral.converted", at(35), data={"program": "friends"})
    walk.run_to(at(120))
    assert walk.templates() == ["referral_invite"]
    assert walk.journey.goal_at == at(35)


@pytest.mark.parametrize("day", [10, 30])
def test_an_order_paid_back_ends_the_invitation(day: int) -> None:
    walk = invited()
    walk.refunds(50, at(day), 2)
    walk.run_to(at(120))
    assert walk.templates() == (["referral_invite"] if day == 30 else [])
    assert walk.journey.reason == "order.refunded"


def test_an_open_ticket_makes_the_invitation_wait() -> None:
    walk = invited()
    walk.ticket_is("open", at(20))
    walk.ticket_is("solved", at(29, "16:00"))
    walk.run_to(at(35))
    assert walk.sent == [(at(29, "16:00"), "email", "referral_invite")]


@pytest.mark.parametrize(
    ("kind", "score", "verdict"),
    [("nps", 6, FILTER), ("nps", 7, ENTERED), ("csat", 3, FILTER), ("csat", 4, ENTERED)],
)
def test_who_is_not_content_is_not_asked(kind: str, score: int, verdict: VerdictCode) -> None:
    walk = Walk.through("referral-invite")
    walk.now = at(-60)
    for number in (1, 2):
        walk.orders(at(-50 + number), number)
    walk.answers(kind, score, at(1))
    assert walk.parcel("delivered", at(4), 2) == {"referral-invite": verdict}


def test_neither_first_orders_nor_gifts_bring_an_invitation() -> None:
    walk = Walk.through("referral-invite")
    walk.orders(at(0), 1)
    assert walk.parcel("delivered", at(2), 1) == {"referral-invite": FILTER}
    walk.orders(at(3), 2, is_gift=True)
    assert walk.parcel("delivered", at(5), 2) == {"referral-invite": FILTER}


def converts(walk: Walk, day: int) -> None:
    """A friend's order has passed its return window: told by the referral program itself."""
    data = {"program": "friends", "code": "K7QFM2XD9T", "offer": "friend_thanks"}
    walk.happens("referral.converted", at(day), source=OWN_SOURCE, data=data)


def test_the_one_who_brought_a_friend_has_a_coupon_and_hears_of_it() -> None:
    walk = Walk.through("referral-thanks")
    converts(walk, 1)
    walk.run_to(at(10))
    assert walk.sent == [(at(1), "email", "referral_thanks")]
    assert [one.offer for one in coupons_of(walk.world)] == ["friend_thanks"]
    assert walk.world.customer.tags == ("brought-a-friend",)
    converts(walk, 20)
    walk.run_to(at(30))
    assert walk.templates() == ["referral_thanks"] * 2


def test_a_reward_that_cannot_be_told_is_kept_and_marked() -> None:
    walk = Walk.through("referral-thanks", email=False)
    converts(walk, 1)
    walk.run_to(at(10))
    assert walk.sent == []
    assert set(walk.world.customer.tags) == {"brought-a-friend", "reward-untold"}
    assert [one.status for one in coupons_of(walk.world)] == ["issued"]


def test_a_first_delivery_welcomes_to_the_loyalty_program_once() -> None:
    walk = Walk.through("loyalty-welcome")
    walk.orders(at(0))
    walk.parcel("delivered", at(3, "15:00"))
    walk.run_to(at(20))
    assert walk.sent == [(at(4, "10:00"), "email", "loyalty_welcome")]
    page = loyalty_page(walk.world)
    assert (page["balance"], page["pending"]) == (50, 150)  # a gift; the order and its bonus
    walk.orders(at(21), 2)
    assert walk.parcel("delivered", at(24), 2) == {"loyalty-welcome": VerdictCode.RE_ENTRY}


def test_no_welcome_and_no_points_when_all_is_paid_back_that_night() -> None:
    walk = Walk.through("loyalty-welcome")
    walk.orders(at(0))
    walk.parcel("delivered", at(3, "15:00"))
    walk.refunds(50, at(3, "20:00"))
    walk.run_to(at(60))
    assert walk.sent == []
    assert loyalty_page(walk.world).get("balance", 0) == 0


def test_nobody_gets_points_that_they_are_not_told_of() -> None:
    walk = Walk.through("loyalty-welcome", email=False)
    walk.orders(at(0))
    walk.parcel("delivered", at(3, "15:00"))
    walk.run_to(at(20))
    assert walk.sent == []
    assert loyalty_page(walk.world)["balance"] == 0


def _spends(walk: Walk, amount: int, day: int, number: int = 1) -> None:
    lines = (LineFacts(id="a", title="Pot", quantity=1, price=Decimal(amount)),)
    walk.orders(at(day), number, total=Decimal(amount), lines=lines)
    walk.parcel("delivered", at(day + 2), number)


def test_a_tier_is_told_the_morning_after_it_is_reached() -> None:
    walk = Walk.through("loyalty-tier")
    _spends(walk, 600, 0)
    walk.run_to(at(80))
    reached = at(2) + timedelta(days=30)
    (sent,) = walk.sent
    assert sent[1:] == ("email", "loyalty_tier")
    assert timedelta(0) <= sent[0] - reached <= timedelta(days=1)
    assert loyalty_page(walk.world)["tier"] == "silver"


def test_a_tier_that_is_lost_again_before_the_morning_is_not_told() -> None:
    walk = Walk.through("loyalty-tier")
    _spends(walk, 600, 0)
    while not walk.world.journeys:
        walk.run_to(walk.now + timedelta(hours=1))
    account = walk.world.books["points", "account"]
    walk.world.write(replace(account, data={**account.data, "tier": None}))
    walk.run_to(at(80))
    assert walk.sent == []
    assert walk.journey.reason == "profile_filter"
    assert next_due(walk.world, at(80)) is None


def expiring(*, sms: bool = False) -> Walk:
    """Points of the year's first day, with the warning of their expiry just told."""
    walk = Walk.through("loyalty-expiring", sms=sms)
    _spends(walk, 500, 0)
    while not walk.world.journeys:
        assert walk.now < at(400)
        walk.run_to(walk.now + timedelta(days=1))
    return walk


@pytest.mark.parametrize(("sms", "channel"), [(True, "sms"), (False, "email")])
def test_points_are_warned_of_a_month_and_a_week_before_they_expire(
    sms: bool, channel: str
) -> None:
    walk = expiring(sms=sms)
    ends = datetime.fromisoformat(loyalty_page(walk.world)["expires_at"])
    walk.run_to(at(500))
    first, second = walk.sent
    assert first[1:] == ("email", "points_expiring")
    assert second[1:] == (channel, "points_last_days")
    assert 29 <= (ends - first[0]).days <= 30
    assert 5 <= (ends - second[0]).days <= 7
    assert loyalty_page(walk.world)["balance"] == 0


def test_an_order_keeps_the_points_and_ends_the_warnings() -> None:
    walk = expiring()
    balance = loyalty_page(walk.world)["balance"]
    walk.orders(walk.now + timedelta(days=3), 2)
    walk.run_to(at(460))
    assert walk.templates() == ["points_expiring"]
    assert walk.journey.reason == "order.placed"
    assert loyalty_page(walk.world)["balance"] >= balance >= 600


def test_points_that_are_spent_are_not_warned_of_again() -> None:
    walk = expiring()
    walk.happens("points.redeem", walk.now + timedelta(days=3), data={"offer": "five_off"})
    walk.run_to(at(500))
    assert walk.templates() == ["points_expiring"]
    assert walk.journey.reason == "points.redeemed"
    assert [one.offer for one in coupons_of(walk.world)] == ["five_off"]


def test_whatever_else_moves_the_date_ends_the_warnings_too() -> None:
    walk = expiring()
    walk.happens("points.adjust", walk.now + timedelta(days=3), data={"points": 10})
    walk.run_to(walk.now + timedelta(days=60))
    assert walk.templates() == ["points_expiring"]
    assert walk.journey.reason == "profile_filter"
