"""Points, coupons and referral rewards in one town, whatever happens to orders and customers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.coupon import coupons_of
from engine.core.order_state import is_fully_refunded, refunded_total
from engine.core.points import BOOK as POINTS
from engine.core.world import World
from engine.programs.loyalty_booking import account_of
from engine.programs.loyalty_ledger import read_ledger
from engine.programs.referral_records import REFERRALS
from tests.programs.loyalty_member import DAY, T0, event, order, refund
from tests.programs.town import Town
from tests.soak import scale
from triggers.event import Event

pytestmark = pytest.mark.soak

WINDOW, LEAST, COST = 30, Decimal(20), 30
NAMES = ("ann", "bea", "cem", "dan")
CODE = {"ann": "BBBBBBBBB2", "bea": "CCCCCCCCC2"}
PROGRAM: dict[str, Any] = {
    "name": "Friends", "text": "Come", "shop_url": "https://shop.example.com",
    "friend": {"text": "5 off"}, "min_order": str(LEAST), "return_window": f"{WINDOW * 24}h",
    "burst": {"count": 2, "per": "1d"}, "limit": {"count": 3, "per": "365d"},
}  # fmt: skip
STORE: dict[str, Any] = {
    "referrals": {
        "friends": {**PROGRAM, "reward": {"points": 100, "text": "100 points"}},
        "pals": {**PROGRAM, "reward": {"offer": "thanks", "text": "5 off"}},
    },
    "loyalty": {
        "orders": "1 per 2.00",
        "first_order": 25,
        "actions": [{"event": "review.submitted", "points": 20, "at_most": 2, "per": "20d"}],
        "pending": f"{WINDOW * 24}h",
        "redeem": {"five_off": COST},
        "expire": {"after": "2160h"},
        "tiers": [{"id": "silver", "name": "Silver", "points": 150, "grace": "10d"}],
    },
    "offers": {
        "five_off": {"value": "5 off", "kind": "pool", "pool": "sun", "expires": "40d",
                     "when_cancelled": "give_back"},
        "thanks": {"value": "a thank-you"},
    },
}  # fmt: skip
CODES = tuple(f"SUN-{number}" for number in range(3))


@dataclass
class Life:
    """One town, all that it was told, and whose each order is."""

    town: Town = field(default_factory=lambda: Town(*NAMES, codes=CODES, **STORE))
    log: list[tuple[str, Event]] = field(default_factory=list)
    owners: dict[str, str] = field(default_factory=dict)
    converted: int = 0  # of the town's conversions, how many were looked at

    def __post_init__(self) -> None:
        for name, program in (("ann", "friends"), ("bea", "pals")):
            self.town.give_code(name, CODE[name], program)

    def tell(self, name: str, told: Event) -> None:
        self.log.append((name, told))
        self.town.tell(name, told)
        self.look_at_conversions()

    def again(self, which: list[int]) -> None:
        """Tell some of what was told before once more, in another order."""
        for number in which if self.log else ():
            name, told = self.log[number % len(self.log)]
            self.town.tell(name, told)
            self.look_at_conversions()

    def pass_to(self, moment: datetime) -> None:
        self.town.run_to(moment)
        self.look_at_conversions()

    def look_at_conversions(self) -> None:
        """What was paid just now was to be paid just now."""
        town = self.town
        for told in town.held[self.converted :]:
            assert told.customer is not None
            number = told.data["friend_order_id"]
            friend, referrer = town.world(self.owners[number]), town.world(told.customer.id or "")
            bought = friend.orders[number]
            assert friend is not referrer
            assert friend.customer.first_order_at == bought.placed_at
            begin = bought.facts.get("delivered", bought.placed_at)
            assert begin is not None
            assert town.now >= begin + WINDOW * DAY
            assert not {"cancelled", "returned"} & set(bought.facts)
            assert not is_fully_refunded(bought)
            assert (bought.total or 0) - refunded_total(bought) >= LEAST
        self.converted = len(town.held)


def balance(life: Life, name: str) -> int:
    return points_of(life.town.world(name))


def points_of(world: World) -> int:
    return read_ledger(world.book(POINTS))[0].balance


def books(life: Life) -> dict[str, Any]:
    """Everything that the programs know, without when they look again."""
    return {
        name: {place: (record.at, record.data) for place, record in world.books.items()}
        for name, world in life.town.worlds.items()
    }


CHANGES = ("refund", "cancelled", "returned", "delivered")


def act(life: Life, number: int, what: str, who: str, key: str, value: int) -> None:
    """One thing that happens; ``key`` is an order's, ``value`` whatever it needs."""
    now = life.town.now
    if what in CHANGES and life.owners:
        key = sorted(life.owners)[int(key) % len(life.owners)].removeprefix("shop:")
    number_of = f"shop:{key}"
    owner = life.owners.get(number_of)
    if what == "order" and owner is None:
        life.owners[number_of] = who
        named = (*CODE.values(), None)[value % 3]
        codes: tuple[str, ...] = (named,) if named else ()
        life.tell(who, order(key, str(Decimal(value) / 100), at=now, discount_codes=codes))
    elif what == "use" and owner is None:
        life.owners[number_of] = who
        codes = tuple(one.code for one in coupons_of(life.town.world(who)) if one.code)[:1]
        life.tell(who, order(key, "60.00", at=now, discount_codes=codes))
    elif what == "refund" and owner is not None:
        amount = str(Decimal(value) / 100)
        life.tell(owner, refund(key, amount, at=now, number=str(number)))
    elif what in CHANGES and owner is not None:
        life.tell(owner, event(f"order.{what}", at=now, order=key))
    elif what == "claim":
        referrer = ("ann", "bea")[value % 2]
        email = life.town.world(who).customer.email
        data = {"code": CODE[referrer], "mark": f"mark:{email}", "consent": "yes"}
        life.tell(referrer, replace(event("referral.claimed", number, at=now), data=data))
    elif what == "review":
        life.tell(who, event("review.submitted", number, at=now))
    elif what == "redeem":
        before = balance(life, who)
        paid = sum(one.type == "points.redeemed" for one in life.town.told.values())
        life.tell(who, event("points.redeem", number, at=now, offer="five_off"))
        again = sum(one.type == "points.redeemed" for one in life.town.told.values())
        assert again - paid == (1 if before >= COST else 0)
    elif what == "wait":
        life.pass_to(now + (value % WINDOW + 5) * DAY)
    elif what == "merge":
        life.town.merge(who, NAMES[value % len(NAMES)])


def check(life: Life) -> None:
    """What holds at every moment."""
    town = life.town
    coupons = [one for world in town.worlds.values() for one in coupons_of(world)]
    kept = [one for one in coupons if one.status != "released"]
    news = Counter(one.type for one in town.told.values())
    rewards: Counter[str] = Counter()
    for world in town.worlds.values():
        account, running, spent = account_of(world), 0, 0
        ledger, lines = read_ledger(world.book(POINTS))
        for line in lines:
            running += line.points
            spent -= line.points if line.kind == "redeemed" else 0
            assert line.balance == running
            assert line.kind != "referral" or line.points == 100
            rewards[line.kind] += 1
        assert running == ledger.balance
        assert ledger.balance >= -spent  # only what was spent can be owed
        if account is not None:
            assert account.data["balance"] == max(0, ledger.balance)
            assert account.data["debt"] == max(0, -ledger.balance)
    # Every cause pays once, and nothing pays without a cause.
    assert rewards["redeemed"] == news["points.redeemed"]
    assert rewards["referral"] == sum(one.data.get("points") == 100 for one in town.held)
    causes = Counter(one.cause for one in kept)
    assert set(causes.values()) <= {1}
    assert sum(one.offer == "five_off" for one in kept) == news["points.redeemed"]
    assert sum(one.offer == "thanks" for one in kept) == sum(
        one.data.get("offer") == "thanks" for one in town.held
    )
    paid = Counter(one.data["friend_order_id"] for one in town.held)
    assert set(paid.values()) <= {1}
    ended = [
        one for world in town.worlds.values() for one in world.book(REFERRALS)
        if one.data.get("status") == "converted"
    ]  # fmt: skip
    assert len(ended) == len(town.held)
    # Every code is free or one customer's.
    held = Counter(one.code for one in kept if one.pool and one.code)
    assert set(held.values()) <= {1}
    assert sorted([*town.pool.free, *held]) == sorted(CODES)


KEYS, WHO = st.sampled_from("123456"), st.sampled_from(NAMES)
WHAT = st.sampled_from(
    ["order"] * 5 + ["wait"] * 3 + ["claim"] * 2
    + ["use", "refund", "refund", "cancelled", "returned", "delivered", "review", "redeem",
       "redeem", "merge"]
)  # fmt: skip
VALUE = st.one_of(st.integers(1, 20_000), st.integers(2_500, 9_000))
ACTS = st.lists(st.tuples(WHAT, WHO, KEYS, VALUE), max_size=12)
BEGIN = st.lists(
    st.tuples(st.just("order"), st.sampled_from(("cem", "dan")), KEYS, VALUE),
    min_size=1,
    max_size=3,
)
MATURE = ("wait", "ann", "1", WINDOW - 1)
ECHO = st.lists(st.integers(0, 40), max_size=6)


@given(begin=BEGIN, acts=ACTS, late=ACTS, data=st.data())
@settings(max_examples=scale(80, 4_000), deadline=None)
def test_no_life_pays_twice_or_differs_from_one_told_plainly(
    begin: list[tuple[str, str, str, int]],
    acts: list[tuple[str, str, str, int]],
    late: list[tuple[str, str, str, int]],
    data: st.DataObject,
) -> None:
    """Two towns live the same; the one hears everything once, the other again and again."""
    plain, nervous = Life(), Life()
    for number, one in enumerate([*begin, *acts, MATURE, *late, MATURE, MATURE]):
        for life in (plain, nervous):
            life.pass_to(life.town.now + timedelta(minutes=1))
            act(life, number, *one)
        nervous.again(data.draw(ECHO))
        check(plain)
        check(nervous)
        assert books(nervous) == books(plain)


@st.composite
def stories(draw: st.DrawFn) -> list[tuple[str, Event]]:
    """What is told of orders and reviews of the last weeks, each report at its own time."""
    told: list[tuple[str, Event]] = []
    for key in draw(st.lists(KEYS, min_size=1, max_size=5, unique=True)):
        who, at = draw(WHO), T0 - draw(st.integers(4, 20)) * DAY - int(key) * timedelta(seconds=1)
        named = draw(st.sampled_from((*CODE.values(), None)))
        total = str(Decimal(draw(st.integers(1, 20_000))) / 100)
        told.append((who, order(key, total, at=at, discount_codes=(named,) if named else ())))
        for number in range(draw(st.integers(0, 2))):
            amount = str(Decimal(draw(st.integers(1, 20_000))) / 100)
            moment = at + draw(st.integers(1, 48)) * timedelta(hours=1)
            told.append((who, refund(key, amount, at=moment, number=str(number))))
        what = draw(st.sampled_from([None, "cancelled", "delivered", "returned"]))
        if what is not None:
            told.append((who, event(f"order.{what}", at=at + 3 * DAY, order=key)))
    days = range(draw(st.integers(0, 3)))
    return told + [(draw(WHO), event("review.submitted", n, at=T0 - n * DAY)) for n in days]


def lived(story: list[tuple[str, Event]], wishes: list[str]) -> Life:
    """Everything is told at once, in this order; then time passes, and rewards are asked for."""
    life = Life()
    for who, told in story:
        if told.order is not None:
            life.owners[f"shop:{told.order.id}"] = who
    for who, told in story:
        life.tell(who, told)
    for number, who in enumerate(wishes):
        life.pass_to(T0 + (20 + 10 * number) * DAY)
        act(life, number, "redeem", who, "", 0)
        check(life)
    life.pass_to(T0 + 80 * DAY)
    check(life)
    return life


@given(story=stories(), data=st.data(), wishes=st.lists(WHO, max_size=4))
@settings(max_examples=scale(80, 4_000), deadline=None)
def test_what_comes_doubled_and_shuffled_pays_the_same(
    story: list[tuple[str, Event]], data: st.DataObject, wishes: list[str]
) -> None:
    one, other = lived(story, wishes), lived(data.draw(st.permutations(story * 2)), wishes)
    assert sums(other) == sums(one)


def sums(life: Life) -> Any:
    """What everybody has: points, coupons, and what was paid for whom."""
    town = life.town
    return (
        {name: points_of(world) for name, world in town.worlds.items()},
        {
            name: sorted((one.offer, one.code, one.status) for one in coupons_of(world))
            for name, world in town.worlds.items()
        },
        sorted((one.data["code"], one.data["friend_order_id"]) for one in town.held),
    )


def test_an_honest_friend_pays() -> None:
    """So that the laws above are not kept by paying nothing."""
    life = Life()
    for key, who, code in (("1", "cem", "ann"), ("2", "dan", "bea")):
        life.owners[f"shop:{key}"] = who
        life.tell(who, order(key, "50.00", at=T0, discount_codes=(CODE[code],)))
    life.pass_to(T0 + 5 * DAY)
    life.owners["shop:3"] = "cem"  # orders again, with the code still in the basket
    life.tell("cem", order("3", "70.00", at=life.town.now, discount_codes=(CODE["ann"],)))
    life.pass_to(T0 + WINDOW * DAY - timedelta(seconds=1))
    assert life.town.held == []
    life.pass_to(T0 + WINDOW * DAY)
    check(life)
    assert [one.data["friend_order_id"] for one in life.town.held] == ["shop:1", "shop:2"]
    assert balance(life, "ann") == 100
    assert [one.offer for one in coupons_of(life.town.world("bea"))] == ["thanks"]
