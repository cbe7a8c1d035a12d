"""What a condition means for its author."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.evaluate import Activation, evaluate
from engine.core.expression import compile_condition
from engine.core.vocabulary import Field, FieldType, Vocabulary
from tests.core.condition_samples import FULL, VOCABULARY


def met(source: str, **changes: object) -> bool:
    values = {**FULL, **{name.replace("__", "."): value for name, value in changes.items()}}
    return evaluate(compile_condition(source, VOCABULARY), Activation(values)).met


@pytest.mark.parametrize(
    "source",
    [
        "order.total >= 20 && !order.is_gift",
        "20 <= order.total",
        "order.total * 2 == 50",
        "2 * order.total > 49 && order.total > -5 && order.total > - 5",
        "order.total > 0x10",
        "order.total in [1, 25]",
        "customer.orders_count in [1, 3] && customer.orders_count in [3, 4.5]",
        "nps.score * 2 > 10 && nps.score == 9",
        "customer.orders_count * order.total > 50",
        "(customer.orders_count + 1) * 2 > 7.5",
        "customer.orders_count / 2 > 1 && customer.orders_count / 2 == 1.5",
        "customer.orders_count % 3 == 0",
        "customer.points + customer.orders_count == 43",
        "-customer.orders_count < 0.5",
        "size(customer.tags) < 2.5 && customer.tags.size() * order.total == 50",
        "(order.is_gift ? 1 : order.total) > 2",
        "[1, 2].exists(n, n * order.total == 50)",
        'customer.tags.exists(t, t.startsWith("vip"))',
        'customer.tags.filter(t, t != "early").size() == 1',
        '"tea" in customer.interests && customer.interests == ["tea"]',
        'order.placed_at > timestamp("2026-01-01T00:00:00Z")',
        'order.delivered_at - order.placed_at > duration("36h")',
        "order.placed_at.getFullYear() == 2026",
        "customer.sms_consent && customer.attributes.vip",
        "customer.attributes.size > 40 && customer.attributes.size * 2 == 88",
        "customer.attributes.size in [44] && customer.attributes.size % 2 == 0",
        'trigger.data.carrier.name == "UPS"',
        "timestamp(trigger.data.carrier.seen) == order.placed_at",
        "has(customer.name) && has( trigger . data . carrier )",
        "!has(customer.attributes.gone) && customer.attributes.gone == null",
        "customer.name == 'Ann' // \"known\"",
        ".order.total > 3",
        "type(customer.attributes.vip) == bool",
    ],
)
def test_authors_write_plain_conditions(source: str) -> None:
    assert met(source)


def arithmetic() -> st.SearchStrategy[str]:
    leaves = st.sampled_from(
        ["order.total", "customer.orders_count", "nps.score", "customer.points", "2", "7", "2.5"]
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({' '.join(t)})"),
            inner.map(lambda text: f"({text} / 4)"),
            inner.map(lambda text: f"-({text})"),
        ),
        max_leaves=8,
    )


@given(
    left=arithmetic(),
    operator=st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    right=arithmetic(),
    total=st.integers(0, 9999).map(lambda cents: cents / 4),
    count=st.integers(0, 50),
)
def test_numbers_mix_as_on_paper(
    left: str, operator: str, right: str, total: float, count: int
) -> None:
    source = f"{left} {operator} {right}"
    names = {"order.total": total, "customer.orders_count": count, "nps.score": 9.0}
    names["customer.points"] = 40
    expected = source
    for name, value in names.items():
        expected = expected.replace(name, repr(value))
    condition = compile_condition(source, VOCABULARY)
    assert evaluate(condition, Activation(names)).met is eval(expected)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30))
def test_text_is_never_touched(text: str) -> None:
    literal = json.dumps(text, ensure_ascii=False)
    source = f"order.total * 2 > 1 && customer.name == {literal} && order.total > 3"
    assert met(source, customer__name=text)
    assert not met(source, customer__name=text + "0")


def test_names_are_the_fields_and_nothing_else() -> None:
    source = 'customer.tags.exists(t, t == "order.total") && size(customer . name) > 1'
    condition = compile_condition(source, VOCABULARY)
    assert condition.names == {"customer.tags", "customer.name"}


CLAUSES = ["order.total > 2", "!order.is_gift", "(order.total > 2 || order.is_gift)", "nps.score<7"]


@given(st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=6), st.data())
def test_clauses_are_what_and_joins_at_the_top(parts: list[str], data: st.DataObject) -> None:
    joined = parts[0]
    for part in parts[1:]:
        joined = f"{joined} && {part}" if data.draw(st.booleans()) else f"({joined}) &&\n {part}"
    condition = compile_condition(joined, VOCABULARY)
    bare = [part.removeprefix("(").removesuffix(")") for part in parts]
    assert [clause.source for clause in condition.clauses] == bare
    for clause, part in zip(condition.clauses, parts, strict=True):
        assert set(clause.names) == compile_condition(part, VOCABULARY).names


def test_an_or_at_the_top_is_one_clause() -> None:
    source = "order.total > 2 && order.is_gift || customer.sms_consent"
    assert [c.source for c in compile_condition(source, VOCABULARY).clauses] == [source]


def test_a_name_that_no_author_could_write_is_refused() -> None:
    with pytest.raises(ValueError, match="not a dotted name"):
        Vocabulary(fields={"order total": Field(type=FieldType.NUMBER)})


def test_nothing_is_divided_by_zero_into_an_error() -> None:
    condition = compile_condition("order.total / customer.orders_count > 1", VOCABULARY)
    verdict = evaluate(condition, Activation({"order.total": 0.0, "customer.orders_count": 0}))
    assert (verdict.met, verdict.code) == (False, "unmet")
