"""A condition that cannot be used says what is wrong, where, and what would be right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.condition_tokens import tokenize
from engine.core.evaluate import Activation, evaluate
from engine.core.expression import MAX_LENGTH, Condition, ConditionError, Problem, compile_condition
from tests.core.condition_samples import FULL, VOCABULARY
from tests.soak import scale


def problems(source: str) -> tuple[Problem, ...]:
    with pytest.raises(ConditionError) as caught:
        compile_condition(source, VOCABULARY)
    return caught.value.problems


CASES = [
    # names
    (
        "order.totl > 3",
        1,
        "unknown-field",
        "unknown field `order.totl`; did you mean",
        "order.total",
    ),
    ("3 < total", 5, "unknown-field", "did you mean `order.total`?", "order.total"),
    ("customer.atributes.vip", 1, "unknown-field", "did you mean", "customer.attributes.vip"),
    ("order.is_gift == True", 18, "unknown-field", "did you mean `true`", "true"),
    ("customer.name.first == 'a'", 1, "unknown-field", "customer.name.first", "customer.name"),
    ("zzzz", 1, "unknown-field", "unknown field `zzzz`", None),
    (
        "customer.attributes",
        1,
        "unknown-field",
        "name one of them: `customer.attributes.NAME`",
        None,
    ),
    ("customer.tags.exists(order, true)", 21, "name-taken", "`order` names fields already", None),
    ("loop == 1", 1, "reserved-word", "`loop` is a reserved word", None),
    ("has(order.total)", 5, "never-empty", "`order.total` is never empty", None),
    ("order.total != null", 1, "never-empty", "`order.total` is never empty", None),
    # types
    ('order.total > "x"', 13, "wrong-type", "cannot compare a number with text", None),
    ("customer.name > 3", 15, "wrong-type", "cannot compare text with a number", None),
    ('nps.score == "9"', 11, "wrong-type", "cannot compare a number with text", None),
    ("order.placed_at > 3", 17, "wrong-type", "cannot compare a time with a number", None),
    (
        'order.placed_at > "2026-01-01"',
        17,
        "wrong-type",
        "cannot compare a time with text; write the time as",
        'timestamp("2026-01-31T00:00:00Z")',
    ),
    ("1 < order.total < 5", 17, "wrong-type", "a range is written `1 < x && x < 5`", None),
    ("customer.name + 3 == 'x'", 15, "wrong-type", "`+` does not work on text and a number", None),
    ("!order.total", 1, "wrong-type", "`!` joins true/false, not a number", None),
    ("order.total && true", 13, "wrong-type", "`&&` joins true/false, not a number", None),
    ('order.total in "x"', 13, "wrong-type", "`in` looks through a list", None),
    ("3 in customer.tags", 3, "wrong-type", "does not hold a number", None),
    ("customer.tags.size('a') > 1", 15, "wrong-type", "`size` does not take these values", None),
    (
        "order.total",
        1,
        "not-a-condition",
        "gives a number, a condition must be true or false",
        None,
    ),
    ("customer.tags", 1, "not-a-condition", "gives a list, a condition must", None),
    ("customer.name.startswith('x')", 15, "unknown-function", "did you mean", "startsWith"),
    ("now() > order.placed_at", 1, "unknown-function", "unknown function `now`", None),
    ('customer.name.matches("(")', 23, "bad-pattern", "not a regular expression", None),
    ('order.placed_at > timestamp("may")', 29, "bad-time", "not a time", None),
    ('order.placed_at - order.placed_at > duration("3d")', 46, "bad-duration", "length", None),
    # words
    ("order.total = 20", 13, "bad-operator", "did you mean `==`?", "=="),
    ("order.total <> 20", 13, "bad-operator", "did you mean `!=`?", "!="),
    ("order.total => 20", 13, "bad-operator", "did you mean `>=`?", ">="),
    ("order.is_gift & true", 15, "bad-operator", "did you mean `&&`?", "&&"),
    ("order.is_gift and true", 15, "english-operator", "write `&&` instead of `and`", "&&"),
    ("order.is_gift OR true", 15, "english-operator", "write `||` instead of `OR`", "||"),
    ("not order.is_gift", 1, "english-operator", "write `!` instead of `not`", "!"),
    ("customer.name not in ['a']", 15, "english-operator", "write `!(… in …)`", "!"),
    ("order.total >", 13, "missing-value", "expected a value after `>`", None),
    ("&& order.is_gift", 1, "missing-value", "expected a value before `&&`", None),
    ("order.is_gift && || true", 18, "missing-value", "expected a value after `&&`", None),
    ("order..total > 3", 7, "missing-value", "expected a name after `.`", None),
    ("a b", 3, "unexpected", "unexpected `b`; join two conditions with && or ||", None),
    ("(order.is_gift", 1, "unclosed-bracket", "`(` is never closed", ")"),
    ("order.is_gift)", 14, "unopened-bracket", "closes nothing", None),
    ("order.total in [1, 2)", 21, "unclosed-bracket", "`)` does not close `[`", "]"),
    ('customer.name == "Ann', 18, "unclosed-text", "is never closed", None),
    ("customer.name == “Ann”", 18, "bad-character", "straight", '"'),
    ("order.total > 5€", 16, "bad-character", "unexpected character `€`", None),
    ("order.total > 5u", 15, "bad-number", "write `5`", "5"),
    ("order.total > 99999999999999999999", 15, "bad-number", "beyond 64 bits", None),
    ("order.is_gift ? 1", 18, "missing-part", "expected `:`", None),
    # bounds
    ("", 1, "empty", "a condition is expected", None),
    (" // nothing", 1, "empty", "a condition is expected", None),
    ("(" * 99 + "true" + ")" * 99, 1, "too-deep", "too deeply nested", None),
    ("order.total" + " + 1" * 40 + " > 3", 1, "too-deep", "joined by `+`", None),
    ("trigger.data" + ".a" * 99, 1, "too-deep", "nested", None),
    ("true" + " " * MAX_LENGTH, 1, "too-long", "at most 4,000", None),
]


@pytest.mark.parametrize(("source", "column", "code", "words", "suggestion"), CASES)
def test_each_mistake_is_told(
    source: str, column: int, code: str, words: str, suggestion: str | None
) -> None:
    problem = problems(source)[0]
    assert (problem.line, problem.column, problem.code) == (1, column, code)
    assert words in problem.message
    assert problem.suggestion == suggestion


def test_all_mistakes_are_told_at_once() -> None:
    source = "order.totl > 3 &&\n 20 * order.total > 'x' && cutomer.name == 'a'"
    found = [(p.line, p.column, p.end_column, p.code) for p in problems(source)]
    assert found == [
        (1, 1, 11, "unknown-field"),
        (2, 19, 20, "wrong-type"),
        (2, 28, 40, "unknown-field"),
    ]


CHANGED = ["order.total >= 20", "customer.name != 'ä€😀'", "customer.orders_count * 2.5 > 3"]


@given(
    st.lists(st.sampled_from([*CHANGED, "has(customer.points)", "order.is_gift"]), max_size=5),
    st.sampled_from([" && ", "\n&& ", " &&\t// why\n  "]),
    st.sampled_from([("order.totl > 1", "order.totl"), ("order.total > 'x'", "> 'x'")]),
)
def test_places_are_those_of_the_authors_text(
    before: list[str], joint: str, wrong: tuple[str, str]
) -> None:
    source = joint.join([*before, wrong[0], *CHANGED])
    at = source.index(wrong[1])
    line_start = source.rfind("\n", 0, at) + 1
    (problem,) = problems(source)
    assert problem.line == source[:at].count("\n") + 1
    assert problem.column == at - line_start + 1


WORDS = st.sampled_from(
    [
        *VOCABULARY.fields,
        *("customer", "customer.attributes.size", "trigger.data.a.b", "t", "null", "true", "has"),
        *("exists", "size", "string", "timestamp", "in", "and", "not", "``", "`a b`", "loop"),
        *("1", "2.5", "0x1F", "-", "3u", '"a"', "r'\\'", "'''x\n'''", '"', "'", "b'x'", "€", "\\"),
        *"()[]{}.,?:!<>=&|+*/% \n",
        *("==", "!=", "&&", "||", ">=", "//", "{1: 2}", "[1, 2.0]", ".exists(t, ", ".map(t, t)"),
    ]
)
SOUP = st.one_of(
    st.text(max_size=60),
    st.lists(WORDS, max_size=25).map("".join),
    st.lists(WORDS, max_size=25).map(" ".join),
)
SOUND = [
    "order.total >= 20 && !order.is_gift",
    'customer.tags.exists(t, t.startsWith("vip")) || customer.name != "Ann"',
    "nps.score == null || (nps.score * 2 > customer.points % 3 && has(trigger.data.a))",
    "(order.is_gift ? 1 : order.total / 3) in [1, 2.5, customer.attributes.size - 1]",
    'order.placed_at > timestamp("2026-01-01T00:00:00Z") && size(customer.tags) * 1.5 < -2',
]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A sound condition with a few of its words dropped, doubled, swapped or replaced."""
    words = [word.text for word in tokenize(draw(st.sampled_from(SOUND)))[0]]
    for _ in range(draw(st.integers(1, 4))):
        at, other = (draw(st.integers(0, len(words) - 1)) for _ in range(2))
        change = draw(st.sampled_from(["drop", "double", "swap", "replace"]))
        if change == "drop" and len(words) > 1:
            del words[at]
        elif change == "double":
            words.insert(other, words[at])
        elif change == "swap":
            words[at], words[other] = words[other], words[at]
        else:
            words[at] = draw(WORDS)
    return draw(st.sampled_from(["", " ", "\n"])).join(words)


VALUES = st.dictionaries(
    st.sampled_from([*FULL, "customer.attributes", "trigger.data.a"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(), max_size=5),
        st.datetimes(),
        st.lists(st.text(max_size=3), max_size=3),
        st.dictionaries(st.text(max_size=3), st.none() | st.integers(), max_size=2),
    ),
)


def compiled(source: str) -> Condition | tuple[Problem, ...]:
    try:
        return compile_condition(source, VOCABULARY)
    except ConditionError as error:
        return error.problems


@pytest.mark.soak
@settings(max_examples=scale(300, 20_000))
@given(mutated() | SOUP, VALUES)
def test_any_text_is_a_condition_or_an_error_and_never_a_crash(
    source: str, values: dict[str, object]
) -> None:
    found = compiled(source)
    if isinstance(found, Condition):
        verdict = evaluate(found, Activation(values))
        assert verdict.met == (verdict.code == "met")
        return
    assert found
    lines = source.split("\n")
    for problem in found:
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
        assert problem.end_column is None or problem.end_column > problem.column
        assert problem.message


@given(st.integers(1, 1300), st.sampled_from(["!", "(", "[", "-", "a.", "a?", "1+", "{1:", "t&&"]))
def test_any_depth_is_answered(depth: int, part: str) -> None:
    closers = {"(": ")", "[": "]", "a?": ":1", "{1:": "}"}
    found = compiled(part * depth + "true" + closers.get(part, "") * depth)
    assert isinstance(found, Condition) or found
