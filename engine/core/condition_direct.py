"""Conditions of the common shapes as Python functions: CEL's answer without asking CEL.

Most conditions compare a field with a literal, or join a few such comparisons. CEL takes ten times
as long for these as Python does, most of it for handing over the values. What is understood here
comes out exactly as in CEL, empty values and errors included; for any other expression there is no
function, and for values of which that is not certain the function raises ``AskCel``. So there is
one language still, and CEL is what defines it.

The tree is that of the text which CEL is given (``engine.core.condition_rewrite``). Numbers are
never mixed here: CEL compares whole and fractional ones by rules of its own.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from math import isfinite
from typing import Any, Final, TypeAlias

from engine.core.condition_tree import (
    Call,
    Comprehension,
    Constant,
    Identifier,
    ListLiteral,
    Node,
    Select,
    dotted,
)

Direct: TypeAlias = Callable[[Mapping[str, object]], object]
"""Gives an expression's value for values by name that ``is_fit`` lets pass, or FAILED."""

_MAX_ITEMS: Final = 100  # CEL bounds the work on a list; far below its bound nobody need count
_LARGEST: Final = (1 << 63) - 1


class AskCel(Exception):
    """Values that are left to CEL."""


class _Foreign(Exception):
    """An expression that is left to CEL."""


class Outcome(Enum):
    """What is no value."""

    FAILED = "failed"


FAILED: Final = Outcome.FAILED
"""CEL's error, for instance that of comparing nothing with a number."""


def is_fit(value: Any) -> bool:
    """Whether functions may look at a value: None, a number, text or a list of texts.

    CEL ends a text at NUL and cannot take every character; it refuses numbers beyond 64 bits. What
    is fit is so for JSON too, which lacks infinity.
    """
    kind = type(value)
    if kind is str:
        return bool(value.isprintable())
    if kind is int:
        return -_LARGEST <= int(value) <= _LARGEST
    if kind is list:
        return {str}.issuperset(map(type, value)) and "".join(value).isprintable()
    if kind is float:
        return isfinite(value)
    return value is None or kind is bool


def direct(tree: Node, names: Collection[str]) -> Direct | None:
    """The function for an expression over these names; None if it is to be left to CEL."""
    try:
        return _build(tree, names)
    except _Foreign:
        return None


def _build(node: Node, names: Collection[str]) -> Direct:
    match node:
        case Constant():
            return _constant(node)
        case Identifier() | Select():
            return _name(node, names)
        case Comprehension():
            return _any_or_all(node, names)
        case Call(function="_==_" | "_!=_"):
            return _equality(node, names)
        case Call(function="@in"):
            return _membership(node, names)
        case Call(function="_/_", args=(Constant(value=1), Constant(value=0))):
            return lambda values: FAILED
        case Call() if node.function in _ORDERS:
            return _order(node, names)
        case Call() if node.function in _CALLS:
            given = ((node.target,) if node.target is not None else ()) + node.args
            wanted, make = _CALLS[node.function]
            if len(given) != wanted:
                raise _Foreign
            return make(*(_build(each, names) for each in given))
    raise _Foreign


def _constant(node: Constant) -> Direct:
    value = node.value
    if isinstance(value, bytes) or (isinstance(value, str) and "\0" in value):
        raise _Foreign
    return lambda values: value


def _name(node: Identifier | Select, names: Collection[str]) -> Direct:
    found = dotted(node)
    if found is None or found[2] or found[0].name.startswith(".") or found[1] not in names:
        raise _Foreign
    return operator.itemgetter(found[1])


# ---- comparisons

_ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "_<_": operator.lt,
    "_<=_": operator.le,
    "_>_": operator.gt,
    "_>=_": operator.ge,
}
_ORDERED: Final = (int, float, str)
_SINGLE: Final = (type(None), bool, int, float, str)


def _order(node: Call, names: Collection[str]) -> Direct:
    test = _ORDERS[node.function]
    left, right = (_build(each, names) for each in node.args)

    def compare(values: Mapping[str, object]) -> object:
        a, b = left(values), right(values)
        if type(a) is type(b) and type(a) in _ORDERED:
            return test(a, b)
        return _failed(a, b)

    if not isinstance(node.args[1], Constant) or type(node.args[1].value) not in _ORDERED:
        return compare
    limit, kind = node.args[1].value, type(node.args[1].value)

    def compare_with_literal(values: Mapping[str, object]) -> object:
        value = left(values)
        return test(value, limit) if type(value) is kind else _failed(value)

    return compare_with_literal


def _equality(node: Call, names: Collection[str]) -> Direct:
    wanted = node.function == "_==_"
    left, right = (_build(each, names) for each in node.args)

    def compare(values: Mapping[str, object]) -> object:
        a, b = left(values), right(values)
        if a is FAILED or b is FAILED:
            return FAILED
        if a is None or b is None:
            return (a is b) is wanted
        kinds = type(a), type(b)
        if kinds[0] not in _SINGLE or kinds[1] not in _SINGLE or {*kinds} == {int, float}:
            raise AskCel
        return (kinds[0] is kinds[1] and a == b) is wanted

    first, literal = node.args
    if not isinstance(literal, Constant) or type(literal.value) not in _SINGLE:
        return compare
    constant, kind = literal.value, type(literal.value)
    bare = _build(_unwrapped(first, kind), names)

    def compare_with_literal(values: Mapping[str, object]) -> object:
        value = bare(values)
        return (value == constant) is wanted if type(value) is kind else compare(values)

    return compare_with_literal


def _unwrapped(node: Node, kind: type) -> Node:
    """What stands in a conversion to this kind: it makes no difference to what is that already."""
    is_conversion = isinstance(node, Call) and _KINDS.get(node.function) is kind
    return node.args[0] if isinstance(node, Call) and is_conversion and node.args else node


def _membership(node: Call, names: Collection[str]) -> Direct:
    """A text in a list of the customer's, or a literal list of texts or whole numbers."""
    item = _build(node.args[0], names)
    if not isinstance(node.args[1], ListLiteral):
        place = _build(node.args[1], names)

        def is_in_field(values: Mapping[str, object]) -> object:
            value, found = item(values), place(values)
            if type(value) is str and type(found) is list:
                return value in found
            return _failed(found)

        return is_in_field
    members = [each.value for each in node.args[1].elements if isinstance(each, Constant)]
    kinds = {type(member) for member in members}
    if len(members) < len(node.args[1].elements) or kinds not in ({str}, {int}):
        raise _Foreign
    kind, among = kinds.pop(), frozenset(members)

    def is_in_literal(values: Mapping[str, object]) -> object:
        value = item(values)
        if type(value) is kind:
            return value in among
        if value is FAILED:
            return FAILED
        raise AskCel

    return is_in_literal


def _failed(*values: object) -> object:
    """What an operator gives that has no meaning for one of these values, if that is empty."""
    if any(value is None or value is FAILED for value in values):
        return FAILED
    raise AskCel


# ---- logic


def _both(left: Direct, right: Direct) -> Direct:
    def both(values: Mapping[str, object]) -> object:
        a = left(values)
        if a is False:
            return False
        b = right(values)
        if b is False:
            return False
        return True if a is True and b is True else FAILED

    return both


def _either(left: Direct, right: Direct) -> Direct:
    def either(values: Mapping[str, object]) -> object:
        a = left(values)
        if a is True:
            return True
        b = right(values)
        if b is True:
            return True
        return False if a is False and b is False else FAILED

    return either


def _not(inner: Direct) -> Direct:
    def negated(values: Mapping[str, object]) -> object:
        value = inner(values)
        return not value if value is True or value is False else FAILED

    return negated


def _choice(condition: Direct, first: Direct, second: Direct) -> Direct:
    def chosen(values: Mapping[str, object]) -> object:
        value = condition(values)
        if value is True:
            return first(values)
        return second(values) if value is False else FAILED

    return chosen


def _any_or_all(node: Comprehension, names: Collection[str]) -> Direct:
    """``list.exists(x, …)`` and ``list.all(x, …)``, of a field and without other fields inside."""
    start, _, step, result = node.parts
    if not (
        len(node.variables) == 1
        and isinstance(node.over, Identifier | Select)
        and isinstance(start, Constant)
        and isinstance(step, Call)
        and isinstance(result, Identifier)
        and (start.value, step.function) in ((False, "_||_"), (True, "_&&_"))
        and len(step.args) == 2
        and all(
            isinstance(each, Identifier) and each.name == node.accumulator
            for each in (result, step.args[0])
        )
    ):
        raise _Foreign
    (variable,) = node.variables
    over, test = _name(node.over, names), _build(step.args[1], node.variables)
    decided = not start.value  # one item is enough for that

    def over_all(values: Mapping[str, object]) -> object:
        items = over(values)
        if type(items) is not list or len(items) > _MAX_ITEMS:
            return _failed(items)
        outcome: object = not decided
        for item in items:
            found = test({variable: item})
            if found is decided:
                return decided
            if found is not outcome:
                outcome = FAILED
        return outcome

    return over_all


# ---- functions

_KINDS: Final = {"string": str, "bool": bool, "int": int}


def _conversion(kind: type) -> Callable[[Direct], Direct]:
    """``string(x)`` and the like, of what is that already: they only fail on what is empty."""

    def make(inner: Direct) -> Direct:
        def convert(values: Mapping[str, object]) -> object:
            value = inner(values)
            return value if type(value) is kind else _failed(value)

        return convert

    return make


def _double(inner: Direct) -> Direct:
    def convert(values: Mapping[str, object]) -> object:
        value = inner(values)
        if type(value) is float:
            return value
        return float(value) if type(value) is int else _failed(value)

    return convert


def _binary(*rules: tuple[type, Callable[..., object]]) -> Callable[[Direct, Direct], Direct]:
    """An operator or method of two values of a kind, by what Python has for each kind."""
    by_kind = dict(rules)

    def make(left: Direct, right: Direct) -> Direct:
        def apply(values: Mapping[str, object]) -> object:
            a, b = left(values), right(values)
            rule = by_kind.get(type(a)) if type(a) is type(b) else None
            return _failed(a, b) if rule is None else rule(a, b)

        return apply

    return make


def _remainder(value: int, of: int) -> int:
    if value < 0 or of <= 0:  # where CEL rounds differently, or fails
        raise AskCel
    return value % of


def _size(inner: Direct) -> Direct:
    def size(values: Mapping[str, object]) -> object:
        value = inner(values)
        return len(value) if isinstance(value, str | list) else _failed(value)

    return size


def _same(inner: Direct) -> Direct:
    return inner


_CALLS: Final[Mapping[str, tuple[int, Callable[..., Direct]]]] = {
    "_&&_": (2, _both),
    "_||_": (2, _either),
    "!_": (1, _not),
    "_?_:_": (3, _choice),
    "dyn": (1, _same),
    **{name: (1, _conversion(kind)) for name, kind in _KINDS.items()},
    "double": (1, _double),
    "size": (1, _size),
    "_%_": (2, _binary((int, _remainder))),
    "_+_": (2, _binary((str, operator.add), (float, operator.add))),
    "_-_": (2, _binary((float, operator.sub))),
    "_*_": (2, _binary((float, operator.mul))),
    "startsWith": (2, _binary((str, str.startswith))),
    "endsWith": (2, _binary((str, str.endswith))),
    "contains": (2, _binary((str, operator.contains))),
}
