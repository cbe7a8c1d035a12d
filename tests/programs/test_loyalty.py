"""What the loyalty program does, rule by rule."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.core.book import Record
from tests.programs.loyalty_member import DAY, T0, Member, event, order, refund
from triggers.event import LineFacts, LineQuantity

WINDOW: dict[str, Any] = {"pending": "30d"}
NOW: dict[str, Any] = {"pending": {"after_delivery": "0s", "after_order": "0s"}}
TIERS = [
    {"id": "silver", "name": "Silver", "points": 100, "period": "365d", "grace": "30d"},
    {"id": "gold", "name": "Gold", "points": 300, "period": "365d", "grace": "30d", "times": 2},
]


def test_points_wait_until_nothing_can_come_back() -> None:
    ann = Member(pending={"after_delivery": "30d", "after_order": "60d"})
    ann.tell(order(total="99.90"))
    assert (ann.page["balance"], ann.page["pending"]) == (0, 99)
    ann.run_to(T0 + 5 * DAY)
    ann.tell(event("order.delivered", at=ann.now, order="1"))
    ann.run_to(T0 + 34 * DAY)
    assert ann.page["balance"] == 0
    ann.run_to(T0 + 36 * DAY)
    assert (ann.page["balance"], ann.page["pending"]) == (99, 0)
    assert ann.heard("points.earned") == [99]


def test_without_delivery_they_count_from_the_order_once_it_is_paid() -> None:
    ann = Member(pending={"after_delivery": "30d", "after_order": "60d"})
    ann.tell(order(kind="order.placed", paid_at=None))
    ann.run_to(T0 + 90 * DAY)
    assert (ann.page["balance"], ann.page["pending"]) == (0, 100)
    ann.tell(event("order.paid", at=ann.now, order="1"))
    assert (ann.page["balance"], ann.page["pending"]) == (100, 0)


def test_an_open_return_holds_the_points_back() -> None:
    ann = Member(**WINDOW)
    ann.tell(order(has_open_return=True))
    ann.run_to(T0 + 40 * DAY)
    assert ann.page["pending"] == 100
    closed = order(kind="order.updated", has_open_return=False, updated_at=ann.now)
    ann.tell(closed)
    assert ann.page["balance"] == 100


@pytest.mark.parametrize(("rounding", "kept"), [("down", 6), ("nearest", 7), ("up", 7)])
def test_what_is_kept_of_an_order_is_rounded_once(rounding: str, kept: int) -> None:
    ann = Member(rounding=rounding, **WINDOW)
    ann.tell(order(total="10.00"))
    ann.tell(refund("1", "3.33"))
    ann.tell(refund("1", "3.33"))  # told twice
    assert ann.page["pending"] == kept
    ann.tell(refund("1", "6.67", number="2"))
    assert ann.page["pending"] == 0


def test_an_amount_that_is_only_spelled_otherwise_is_no_difference() -> None:
    ann = Member(**WINDOW)
    ann.tell(order(total="250.00"))
    ann.tell(refund("1", "5.00"))
    ann.world.orders["shop:1"].total = Decimal(250)  # as the database gives it back
    ann.tell(order(total="250", kind="order.updated"))
    assert [(line.key, line.pending) for line in ann.lines] == [
        ("order:shop:1", 250), ("refund:shop:1:1", -5),
    ]  # fmt: skip


def test_points_that_a_campaign_gave_for_an_order_count_once_towards_a_tier() -> None:
    ann = Member(actions=[{"event": "review.submitted", "points": 1}], tiers=TIERS, **WINDOW)
    for number in range(9):  # so many entries that they are read on, not anew
        ann.tell(event("review.submitted", number))
    hour = timedelta(hours=1)
    ann.tell(order(total="60.00", at=T0 + hour))
    given = {"kind": "award", "points": 30, "order": "shop:1", "exact": "30", "reason": "thanks"}
    ann.world.write(Record(book="points", key="award:j:s", at=T0 + 2 * hour, data=given))
    assert (ann.ledger.balance, ann.ledger.pending) == (39, 60)
    ann.run_to(T0 + 31 * DAY)
    assert (ann.ledger.balance, ann.page["tier"], ann.page["missing_points"]) == (99, None, 1)


def test_a_refunded_line_takes_its_own_points() -> None:
    ann = Member(products=[{"product": "pot", "times": 3}, {"sku": "TEA", "bonus": 5}], **WINDOW)
    lines = [
        LineFacts(id="a", product_id="pot", quantity=1, price=Decimal(40)),
        LineFacts(id="b", sku="TEA", quantity=2, price=Decimal(10)),
    ]
    ann.tell(order(total="70.00", subtotal=Decimal(60), lines=lines))
    assert ann.page["pending"] == 3 * 40 + 20 + 10
    ann.tell(refund("1", "15.00", lines=(LineQuantity(line_id="b", quantity=1),)))
    assert ann.page["pending"] == 3 * 40 + 10 + 5
    ann.tell(refund("1", None, number="2", lines=(LineQuantity(line_id="a", quantity=1),)))
    assert ann.page["pending"] == 15


@pytest.mark.parametrize("kind", ["order.cancelled", "order.returned", "order.disputed"])
def test_a_lost_order_earns_nothing(kind: str) -> None:
    ann = Member(first_order=50, **NOW)
    ann.tell(order())
    assert ann.page["balance"] == 150
    ann.tell(event(kind, at=ann.now, order="1"))
    ann.tell(event(kind, 2, at=ann.now, order="1"))
    assert (ann.page["balance"], ann.page["debt"]) == (0, 0)


def test_tests_and_history_earn_nothing() -> None:
    ann = Member(first_order=50, **NOW)
    ann.tell(order("0", is_test=True))
    ann.tell(order("1"), backfill=True)
    assert ann.page["balance"] == 0
    ann.tell(order("2", at=T0 + DAY))
    assert ann.page["balance"] == 100  # and no bonus: it was not the first
    assert [one.type for one in ann.told] == ["points.earned"]


def test_an_edited_order_is_booked_by_the_difference() -> None:
    ann = Member(**WINDOW)
    ann.tell(order(total="100.00"))
    before = dict(ann.world.books)
    ann.tell(order(kind="order.updated", total="120.00", updated_at=T0 + DAY))
    assert ann.page["pending"] == 120
    for place, record in before.items():
        if place[1] != "account":
            assert ann.world.books[place].data == record.data  # entries are never rewritten


def test_only_so_many_actions_count_in_a_time() -> None:
    rule = {"event": "review.submitted", "points": 20, "at_most": 2, "per": "30d"}
    ann = Member(actions=[rule])
    for number in range(4):
        ann.tell(event("review.submitted", number, at=T0 + number * DAY))
    assert ann.page["balance"] == 40
    ann.tell(event("review.submitted", 9, at=T0 + 31 * DAY))
    assert ann.page["balance"] == 60
    assert ann.heard("points.earned") == [20, 20, 20]


def test_birthdays_and_anniversaries_give_points_once_a_year() -> None:
    ann = Member(birthday=30, anniversary=10, orders=None)
    ann.world.customer.birthday = date(1990, 2, 28)
    ann.tell(order())
    ann.run_to(T0 + 370 * DAY)
    assert [line.data["reason"] for line in ann.lines if line.points] == [
        "birthday", "anniversary",
    ]  # fmt: skip
    ann.run_to(T0 + 740 * DAY)
    assert ann.page["balance"] == 80


def test_a_tier_is_told_once_a_rise_and_lost_after_its_grace() -> None:
    ann = Member(tiers=TIERS, **NOW)
    ann.tell(order("1", "120.00"))
    assert (ann.page["tier"], ann.page["next_tier"], ann.page["missing_points"]) == (
        "silver", "gold", 180,
    )  # fmt: skip
    ann.run_to(T0 + 100 * DAY)
    ann.tell(order("2", "200.00", at=ann.now))
    assert ann.heard("tier.reached") == ["silver", "gold"]
    ann.run_to(T0 + 394 * DAY)
    assert ann.page["tier"] == "gold"  # the first order counts no more, and grace began
    ann.run_to(T0 + 396 * DAY)
    assert ann.page["tier"] == "silver"
    ann.tell(order("3", "100.00", at=ann.now))
    assert ann.page["tier"] == "gold"
    assert ann.heard("tier.reached") == ["silver", "gold", "gold"]
    told = [line.data["change"] for line in ann.lines if line.kind == "tier"]
    assert told == ["rose", "rose", "grace", "fell", "rose"]


def test_a_tier_regained_within_its_grace_is_not_told_again() -> None:
    ann = Member(tiers=TIERS, **NOW)
    ann.tell(order("1", "120.00"))
    ann.run_to(T0 + 370 * DAY)
    ann.tell(order("2", "150.00", at=ann.now))
    ann.run_to(T0 + 500 * DAY)
    assert (ann.page["tier"], ann.heard("tier.reached")) == ("silver", ["silver"])


def test_a_tier_earns_more_and_spend_can_make_one() -> None:
    tiers = [{"id": "vip", "name": "VIP", "spend": 150, "times": "1.5"}]
    ann = Member(tiers=tiers, tags=[{"tag": "staff", "times": 0}], **NOW)
    ann.tell(order("1", "150.00"))
    ann.tell(order("2", "100.00", at=T0 + DAY))
    assert (ann.page["tier"], ann.page["balance"]) == ("vip", 300)
    ann.world.customer.tags = ("staff",)
    ann.tell(order("3", "100.00", at=T0 + 2 * DAY))
    assert ann.page["balance"] == 300


def test_rewards_take_points_that_are_there() -> None:
    ann = Member(redeem={"five_off": 50, "fifty_off": 500}, **NOW)
    ann.tell(order("1", "80.00"))
    for number, points in enumerate((50, 50, 500, 7)):
        ask = event("points.redeem", number, at=ann.now, points=points)
        ann.tell(ask)
        ann.tell(ask)
    (told,) = [one for one in ann.told if one.type == "points.redeemed"]
    assert (told.data["points"], told.data["offer"], told.data["balance"]) == (50, "five_off", 30)
    refusals = [line.data["reason"] for line in ann.lines if line.kind == "refused"]
    assert sorted(refusals) == ["no_such_reward", "not_enough_points", "not_enough_points"]
    assert ann.page["balance"] == 30


@pytest.mark.parametrize(("negative", "shown"), [(False, 0), (True, -50)])
def test_points_spent_and_taken_back_are_a_debt(negative: bool, shown: int) -> None:
    ann = Member(redeem={"five_off": 50}, allow_negative=negative, **NOW)
    ann.tell(order("1", "80.00"))
    ann.tell(event("points.redeem", at=ann.now, points=50))
    ann.tell(event("order.cancelled", at=ann.now, order="1"))
    assert (ann.page["balance"], ann.page["debt"]) == (shown, 50)
    ann.tell(order("2", "70.00", at=T0 + DAY))
    assert (ann.page["balance"], ann.page["debt"]) == (20, 0)


def test_a_person_gives_and_takes_but_not_below_zero() -> None:
    ann = Member()
    ann.tell(event("points.adjust", 1, points=30, note="goodwill"))
    ann.tell(event("points.adjust", 2, points=-40))
    ann.tell(event("points.adjust", 3, points=-30))
    assert [line.points for line in ann.lines] == [30, 0, -30]


def test_points_expire_after_one_warning_unless_something_happens() -> None:
    ann = Member(expire={"after": "100d", "warn": "20d"}, **NOW)
    ann.tell(order("1", "60.00"))
    ann.run_to(T0 + 81 * DAY)
    assert ann.heard("points.expiring") == [60]
    ann.tell(order("2", "40.00", at=ann.now))
    ann.run_to(T0 + 179 * DAY)
    assert (ann.page["balance"], ann.heard("points.expiring")) == (100, [60, 100])
    ann.run_to(T0 + 182 * DAY)
    assert (ann.page["balance"], ann.page["expires_at"]) == (0, None)
    # What expired is not taken a second time when its order is refunded.
    ann.tell(refund("2", "40.00", at=ann.now))
    assert (ann.page["balance"], ann.page["debt"]) == (0, 0)


def test_nobody_loses_points_unwarned_when_expiry_is_introduced() -> None:
    ann = Member(**NOW)
    ann.tell(order("1", "60.00"))
    ann.run_to(T0 + 400 * DAY)
    later = Member(expire={"after": "100d", "warn": "20d"}, **NOW)
    later.shop.world, later.shop.now = ann.world, ann.now
    later.world.customer.first_name = "Ann"
    later.tell(event("customer.updated", at=ann.now))
    assert later.heard("points.expiring") == [60]
    later.run_to(ann.now + 19 * DAY)
    assert later.page["balance"] == 60
    later.run_to(ann.now + 21 * DAY)
    assert later.page["balance"] == 0


def test_two_customers_who_are_one_have_one_ledger() -> None:
    policy: dict[str, Any] = {"first_order": 50, "tiers": TIERS, **NOW}
    ann, bea = Member("ann", **policy), Member("bea", **policy)
    ann.tell(order("1", "60.00"))
    bea.tell(order("2", "70.00", at=T0 + timedelta(hours=1)))
    assert (ann.page["balance"], bea.page["balance"]) == (110, 120)
    ann.merge(bea)
    assert (ann.page["balance"], ann.page["tier"]) == (180, "silver")  # one first order, not two
