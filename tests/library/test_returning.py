"""Cross-sell, replenishment, anniversary and thanks to the best: when, and when not."""

from decimal import Decimal

import pytest

from engine.core.book import Record
from engine.core.campaign import DateTrigger
from engine.core.decision import VerdictCode
from engine.core.shopping import BOOK, PAGE
from tests.library.walk import Walk, at, plan

ENTERED, FILTER = VerdictCode.ENTERED, VerdictCode.FILTER


def counted(walk: Walk) -> Walk:
    """The shop's orders have been counted in some night before."""
    data = {"rfm": [5, 3, 4], "products": []}
    walk.world.write(Record(book=BOOK, key=PAGE, at=at(0), data=data))
    return walk


def shopper(*, count: bool = True) -> Walk:
    walk = Walk.through("cross-sell")
    walk.spare("cross-sell")
    return counted(walk) if count else walk


def test_a_first_order_brings_ideas_and_later_a_nudge() -> None:
    walk = shopper()
    walk.orders(at(0))
    walk.parcel("delivered", at(4, "09:00"))
    walk.run_to(at(80))
    assert walk.sent == [
        (at(18, "10:00"), "email", "cross_sell"),
        (at(39, "10:00"), "email", "second_order"),
    ]


def test_later_orders_bring_ideas_only_and_not_each_of_them() -> None:
    walk = shopper()
    walk.now = at(-60)
    walk.orders(at(-50), 1)
    walk.orders(at(0), 2)
    walk.parcel("delivered", at(4, "09:00"), 2)
    walk.run_to(at(30))
    assert walk.templates() == ["cross_sell"]
    assert walk.journey.reason == "not a first order"
    walk.orders(at(31), 3)
    assert walk.parcel("delivered", at(34), 3) == {"cross-sell": VerdictCode.RE_ENTRY}


def test_before_the_orders_were_counted_nothing_is_suggested() -> None:
    walk = shopper(count=False)
    walk.orders(at(0))
    walk.parcel("delivered", at(4, "09:00"))
    walk.run_to(at(80))
    assert walk.templates() == ["second_order"]


@pytest.mark.parametrize(("day", "sent"), [(10, []), (25, ["cross_sell"])])
def test_who_orders_or_is_paid_back_needs_no_ideas(day: int, sent: list[str]) -> None:
    ordered, refunded = shopper(), shopper()
    for walk in (ordered, refunded):
        walk.orders(at(0))
        walk.parcel("delivered", at(4, "09:00"))
    ordered.orders(at(day), 2)
    refunded.refunds(50, at(day))
    for walk, reason in ((ordered, "order.placed"), (refunded, "order.refunded")):
        walk.run_to(at(80))
        assert walk.templates() == sent
        assert walk.journey.reason == reason
    assert ordered.journey.goal_at == at(day)


def test_gifts_and_the_held_out_tenth_bring_no_ideas() -> None:
    walk = shopper()
    walk.orders(at(0), is_gift=True)
    assert walk.parcel("delivered", at(4)) == {"cross-sell": FILTER}
    walk.spare("cross-sell", held=True)
    walk.orders(at(5), 2)
    assert walk.parcel("delivered", at(9), 2) == {"cross-sell": VerdictCode.HELD_OUT}
    walk.run_to(at(80))
    assert walk.sent == []


DUE = {"product_id": "8801", "title": "Dark roast", "date": "2026-03-25T11:00:00+00:00"}


def runs_out(walk: Walk, day: int = 20, clock: str = "03:00") -> dict[str, VerdictCode]:
    return walk.happens("product.replenish_due", at(day, clock), data=DUE)


@pytest.mark.parametrize(("sms", "clicked"), [(True, False), (True, True), (False, False)])
def test_what_runs_out_is_told_by_mail_and_then_by_text(sms: bool, clicked: bool) -> None:
    walk = Walk.through("replenishment", sms=sms)
    assert runs_out(walk) == {"replenishment": ENTERED}
    walk.run_to(at(21))
    walk.journey.results["mail"]["clicked"] = clicked
    walk.run_to(at(60))
    mail = (at(20, "10:00"), "email", "replenish")
    text = (at(23, "11:00"), "sms", "replenish")
    assert walk.sent == ([mail, text] if sms and not clicked else [mail])


def test_an_order_ends_the_reminders_and_is_their_goal() -> None:
    walk = Walk.through("replenishment", sms=True)
    runs_out(walk)
    walk.orders(at(22))
    walk.run_to(at(60))
    assert walk.templates() == ["replenish"]
    assert (walk.journey.reason, walk.journey.goal_at) == ("order.placed", at(22))


def test_one_mail_stands_for_all_of_a_week_and_none_comes_after_the_sunset() -> None:
    walk = Walk.through("replenishment")
    runs_out(walk)
    assert runs_out(walk, 22) == {"replenishment": VerdictCode.ALREADY_IN}
    assert runs_out(walk, 23, "15:00") == {"replenishment": VerdictCode.RE_ENTRY}
    assert runs_out(walk, 25) == {"replenishment": ENTERED}
    walk.run_to(at(60))
    assert [moment for moment, _, _ in walk.sent] == [at(20, "10:00"), at(25, "10:00")]
    asleep = Walk.through("replenishment")
    asleep.world.customer.tags = ("sunset",)
    assert runs_out(asleep) == {"replenishment": FILTER}


def regular(campaign: str, orders: int, each: int = 80) -> Walk:
    """A customer with so many orders, a month apart, the last one on the first day."""
    walk = Walk.through(campaign)
    walk.spare(campaign)
    walk.now = at(-30 * orders)
    for number in range(1, orders + 1):
        walk.orders(at(30 * (number - orders)), number, total=Decimal(each))
    return walk


def test_the_anniversary_is_that_of_the_first_order() -> None:
    trigger = plan("thanks-anniversary").trigger
    assert isinstance(trigger, DateTrigger)
    assert (trigger.field, trigger.offset_days) == ("customer.first_order_at", 0)
    assert f"{trigger.at:%H:%M}" == "10:00"


def test_who_came_back_is_thanked_on_the_day_and_a_year_later() -> None:
    walk = regular("thanks-anniversary", 2)
    assert walk.fires("thanks-anniversary", at(335, "10:00")) is ENTERED
    assert walk.fires("thanks-anniversary", at(336, "10:00")) is VerdictCode.RE_ENTRY
    walk.orders(at(400), 3)
    assert walk.fires("thanks-anniversary", at(700, "10:00")) is ENTERED
    walk.run_to(at(710))
    assert walk.templates() == ["thanks_anniversary"] * 2


def test_the_day_means_little_to_others() -> None:
    once, gone, asleep = (regular("thanks-anniversary", count) for count in (1, 2, 2))
    asleep.world.customer.tags = ("sunset",)
    assert once.fires("thanks-anniversary", at(300, "10:00")) is FILTER
    assert gone.fires("thanks-anniversary", at(700, "10:00")) is FILTER
    assert asleep.fires("thanks-anniversary", at(300, "10:00")) is FILTER


def test_the_best_customers_are_thanked_once() -> None:
    walk = regular("thanks-vip", 5)
    codes = [walk.fires("thanks-vip", at(day, "10:00")) for day in (1, 8, 15)]
    assert codes == [FILTER, ENTERED, FILTER]
    walk.run_to(at(16))
    assert walk.sent == [(at(8, "10:00"), "email", "thanks_vip")]
    assert walk.world.customer.tags == ("vip",)
    walk.orders(at(400), 6)
    assert walk.fires("thanks-vip", at(410, "10:00")) is FILTER


@pytest.mark.parametrize(("orders", "each", "day"), [(4, 80, 8), (5, 50, 8), (5, 80, 62)])
def test_few_orders_little_money_or_a_long_silence_make_nobody_best(
    orders: int, each: int, day: int
) -> None:
    walk = regular("thanks-vip", orders, each)
    assert walk.fires("thanks-vip", at(day, "10:00")) is FILTER


def test_a_best_customer_with_trouble_is_helped_first() -> None:
    walk = regular("thanks-vip", 5)
    walk.ticket_is("open", at(5))
    assert walk.fires("thanks-vip", at(8, "10:00")) is VerdictCode.PROFILE_FILTER
    walk.ticket_is("solved", at(10))
    assert walk.fires("thanks-vip", at(15, "10:00")) is ENTERED
