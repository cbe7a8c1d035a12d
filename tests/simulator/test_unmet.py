"""Who sleeps would not have been enrolled, and who does not would have been."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.durations import Duration
from engine.core.book import Books, Record
from engine.core.campaign import Entry, Plan, ScheduleTrigger
from engine.core.customer import Consent, Customer
from engine.core.decision import VerdictCode
from engine.core.facts import FIELDS, value_of
from engine.core.journey import enrol_by_schedule
from engine.core.transition import Transition
from engine.core.verbs import Delay
from engine.core.world import Changes, World
from engine.simulator.memory import Memory
from engine.simulator.person import Person
from engine.simulator.unmet import AGAIN, FOR_EVER, PASSING, PERMITS, RECORDS, ROW, Outlook
from tests.core.shop import RULES, T0, Shop, plan, when
from tests.simulator.customers_at_random import (
    HOUR,
    Silent,
    consents,
    customers,
    let_enter,
    moments,
    pages,
    plans,
    records,
)

_INSTANT = timedelta(microseconds=1)
told = st.lists(st.one_of(records, pages), max_size=3)
permitted = st.lists(consents, max_size=3)
# What is judged not at all: it looks at orders, too.
_UNJUDGED = {"customer.product_ids", "customer.replenish_at"}


def person_of(customer: Customer, books: list[Record]) -> Person:
    person = Person(customer)
    person.books = Books(books)
    return person


def memory_of(given: list[Consent]) -> Memory:
    memory = Memory(Silent())
    memory.permits.take(Changes(consents=tuple(given)))
    return memory


def enters(plan: Plan, person: Person, memory: Memory, now: datetime) -> bool:
    """What the core says of a fire at ``now``."""
    shop = Shop.of(plan, now=now)
    world = person.world(
        now=now,
        since=now,
        complete=True,
        books=None,
        message_ids=(),
        permitted=memory.permits.of_customer(person.customer),
    )
    fire = Transition(type="schedule.fired", time=now, id=f"schedule:{now.isoformat()}")
    key = f"{now:%Y-%m-%dT%H:%M}"
    verdict = enrol_by_schedule(world, plan, key, fire, shop.plans, shop.context)
    return verdict.code is VerdictCode.ENTERED


@settings(max_examples=300)
@given(
    plan=plans(),
    customer=customers(),
    entered=moments,
    books=told,
    given_consents=permitted,
    other_books=told,
    other_consents=permitted,
    shares=st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_the_core_agrees_with_who_sleeps(
    plan: Plan,
    customer: Customer,
    entered: datetime | None,
    books: list[Record],
    given_consents: list[Consent],
    other_books: list[Record],
    other_consents: list[Consent],
    shares: list[float],
) -> None:
    person, memory = person_of(customer, books), memory_of(given_consents)
    if entered is not None and entered <= T0:
        let_enter(person, plan.id, entered)
    sleep = Outlook(plan).sleep(person, memory, T0, RULES)
    assert enters(plan, person, memory, T0) == (sleep is None)
    if sleep is None or sleep is AGAIN:
        return
    assert sleep.until > T0
    span = min(sleep.until - T0, timedelta(days=400))
    later = [T0 + span * share for share in shares] + [T0 + span - timedelta(microseconds=1)]
    elsewhere = person if sleep.records else person_of(customer, other_books)
    elsewhere.past = person.past
    for at in later:
        if at < sleep.until:
            assert not enters(plan, person, memory, at)
            # Nor does it matter what does not wake them.
            assert not enters(plan, elsewhere, memory, at)
            if not sleep.permits:
                assert not enters(plan, person, memory_of(other_consents), at)


@pytest.mark.parametrize("sign", ["==", "!=", ">=", ">", "<=", "<"])
@pytest.mark.parametrize("number", [0, 1, 3])
@pytest.mark.parametrize("form", ["({name} {sign} {number})", "{number}{sign}{name}"])
def test_days_are_counted_ahead_to_the_instant(sign: str, number: int, form: str) -> None:
    segment = form.format(name="customer.days_since_order", sign=sign, number=number)
    trigger = ScheduleTrigger(cron="0 9 * * *", zone=None, segment=when(segment))
    asked = plan(
        {"kind": Delay, "for_": Duration(days=1)},
        trigger=trigger, entry=Entry(key="customer.id", re_entry="always"),
    )  # fmt: skip
    # An order may have been told with a clock that runs ahead.
    person = person_of(Customer(id="c-1", created_at=T0, last_order_at=T0 + 5 * HOUR), [])
    instants = [T0 + hours * HOUR + part for hours in range(106) for part in (-_INSTANT, 0 * HOUR)]
    met = [enters(asked, person, memory_of([]), at) for at in instants]
    for index, at in enumerate(instants):
        sleep = Outlook(asked).sleep(person, memory_of([]), at, RULES)
        assert (sleep is None) == met[index]
        if sleep is not None:
            rest = zip(instants[index:], met[index:], strict=True)
            assert sleep.until == next((later for later, entered in rest if entered), FOR_EVER)


@given(customer=customers(), books=told, other=told, mine=permitted, given_consents=permitted)
def test_each_field_changes_with_what_it_is_said_to_change_with(
    customer: Customer,
    books: list[Record],
    other: list[Record],
    mine: list[Consent],
    given_consents: list[Consent],
) -> None:
    def value(name: str, books: list[Record], consents: list[Consent], now: datetime) -> object:
        world = World(customer=customer, books=person_of(customer, books).books)
        memory_of(consents).permits.fill(world)
        return value_of(name, world, order=None, ticket=None, trigger={}, now=now)

    later = T0 + 30 * HOUR
    for name in ROW:
        assert value(name, books, mine, T0) == value(name, other, given_consents, later)
    for name in RECORDS:
        assert value(name, books, mine, T0) == value(name, books, given_consents, later)
    for name in PERMITS:
        assert value(name, books, mine, T0) == value(name, other, mine, later)


def test_every_field_of_the_customer_is_placed() -> None:
    groups = (ROW, RECORDS, PERMITS, PASSING, _UNJUDGED)
    names = [name for group in groups for name in group]
    assert sorted(names) == sorted(name for name in FIELDS if name.startswith("customer."))
