"""The ledger against a model that knows nothing of it, and against the order of events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.programs.loyalty_member import DAY, T0, Member, event, order, refund
from tests.soak import scale
from triggers.event import Event, LineFacts, LineQuantity

PENDING, EXPIRY = 30, 90
POLICY: dict[str, Any] = {
    "orders": "3 per 2.00",
    "first_order": 25,
    "actions": [{"event": "review.submitted", "points": 20, "at_most": 2, "per": "20d"}],
    "pending": {"after_delivery": f"{PENDING * 24}h", "after_order": f"{PENDING * 24}h"},
    "redeem": {"five_off": 30, "twenty_off": 100},
    "expire": {"after": f"{EXPIRY * 24}h"},
    "tiers": [
        {"id": "silver", "name": "Silver", "points": 150},
        {"id": "gold", "name": "Gold", "points": 400, "period": "200d", "grace": "10d"},
    ],
}
CENTS = st.integers(1, 40_000).map(lambda cents: Decimal(cents) / 100)


@dataclass
class Bought:
    """An order in the model: exact fractions, no entries."""

    total: Fraction
    at: datetime
    refunds: dict[str, Fraction] = field(default_factory=dict)
    lost: bool = False
    matured: bool = False
    outlived: bool = False  # it had matured when points expired

    def kept(self) -> int:
        if self.lost:
            return 0
        back = min(self.total, sum(self.refunds.values(), Fraction(0)))
        return floor((self.total - back) * Fraction(3, 2))

    def is_left(self) -> bool:
        return not self.lost and sum(self.refunds.values(), Fraction(0)) < self.total


class Model:
    """The rules, lived forward a day at a time."""

    def __init__(self) -> None:
        self.orders: dict[str, Bought] = {}
        self.first: str | None = None  # the order that has the bonus
        self.net = self.gone = 0
        self.reviews: list[datetime] = []
        self.told: set[str] = set()
        self.since: datetime | None = None

    def worth(self, key: str) -> int:
        one = self.orders[key]
        return one.kept() + (25 if key == self.first and one.is_left() else 0)

    def active(self, at: datetime) -> None:
        self.since = at if self.since is None else max(self.since, at)

    def change(self, key: str, act: Any) -> None:
        one, before = self.orders[key], self.worth(key)
        act(one)
        loss = before - self.worth(key)
        if one.matured:
            if one.outlived:
                spared = min(self.gone, loss)
                self.gone -= spared
                loss -= spared
            self.net -= loss
        if one.lost and key == self.first and not any(o.matured for o in self.orders.values()):
            self.first = None

    def pass_to(self, now: datetime) -> None:
        """Mature and expire what is due, in the order of time."""
        while True:
            dues: list[tuple[datetime, int, str]] = [
                (one.at + PENDING * DAY, 0, key)
                for key, one in self.orders.items()
                if not one.matured and not one.lost
            ]
            if self.since is not None and self.net > 0:
                dues.append((self.since + EXPIRY * DAY, 1, ""))
            due = min(dues, default=None)
            if due is None or due[0] > now:
                return
            if due[1] == 0:
                one = self.orders[due[2]]
                if not any(o.matured and not o.lost for o in self.orders.values()):
                    self.first = due[2]
                one.matured = True
                self.net += self.worth(due[2])
            else:
                self.gone += self.net
                self.net = 0
                self.since = due[0]
                for one in self.orders.values():
                    one.outlived = one.outlived or one.matured

    def review(self, at: datetime) -> None:
        if sum(at - seen < 20 * DAY for seen in self.reviews) < 2:
            self.reviews.append(at)
            self.net += 20
        self.active(at)


KEYS = st.sampled_from("abcd")
ACTS = st.one_of(
    st.tuples(st.just("order"), KEYS, CENTS),
    st.tuples(st.just("refund"), KEYS, CENTS),
    st.tuples(st.just("cancel"), KEYS, st.none()),
    st.tuples(st.just("review"), st.none(), st.none()),
    st.tuples(st.just("redeem"), st.none(), st.sampled_from((30, 100))),
    st.tuples(st.just("wait"), st.none(), st.integers(1, 40)),
    st.tuples(st.just("again"), st.none(), st.none()),
)


@given(acts=st.lists(ACTS, max_size=25))
@settings(max_examples=scale(80, 5_000), deadline=None)
def test_the_ledger_agrees_with_a_model_at_every_moment(acts: list[tuple[str, Any, Any]]) -> None:
    ann, model, now = Member(**POLICY), Model(), T0
    told: list[Event] = []
    paid_for = 0
    for number, (act, key, value) in enumerate(acts):
        now += timedelta(minutes=1)
        ann.run_to(now)
        model.pass_to(now)
        if act == "order" and key not in model.orders:
            told.append(order(key, str(value), at=now))
            model.orders[key] = Bought(total=Fraction(value), at=now)
            model.active(now)
        elif act == "refund" and key in model.orders:
            told.append(refund(key, str(value), at=now, number=str(number)))
            back = Fraction(value)
            model.change(key, lambda one, n=str(number), b=back: one.refunds.update({n: b}))
        elif act == "cancel" and key in model.orders:
            told.append(event("order.cancelled", at=now, order=key))
            model.change(key, lambda one: setattr(one, "lost", True))
        elif act == "review":
            told.append(event("review.submitted", number, at=now))
            model.review(now)
        elif act == "redeem":
            told.append(event("points.redeem", number, at=now, points=value))
            if model.net >= value:
                model.net -= value
                paid_for += 1
                model.active(now)
        elif act == "wait":
            now += value * DAY
            ann.run_to(now)
            model.pass_to(now)
            continue
        elif act != "again":
            continue
        for each in told if act == "again" else told[-1:]:  # what was told before changes nothing
            ann.tell(each)
        assert ann.ledger.balance == model.net
        assert ann.page["balance"] if model.net > 0 else not ann.page.get("balance")
        assert ann.page.get("debt", 0) == max(0, -model.net)
    assert len(ann.heard("points.redeemed")) == paid_for
    running = 0
    for line in ann.lines:
        running += line.points
        assert line.balance == running
    assert running == ann.ledger.balance


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """Reports of some orders with lines, refunds of lines and of amounts, losses, and reviews."""
    told: list[Event] = []
    for key in draw(st.lists(KEYS, min_size=1, max_size=3, unique=True)):
        at = T0 - draw(st.integers(5, 20)) * DAY - ord(key) * timedelta(seconds=1)
        lines = [
            LineFacts(id=str(n), product_id="pot" if n else "cup", price=draw(CENTS),
                      quantity=draw(st.integers(1, 3)))
            for n in range(draw(st.integers(1, 3)))
        ]  # fmt: skip
        total = str(sum(line.price * line.quantity for line in lines))
        own: dict[str, Any] = {"at": at, "lines": lines}
        told += [order(key, total, kind="order.placed", **own), order(key, total, **own)]
        for number in range(draw(st.integers(0, 3))):
            moment = at + draw(st.integers(0, 48)) * timedelta(hours=1)
            line = draw(st.sampled_from(lines))
            some = (LineQuantity(line_id=line.id, quantity=draw(st.integers(1, line.quantity))),)
            by_line = draw(st.booleans())
            amount = None if by_line else str(draw(CENTS))
            more: dict[str, Any] = {"lines": some} if by_line else {}
            told.append(refund(key, amount, at=moment, number=str(number), **more))
        if draw(st.integers(0, 3)) == 0:
            told.append(event("order.cancelled", at=at + 2 * DAY, order=key))
        if draw(st.booleans()):
            told.append(event("order.delivered", at=at + 3 * DAY, order=key))
    for number in range(draw(st.integers(0, 4))):
        at = T0 - draw(st.integers(0, 30)) * DAY
        told.append(event("review.submitted", number, at=at))
    return told


SPENDERS: list[dict[str, Any]] = [
    {"id": "silver", "name": "Silver", "spend": "99.00005", "period": "60d", "grace": "5d"},
    {"id": "gold", "name": "Gold", "spend": 250, "period": "120d"},
    {"id": "platinum", "name": "Platinum", "spend": 500, "period": "45d", "grace": "3d"},
]
SHUFFLED: dict[str, Any] = POLICY | {
    "products": [{"product": "pot", "times": 2, "bonus": 3}],
    "pending": {"after_delivery": "40d", "after_order": "50d"},
}


def entries(member: Member) -> set[tuple[Any, ...]]:
    return {
        (line.at, line.key, line.points, line.pending, line.balance)
        for line in member.lines
        if line.kind != "tier"
    }


def lived(told: list[Event], days: int) -> Member:
    member = Member(**SHUFFLED)
    for each in told:
        member.tell(each)
    member.run_to(T0 + days * DAY)
    return member


@given(story=stories(), data=st.data(), days=st.integers(0, 200))
@settings(max_examples=scale(80, 5_000), deadline=None)
def test_doubled_and_shuffled_events_end_in_the_same_ledger(
    story: list[Event], data: st.DataObject, days: int
) -> None:
    one = lived(story, days)
    other = lived(data.draw(st.permutations(story * 2)), days)
    assert entries(other) == entries(one)
    assert other.ledger.balance == one.ledger.balance
    assert other.page == one.page
    assert other.heard("tier.reached") == one.heard("tier.reached")


@given(story=stories(), data=st.data(), days=st.integers(0, 700))
@settings(max_examples=scale(60, 4_000), deadline=None)
def test_an_account_is_looked_at_whenever_time_alone_changes_it(
    story: list[Event], data: st.DataObject, days: int
) -> None:
    """So nobody has to look at it in between."""
    zone = {"orders": {"points": 1, "per": 5}, "birthday": 5, "anniversary": 7}
    tiers = data.draw(st.sampled_from([POLICY["tiers"], SPENDERS, SPENDERS[1:]]))
    warn = data.draw(st.sampled_from([{}, {"warn": "20d"}]))
    expire = {"expire": {"after": f"{EXPIRY}d", **warn}}
    ann = Member(**{**SHUFFLED, **zone, **expire, "tiers": tiers})
    ann.world.customer.birthday = date(1990, 2, 28)
    for each in story:
        ann.tell(each)
    ann.run_to(T0 + days * DAY)
    account = ann.world.books["points", "account"]
    before = ann.world.changes.written
    ann.programs.on_due(ann.world, account, ann.context)
    assert ann.world.changes.written == before
    assert ann.world.books["points", "account"] == account


@given(story=stories(), days=st.integers(0, 120), split=st.data())
@settings(max_examples=scale(50, 3_000), deadline=None)
def test_a_merge_ends_in_the_ledger_of_one_customer(
    story: list[Event], days: int, split: st.DataObject
) -> None:
    """Whoever told the orders, and whenever they turned out to be one, the sum is the same."""
    calm = {**SHUFFLED, "expire": None}
    one, ann, bea = Member(**calm), Member("ann", **calm), Member("bea", **calm)
    theirs = {key: split.draw(st.booleans()) for key in "abcd"}
    for each in story:
        one.tell(each)
        is_beas = each.order is not None and theirs[each.order.id]
        (bea if is_beas else ann).tell(each)
    for member in (one, ann, bea):
        member.run_to(T0 + days * DAY)
    ann.merge(bea)
    for member in (one, ann):
        member.run_to(T0 + 130 * DAY)
    assert entries(ann) == entries(one)
    for name in ("balance", "pending", "debt"):
        assert ann.page[name] == one.page[name]
