"""What holds for every journey, whatever happens in whatever order."""

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from config.durations import Duration
from engine.core.campaign import Plan
from engine.core.guards import Allow, Defer, Drop
from engine.core.journey import exit_journey, on_retry, on_withheld
from engine.core.message import COUNTED, MessageStatus
from engine.core.verbs import Arm, Branch, Delay, EmitEvent, EventMatch, SendEmail, SendSms, WaitFor
from engine.core.world import Journey, JourneyStatus, Waiting, World
from tests.core.shop import HOUR, T0, Shop, default_exits, plan, when

FACTS = ("placed", "paid", "shipped:p1", "delivered", "refunded:r1", "cancelled")
EVENTS = ("order.paid", "order.shipped", "review.submitted", "order.cancelled", "customer.updated")


def life(**given: Any) -> Plan:
    """A campaign with a bit of everything."""
    reviewed = EventMatch(event="review.submitted")
    return plan(
        {"kind": Delay, "for_": Duration(seconds=7200)},
        {"kind": SendEmail, "id": "ask", "template": "t"},
        {"kind": WaitFor, "id": "w", "timeout": Duration(days=2), "match": reviewed},
        {
            "kind": Branch,
            "arms": (Arm(condition=when("w.happened"), target=4),),
            "next": 5,
        },
        {"kind": EmitEvent, "event": "review.thanked"},
        {"kind": SendSms, "id": "remind", "template": "t2"},
        **({"on": "order.placed", "re_entry": "always"} | given),
    )


def assert_sound(world: World) -> None:
    """A live journey always has something that will move it; slots and messages agree."""
    for journey in world.journeys.values():
        waits = journey.waiting is Waiting.MESSAGE
        if journey.status is JourneyStatus.LIVE:
            assert waits == (journey.due_at is None) == (journey.awaiting is not None)
            assert journey.step
        else:
            assert journey.due_at is None
            assert journey.awaiting is None
        if waits:
            message = world.messages[journey.awaiting or ""]
            assert message.status is MessageStatus.SCHEDULED
            assert (message.journey_id, message.step) == (journey.id, journey.step)
    live = Counter(
        (one.campaign, one.entry_key)
        for one in world.journeys.values()
        if one.status is JourneyStatus.LIVE
    )
    assert all(count == 1 for count in live.values())
    slots = Counter(contact.message_id for contact in world.contacts)
    counted = {one.id for one in world.messages.values() if one.status in COUNTED}
    assert slots == Counter(counted)


@given(st.permutations(FACTS[:4]), st.permutations(FACTS), st.integers(0, 6), st.booleans())
def test_the_order_in_which_an_orders_life_is_told_changes_nothing(
    calm: list[str], rough: list[str], count: int, eager: bool
) -> None:
    """The journeys left live, with their clocks and waits, and the messages still to send are
    those of the order told in sequence; ``eager`` takes steps after every event."""
    for told, facts in ((calm, FACTS[:4]), (rough[:count], FACTS)):
        outcomes = []
        for sequence in (told, sorted(told, key=facts.index)):
            shop = Shop.of(
                life(**default_exits()),
                plan(
                    {
                        "kind": WaitFor,
                        "id": "w",
                        "timeout": Duration(days=9),
                        "match": EventMatch(event="order.delivered"),
                    },
                    {"kind": SendEmail, "id": "ask", "template": "t"},
                    id="news",
                    on="order.shipped",
                    goal="order.delivered",
                    exit_on=(EventMatch(event="order.cancelled"),),
                ),
            )
            shop.order()
            shop.now = T0 + 10 * HOUR
            for fact in sequence:
                at = T0 + FACTS.index(fact) * HOUR
                shop.tell(f"order.{fact.partition(':')[0]}", at=at, fact=fact)
                if eager:
                    shop.step()
                assert_sound(shop.world)
            shop.step()
            live = {
                journey.id: (journey.waiting, journey.due_at, journey.clock, journey.goal_at)
                for journey in shop.world.journeys.values()
                if journey.status is JourneyStatus.LIVE
            }
            outcomes.append((live, {one.id: one.due_at for one in shop.waiting_messages()}))
        assert outcomes[0] == outcomes[1]


ACTIONS = st.one_of(
    st.tuples(st.just("tell"), st.sampled_from(("order.placed", *EVENTS))),
    st.tuples(st.just("pass"), st.integers(0, 72)),
    st.tuples(st.just("step"), st.none()),
    st.tuples(st.just("send"), st.none()),
    st.tuples(st.just("defer"), st.integers(1, 20)),
    st.tuples(st.just("drop"), st.none()),
    st.tuples(st.just("retry"), st.integers(0, 5)),
    st.tuples(st.just("sent"), st.none()),
    st.tuples(st.just("exit"), st.none()),
    st.tuples(st.just("return"), st.booleans()),
)


@given(st.lists(ACTIONS, max_size=40))
def test_whatever_happens_a_step_makes_one_message_and_nothing_sticks(
    actions: list[tuple[str, Any]],
) -> None:
    shop = Shop.of(life(hold_while=when("order.has_open_return")))
    order = shop.order()
    accepted: Counter[tuple[str, str]] = Counter()
    for action, value in (("tell", "order.placed"), *actions):
        scheduled = shop.waiting_messages()
        sending = [
            one for one in shop.world.messages.values() if one.status is MessageStatus.SENDING
        ]
        match action:
            case "tell":
                shop.tell(value)
            case "pass":
                shop.now += value * HOUR
            case "step":
                shop.step()
            case "send" if scheduled:
                assert isinstance(shop.send(scheduled[0]), Allow | Defer | Drop)
            case "defer" if scheduled:
                verdict = Defer(shop.now + value * HOUR, "test")
                on_withheld(shop.world, scheduled[0], verdict, shop.plans, shop.context)
            case "drop" if scheduled:
                on_withheld(shop.world, scheduled[0], Drop("test"), shop.plans, shop.context)
            case "retry" if sending:
                at = shop.now + value * HOUR
                on_retry(shop.world, sending[0], at, shop.plans, shop.context)
            case "sent" if sending:
                sending[0].status = MessageStatus.SENT
                accepted[sending[0].journey_id, sending[0].step] += 1
            case "exit":
                for journey in _live(shop):
                    exit_journey(shop.world, journey, "test", shop.context)
            case "return":
                order.has_open_return = value
        assert_sound(shop.world)
    assert all(count == 1 for count in accepted.values())
    ids = Counter((one.journey_id, one.step) for one in shop.world.messages.values())
    assert all(count == 1 for count in ids.values())
    # Left alone, everything comes to an end: no journey waits for what will never be.
    order.has_open_return = False
    shop.run_to(shop.now + timedelta(days=30))
    assert not _live(shop)
    assert_sound(shop.world)


def _live(shop: Shop) -> list[Journey]:
    return [one for one in shop.world.journeys.values() if one.status is JourneyStatus.LIVE]
