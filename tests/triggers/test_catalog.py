from __future__ import annotations

import re
from typing import get_args

import pytest

from triggers.catalog import EventObject, FieldType, custom_type
from triggers.event_types import BUILT_IN

# DESIGN, section 6, Events; ticket.updated reports a ticket's fields, preferences.changed what a
# customer chose on the page of preferences, product.replenish_due that something will be used up.
_DESIGNED = """
customer.created|updated|subscribed|unsubscribed
order.placed|paid|updated|shipped|out_for_delivery|delayed|delivered|delivery_failed|lost|refunded|cancelled|returned|disputed
ticket.opened|updated|solved|reopened|rated
survey.answered review.submitted referral.converted coupon.redeemed|expiring
points.earned|expiring|redeem|redeemed|adjust tier.reached call.completed|no_answer|inbound|ended
preferences.changed product.replenish_due
message.sent|delivered|opened|clicked|bounced|failed|complained|replied
"""


def test_the_built_in_types_are_the_designed_ones() -> None:
    designed = {
        f"{group.split('.')[0]}.{word}"
        for group in _DESIGNED.split()
        for word in group.split(".")[1].split("|")
    }
    assert set(BUILT_IN.types) == designed


def test_every_type_says_what_it_is_and_carries() -> None:
    for name, spec in BUILT_IN.types.items():
        assert spec.name == name
        assert spec.doc.endswith(".")
        assert spec.object in get_args(EventObject)
        for field, declared in spec.fields.items():
            assert re.fullmatch(r"[a-z_]+", field)
            assert declared.type in get_args(FieldType)
            assert declared.doc


def test_order_customer_and_ticket_types_are_derived_from_facts() -> None:
    derived = {spec.name.split(".")[0] for spec in BUILT_IN.types.values() if spec.derived}
    told = {spec.name.split(".")[0] for spec in BUILT_IN.types.values() if not spec.derived}
    assert derived == {"customer", "order", "ticket", "preferences"}
    assert not derived & told


def test_custom_types_join_without_changing_the_built_in_catalog() -> None:
    quiz = custom_type("shop.quiz_done", doc="A quiz.", fields={"score": "int"})
    catalog = BUILT_IN.with_custom([quiz])
    assert catalog.types["shop.quiz_done"].fields["score"].type == "int"
    assert catalog.types["shop.quiz_done"].custom
    assert "shop.quiz_done" not in BUILT_IN.types
    assert set(catalog.types) == {*BUILT_IN.types, "shop.quiz_done"}


@pytest.mark.parametrize(
    ("name", "carries", "fields", "message"),
    [
        ("Shop.Quiz", "customer", {}, "not an event type"),
        ("quiz", "customer", {}, "not an event type"),
        ("a." + "b" * 200, "customer", {}, "not an event type"),
        ("shop.quiz", "cart", {}, "expected customer, order or ticket"),
        ("shop.quiz", "order", {"Score": "int"}, "not a field name"),
        ("shop.quiz", "order", {"score": "integer"}, "expected bool, int, number"),
    ],
)
def test_a_wrong_declaration_says_what_was_expected(
    name: str, carries: str, fields: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        custom_type(name, carries=carries, fields=fields)


def test_a_taken_name_is_refused() -> None:
    with pytest.raises(ValueError, match="built-in"):
        BUILT_IN.with_custom([custom_type("order.paid")])
    with pytest.raises(ValueError, match="twice"):
        BUILT_IN.with_custom([custom_type("shop.quiz"), custom_type("shop.quiz")])
