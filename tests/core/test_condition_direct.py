"""What Python answers for CEL is what CEL answers, empty values, odd ones and errors included."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.core.evaluate import Activation, evaluate, every_unmet, is_part_met
from engine.core.expression import Condition, ConditionError, compile_condition
from tests.core.condition_samples import FULL, VOCABULARY

TEXTS = ["customer.name", "order.currency", "customer.attributes.city", '"Ann"', '""', '"é\\n"']
WHOLES = ["customer.points", "customer.orders_count", "trigger.data.n", "3", "-1", "0"]
FRACTIONS = ["order.total", "nps.score", "2.5", "customer.orders_count"]
ASKED = ["customer.name", "customer.points", "nps.score", "trigger.data.n", "customer.interests"]
LISTS = ["customer.tags", "customer.interests", '["Ann", "tea"]', "[customer.name]"]
TRUTHS = ["order.is_gift", "customer.sms_consent", "customer.attributes.vip", "true", "false"]
COMPARED = ["==", "!=", "<", "<=", ">", ">="]


def joined(form: str, *choices: list[str]) -> st.SearchStrategy[str]:
    return st.tuples(*map(st.sampled_from, choices)).map(lambda chosen: form.format(*chosen))


SIMPLE = st.one_of(
    st.sampled_from(TRUTHS),
    joined("{} {} {}", TEXTS, COMPARED, TEXTS),
    joined("{} {} {}", WHOLES, COMPARED, WHOLES),
    joined("{} {} {}", FRACTIONS, COMPARED, [*FRACTIONS, *WHOLES]),
    joined("{} {} {}", FRACTIONS, ["==", "<"], ["order.total * 2", "order.total / nps.score"]),
    joined("{} % {} == {}", WHOLES, WHOLES, WHOLES),
    joined("{} {} null", ASKED, ["==", "!="]),
    joined("has({})", ASKED),
    joined("{} in {}", TEXTS, LISTS),
    joined("{} in [1, 3]", WHOLES),
    joined("size({}) {} {}", [*LISTS, *TEXTS], COMPARED, ["0", "1"]),
    joined("{}.{}({})", TEXTS, ["startsWith", "endsWith", "contains", "matches"], TEXTS),
    joined("{} + {} == {}", TEXTS, TEXTS, TEXTS),
    joined("{}.{}(x, x == {})", LISTS, ["exists", "all", "exists_one"], TEXTS),
    joined('{}.exists(x, x.startsWith("A") || x in ["tea"])', LISTS),
    joined("({} ? {} : {}) == {}", TRUTHS, WHOLES, WHOLES, WHOLES),
    joined("order.placed_at {} order.delivered_at", COMPARED),
)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        inner.map("!({})".format),
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
            lambda parts: f"({parts[0]}) {parts[1]} ({parts[2]})"
        ),
        st.tuples(inner, inner, inner).map(lambda parts: "({}) ? ({}) : ({})".format(*parts)),
    ),
    max_leaves=5,
)
WORDS = st.sampled_from(["Ann", "Anna", "", "tea", "é\n", "An\0n", "vip", "Z", "𝒜"])
NUMBERS = st.one_of(
    st.integers(-3, 4),
    st.sampled_from([2**53 + 1, 2**63 - 1, -(2**63), 2**63, 2**70]),
    st.sampled_from([0.0, -0.0, 2.5, 3.0, float(2**53), float("nan"), float("inf")]),
)
VALUES = st.one_of(
    st.none(), st.booleans(), NUMBERS, WORDS, st.lists(WORDS, max_size=3),
    st.lists(st.one_of(st.none(), NUMBERS, WORDS), max_size=3), st.just({"n": 1}),
)  # fmt: skip
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "order.total": st.sampled_from([0.0, 2.5, 3.0]),
    "customer.name": WORDS,
    "customer.points": st.integers(-3, 4),
    "customer.sms_consent": st.booleans(),
    "customer.interests": st.lists(WORDS, max_size=3),
    "trigger.data.n": NUMBERS,
    "customer.attributes.city": WORDS,
}


@st.composite
def shops(draw: st.DrawFn) -> dict[str, object]:
    """Values for the names: mostly of their kind, some empty, some of any other."""
    values = dict(FULL)
    for name, fitting in FITTING.items():
        values[name] = draw(st.one_of(fitting, fitting, st.none(), VALUES))
    left_out = draw(st.sampled_from(["", "", "customer.tags", "order.total", "order.is_gift"]))
    return {name: value for name, value in values.items() if name != left_out}


def by_cel(condition: Condition) -> Condition:
    """The same condition with nothing but CEL to ask."""
    return replace(condition, direct=(None,) * len(condition.clauses))


def compiled(source: str) -> Condition:
    try:
        return compile_condition(source, VOCABULARY)
    except ConditionError:
        assume(False)
        raise


@given(CONDITIONS, shops())
def test_the_answer_is_that_of_cel(source: str, values: dict[str, object]) -> None:
    condition = compiled(source)
    plain = by_cel(condition)
    mine, theirs = Activation(values), Activation(values)
    assert evaluate(condition, mine) == evaluate(plain, theirs)
    assert repr(every_unmet(condition, mine)) == repr(every_unmet(plain, theirs))
    for index in range(len(condition.clauses)):
        assert is_part_met(condition, index, mine) is is_part_met(plain, index, theirs)


@pytest.mark.parametrize(
    "source",
    [
        "!order.is_gift && customer.orders_count % 2 == 0",
        "customer.points > 0 || customer.sms_consent",
        "order.total >= 120 || (customer.orders_count == 1 && order.total >= 60)",
        'customer.tags.exists(tag, tag.startsWith("vip-") || tag in ["early"])',
        '!("sunset" in customer.tags)',
        'order.currency == "EUR" && customer.name != null && customer.attributes.city != "Graz"',
        "nps.score == null || nps.score >= 7",
    ],
)
def test_common_conditions_never_come_to_cel(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    condition = compile_condition(source, VOCABULARY)
    wanted = evaluate(by_cel(condition), Activation(FULL))

    def asked(*_: object) -> Any:
        raise AssertionError("CEL was asked")

    monkeypatch.setattr(Activation, "cel", asked)
    assert evaluate(condition, Activation(FULL)) == wanted


def test_values_are_read_when_a_condition_comes_to_them() -> None:
    read: list[str] = []

    class Told(Activation):
        def find(self, name: str) -> object:
            read.append(name)
            return FULL[name]

    values = Told()
    condition = compile_condition("order.is_gift && order.total > 3", VOCABULARY)
    assert not evaluate(condition, values).met
    assert read == ["order.is_gift"]
    assert evaluate(compile_condition("order.total > 3 || order.is_gift", VOCABULARY), values).met
    assert read == ["order.is_gift", "order.total"]
