"""The fields that conditions may name, and what an order's facts add up to."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import Duration
from engine.core.answers import ANSWERS
from engine.core.book import Books, Record
from engine.core.customer import Customer, Line, Order, Refund, Ticket
from engine.core.evaluate import evaluate
from engine.core.facts import FIELDS, OPEN_PREFIXES, Facts, value_of
from engine.core.order_state import fact_time, facts_of, is_fully_refunded
from engine.core.shopping import BOOK, PAGE, Refill
from engine.core.step_results import step_fields
from engine.core.verbs import Delay, SendEmail, Split, Variant, WaitFor
from engine.core.view import trigger_of
from engine.core.vocabulary import FieldType, Vocabulary
from engine.core.world import World
from tests.core.shop import DAY, T0, Shop, plan, steps, transition, when

PYTHON_TYPES: dict[FieldType, type | tuple[type, ...]] = {
    FieldType.BOOL: bool,
    FieldType.INT: int,
    FieldType.NUMBER: float,
    FieldType.STRING: str,
    FieldType.TIMESTAMP: (datetime, str),
    FieldType.STRINGS: list,
}


def full_order() -> Order:
    line = Line(id="l1", product_id="p1", sku="s1", title="Tea", quantity=2, price=Decimal(5))
    money: dict[str, Any] = dict.fromkeys(("total", "subtotal", "shipping", "tax"), Decimal(10))
    return Order(
        id="shopify:1",
        known=True,
        number="#1",
        placed_at=T0,
        currency="EUR",
        discount=Decimal(1),
        discount_codes=("TEA",),
        country="AT",
        channel="web",
        attributes={"gift": {"wrap": True}},
        lines={"l1": line, "l2": Line(id="l2", sku="s1", quantity=1)},
        facts={"paid": T0, "shipped:a": T0 + 2 * DAY, "shipped:b": T0 + DAY, "delivered": T0 + DAY},
        **money,
    )


def full_world() -> World:
    customer = Customer(
        id="c-1", created_at=T0, email="a@b.c", phone="+431", first_name="Ann", last_name="Lee",
        locale="de-AT", timezone="Europe/Vienna", country="AT", region="9", postal_code="1010",
        tags=("vip",), orders_count=2,
        total_spent=Decimal(30), first_order_at=T0, last_order_at=T0,
        attributes={"size": "L"},
    )  # fmt: skip
    scores = {"nps": 9, "csat": 4, "ces": 6}
    told = {
        (ANSWERS, kind): Record(
            book=ANSWERS, key=kind, at=T0, data={"kind": kind, "score": score}
        ) for kind, score in scores.items()
    }  # fmt: skip
    page = {"balance": 5, "pending": 1, "tier": "gold", "expires_at": T0.isoformat()}
    account = Record(book="points", key="account", at=T0, data=page)
    refill = Refill(
        product_id="p1", title="Tea", url=None, image_url=None, order_id="shopify:1",
        last_bought_at=T0, date=T0 + 30 * DAY,
    )  # fmt: skip
    shopping = {"rfm": [5, 4, 3], "products": ["p0"], "refills": [refill.data()]}
    night = Record(book=BOOK, key=PAGE, at=T0, data=shopping)
    books = Books([*told.values(), account, night])
    return World(customer=customer, orders={"shopify:1": full_order()}, books=books)


def facts(world: World, now: datetime, order: Order | None = None) -> Facts:
    ticket = Ticket(
        id="z:1", subject="?", channel="email", priority="low", tags=("x",), rating=3,
        opened_at=T0, solved_at=T0, order_id="shopify:1",
    )  # fmt: skip
    event = transition("order.paid", T0, data={"deep": 1}, size=4)
    return Facts(
        world,
        order=order,
        ticket=ticket if order is not None else None,
        trigger=trigger_of(event),
        results={"ask": {"sent": True}, "ab": {"variant": "b"}},
        event=event,
        now=now,
    )


def test_every_declared_field_is_read_and_has_its_type() -> None:
    world = full_world()
    values = facts(world, T0 + 3 * DAY, order=full_order())
    for name, field in FIELDS.items():
        value = values.value(name)
        assert isinstance(value, PYTHON_TYPES[field.type]), name
        if field.type is FieldType.INT:
            assert not isinstance(value, bool)
        assert field.doc
    assert values.value("customer.average_order") == 15.0
    assert values.value("order.skus") == ["s1"]
    assert values.value("order.item_count") == 3
    assert values.value("order.shipped_at") == (T0 + DAY).isoformat()
    assert values.value("order.days_since_delivery") == 2
    assert values.value("customer.rfm") == "543"
    assert values.value("customer.value_score") == 3
    assert values.value("customer.product_ids") == ["p1", "s1", "p0"]
    assert values.value("customer.replenish_at") == (T0 + 30 * DAY).isoformat()


def test_a_missing_order_leaves_all_its_fields_empty_and_every_comparison_unmet() -> None:
    values = facts(World(customer=Customer(id="c-1", created_at=T0)), T0)
    for name, field in FIELDS.items():
        if name.startswith(("order.", "ticket.")):
            assert values.value(name) is None
            assert field.nullable
        elif not field.nullable:
            assert values.value(name) is not None, name
    for source in ("order.paid", "!order.paid", "order.total < 10", "!(order.total < 10)"):
        verdict = evaluate(when(source), values)
        assert (verdict.met, verdict.code) == (False, "no_value")


def test_open_fields_and_results_are_found_by_their_path() -> None:
    values = facts(full_world(), T0, order=full_order())
    told = {
        "customer.attributes.size": "L",
        "order.attributes.gift.wrap": True,
        "order.attributes.gift.no.way": None,
        "event.data.size": 4,
        "trigger.data.size": 4,
        "trigger.data.none": None,
        "ask.sent": True,
        "ask.clicked": False,
        "ab.variant": "b",
        "other.variant": None,
    }
    assert {name: values.value(name) for name in told} == told


@given(st.timedeltas(timedelta(days=-3), timedelta(days=800)))
def test_days_since_never_go_back(passed: timedelta) -> None:
    world = full_world()

    def days(moment: datetime) -> object:
        name = "customer.days_since_order"
        return value_of(name, world, order=None, ticket=None, trigger={}, now=moment)

    earlier, later = days(T0 + passed), days(T0 + passed + DAY)
    assert isinstance(earlier, int)
    assert isinstance(later, int)
    assert 0 <= earlier <= later <= earlier + 1
    assert earlier == max(0, passed.days)


def test_steps_add_the_names_that_their_results_have() -> None:
    made = steps(
        {"kind": SendEmail, "id": "ask", "template": "t"},
        {"kind": WaitFor, "id": "w", "timeout": Duration(days=1)},
        {"kind": Split, "id": "ab", "variants": (Variant(name="a", weight=1, target=3),)},
        {"kind": Delay},
    )
    names = {name for step in made for name in step_fields(step)}
    assert {"ask.clicked", "ask.replied", "w.happened", "w.timed_out", "ab.variant"} <= names
    assert not step_fields(made[3])
    vocabulary = Vocabulary(fields=FIELDS, open_prefixes=OPEN_PREFIXES)
    assert not names & set(vocabulary.fields)


def test_consent_is_of_the_present_address() -> None:
    shop = Shop.of(plan())
    shop.consent()
    condition = when("customer.email_consent && !customer.sms_consent")
    assert evaluate(condition, facts(shop.world, T0)).met
    shop.world.customer.email = "new@example.com"
    assert not evaluate(condition, facts(shop.world, T0)).met


LINES = {"a": Line(id="a", quantity=2), "b": Line(id="b", quantity=1)}


@pytest.mark.parametrize(
    ("total", "refunds", "full"),
    [
        (10, [], False),
        (10, [(10, {})], True),
        (10, [(4, {}), (6, {})], True),
        (10, [(9, {"a": 1})], False),
        (10, [(8, {"a": 2, "b": 1})], True),
        (10, [(None, {"a": 2}), (None, {"b": 1})], True),
        (10, [(None, {"a": 2})], False),
        (10, [(None, {})], True),
        (None, [(3, {})], True),
        (None, [(3, {"b": 1})], False),
    ],
)
def test_when_an_order_is_refunded_in_full(
    total: int | None, refunds: list[tuple[int | None, dict[str, int]]], full: bool
) -> None:
    order = Order(id="o", total=None if total is None else Decimal(total), lines=dict(LINES))
    for number, (amount, lines) in enumerate(refunds):
        money = None if amount is None else Decimal(amount)
        order.refunds = {
            **order.refunds,
            f"r{number}": Refund(id=f"r{number}", at=T0, amount=money, lines=lines),
        }
    assert is_fully_refunded(order) is full


def test_a_fact_without_its_refund_is_a_full_one() -> None:
    assert is_fully_refunded(Order(id="o", facts={"refunded:r1": T0}))
    assert fact_time(Order(id="o", facts={"refunded_later:r1": T0}), "refunded") is None


def test_one_parcel_of_two_is_no_delivery_of_the_order() -> None:
    order = Order(id="o", facts={"shipped:a": T0, "shipped:b": T0 + DAY, "delivered:a": T0})
    assert fact_time(order, "shipped") == T0
    assert fact_time(order, "delivered") is None
    assert list(facts_of(order, "order.delivered")) == []
    assert list(facts_of(order, "order.shipped")) == [T0, T0 + DAY]
    order.facts["delivered"] = T0 + 2 * DAY
    assert fact_time(order, "delivered") == T0 + 2 * DAY
