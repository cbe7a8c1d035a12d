"""Every guard of a referral: what it finds, what it spares, and what a shop can make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.referrals import ReferralProgram
from engine.core.book import Record
from engine.core.customer import Customer, Order, Refund
from engine.core.world import World
from engine.programs.likeness import DISPOSABLE, is_disposable, mailbox, similarity, street_line
from engine.programs.referral_guards import Case, findings
from engine.programs.referral_reasons import CODES as TOLD
from engine.programs.referral_reasons import finding_text
from engine.programs.referral_records import CLAIMS, CODES, REFERRALS, REFERRED
from tests.core.shop import DAY, HOUR, T0

PROGRAM: dict[str, Any] = {
    "name": "Friends",
    "text": "Come",
    "shop_url": "https://shop.example.com",
    "reward": {"points": 500, "text": "500 points"},
    "friend": {"text": "5 off"},
    "min_order": 20,
    "return_window": "30d",
    "attribution_window": "14d",
    "limit": {"count": 3, "per": "365d"},
    "burst": {"count": 2, "per": "1d"},
}
ADA: dict[str, Any] = {
    "email": "ada@example.com", "phone": "+15045550101", "first_name": "Ada",
    "last_name": "Lovelace", "street": "12 Rampart Street", "postal_code": "70116", "country": "US",
}  # fmt: skip
BOB: dict[str, Any] = {
    "email": "bob@example.org", "phone": "+15045550102", "first_name": "Bob",
    "last_name": "Babbage", "street": "9 Canal Street", "postal_code": "70130", "country": "US",
}  # fmt: skip


def record(key: str = "r1", at: Any = T0, via: str = CODES, **more: Any) -> Record:
    told = {"program": "friends", "code": "C", "friend_id": "bob", "order": "shop:1", "via": via}
    return Record(book=REFERRALS, key=key, at=at, data=told | more)


def case(
    *, friend: Any = None, order: Any = None, program: Any = None, days: int = 0,
    one: Record | None = None, brought: list[Record] | None = None, referred: Any = (),
) -> Case:  # fmt: skip
    """Ada has brought Bob, whose order is delivered, paid and all well, unless told otherwise."""
    ada = World(customer=Customer(id="ada", created_at=T0, **ADA))
    bob = World(customer=Customer(id="bob", created_at=T0, first_order_at=T0, **BOB))
    for name, value in (friend or {}).items():
        setattr(bob.customer, name, value)
    facts = {"placed": T0, "paid": T0}
    bought = Order(id="shop:1", customer_id="bob", known=True, total=Decimal(80), placed_at=T0,
                   facts=facts)  # fmt: skip
    for name, value in (order or {}).items():
        setattr(bought, name, value)
    one = one or record()
    for each in (one, *(brought or [])):
        ada.write(each)
    for each in (replace(one, book=REFERRED), *referred):
        bob.write(each)
    rules = ReferralProgram.model_validate(PROGRAM | (program or {}))
    return Case(record=one, referrer=ada, friend=bob, order=bought, program=rules,
                now=T0 + days * DAY)  # fmt: skip


def codes(found: Case) -> list[str]:
    return [one.code for one in findings(found)]


def test_an_honest_friend_is_found_nothing_against() -> None:
    assert codes(case()) == codes(case(days=31)) == []
    assert not case(days=29).is_mature
    assert case(days=30).is_mature


LIKE: dict[str, dict[str, Any]] = {
    "same_email": {"friend": {"email": "a.d.a+shop@example.com".replace("a.d.a", "ada")}},
    "same_phone": {"friend": {"phone": ADA["phone"]}},
    "existing_customer": {"friend": {"first_order_at": T0 - DAY}},
    "same_household": {"friend": {k: ADA[k] for k in ("street", "postal_code", "last_name")}},
    "similar_name": {"friend": {"last_name": "Lovelace", "first_name": "Adaa"}},
    "disposable_email": {"friend": {"email": "bob@mx.mailinator.com"}},
    "burst": {"brought": [record("r2", T0 - HOUR), record("r3", T0 + HOUR)]},
}
DEFAULTS = {"same_email": "block", "same_phone": "block", "existing_customer": "block"}


@pytest.mark.parametrize("guard", LIKE)
def test_each_guard_does_what_the_shop_says(guard: str) -> None:
    def actions(**given: Any) -> list[str]:
        found = findings(case(**LIKE[guard], **given))
        return [one.action for one in found if one.code == guard]

    assert actions() == [DEFAULTS.get(guard, "flag")]
    for action in ("block", "flag"):
        assert actions(program={"guards": {guard: action}}) == [action]
    assert codes(case(**LIKE[guard], program={"guards": {guard: "allow"}})) == []


UNDONE: dict[str, dict[str, Any]] = {
    "test_order": {"is_test": True},
    "order_cancelled": {"facts": {"placed": T0, "paid": T0, "cancelled": T0 + DAY}},
    "order_returned": {"facts": {"placed": T0, "paid": T0, "returned": T0 + DAY}},
    "order_disputed": {"facts": {"placed": T0, "paid": T0, "disputed:d1": T0 + DAY}},
    "order_refunded": {"refunds": {"1": Refund(id="1", at=T0, amount=Decimal(80))}},
    "below_minimum": {"refunds": {"1": Refund(id="1", at=T0, amount=Decimal("60.01"))}},
}


@pytest.mark.parametrize("code", UNDONE)
@pytest.mark.parametrize("days", [2, 40])
def test_an_order_that_does_not_stand_blocks(code: str, days: int) -> None:
    found = findings(case(order=UNDONE[code], days=days))
    assert code in {one.code for one in found}
    assert {one.action for one in found} == {"block"}


@pytest.mark.parametrize(
    ("code", "order"),
    [("not_paid", {"facts": {"placed": T0}}), ("open_return", {"has_open_return": True})],
)
def test_what_may_still_come_is_waited_for_and_not_for_ever(code: str, order: Any) -> None:
    assert codes(case(order=order, days=29)) == []
    for days, action in ((30, "wait"), (89, "wait"), (90, "block")):
        (found,) = findings(case(order=order, days=days))
        assert (found.code, found.action) == (code, action)


def test_one_customer_is_told_as_one_and_nothing_else_of_likeness() -> None:
    one = case()
    assert codes(replace(one, friend=one.referrer)) == ["same_customer"]


def test_a_friend_counts_for_the_earliest_order() -> None:
    earlier = replace(record("r0", T0 - DAY, order="shop:0"), book=REFERRED)
    later = replace(record("r9", T0 + DAY, order="shop:9"), book=REFERRED)
    paid = replace(record("r9", T0 + DAY, order="shop:9", converted=True), book=REFERRED)
    assert codes(case(referred=[earlier])) == ["already_referred"]
    assert codes(case(referred=[later])) == []
    assert codes(case(referred=[paid])) == ["already_referred"]


@given(days=st.integers(0, 30), hours=st.integers(-2, 2))
def test_an_address_counts_for_its_window_before_the_order(days: int, hours: int) -> None:
    claimed = T0 - days * DAY - timedelta(hours=hours)
    left = record(via=CLAIMS, claimed_at=claimed.isoformat())
    wanted = []
    if claimed > T0:
        wanted.append("claim_after_order")
    if T0 - claimed > 14 * DAY:
        wanted.append("claim_too_old")
    assert codes(case(one=left)) == wanted


@given(
    hours=st.lists(st.integers(-40, 40), max_size=6),
    count=st.integers(1, 4),
    per=st.integers(1, 30),
)
def test_a_burst_is_more_than_so_many_in_any_span_around_this_one(
    hours: list[int], count: int, per: int
) -> None:
    others = [record(f"o{n}", T0 + hour * HOUR) for n, hour in enumerate(hours)]
    program = {"burst": {"count": count, "per": f"{per}h"}}
    spans = [range(begin, begin + per) for begin in range(1 - per, 1)]  # each has this one in it
    most = 1 + max(sum(hour in span for hour in hours) for span in spans)
    found = codes(case(brought=others, program=program))
    assert found == (["burst"] if most > count else [])


@given(days=st.lists(st.integers(0, 800), max_size=6))
def test_no_more_are_paid_than_the_limit(days: list[int]) -> None:
    at = T0 + 31 * DAY
    others = [
        record(f"o{n}", T0 - 900 * DAY, converted_at=(at - each * DAY).isoformat())
        for n, each in enumerate(days)
    ]
    reached = sum(each < 365 for each in days) >= 3
    found = case(brought=others, days=31, program={"burst": {"count": 99, "per": "1d"}})
    assert codes(found) == (["limit_reached"] if reached else [])


LOCAL = st.text("abcdefgh0123456789", min_size=1, max_size=8)


@given(local=LOCAL, tag=LOCAL, dots=st.lists(st.booleans(), min_size=8, max_size=8))
def test_one_mailbox_is_one_however_it_is_spelled(local: str, tag: str, dots: list[bool]) -> None:
    dotted = "".join(
        f".{c}" if dot and n else c for n, (c, dot) in enumerate(zip(local, dots, strict=False))
    )
    assert mailbox(f"{dotted.upper()}+{tag}@GoogleMail.com ") == f"{local}@gmail.com"
    assert mailbox(f"{local}+{tag}@example.com") == f"{local}@example.com"
    assert mailbox(f"{local}-{tag}@yahoo.com") == f"{local}@yahoo.com"
    assert mailbox(f"{local}@me.com") == mailbox(f"{local}@icloud.com")
    assert mailbox(mailbox(f"{dotted}@gmail.com")) == mailbox(f"{dotted}@gmail.com")


@given(one=LOCAL, other=LOCAL)
def test_two_mailboxes_are_two(one: str, other: str) -> None:
    same = mailbox(f"{one}@example.com") == mailbox(f"{other}+x@example.com")
    assert same == (one == other)
    assert mailbox(f"{one}.{other}@example.com") != mailbox(f"{one}{other}@example.com")


@pytest.mark.parametrize(
    "street",
    ["12 RAMPART ST.", "12  rampart street", "12, Rampart St", "12 Rámpart Street"],
)
def test_one_house_is_one_however_it_is_spelled(street: str) -> None:
    told = {"street": street, "postal_code": "701 16", "last_name": "LOVELACE"}
    assert codes(case(friend=told)) == ["same_household"]
    assert codes(case(friend=told | {"last_name": "Babbage"})) == []
    assert codes(case(friend=told | {"postal_code": "70117"})) == []
    assert codes(case(friend=told | {"country": "CA"})) == []
    assert street_line("Hauptstraße 5") == street_line("hauptstr. 5")


@given(one=st.text(max_size=12), other=st.text(max_size=12))
def test_likeness_of_names_is_a_measure(one: str, other: str) -> None:
    assert similarity(one, other) == similarity(other, one)
    assert 0 <= similarity(one, other) <= 1
    assert (similarity(one, other) == 1) == (one == other != "")


@given(domain=st.sampled_from(sorted(DISPOSABLE)), host=LOCAL)
def test_lent_addresses_are_known_below_their_domain_and_not_beside(domain: str, host: str) -> None:
    assert is_disposable(f"x@{domain}")
    assert is_disposable(f"x@{host}.{domain.upper()}")
    assert not is_disposable(f"x@{host}x{domain}.example")
    assert is_disposable(f"x@{host}.example", [f"{host}.example"])


def test_every_finding_has_its_sentence() -> None:
    cases = [case(**each) for each in LIKE.values()]
    cases += [case(order=each, days=40) for each in UNDONE.values()]
    cases.append(case(order={"facts": {"placed": T0}, "has_open_return": True}, days=40))
    cases.append(case(one=record(via=CLAIMS, claimed_at=(T0 - 40 * DAY).isoformat())))
    found = {one.code: one for each in cases for one in findings(each)}
    assert set(found) <= TOLD
    for one in found.values():
        text = finding_text(one.code, {"action": one.action, **one.values})
        assert "example" not in text  # nothing that tells the two about each other
        assert "Love" not in text
        assert "{" not in text
