"""Requests for reviews: what is left to ask, who goes first, what a review answers."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.durations import Duration, parse
from engine.core.customer import Fulfilment, Line, Order, ParcelStatus, Refund
from engine.core.decision import DecisionKind
from engine.core.message import MessageStatus
from engine.core.reasons import withheld
from engine.core.reviewing import ask_verdict, products_of
from engine.core.step_results import step_fields
from engine.core.verbs import AskReview, Delay, SendEmail
from engine.core.world import Journey, JourneyStatus, Waiting
from engine.programs.program import Programs
from engine.programs.reviews import Reviews
from tests.core.shop import DAY, HOUR, RULES, T0, Shop, plan, transition

ASK = {"kind": AskReview, "id": "ask", "template": "t", "channel": "email"}
REMIND = {**ASK, "id": "remind"}
WEEK = {"kind": Delay, "id": "week", "for_": Duration(days=7)}
AFTER = {"kind": SendEmail, "id": "after", "template": "t2"}
PROGRAMS = Programs((Reviews(),))


def lines(**quantities: int) -> dict[str, Line]:
    return {
        name: Line(id=name, product_id=f"p-{name}", title=name.upper(), quantity=many)
        for name, many in quantities.items()
    }


def shop(*parts: Mapping[str, Any], **more: Any) -> Shop:
    one = Shop.of(plan(*parts, **more), programs=PROGRAMS)
    one.order(lines=lines(a=1, b=2, c=1), total=Decimal(90))
    return one


def review(one: Shop, *, order: str | None = None, key: str = "r", **data: Any) -> None:
    event = transition("review.submitted", one.now, order=order, review_id=key, **data)
    PROGRAMS.follow(one.world, event, one.context)
    one.tell("review.submitted", order=order, review_id=key, **data)
    one.step()


def left(one: Shop, order: str = "shopify:1", *, whole: bool = False) -> list[str]:
    found = products_of(one.world, one.world.orders[order], whole=whole)
    return [product.title for product in found if product.left_out is None]


def why(one: Shop) -> dict[str, str | None]:
    found = products_of(one.world, one.world.orders["shopify:1"])
    return {product.title: product.left_out for product in found}


def test_what_was_delivered_kept_and_not_reviewed_is_asked_for() -> None:
    one = shop(ASK)
    order = one.world.orders["shopify:1"]
    assert why(one) == dict.fromkeys("ABC", "not_delivered")
    one.tell("order.delivered")
    assert left(one) == ["A", "B", "C"]
    order.refunds = {
        **order.refunds,
        "r1": Refund(id="r1", at=T0, amount=Decimal(30), lines={"a": 1, "b": 1}),
    }
    review(one, product_id="p-c", rating=2)
    assert why(one) == {"A": "refunded", "B": None, "C": "reviewed"}  # one piece of b was kept


def test_a_parcel_that_is_still_on_its_way_or_went_back_is_not_asked_for() -> None:
    one = shop(ASK)
    parcels = one.world.orders["shopify:1"].fulfilments = {
        name: Fulfilment(id=name, status=status, at=T0, lines={name: 2})
        for name, status in (("a", ParcelStatus.DELIVERED), ("b", ParcelStatus.SHIPPED))
    }
    assert left(one) == ["A"]
    parcels["a"].status = ParcelStatus.RETURNED
    assert left(one) == []


def test_one_review_is_enough_where_the_order_as_a_whole_is_meant() -> None:
    one = shop(ASK)
    one.tell("order.delivered")
    review(one, product_id="p-a", rating=4)
    assert left(one) == ["B", "C"]
    assert left(one, whole=True) == []
    later = one.order("shopify:2", lines=lines(a=1, d=1), placed_at=T0 + DAY)
    later.facts["delivered"] = T0 + 2 * DAY
    assert left(one, "shopify:2") == ["D"]  # a product is reviewed once
    assert left(one, "shopify:2", whole=True) == ["D"]


def test_nothing_left_to_review_drops_the_message_and_says_why() -> None:
    one = shop(ASK, AFTER)
    one.now = T0 + HOUR
    review(one, product_id="p-a")
    review(one, product_id="p-b", key="s")
    review(one, product_id="p-c", key="t")
    one.tell("order.delivered")
    one.step()
    dropped = next(m for m in one.world.messages.values() if m.step == "ask")
    assert (dropped.status, dropped.reason) == (MessageStatus.SKIPPED, "nothing_to_review")
    assert one.journey.results["ask"] == {"skipped": True}
    assert one.journey.step == "after"  # the journey goes on
    trace = next(
        each.trace for each in one.world.changes.decisions if each.kind is DecisionKind.DROPPED
    )
    assert "A: reviewed" in withheld("nothing_to_review", trace)


def test_what_is_reviewed_or_refunded_before_the_hand_over_is_not_asked_for_any_more() -> None:
    one = shop(ASK)
    one.tell("order.delivered")
    one.step()
    one.now += HOUR
    review(one, order="shopify:1")  # of the order, whatever product
    one.send()
    assert one.message.reason == "nothing_to_review"


def test_a_request_with_a_timeout_waits_for_the_first_review() -> None:
    one = shop({**ASK, "timeout": parse("5d")}, AFTER)
    one.tell("order.delivered")
    one.step()
    one.send()
    assert (one.journey.waiting, one.journey.due_at) == (Waiting.EVENT, T0 + 5 * DAY)
    one.now = T0 + DAY
    review(one, product_id="p-x")  # of something else
    assert one.journey.step == "ask"
    review(one, product_id="p-b", key="s", rating=1)
    assert one.journey.results["ask"] == {"sent": True, "reviewed": True, "rating": 1}
    assert one.journey.step == "after"


def test_without_a_timeout_it_goes_on_and_the_review_is_still_noted() -> None:
    one = shop(ASK, WEEK)
    one.tell("order.delivered")
    one.step()
    one.send()
    assert one.journey.step == "week"
    one.now += DAY
    review(one, order="shopify:9", product_id="p-a")
    assert "reviewed" not in one.journey.results["ask"]
    review(one, product_id="p-a", key="s", rating=5)
    assert one.journey.results["ask"]["reviewed"]
    fields = step_fields(one.plans.current["review"].steps[0])
    assert {"ask.reviewed", "ask.rating", "ask.timed_out", "ask.clicked"} <= set(fields)


def test_a_reminder_goes_only_after_the_first_requests_for_all_open_orders() -> None:
    one = shop({**WEEK, "id": "settle"}, ASK, WEEK, REMIND)
    one.tell("order.delivered")
    one.run_to(T0 + 8 * DAY)  # asked on day 7, the reminder is due on day 14
    other = one.order("shopify:2", lines=lines(d=1))
    one.tell("order.delivered", order="shopify:2")  # to be asked for on day 15
    other.facts["delivered"] = one.now
    one.run_to(T0 + 14 * DAY + 12 * HOUR)
    waits = next(m for m in one.world.messages.values() if m.step == "remind")
    assert (waits.status, waits.reason) == (MessageStatus.SCHEDULED, "first_asks_first")
    one.run_to(T0 + 17 * DAY)
    assert one.sent_steps() == ["ask", "remind", "ask"]
    sent = {m.order_id: m.due_at for m in one.world.messages.values() if m.step == "remind"}
    assert T0 + 15 * DAY <= sent["shopify:1"] <= T0 + 15 * DAY + HOUR


def test_a_reminder_that_waits_stands_in_nobodys_way() -> None:
    rules = replace(RULES, min_gap=20 * HOUR)
    settle = {**WEEK, "id": "settle", "for_": Duration(days=10)}
    one = shop(settle, ASK, WEEK, REMIND, purpose="marketing")
    one.rules = rules
    one.consent()
    one.tell("order.delivered")
    one.run_to(T0 + 8 * DAY)  # asked on day 10, the reminder is due on day 17
    other = one.order("shopify:2", lines=lines(d=1))
    one.tell("order.delivered", order="shopify:2")  # to be asked for on day 18
    other.facts["delivered"] = one.now
    one.run_to(T0 + 17 * DAY + HOUR)
    assert {contact.at for contact in one.world.contacts} == {T0 + 10 * DAY}
    one.run_to(T0 + 40 * DAY)
    assert one.sent_steps() == ["ask", "remind", "ask", "remind"]
    asked = [contact.at for contact in sorted(one.world.contacts, key=lambda each: each.at)]
    assert asked[:3] == [T0 + 10 * DAY, T0 + 18 * DAY, T0 + 18 * DAY + 20 * HOUR]


def test_a_reminder_does_not_wait_for_ever() -> None:
    one = shop(ASK, WEEK, REMIND)
    one.tell("order.delivered")
    for number in range(2, 12):  # a customer who keeps buying
        one.run_to(T0 + number * 3 * DAY)
        other = one.order(f"shopify:{number}", lines=lines(**{f"x{number}": 1}))
        one.tell("order.placed", order=other.id)
    held = {m.order_id: m for m in one.world.messages.values() if m.step == "remind"}
    assert held["shopify:1"].status is MessageStatus.SENDING  # nothing else was delivered

    slow = shop({**WEEK, "id": "settle", "for_": Duration(days=30)}, ASK, WEEK, REMIND)
    slow.tell("order.delivered")
    slow.run_to(T0 + 36 * DAY)
    slow.order("shopify:2", lines=lines(d=1))
    slow.tell("order.delivered", order="shopify:2")
    slow.run_to(T0 + 60 * DAY)
    first = next(
        m for m in slow.world.messages.values() if (m.step, m.order_id) == ("remind", "shopify:1")
    )
    assert (first.status, first.reason) == (MessageStatus.SKIPPED, "first_asks_first")


def test_a_changed_review_is_one_review_with_a_history_whichever_came_first() -> None:
    for order in ((0, 1), (1, 0), (0, 1, 0)):
        one = shop(ASK)
        for number in order:
            at = T0 + number * HOUR
            event = transition(
                "review.submitted", at, order=None, review_id="7", rating=3 + number, product_id=8
            )
            PROGRAMS.follow(one.world, event, one.context)
        (held,) = one.world.book("reviews")
        assert (held.at, held.data["rating"], held.data["product_id"]) == (T0 + HOUR, 4, "8")
        assert [each["said"]["rating"] for each in held.data["history"]] == [3, 4]


_LINE = st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 3), st.booleans())


@given(st.lists(_LINE, min_size=1, max_size=5))
def test_asked_for_are_exactly_the_products_with_a_piece_delivered_and_kept(
    parts: list[tuple[int, int, int, bool]],
) -> None:
    asking = plan(ASK)
    one = Shop.of(asking, programs=PROGRAMS)
    order = Order(id="shopify:1", customer_id="c-1", known=True, total=Decimal(1000))
    one.world.orders[order.id] = order
    expected = set()
    for number, (bought, arrived, back, is_reviewed) in enumerate(parts):
        line, product = f"l{number}", f"p{number}"
        order.lines = {**order.lines, line: Line(id=line, product_id=product, quantity=bought)}
        order.fulfilments = {
            **order.fulfilments,
            line: Fulfilment(
                id=line, status=ParcelStatus.DELIVERED, at=T0, lines={line: min(arrived, bought)}
            ),
        }
        if back:
            order.refunds = {
                **order.refunds,
                line: Refund(id=line, at=T0, amount=Decimal(1), lines={line: back}),
            }
        if is_reviewed:
            review(one, product_id=product, key=product)
        if arrived and back < bought and not is_reviewed:
            expected.add(product)
    asked = {one.product_id for one in products_of(one.world, order) if one.left_out is None}
    assert asked == expected
    (step,) = asking.steps
    assert isinstance(step, AskReview)
    journey = Journey(
        id="j", campaign=asking.id, revision=asking.revision, entry_key=order.id, entry_no=1,
        customer_id="c-1", status=JourneyStatus.LIVE, step=step.id, waiting=Waiting.READY,
        due_at=T0, clock=T0, entered_at=T0, priority=0, order_id=order.id,
    )  # fmt: skip
    verdict = ask_verdict(one.world, journey, asking, step, T0, T0)
    assert (verdict is None) == bool(expected)
