"""The sample shop's weeks: always the same, valid, and enough to set every campaign going."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest

from engine.core.campaign import EventTrigger
from engine.demo_shop import demo_events
from tests.library.walk import live, plan
from triggers.event import Event
from triggers.event_types import BUILT_IN
from triggers.sources.native import deserialize, parse_events, serialize

START = datetime(2026, 3, 2, tzinfo=UTC)


@cache
def weeks() -> tuple[Event, ...]:
    return tuple(demo_events(START))


def test_the_same_call_gives_the_same_events_and_another_seed_others() -> None:
    assert list(weeks()) == demo_events(START)
    assert demo_events(START, seed=8) != demo_events(START)
    moved = timedelta(days=7)
    later = demo_events(START + moved)
    assert Counter(one.type for one in later).keys() == Counter(one.type for one in weeks()).keys()


def test_they_are_sorted_distinct_and_end_in_time() -> None:
    moments = [(one.time, one.source, one.id) for one in weeks()]
    assert moments == sorted(moments)
    assert len({(one.source, one.id) for one in weeks()}) == len(weeks())
    assert weeks()[-1].time < START + timedelta(weeks=6)
    assert weeks()[0].time > START - timedelta(days=200)


def test_each_is_a_valid_event() -> None:
    for event in weeks():
        assert deserialize(serialize(event)) == event
        batch = parse_events(
            serialize(event),
            received_at=event.time,
            content_type="application/json",
            catalog=BUILT_IN,
        )
        assert batch.items == (event,)


def test_they_are_as_many_as_a_small_shop_has() -> None:
    placed = [one for one in weeks() if one.type == "order.placed"]
    mails = {one.customer.email for one in placed if one.customer}
    assert 200 <= len(placed) <= 240
    assert 110 <= len(mails) <= 120
    guests = [one for one in placed if one.customer and one.customer.id is None]
    assert 5 <= len(guests) <= 20
    countries = {one.customer.country for one in placed if one.customer}
    assert len(countries) >= 6
    phones = [one.customer for one in weeks() if one.type == "customer.created"]
    numbers = [one.phone for one in phones if one and one.phone]
    assert len(set(numbers)) == len(numbers)


def test_money_adds_up() -> None:
    for event in weeks():
        if event.type == "order.placed":
            order = event.order
            assert order is not None
            assert order.lines
            goods = sum((line.price * line.quantity for line in order.lines), Decimal(0))
            assert order.subtotal == goods
            assert order.shipping is not None
            assert order.tax is not None
            assert order.discount is not None
            assert order.total == goods - order.discount + order.shipping + order.tax


def test_every_orders_life_goes_forward() -> None:
    way = ("order.placed", "order.paid", "order.shipped", "order.out_for_delivery",
           "order.delivered", "order.refunded")  # fmt: skip
    first: dict[str, dict[str, datetime]] = {}
    for event in weeks():
        if event.order is not None and event.type in way:
            first.setdefault(event.order.id, {}).setdefault(event.type, event.time)
    for times in first.values():
        told = [times[kind] for kind in way if kind in times]
        assert all(sooner < later for sooner, later in pairwise(told))


def test_every_event_that_the_library_waits_for_is_there() -> None:
    wanted = set()
    for name in live():
        campaign = plan(name)
        wanted |= set(campaign.watches)
        if isinstance(campaign.trigger, EventTrigger):
            wanted.add(campaign.trigger.event)
    seen = {one.type for one in weeks()}
    # Whole returns follow from refunds; chargebacks and reopened tickets are rare in such a shop.
    # What programs and people tell, and what is found at night, comes from the engine itself.
    rare = {"order.returned", "order.disputed", "ticket.reopened"}
    own = ("call.", "coupon.", "points.", "product.", "referral.", "tier.")
    assert {one for one in wanted - seen if not one.startswith(own)} <= rare


@pytest.mark.parametrize("count", [1, 3, 12])
def test_other_lengths(count: int) -> None:
    events = demo_events(START, weeks=count)
    orders = sum(one.type == "order.placed" for one in events)
    assert orders > 10 * count
    assert events[-1].time < START + timedelta(weeks=count)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        demo_events(datetime(2026, 3, 2))  # noqa: DTZ001
    with pytest.raises(ValueError, match="weeks"):
        demo_events(START, weeks=0)
