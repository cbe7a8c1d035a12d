"""Coupons: codes given once, taken up again, used, expired, and given back when none left."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import parse
from config.offers import Offer
from engine.core.coupon import coupons_of
from engine.core.decision import DecisionKind
from engine.core.journey import on_failed
from engine.core.merging import merge_worlds
from engine.core.message import MessageStatus
from engine.core.transition import Transition
from engine.core.verbs import Delay, SendSms
from engine.programs.coupons import generated
from engine.programs.program import Programs
from engine.services.bookkeeping import look_at_due
from tests.core.shop import DAY, HOUR, T0, Shop, plan, transition
from tests.programs.offers import CARRY, ISSUE, Pool, keyed, offer, program

POOL = {"kind": "pool", "pool": "summer"}


def shop(one: Offer, *parts: Mapping[str, Any], codes: tuple[str, ...] = (), **more: Any) -> Shop:
    made = plan(*(parts or (ISSUE, CARRY)), **more)
    programs = Programs((program(thanks=one),))
    return Shop.of(made, programs=programs, shared=Pool(list(codes)))


def enter(one: Shop, order: str = "shopify:1") -> None:
    one.order(order)
    one.tell("order.delivered", order=order)
    one.step()


def follow(one: Shop, event: Transition, *, backfill: bool = False) -> None:
    assert isinstance(one.programs, Programs)
    one.programs.follow(one.world, event, one.context, backfill=backfill)


def settle(one: Shop) -> None:
    assert isinstance(one.programs, Programs)
    one.programs.settle(one.world, one.plans, one.context)


def due(one: Shop, now: datetime) -> None:
    one.now = now
    assert isinstance(one.programs, Programs)
    look_at_due(one.world, one.programs, one.context)


def statuses(one: Shop) -> list[str]:
    return [each.status for each in coupons_of(one.world)]


def told(one: Shop) -> list[str]:
    return [event.type for event in one.world.changes.emitted]


def use(one: Shop, code: str, order: str = "shopify:9", kind: str = "order.placed",
        **fields: Any) -> None:  # fmt: skip
    one.order(order, discount_codes=(code,), **fields)
    follow(one, transition(kind, one.now, order=order))


@given(st.binary(min_size=32, max_size=32), st.integers(8, 24))
def test_a_generated_code_is_made_of_its_alphabet_and_of_nothing_else(
    seed: bytes, length: int
) -> None:
    one = offer(length=length, prefix="TEA")
    code = generated(one, seed)
    assert code == generated(one, seed)
    head, _, body = code.partition("-")
    assert (head, len(body)) == ("TEA", length)
    assert set(body) <= set(one.alphabet)


def test_a_code_is_the_same_when_its_step_is_taken_again() -> None:
    first, again = shop(offer()), shop(offer())
    for one in (first, again):
        enter(one)
    assert first.journey.results["gift"] == again.journey.results["gift"]
    code = first.journey.results["gift"]["code"]
    assert code == generated(offer(), keyed(f"thanks\x1f{first.journey.id}:gift"))
    assert first.codes(DecisionKind.DONE) == ["coupon_issued"]


def test_an_empty_pool_skips_the_message_and_not_the_journey() -> None:
    one = shop(offer(**POOL), ISSUE, CARRY, {"kind": SendSms, "id": "other", "template": "x"})
    enter(one)
    assert one.codes(DecisionKind.STEP_SKIPPED) == ["pool_empty"]
    assert one.codes(DecisionKind.DROPPED) == ["no_coupon"]
    assert one.journey.step == "other"
    assert coupons_of(one.world) == []


def test_a_customer_has_no_more_than_the_offer_allows() -> None:
    one = shop(offer(per_customer="1 per 30d"), ISSUE)
    enter(one, "shopify:1")
    enter(one, "shopify:2")
    one.now = T0 + 31 * DAY
    enter(one, "shopify:3")
    assert one.codes(DecisionKind.STEP_SKIPPED) == ["coupon_limit"]
    assert len(coupons_of(one.world)) == 2


def test_an_unused_code_is_taken_up_again_where_the_offer_says_so() -> None:
    one = shop(offer(reuse=True, expires="10d", **POOL), ISSUE, codes=("A", "B"))
    enter(one, "shopify:1")
    enter(one, "shopify:2")
    assert one.codes(DecisionKind.DONE) == ["coupon_issued", "coupon_reused"]
    assert [each.code for each in coupons_of(one.world)] == ["A"]
    use(one, "a")
    enter(one, "shopify:3")
    assert one.codes(DecisionKind.DONE)[2:] == ["coupon_issued"]
    assert [each.code for each in coupons_of(one.world)] == ["A", "B"]


def test_a_dropped_message_gives_its_code_back_once() -> None:
    one = shop(offer(**POOL), purpose="marketing", codes=("A",))  # there is no consent
    enter(one)
    settle(one)
    settle(one)
    assert statuses(one) == ["released"]
    assert isinstance(one.shared, Pool)
    assert (one.shared.free, one.shared.claims) == (["A"], {})
    assert one.journey.results["gift"]["issued"] is False


def test_a_later_message_may_still_carry_it() -> None:
    later = {"kind": SendSms, "id": "text", "template": "x", "coupon": "gift"}
    wait = {"kind": Delay, "for_": parse("1d")}
    one = shop(offer(**POOL), ISSUE, CARRY, wait, later, codes=("A",))
    one.world.customer.email = None
    enter(one)
    settle(one)
    assert (one.codes(DecisionKind.DROPPED), statuses(one)) == (["no_address"], ["issued"])
    one.world.customer.phone = None
    one.run_to(T0 + 2 * DAY)
    settle(one)
    assert statuses(one) == ["released"]


@pytest.mark.parametrize(
    ("end", "kept", "left"),
    [
        (MessageStatus.FAILED, "keep", "released"),
        (MessageStatus.UNKNOWN, "give_back", "issued"),
        (MessageStatus.SENT, "give_back", "issued"),
        (MessageStatus.BOUNCED, "give_back", "released"),
        (MessageStatus.BOUNCED, "keep", "issued"),
    ],
)
def test_a_code_comes_back_only_when_nobody_can_have_it(
    end: MessageStatus, kept: str, left: str
) -> None:
    one = shop(offer(**POOL, when_undelivered=kept), codes=("A",))
    enter(one)
    one.send()
    settle(one)
    assert statuses(one) == ["issued"]
    if end is MessageStatus.FAILED:
        on_failed(one.world, one.message, one.context)
    else:
        one.message.status = end
        one.world.changes.messages.add(one.message.id)
    settle(one)
    assert statuses(one) == [left]
    if end is MessageStatus.UNKNOWN:  # tried again and refused: the first try may have arrived
        on_failed(one.world, one.message, one.context)
        settle(one)
        assert statuses(one) == ["issued"]


def test_a_code_that_no_message_carries_was_given_by_being_issued() -> None:
    one = shop(offer(**POOL), ISSUE, codes=("A",))
    enter(one)
    settle(one)
    assert statuses(one) == ["issued"]
    assert coupons_of(one.world)[0].has_left


def test_an_order_uses_a_code_once_however_it_is_written_and_told() -> None:
    one = shop(offer(**POOL), codes=("TEA-7",))
    enter(one)
    for _ in range(2):
        use(one, "tea-7 ")
    follow(one, transition("order.paid", one.now, order="shopify:9"))
    assert (statuses(one), told(one)) == (["redeemed"], ["coupon.redeemed"])
    event = one.world.changes.emitted[0]
    assert event.data["campaign"] == "review"
    assert (event.data["step"], event.data["code"]) == ("gift", "TEA-7")
    assert isinstance(one.shared, Pool)
    assert one.shared.claims["TEA-7"][1] == "redeemed"
    assert one.journey.results["gift"]["redeemed"] is True


def test_history_uses_a_code_without_telling() -> None:
    one = shop(offer(code="TEA", kind="fixed"))
    enter(one)
    one.order("shopify:9", discount_codes=("TEA",))
    follow(one, transition("order.placed", one.now, order="shopify:9"), backfill=True)
    assert (statuses(one), told(one)) == (["redeemed"], [])


def test_a_test_order_uses_nothing() -> None:
    one = shop(offer(code="TEA", kind="fixed"))
    enter(one)
    use(one, "TEA", is_test=True)
    assert statuses(one) == ["issued"]


@pytest.mark.parametrize(("when", "left"), [("keep", "redeemed"), ("give_back", "issued")])
@pytest.mark.parametrize("cancelled_first", [False, True])
def test_a_cancelled_order_gives_a_coupon_back_where_the_policy_says_so(
    when: str, left: str, cancelled_first: bool
) -> None:
    one = shop(offer(code="TEA", kind="fixed", when_cancelled=when))
    enter(one)
    if not cancelled_first:
        use(one, "TEA")
    use(one, "TEA", kind="order.cancelled", facts={"cancelled": one.now})
    assert statuses(one) == [left]


def test_a_reminder_of_a_used_or_expired_coupon_is_not_sent() -> None:
    remind = {"kind": SendSms, "id": "text", "template": "x", "coupon": "gift"}
    wait = {"kind": Delay, "for_": parse("5d")}
    used = shop(offer(expires="3d"), ISSUE, CARRY, wait, remind)
    expired = shop(offer(expires="3d"), ISSUE, CARRY, wait, remind)
    for one in (used, expired):
        enter(one)
        one.send()
    use(used, used.journey.results["gift"]["code"])
    for one in (used, expired):
        one.run_to(T0 + 6 * DAY)
    assert used.codes(DecisionKind.DROPPED) == ["coupon_used"]
    assert expired.codes(DecisionKind.DROPPED) == ["coupon_expired"]


def test_an_unused_coupon_is_warned_of_once_and_then_expires() -> None:
    one = shop(offer(expires="10d", expiring_warning="2d", **POOL), codes=("A",))
    enter(one)
    one.send()
    settle(one)
    due(one, T0 + 8 * DAY + HOUR)
    due(one, T0 + 9 * DAY)
    assert told(one) == ["coupon.expiring"]
    due(one, T0 + 10 * DAY + HOUR)
    assert (statuses(one), told(one)) == (["expired"], ["coupon.expiring"])
    assert isinstance(one.shared, Pool)
    assert one.shared.claims["A"][1] == "expired"
    use(one, "A")  # the shop has taken it all the same
    assert statuses(one) == ["redeemed"]


def test_a_coupon_may_last_to_the_end_of_the_day_on_the_customers_clock() -> None:
    one = shop(offer(expires="1d", end_of_day=True))
    one.world.customer.timezone = "America/New_York"
    enter(one)
    assert coupons_of(one.world)[0].expires_at == datetime(2026, 3, 4, 5, tzinfo=UTC)


def test_points_buy_a_coupon_and_an_empty_pool_owes_it() -> None:
    one = shop(offer(**POOL))
    bought = transition("points.redeemed", T0, order=None, offer="thanks")
    for _ in range(2):
        follow(one, bought)
    assert statuses(one) == ["owed"]
    assert isinstance(one.shared, Pool)
    one.shared.free.append("A")
    due(one, T0 + 2 * HOUR)
    follow(one, replace(bought))
    assert sorted(statuses(one)) == ["issued", "released"]
    assert one.shared.claims["A"][1] == "claimed"


def test_an_offer_that_the_policy_has_no_more_gives_nothing() -> None:
    one = shop(offer(), {**ISSUE, "offer": "gone"}, CARRY)
    enter(one)
    assert one.codes(DecisionKind.STEP_SKIPPED) == ["no_offer"]
    assert one.world.books == {}


def test_one_order_uses_one_coupon_of_a_code_that_a_customer_has_twice() -> None:
    one = shop(offer(code="TEA", kind="fixed"))
    enter(one, "shopify:1")
    enter(one, "shopify:2")
    use(one, "TEA")
    follow(one, transition("order.paid", one.now, order="shopify:9"))
    assert statuses(one) == ["redeemed", "issued"]


def test_a_coupon_that_a_cancelled_order_gave_back_is_with_its_customer_in_the_pool_too() -> None:
    one = shop(offer(when_cancelled="give_back", **POOL), codes=("A",))
    enter(one)
    use(one, "A")
    use(one, "A", kind="order.cancelled", facts={"cancelled": one.now})
    assert isinstance(one.shared, Pool)
    assert one.shared.claims["A"][1] == "claimed"


def test_a_code_given_back_by_one_is_not_lost_when_the_next_turns_out_to_be_the_same() -> None:
    first = shop(offer(**POOL), purpose="marketing", codes=("A",))
    enter(first)
    settle(first)
    second = shop(offer(**POOL), ISSUE)
    second.shared = first.shared
    second.world.customer.id = "c-2"
    enter(second, "shopify:2")
    merge_worlds(first.world, second.world, first.context)
    assert sorted(statuses(first)) == ["issued", "released"]


@pytest.mark.parametrize(
    ("locale", "worth"),
    [("de-AT", "10 % Rabatt"), ("en-GB", "10 % off"), ("fr", "10 % off"), (None, "10 % off")],
)
def test_a_coupons_worth_is_told_in_the_customers_language(locale: str | None, worth: str) -> None:
    one = shop(offer(value={"de": "10 % Rabatt", "en": "10 % off"}))
    one.world.customer.locale = locale
    enter(one)
    (given_one,) = coupons_of(one.world)
    assert given_one.value == worth
