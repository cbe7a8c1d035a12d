"""The guards of a referral: pure looks at a referrer, a friend and the friend's order.

Each finding has a code, what follows from it, and the values that a person needs to understand it.
They hold nothing that tells the two about each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from config.referrals import Action, ReferralProgram
from engine.core.book import Record
from engine.core.customer import Customer, Order
from engine.core.order_state import fact_time, is_fully_refunded, refunded_total
from engine.core.world import World
from engine.programs.likeness import is_disposable, mailbox, plain, similarity, street_line
from engine.programs.referral_records import CLAIMS, CODES, REFERRALS, counting

# A transposition or a nickname's ending keeps names of five letters above it.
_ALIKE: Final = 0.7
_PATIENCE: Final = timedelta(days=60)  # beyond the return window, for what is not yet paid


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found; ``wait``: only time can tell."""

    code: str
    action: Action | Literal["wait"] = "block"
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A referral as it stands now."""

    record: Record  # the referrer's
    referrer: World
    friend: World
    order: Order
    program: ReferralProgram
    now: datetime

    @property
    def matures_at(self) -> datetime:
        """When the order can no longer be returned: so long after its delivery, else after it."""
        begin = fact_time(self.order, "delivered") or self.record.at
        return max(begin, self.record.at) + self.program.return_window.nominal

    @property
    def is_mature(self) -> bool:
        """Whether the return window has closed."""
        return self.now >= self.matures_at


def findings(case: Case) -> list[Finding]:
    """Everything that speaks against a referral, the gravest kind first."""
    found = [*_of_order(case), *_of_friend(case), *_of_likeness(case), *_of_numbers(case)]
    return [one for one in found if one.action != "allow"]


def _of_order(case: Case) -> Iterator[Finding]:
    order, program = case.order, case.program
    if order.is_test:
        yield Finding("test_order")
    if "cancelled" in order.facts:
        yield Finding("order_cancelled")
    if is_fully_refunded(order):
        yield Finding("order_refunded")
    for kind in ("returned", "disputed"):
        if fact_time(order, kind) is not None:
            yield Finding(f"order_{kind}")
    left = (order.total or Decimal(0)) - refunded_total(order)
    if left < program.min_order:
        yield Finding("below_minimum", values={"total": str(left), "min": str(program.min_order)})
    if case.is_mature:
        yield from _not_yet(case)


def _not_yet(case: Case) -> Iterator[Finding]:
    """What an order may still lack when its return window closes; not for ever."""
    facts = case.order.facts
    patient = case.now < case.matures_at + _PATIENCE
    action: Action | Literal["wait"] = "wait" if patient else "block"
    if "paid" not in facts and "delivered" not in facts:
        yield Finding("not_paid", action)
    if case.order.has_open_return:
        yield Finding("open_return", action)


def _of_friend(case: Case) -> Iterator[Finding]:
    record, friend = case.record, case.friend
    if friend is case.referrer:
        yield Finding("same_customer")
        return
    winner = counting(friend)
    if winner is not None and winner.key != record.key:
        yield Finding("already_referred", values={"by_order": winner.data["order"]})
    first = friend.customer.first_order_at
    if first is not None and first < record.at:
        action = case.program.guards.existing_customer
        yield Finding("existing_customer", action, {"since": first.isoformat()})
    claimed = _claimed_at(record)
    if claimed is not None:
        window = case.program.attribution_window
        if claimed > record.at:
            yield Finding("claim_after_order", values={"claimed": claimed.isoformat()})
        if record.at - claimed > window.nominal:
            values = {"claimed": claimed.isoformat(), "window": str(window)}
            yield Finding("claim_too_old", values=values)


def _of_likeness(case: Case) -> Iterator[Finding]:
    if case.friend is case.referrer:
        return
    mine, theirs, guards = case.referrer.customer, case.friend.customer, case.program.guards
    if mine.email and theirs.email and mailbox(mine.email) == mailbox(theirs.email):
        yield Finding("same_email", guards.same_email)
    if mine.phone and mine.phone == theirs.phone:
        yield Finding("same_phone", guards.same_phone)
    house = _house(mine)
    same_house = house is not None and house == _house(theirs)
    same_family = bool(plain(mine.last_name)) and plain(mine.last_name) == plain(theirs.last_name)
    if same_house and same_family:
        yield Finding("same_household", guards.same_household)
    alike = similarity(plain(mine.first_name), plain(theirs.first_name))
    if (same_house or same_family) and alike >= _ALIKE:
        yield Finding("similar_name", guards.similar_name, {"likeness": round(alike, 2)})
    if theirs.email and is_disposable(theirs.email, case.program.disposable_domains):
        domain = theirs.email.rpartition("@")[2]
        yield Finding("disposable_email", guards.disposable_email, {"domain": domain})


def _house(customer: Customer) -> tuple[str, str, str] | None:
    """Street, house number and postal code; None unless all is known."""
    street, postal = street_line(customer.street), plain(customer.postal_code).replace(" ", "")
    if not street or not postal:
        return None
    return street, postal, (customer.country or "").upper()


def _of_numbers(case: Case) -> Iterator[Finding]:
    burst, limit = case.program.burst, case.program.limit
    this, length = _moment(case.record), burst.per.nominal
    moments = _moments(case)
    begins = [at for at in moments if this - length < at <= this]
    most = max((sum(at <= one < at + length for one in moments) for at in begins), default=0)
    if most > burst.count:
        values = {"count": most, "per": str(burst.per), "most": burst.count}
        yield Finding("burst", case.program.guards.burst, values)
    if limit is not None and case.is_mature:
        paid = sum(at > case.now - limit.per.nominal for at in _paid(case))
        if paid >= limit.count:
            values = {"count": paid, "per": str(limit.per), "most": limit.count}
            yield Finding("limit_reached", values=values)


def _moments(case: Case) -> list[datetime]:
    """When friends of the program were brought: left their address, or bought by a code."""
    program = case.record.data["program"]
    claims = [one for one in case.referrer.book(CLAIMS) if one.data["program"] == program]
    bought = [
        one
        for one in case.referrer.book(REFERRALS)
        if one.data["program"] == program and one.data["via"] == CODES
    ]
    return [one.at for one in (*claims, *bought)]


def _paid(case: Case) -> list[datetime]:
    return [
        datetime.fromisoformat(one.data["converted_at"])
        for one in case.referrer.book(REFERRALS)
        if one.data["program"] == case.record.data["program"] and "converted_at" in one.data
    ]


def _moment(record: Record) -> datetime:
    return _claimed_at(record) or record.at


def _claimed_at(record: Record) -> datetime | None:
    claimed = record.data.get("claimed_at")
    return None if claimed is None else datetime.fromisoformat(claimed)
