"""How the library listens and helps: surveys, calls, guides, parcels gone wrong."""

from decimal import Decimal
from typing import Any

import pytest

from engine.core.decision import VerdictCode
from engine.core.world import JourneyStatus
from engine.programs.call_tasks import CallTask
from engine.services.batch import OWN_SOURCE
from tests.library.walk import Walk, at, policy
from triggers.event import LineFacts, LineQuantity, OrderFacts, TicketFacts

ENTERED = VerdictCode.ENTERED


def delivered(*names: str, orders: int = 1, **own: Any) -> Walk:
    """Somebody whose last order of so many has arrived on day 4, at 15:00."""
    walk = Walk.through(*names)
    for number in range(1, orders):
        walk.now = at(-200)
        walk.orders(at(-200 + number), number)
    walk.orders(at(0), orders, **own)
    walk.parcel("delivered", at(4, "15:00"), orders)
    return walk


def task_of(walk: Walk) -> CallTask:
    (task,) = walk.tasks()
    return task


# --- Satisfaction with an order -------------------------------------------------------------------


@pytest.mark.parametrize("score", [1, 2])
def test_who_is_not_satisfied_is_called_and_tagged_until_it_is_resolved(score: int) -> None:
    walk = delivered("satisfaction-survey")
    walk.answers("csat", score, at(8, "09:00"), comment="The lid was broken.")
    task = task_of(walk)
    assert (task.script, task.priority, task.queue) == ("csat_rescue", "high", "support")
    assert task.results["ask"]["comment"] == "The lid was broken."
    assert list(walk.world.customer.tags) == ["unhappy"]
    walk.is_called(at(8, "16:00"), "resolved")
    walk.run_to(at(60))
    assert not walk.world.customer.tags
    assert walk.templates() == ["satisfaction_ask"]


def test_who_is_not_satisfied_and_not_reached_is_written_to() -> None:
    walk = delivered("satisfaction-survey")
    walk.answers("csat", 1, at(8, "09:00"))
    walk.is_called(at(10, "16:00"), None)
    walk.run_to(at(60))
    assert walk.templates() == ["satisfaction_ask", "call_missed"]
    assert list(walk.world.customer.tags) == ["unhappy"]


@pytest.mark.parametrize("score", [3, 4, 5, None])
def test_who_is_satisfied_or_silent_is_left_in_peace(score: int | None) -> None:
    walk = delivered("satisfaction-survey")
    if score is not None:
        walk.answers("csat", score, at(8, "09:00"))
    walk.run_to(at(60))
    assert walk.templates() == ["satisfaction_ask"]
    assert walk.tasks() == []
    assert not walk.world.customer.tags
    assert (walk.journey.goal_at is None) is (score is None)


@pytest.mark.parametrize("orders", [1, 2, 3, 4])
def test_each_order_brings_one_survey_at_most(orders: int) -> None:
    walk = delivered("satisfaction-survey", "nps", orders=orders)
    walk.run_to(at(60))
    assert walk.templates() == ["satisfaction_ask" if orders % 2 else "nps_ask"]


# --- Recommendation -------------------------------------------------------------------------------


def asked_to_recommend(score: int | None, **data: Any) -> Walk:
    walk = delivered("nps", orders=2)
    walk.run_to(at(26))
    assert walk.sent == [(at(26, "10:00"), "email", "nps_ask")]
    if score is not None:
        walk.answers("nps", score, at(26, "18:00"), **data)
    return walk


@pytest.mark.parametrize("score", [0, 3, 6])
def test_a_detractor_is_called_within_a_working_day(score: int) -> None:
    walk = asked_to_recommend(score)
    task = task_of(walk)
    assert (task.script, task.priority) == ("nps_rescue", "high")
    # That is a Saturday morning in the store: due before noon on Monday.
    assert at(26, "18:00") < task.due <= at(28, "19:00")
    walk.is_called(at(27, "11:00"), "resolved")
    walk.run_to(at(60))
    assert walk.templates() == ["nps_ask"]


def test_a_detractor_who_is_not_reached_is_written_to() -> None:
    walk = asked_to_recommend(3)
    walk.is_called(at(29), None)
    walk.run_to(at(60))
    assert walk.templates() == ["nps_ask", "call_missed"]


@pytest.mark.parametrize(
    ("score", "comment", "then"),
    [
        (7, None, ["nps_passive"]),
        (8, None, ["nps_passive"]),
        (8, "Parcels are slow.", []),
        (9, None, ["nps_promoter"]),
        (10, "Lovely!", ["nps_promoter"]),
        (None, None, []),
    ],
)
def test_the_others_are_asked_what_was_missing_or_thanked(
    score: int | None, comment: str | None, then: list[str]
) -> None:
    walk = asked_to_recommend(score, **({} if comment is None else {"comment": comment}))
    walk.run_to(at(60))
    assert walk.templates() == ["nps_ask", *then]
    assert walk.tasks() == []


def test_nobody_is_asked_twice_in_half_a_year() -> None:
    walk = asked_to_recommend(9)
    for number, day in ((3, 60), (4, 100), (5, 150), (6, 190)):
        walk.orders(at(day), number)
        verdicts = walk.parcel("delivered", at(day + 3), number)
        even = VerdictCode.RE_ENTRY if day < 180 else ENTERED
        assert verdicts["nps"] is (VerdictCode.FILTER if number % 2 else even)


def test_a_refund_ends_the_question_and_withdraws_the_call() -> None:
    before, after = delivered("nps", orders=2), asked_to_recommend(3)
    before.refunds(50, at(9), 2)
    after.refunds(50, at(27), 2)
    for walk in (before, after):
        walk.run_to(at(60))
        assert walk.journey.reason == "order.refunded"
    assert before.sent == []
    assert task_of(after).state == "cancelled"


# --- Effort ---------------------------------------------------------------------------------------


def solved(*names: str) -> Walk:
    walk = Walk.through(*(names or ("effort-survey",)))
    walk.ticket_is("open", at(0))
    walk.ticket_is("solved", at(1))
    return walk


@pytest.mark.parametrize(("score", "called"), [(1, True), (3, True), (4, False), (7, False)])
def test_a_day_after_the_ticket_the_effort_is_asked(score: int, called: bool) -> None:
    walk = solved()
    walk.answers("ces", score, at(2, "19:00"))
    assert walk.sent == [(at(2), "email", "effort_ask")]
    assert [task.script for task in walk.tasks()] == ["effort_rescue"] * called
    walk.run_to(at(30))
    assert walk.journey.goal_at == at(2, "19:00")


def test_no_effort_is_asked_of_what_is_open_again_or_rated_already() -> None:
    again, rated = solved(), solved()
    again.happens("ticket.reopened", at(1, "15:00"), ticket=TicketFacts(id="9", status="open"))
    rated.happens("ticket.rated", at(1, "15:00"), ticket=TicketFacts(id="9", rating=5),
                  data={"rating": 5})  # fmt: skip
    for walk in (again, rated):
        walk.run_to(at(30))
        assert walk.sent == []
    assert again.journey.reason == "ticket.reopened"
    assert rated.journey.reason == "rated at the help desk already"


# --- The call after a large order -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("orders", "total", "own", "verdict"),
    [
        (1, 60, {}, ENTERED),
        (1, 59, {}, VerdictCode.FILTER),
        (2, 60, {}, VerdictCode.FILTER),
        (2, 120, {}, ENTERED),
        (1, 120, {"is_gift": True}, VerdictCode.FILTER),
    ],
)
def test_large_orders_and_larger_first_ones_are_called_about(
    orders: int, total: int, own: dict[str, Any], verdict: VerdictCode
) -> None:
    walk = Walk.through("delivery-check-in", email=False)
    for number in range(1, orders + 1):
        walk.orders(at(number - 1), number, total=total, **own)
    assert walk.parcel("delivered", at(4), orders) == {"delivery-check-in": verdict}


def large_order(phone: bool = True) -> Walk:
    walk = Walk.through("delivery-check-in", email=False)
    if not phone:
        walk.world.customer.phone = None
    walk.orders(at(0), total=150)
    walk.parcel("delivered", at(3, "15:00"))  # a Thursday
    walk.run_to(at(7, "12:00"))
    return walk


def test_the_call_is_asked_for_on_a_working_day_and_due_within_one() -> None:
    task = task_of(large_order())
    assert task.at == at(7, "10:00")  # Saturday is two days later, Monday the next working day
    assert task.at < task.due <= at(9, "10:00")
    assert large_order(phone=False).tasks() == []


@pytest.mark.parametrize(
    ("outcome", "templates", "tags"),
    [
        ("happy", [], ()),
        ("unhappy", ["check_in_agreed"], ("unhappy",)),
        (None, ["call_missed"], ()),
    ],
)
def test_what_came_of_the_call_decides(
    outcome: str | None, templates: list[str], tags: tuple[str, ...]
) -> None:
    walk = large_order()
    walk.is_called(at(8), outcome)
    walk.run_to(at(30))
    assert (walk.templates(), walk.world.customer.tags) == (templates, tags)
    assert walk.journey.status is JourneyStatus.COMPLETED


def test_who_writes_to_support_or_has_the_money_back_is_not_called() -> None:
    wrote, refunded = large_order(), large_order()
    wrote.ticket_is("open", at(7, "15:00"))
    refunded.refunds(150, at(7, "15:00"))
    for walk in (wrote, refunded):
        walk.run_to(at(30))
        assert task_of(walk).state == "cancelled"
        assert walk.sent == []


# --- Guides ---------------------------------------------------------------------------------------


def guide(sku: str, number: int = 1, walk: Walk | None = None, day: int = 0, **own: Any) -> Walk:
    walk = walk or Walk.through("how-to")
    lines = (LineFacts(id=f"{number}-a", sku=sku, title="It", quantity=1, price=Decimal(50)),)
    walk.orders(at(day), number, lines=lines, **own)
    walk.parcel("delivered", at(day + 3, "15:00"), number)
    walk.run_to(at(day + 20))
    return walk


@pytest.mark.parametrize(
    ("sku", "template"),
    [("COF-500", "how_to_coffee"), ("POT-001", "how_to_coffee"), ("FIL-060", "how_to_spices")],
)
def test_the_guide_follows_from_what_was_bought(sku: str, template: str) -> None:
    assert guide(sku).sent == [(at(4, "10:00"), "email", template)]


def test_no_guide_no_message_and_no_guide_twice() -> None:
    assert guide("HOT-150").sent == []
    assert guide("COF-500", is_gift=True).sent == []
    walk = guide("COF-500")
    guide("COF-500", 2, walk, day=40)
    assert walk.templates() == ["how_to_coffee"]
    guide("GRI-001", 3, walk, day=80)
    assert walk.templates() == ["how_to_coffee", "how_to_spices"]


def test_a_guide_that_the_shop_names_goes_before() -> None:
    own = {"guide_url": "https://shop.example.com/guides/grinder"}
    assert guide("COF-500", attributes=own).templates() == ["how_to_guide"]


# --- Parcels gone wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize("sms", [True, False])
def test_a_vain_attempt_is_told_once_a_parcel(sms: bool) -> None:
    walk = Walk.through("delivery-failed", sms=sms, email=False)
    walk.orders(at(0))
    walk.parcel("failed", at(3))
    walk.parcel("failed", at(4))
    walk.parcel("delivered", at(5))
    walk.run_to(at(9))
    channels = ["email", "sms"] if sms else ["email"]
    assert walk.sent == [(at(3), channel, "delivery_failed") for channel in channels]


def test_a_lost_parcel_is_told_and_given_to_a_person() -> None:
    walk = Walk.through("delivery-lost", "delivery-news", email=False)
    walk.orders(at(0))
    walk.parcel("shipped", at(1))
    walk.parcel("lost", at(10))
    walk.run_to(at(11))
    assert walk.templates() == ["delivery_shipped", "delivery_lost"]
    task = task_of(walk)
    assert (task.script, task.priority) == ("delivery_lost", "high")
    assert task.due < at(12)


@pytest.mark.parametrize("found", [True, False])
def test_what_turns_up_or_is_paid_back_needs_nobody_any_more(found: bool) -> None:
    walk = Walk.through("delivery-lost", email=False)
    walk.orders(at(0))
    walk.parcel("lost", at(10))
    if found:
        walk.parcel("delivered", at(10, "16:00"))
    else:
        walk.refunds(50, at(10, "16:00"))
    walk.run_to(at(30))
    assert task_of(walk).state == "cancelled"
    assert walk.templates() == ["delivery_lost"]


def test_of_two_parcels_the_one_that_was_lost_is_told() -> None:
    walk = Walk.through("delivery-lost", "delivery-arrived", email=False)
    walk.orders(at(0))
    walk.parcel("delivered", at(3), parcel="p1", lines=(LineQuantity(line_id="a", quantity=2),))
    walk.parcel("lost", at(9), parcel="p2", lines=(LineQuantity(line_id="b", quantity=1),))
    walk.run_to(at(30))
    assert walk.sent == [(at(9), "email", "delivery_lost")]


def test_what_arrived_only_by_assumption_is_asked_about_and_not_announced() -> None:
    assert policy().delivery.assume_delivered_after is not None
    walk = Walk.through("delivery-arrived", "delivery-check-in", "satisfaction-survey")
    walk.orders(at(0), total=150)
    walk.parcel("shipped", at(1))
    order = OrderFacts(id="1", source="shop", partial=True)
    data = {"assumed": True, "since": at(1).isoformat()}
    told: dict[str, Any] = {"source": OWN_SOURCE, "order": order, "data": data}
    verdicts = walk.happens("order.delivered", at(15), **told)
    assert verdicts["satisfaction-survey"] is ENTERED
    assert verdicts["delivery-arrived"] is verdicts["delivery-check-in"] is VerdictCode.FILTER
    walk.run_to(at(30))
    assert walk.templates() == ["satisfaction_ask"]
    assert walk.tasks() == []
