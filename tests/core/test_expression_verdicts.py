"""Why a condition is met or not."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from engine.core.evaluate import Activation, Verdict, evaluate, every_unmet
from engine.core.expression import compile_condition
from engine.core.vocabulary import Field, FieldType, Vocabulary
from tests.core.condition_samples import FULL, NULLABLE, PLACED_AT, VOCABULARY


def verdict(source: str, changes: dict[str, object] | None = None) -> Verdict:
    values = {**FULL, **(changes or {})}
    return evaluate(compile_condition(source, VOCABULARY), Activation(values))


@given(st.lists(st.sampled_from(
    ["order.total > 1e9", "order.is_gift", "!order.is_gift", 'customer.name == "x"', "true"]
), min_size=1, max_size=5))  # fmt: skip
def test_all_that_is_unmet_begins_with_what_decided(parts: list[str]) -> None:
    condition = compile_condition(" && ".join(parts), VOCABULARY)
    activation = Activation({**FULL, "customer.name": None})
    decided, every = evaluate(condition, activation), every_unmet(condition, activation)
    assert bool(every) is not decided.met
    assert every[:1] == (() if decided.met else (decided,))
    alone = [compile_condition(one.source, VOCABULARY) for one in condition.clauses]
    unmet = [number for number, one in enumerate(alone) if not evaluate(one, activation).met]
    assert [one.clause for one in every] == unmet


COMPARISONS = [
    "NAME == VALUE",
    "NAME != VALUE",
    "VALUE != NAME",
    "NAME in [VALUE]",
    "(order.is_gift ? VALUE : NAME) != VALUE",
    "[NAME] != [VALUE]",
    "[NAME].all(x, x != VALUE)",
]
ORDERED = ["NAME < VALUE", "NAME >= VALUE"]
LITERALS = {
    FieldType.BOOL: "true",
    FieldType.INT: "3",
    FieldType.NUMBER: "3.5",
    FieldType.STRING: '"Bea"',
    FieldType.TIMESTAMP: 'timestamp("2026-01-01T00:00:00Z")',
    FieldType.STRINGS: '["coffee"]',
}


def about(name: str) -> list[str]:
    field_type = VOCABULARY.fields[name].type if name in VOCABULARY.fields else FieldType.STRING
    ordered = [] if field_type is FieldType.STRINGS else ORDERED
    return [
        form.replace("NAME", name).replace("VALUE", LITERALS[field_type])
        for form in COMPARISONS + ordered
    ]


EMPTY = [
    *((name, form) for name in NULLABLE for form in about(name)),
    *(("order.currency", form) for form in about("order.currency")),
    *(("customer.attributes.city", form) for form in about("customer.attributes.city")),
    ("customer.points", "customer.points * 2 > 1"),
    ("customer.attributes.n", "customer.attributes.n * 2 > 1"),
    ("customer.attributes.n", "customer.attributes.n % 2 == 0"),
    ("customer.sms_consent", "customer.sms_consent"),
    ("customer.name", 'customer.name.startsWith("A")'),
    ("customer.name", 'customer.name + "!" != "x"'),
    ("customer.name", 'string(customer.name) != "x" || order.is_gift'),
    ("customer.interests", '"tea" in customer.interests'),
    ("customer.interests", "size(customer.interests) == 0"),
]


@pytest.mark.parametrize("given_as", ["none", "missing"])
@pytest.mark.parametrize("negated", [False, True])
@pytest.mark.parametrize(("name", "source"), EMPTY)
def test_an_empty_value_meets_nothing(name: str, source: str, negated: bool, given_as: str) -> None:
    values = {key: value for key, value in FULL.items() if key != name}
    if given_as == "none":
        values[name] = None
    condition = compile_condition(f"!({source})" if negated else source, VOCABULARY)
    found = evaluate(condition, Activation(values))
    assert (found.met, found.code, found.field, found.clause) == (False, "no_value", name, 0)
    assert (name, None) in found.values


@pytest.mark.parametrize("name", [*NULLABLE, "customer.attributes.city", "trigger.data.a.b"])
def test_emptiness_can_be_asked(name: str) -> None:
    empty: dict[str, object] = {name: None}
    literal = LITERALS[VOCABULARY.fields[name].type if name in NULLABLE else FieldType.STRING]
    for source in (f"{name} == null", f"null == {name}", f"!has({name})"):
        assert verdict(source, empty).met
        assert verdict(f"{source} || {name} != {literal}", empty).met
    for source in (f"{name} != null", f"has({name})"):
        assert verdict(source, empty) == Verdict(
            met=False, clause=0, code="unmet", values=((name, None),), field=None
        )


def test_emptiness_can_be_asked_of_what_is_there() -> None:
    assert verdict("customer.name != null && has(nps.score) && order.delivered_at != null").met
    assert verdict("nps.score == null || nps.score > 3").met
    assert verdict("nps.score == null || nps.score > 9").code == "unmet"


def test_an_error_beside_a_true_side_is_no_matter() -> None:
    empty: dict[str, object] = {"customer.name": None}
    assert verdict('customer.name == "Ann" || order.total > 3', empty).met
    assert verdict('customer.name == "Ann" || order.total > 99', empty).field == "customer.name"


PARTS = {
    "order.total > 20": ("met", None),
    "order.total > 200": ("unmet", None),
    "order.is_gift": ("unmet", None),
    "nps.score > 3": ("no_value", "nps.score"),
    "customer.tags[9] == 'x'": ("error", None),
    "customer.attributes.vip": ("met", None),
    "customer.attributes.size": ("unmet", None),
    "customer.name == null || nps.score > 3": ("no_value", "nps.score"),
}


@given(st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=5))
def test_the_first_clause_that_is_not_met_decides(parts: list[str]) -> None:
    condition = compile_condition(" && ".join(f"({part})" for part in parts), VOCABULARY)
    found = evaluate(condition, Activation({**FULL, "nps.score": None}))
    first = next((i for i, part in enumerate(parts) if PARTS[part][0] != "met"), None)
    assert found.met == (first is None)
    assert found.clause == first
    assert (found.code, found.field) == ("met" if first is None else PARTS[parts[first]][0],) + (
        (None,) if first is None else (PARTS[parts[first]][1],)
    )
    if first is not None:
        assert tuple(name for name, _ in found.values) == condition.clauses[first].names


def test_values_are_fit_for_json() -> None:
    found = verdict(
        "order.placed_at == order.delivered_at || order.total < 0 || trigger.data.carrier == null"
        ' || "x" in customer.tags',
        {"order.total": float("nan")},
    )
    shown = json.loads(json.dumps(dict(found.values), allow_nan=False))
    assert shown["order.placed_at"] == PLACED_AT.isoformat()
    assert shown["order.total"] == "nan"
    assert shown["trigger.data.carrier"] == {"name": "UPS", "seen": PLACED_AT.isoformat()}
    assert shown["customer.tags"] == FULL["customer.tags"]


@given(st.datetimes(timezones=st.timezones()), st.integers(-2, 2))
def test_times_compare_to_the_microsecond(moment: datetime, steps: int) -> None:
    try:
        utc = moment.astimezone(UTC)
        later = utc + steps * datetime.resolution
    except OverflowError:
        reject()
    found = verdict(
        "order.placed_at < order.delivered_at",
        {"order.placed_at": moment, "order.delivered_at": later},
    )
    assert found.met == (steps > 0)


def test_one_activation_serves_every_vocabulary() -> None:
    other = Vocabulary(fields={"nps.score": Field(type=FieldType.NUMBER)})
    activation = Activation({**FULL, "trigger.data": {"n": 2}})
    for _ in range(2):
        assert evaluate(compile_condition("nps.score * 2 == 18", other), activation).met
        assert evaluate(compile_condition("nps.score != 8", VOCABULARY), activation).met
        assert evaluate(compile_condition("trigger.data.n * 2 == 4", VOCABULARY), activation).met


def test_what_is_met_is_told_without_a_new_object() -> None:
    assert verdict("order.total > 3") is verdict("!order.is_gift")


def test_other_kinds_of_python_values_are_made_fit() -> None:
    changes: dict[str, object] = {
        "order.total": Decimal("19.99"),
        "customer.tags": ("a", "b"),
        "customer.interests": frozenset({"tea"}),
    }
    assert verdict("order.total == 19.99 && 'b' in customer.tags", changes).met
    assert verdict("customer.interests == ['tea']", changes).met
    with pytest.raises(TypeError, match="cannot look at a object"):
        Activation({"order.total": object()})


def test_endless_work_is_cut_off() -> None:
    nested = "customer.tags.all(t, " * 6 + "true" + ")" * 6
    found = verdict(nested, {"customer.tags": ["x"] * 40})
    assert (found.met, found.code) == (False, "error")
