"""Win-back: three steps at most, each way out of them, and who is left in peace."""

from datetime import datetime

import pytest

from engine.core.coupon import coupons_of
from engine.core.decision import DecisionKind, VerdictCode
from tests.library.walk import Walk, at
from tests.programs.offers import Pool
from triggers.event import ConsentFact

ENTERED = VerdictCode.ENTERED
YEAR = 365
FIRST, SECOND = at(95, "10:00"), at(105, "10:00")
LAST = at(119, "10:00")  # eleven days for the answer, and three more


def lapsed(*codes: str, email: bool = True) -> Walk:
    """A customer who ordered once, 95 days before their win-back begins."""
    walk = Walk.through("win-back", "win-back-sunset", email=email)
    walk.shared = Pool(list(codes))
    walk.spare("win-back")
    walk.orders(at(0, "09:00"))
    return walk


def entered(*codes: str) -> Walk:
    walk = lapsed(*codes)
    assert walk.fires("win-back", FIRST) is ENTERED
    return walk


def reported(walk: Walk, when: datetime, *steps: str, what: str) -> None:
    walk.run_to(when)
    for step in steps:
        walk.journey.results[step][what] = True


def test_without_codes_the_third_step_is_a_farewell() -> None:
    walk = entered()
    walk.run_to(at(YEAR))
    assert walk.sent == [
        (FIRST, "email", "win_back"),
        (SECOND, "email", "win_back_question"),
        (LAST, "email", "win_back_last"),
    ]
    assert coupons_of(walk.world) == []


def test_with_codes_the_third_step_is_a_reason_to_come_back() -> None:
    walk = entered("BACK-1", "BACK-2")
    walk.run_to(at(YEAR))
    assert walk.templates() == ["win_back", "win_back_question", "win_back_offer"]
    (coupon,) = coupons_of(walk.world)
    assert (coupon.code, coupon.campaign, coupon.step) == ("BACK-1", "win-back", "gift")


def test_nobody_is_won_back_twice_within_half_a_year() -> None:
    walk = lapsed()
    codes = {day: walk.fires("win-back", at(day, "10:00")) for day in (89, 90, 91, 120)}
    assert codes == {
        89: VerdictCode.FILTER,
        90: ENTERED,
        91: VerdictCode.ALREADY_IN,
        120: VerdictCode.RE_ENTRY,
    }
    walk.orders(at(121), 2)
    assert walk.fires("win-back", at(215, "10:00")) is VerdictCode.RE_ENTRY
    walk.orders(at(216), 3)
    assert walk.fires("win-back", at(310, "10:00")) is ENTERED


@pytest.mark.parametrize(("day", "sent"), [(96, 1), (110, 2), (118, 2)])
def test_an_order_ends_it_at_any_step(day: int, sent: int) -> None:
    walk = entered("BACK-1")
    walk.orders(at(day), 2)
    walk.run_to(at(YEAR))
    assert len(walk.sent) == sent
    (journey,) = (one for one in walk.world.journeys.values() if one.campaign == "win-back")
    assert (journey.reason, journey.goal_at) == ("order.placed", at(day))
    assert coupons_of(walk.world) == []


def test_a_ticket_ends_it() -> None:
    walk = entered()
    walk.ticket_is("open", at(97))
    walk.run_to(at(YEAR))
    assert walk.templates() == ["win_back"]
    assert walk.journey.reason == "profile_filter"


@pytest.mark.parametrize("score", [1, 2])
def test_who_was_not_satisfied_is_called_and_gets_no_advertising(score: int) -> None:
    walk = entered("BACK-1")
    walk.answers("csat", score, at(107))
    walk.run_to(at(YEAR))
    assert walk.templates() == ["win_back", "win_back_question"]
    (task,) = walk.tasks()
    assert (task.queue, task.campaign) == ("support", "win-back")
    assert walk.journey.reason == "was not satisfied, a person calls"


def test_who_answers_well_has_the_last_mail_three_days_later() -> None:
    walk = entered("BACK-1")
    walk.answers("csat", 4, at(107, "15:00"))
    walk.run_to(at(YEAR))
    assert walk.sent[-1] == (at(111, "10:00"), "email", "win_back_offer")
    assert walk.tasks() == []


def test_who_opens_nothing_is_spared_the_last_mail_until_they_order() -> None:
    walk = entered("BACK-1")
    reported(walk, at(100), "reminder", what="delivered")
    reported(walk, at(110), "question", what="delivered")
    walk.run_to(at(150))
    assert walk.templates() == ["win_back", "win_back_question"]
    assert walk.world.customer.tags == ("sunset",)
    assert walk.journey.reason == "opens none of our mails"
    walk.orders(at(151), 2)
    walk.run_to(at(152))
    assert "sunset" not in walk.world.customer.tags


@pytest.mark.parametrize(
    ("step", "what"),
    [
        ("reminder", "opened"),
        ("reminder", "clicked"),
        ("question", "opened"),
        ("question", "clicked"),
    ],
)
def test_one_opening_is_enough_to_be_written_to_again(step: str, what: str) -> None:
    walk = entered()
    reported(walk, at(110), "reminder", "question", what="delivered")
    reported(walk, at(110), step, what=what)
    walk.run_to(at(150))
    assert walk.templates()[-1] == "win_back_last"
    assert walk.world.customer.tags == ()


def test_a_coupon_that_cannot_be_told_goes_back_to_its_pool() -> None:
    walk = entered("BACK-1")
    walk.run_to(at(118))
    walk.says(at(118, "12:00"), consent={"email": ConsentFact(status="unsubscribed")})
    walk.run_to(at(YEAR))
    assert walk.templates() == ["win_back", "win_back_question"]
    assert DecisionKind.DROPPED in walk.kinds()
    assert isinstance(walk.shared, Pool)
    assert walk.shared.free == ["BACK-1"]
    assert [one.status for one in coupons_of(walk.world)] == ["released"]


def test_a_tenth_is_held_out_and_nobody_is_asked_without_consent() -> None:
    held, silent = lapsed(), lapsed(email=False)
    held.spare("win-back", held=True)
    outcomes = []
    for walk in (held, silent):
        outcomes.append(walk.fires("win-back", FIRST))
        walk.run_to(at(YEAR))
        assert walk.sent == []
    assert outcomes == [VerdictCode.HELD_OUT, VerdictCode.FILTER]
