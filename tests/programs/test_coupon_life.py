"""Random lives of coupons against a model that knows nothing of books: who may have which code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.core.coupon import coupons_of, same_code
from engine.core.journey import on_failed, on_retry
from engine.core.merging import merge_worlds
from engine.core.message import Message, MessageStatus
from engine.core.world import Changes, World
from engine.programs.program import Programs
from engine.services.bookkeeping import look_at_due
from tests.core.shop import DAY, T0, Shop, plan, transition
from tests.programs.offers import CARRY, ISSUE, Pool, offer, program

NAMES = ("ann", "bob")
CODES = tuple(f"SUN-{number}" for number in range(5))
PROGRAMS = Programs(
    (program(thanks=offer(kind="pool", pool="sun", expires="20d", when_cancelled="give_back")),)
)
ENDS = st.sampled_from(["sent", "sent", "failed", "unknown", "retry"])
PLAN = plan(ISSUE, CARRY, purpose="marketing")


@dataclass
class Told:
    """What the outside world knows: which codes were read, and which orders used them."""

    sent: set[str] = field(default_factory=set)
    orders: dict[str, str] = field(default_factory=dict)  # code by order
    cancelled: set[str] = field(default_factory=set)
    redeemed: Counter[str] = field(default_factory=Counter)


class Lives(RuleBasedStateMachine):
    """Two customers of one shop, one pool, until they turn out to be one."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = Pool(list(CODES))
        self.shops = {name: Shop.of(PLAN, programs=PROGRAMS, shared=self.pool) for name in NAMES}
        for name, one in self.shops.items():
            one.world.customer.id = name
            one.world.customer.email = f"{name}@example.com"
            one.consent()
        self.told = Told()
        self.count = 0

    def _keep(self, one: Shop) -> None:
        """What a unit of work does at its end: settle, write, report."""
        PROGRAMS.settle(one.world, one.plans, one.context)
        for event in one.world.changes.emitted:
            if event.type == "coupon.redeemed":
                self.told.redeemed[event.id] += 1
        one.world.changes = Changes()

    def _shop(self, name: str) -> Shop:
        return self.shops.get(name) or next(iter(self.shops.values()))

    def _messages(self, one: Shop, *statuses: MessageStatus) -> list[Message]:
        found = [each for each in one.world.messages.values() if each.status in statuses]
        return sorted(found, key=lambda each: each.id)

    @rule(
        name=st.sampled_from(NAMES),
        consents=st.sampled_from([True, True, True, False]),
        ends=st.lists(ENDS, max_size=3),
    )
    def deliver(self, name: str, consents: bool, ends: list[str]) -> None:
        one = self._shop(name)
        self.count += 1
        if not consents:
            one.world.consents.clear()
        elif not one.world.consents:
            one.consent()
        order = f"shopify:{self.count}"
        one.order(order)
        one.tell("order.delivered", order=order)
        one.step()
        self._keep(one)
        for end in ends:
            self.hand_over(name)
            self.answer(name, end)

    @rule(name=st.sampled_from(NAMES))
    def hand_over(self, name: str) -> None:
        one = self._shop(name)
        for message in self._messages(one, MessageStatus.SCHEDULED)[:1]:
            one.send(message)
            self._keep(one)

    @rule(name=st.sampled_from(NAMES), end=ENDS)
    def answer(self, name: str, end: str) -> None:
        one = self._shop(name)
        for message in self._messages(one, MessageStatus.SENDING)[:1]:
            code = one.world.journeys[message.journey_id].results["gift"]["code"]
            if end in ("sent", "unknown"):
                self.told.sent.add(code)
                message.status = MessageStatus(end)
                one.world.changes.messages.add(message.id)
            elif end == "retry":
                on_retry(one.world, message, one.now, one.plans, one.context)
            else:
                on_failed(one.world, message, one.context)
            self._keep(one)

    @rule(name=st.sampled_from(NAMES))
    def send_again(self, name: str) -> None:
        """The shop has a message in doubt sent again."""
        one = self._shop(name)
        for message in self._messages(one, MessageStatus.UNKNOWN)[:1]:
            on_retry(one.world, message, one.now, one.plans, one.context)
            self._keep(one)

    @precondition(lambda self: self.told.sent)  # nobody can use what nobody has read
    @rule(
        name=st.sampled_from(NAMES),
        which=st.integers(0, 4),
        order=st.integers(1, 3),
        upper=st.booleans(),
        again=st.integers(1, 2),
    )
    def buy(self, name: str, which: int, order: int, upper: bool, again: int) -> None:
        one, order_id = self._shop(name), f"{name}:{order}"
        read = sorted(self.told.sent)
        code = read[which % len(read)]
        used = self.told.orders.setdefault(order_id, code)
        facts = {"cancelled": one.now} if order_id in self.told.cancelled else {}
        written = used if upper else used.lower()
        one.order(order_id, discount_codes=(written,), facts=facts)
        for _ in range(again):
            PROGRAMS.follow(
                one.world, transition("order.placed", one.now, order=order_id), one.context
            )
        self._keep(one)

    @rule(name=st.sampled_from(NAMES), order=st.integers(1, 3))
    def cancel(self, name: str, order: int) -> None:
        one, order_id = self._shop(name), f"{name}:{order}"
        self.told.cancelled.add(order_id)
        held = one.world.orders.get(order_id)
        if held is not None:
            held.facts["cancelled"] = one.now
            event = transition("order.cancelled", one.now, order=order_id)
            PROGRAMS.follow(one.world, event, one.context)
            self._keep(one)

    @rule(days=st.integers(1, 12))
    def wait(self, days: int) -> None:
        for one in self.shops.values():
            one.now += days * DAY
            look_at_due(one.world, PROGRAMS, one.context)
            self._keep(one)

    @precondition(lambda self: len(self.shops) == 2)
    @rule()
    def merge(self) -> None:
        older, younger = (self.shops[name] for name in NAMES)
        merge_worlds(older.world, younger.world, older.context)
        del self.shops[NAMES[1]]
        self._keep(older)

    def _worlds(self) -> list[World]:
        return [one.world for one in self.shops.values()]

    @invariant()
    def every_code_is_free_or_one_customers(self) -> None:
        held = Counter(
            one.code
            for world in self._worlds()
            for one in coupons_of(world)
            if one.status != "released"
        )
        assert set(held.values()) <= {1}
        assert set(held) == set(self.pool.claims)
        assert sorted([*self.pool.free, *held]) == sorted(CODES)

    @invariant()
    def what_was_read_is_never_given_back(self) -> None:
        assert not self.told.sent & set(self.pool.free)

    @invariant()
    def what_never_left_and_never_will_is_free(self) -> None:
        waiting = {
            world.journeys[each.journey_id].results["gift"].get("code")
            for world in self._worlds()
            for each in world.messages.values()
            if each.status in (MessageStatus.SCHEDULED, MessageStatus.SENDING)
        }
        assert set(self.pool.claims) <= self.told.sent | waiting

    @invariant()
    def uses_are_those_that_orders_told_and_did_not_take_back(self) -> None:
        for world in self._worlds():
            orders = {
                order_id: same_code(code)
                for order_id, code in self.told.orders.items()
                if order_id in world.orders and order_id not in self.told.cancelled
            }
            told = {
                order_id: same_code(one.code)
                for one in coupons_of(world)
                for order_id in one.orders
            }
            own = {same_code(one.code) for one in coupons_of(world)}
            assert told == {key: code for key, code in orders.items() if code in own}

    @invariant()
    def the_pool_and_the_books_say_the_same(self) -> None:
        for world in self._worlds():
            for one in coupons_of(world):
                if one.status == "released":
                    continue
                claim, state = self.pool.claims[one.code]
                assert claim == one.cause
                assert state == ("claimed" if one.status == "issued" else one.status)
                assert (one.status == "redeemed") == bool(one.orders)
                assert one.at >= T0

    @invariant()
    def a_use_is_told_once_unless_it_was_taken_back(self) -> None:
        assert all(count == 1 for count in self.told.redeemed.values())


Lives.TestCase.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
TestLives = Lives.TestCase
