"""Conditions met or not, and why not.

A value that is empty (None, or not given at all) makes every comparison with it fail, and what
fails is never met, not under `!` either. CEL's own rule for errors is kept: `a || b` is true if
one side is, whatever the other. Only `x == null`, `x != null` and `has(x)` look at emptiness.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal

from cel_expr_python import cel

from engine.core.condition_direct import FAILED, AskCel, is_fit
from engine.core.expression import Condition
from engine.core.value import value_class

# Values are converted by their Python type if the environment declares nothing, and an activation
# made by one environment serves expressions of every other: so this one serves them all.
_ENV = cel.NewEnv()
_PLAIN = frozenset({str, int, float, bool, type(None)})


@value_class(kw_only=False)
class Verdict:
    """The outcome of a condition.

    `clause` is the index of the first conjunct that is not met (None if all are). `code` is "met",
    "unmet", "no_value" (with the empty `field`) or "error" (values that do not fit the
    expression). `values` are the actual values of the names in that clause, fit for JSON: times
    as RFC 3339 text, numbers that JSON lacks (NaN, infinity) as text.
    """

    met: bool
    clause: int | None
    code: str
    values: tuple[tuple[str, object], ...]
    field: str | None


_MET = Verdict(met=True, clause=None, code="met", values=(), field=None)


class Activation(dict[str, object]):
    """The values of one event or step by name, for any number of conditions of any vocabulary.

    Keys are dotted names; a mapping under an open prefix ("customer.attributes") is looked into.
    Fields of type NUMBER must come as float, of type INT as int; Decimals become floats, times
    RFC 3339 text. For CEL a text ends at its first NUL character. A subclass may give values only
    when they are asked for (``find``). As a mapping it holds what ``is_fit`` lets pass, and raises
    AskCel for anything else; ``value`` tells all.

    Raises TypeError for a value of any other kind than those that JSON knows.
    """

    __slots__ = ("_cel", "_known", "_unfit")

    def __init__(self, values: Mapping[str, object] | None = None) -> None:
        self._cel: cel.Activation | None = None
        self._known: frozenset[str] = frozenset()
        self._unfit: dict[str, object] = {}
        if values:
            for name, value in values.items():
                plain = _plain(value)
                (self if is_fit(plain) else self._unfit)[name] = plain

    def find(self, name: str) -> object:
        """What stands under a dotted name of which nothing is known so far; None if nothing."""
        prefix, _, last = name.rpartition(".")
        holder = self.value(prefix) if prefix else None
        return holder.get(last) if isinstance(holder, dict) else None

    def __missing__(self, name: str) -> object:
        if name in self._unfit:
            raise AskCel
        value = self.find(name)
        if value is None or value is True or value is False or value == []:
            self[name] = value
            return value
        plain = value if type(value) in _PLAIN else _plain(value)
        if not is_fit(plain):
            self._unfit[name] = plain
            raise AskCel
        self[name] = plain
        return plain

    def value(self, name: str) -> object:
        """What stands under a dotted name; None if nothing does."""
        try:
            return self[name]
        except AskCel:
            return self._unfit[name]

    def shown(self, name: str) -> object:
        """``value`` fit for JSON."""
        try:
            return self[name]
        except AskCel:
            value = self._unfit[name]
            return str(value) if isinstance(value, float) else value

    def cel(self, names: Collection[str]) -> cel.Activation:
        """These values for CEL, and those that it has been asked about before."""
        if self._cel is None or not self._known.issuperset(names):
            self._known = self._known.union(names)
            self._cel = _ENV.Activation({name: self.value(name) for name in self._known})
        return self._cel


def evaluate(condition: Condition, activation: Activation) -> Verdict:
    """Whether the condition is met by these values, and why not. Raises nothing for any values."""
    for index, part in enumerate(condition.direct):
        if part is None:
            break
        try:
            value = part(activation)
        except AskCel:
            break
        if value is not True:
            return _verdict(condition, index, value, activation)
    else:
        return _MET
    return _MET if is_met(condition, activation) else _unmet(condition, activation)


def is_met(condition: Condition, activation: Activation) -> bool:
    """``evaluate`` for those who need not know why not."""
    needs_cel = False
    try:
        for part in condition.direct:
            if part is None:
                needs_cel = True
            elif part(activation) is not True:
                return False  # whatever the other parts are, for all must be true
    except AskCel:
        needs_cel = True
    if not needs_cel:
        return True
    try:
        return condition.programs.whole().eval(activation.cel(condition.names)).value() is True
    except RuntimeError:  # a bound was reached: CEL raises for that alone
        return False


def is_part_met(condition: Condition, index: int, activation: Activation) -> bool:
    """Whether one clause is met, for which the activation need know that clause's names only.

    A condition of which one is not cannot be met.
    """
    return _outcome(condition, index, activation) is True


def shown_values(condition: Condition, activation: Activation) -> dict[str, object]:
    """The actual values of the names in a condition, in the author's order, fit for JSON."""
    names = condition.in_order
    try:
        return {name: activation[name] for name in names}
    except AskCel:
        return {name: activation.shown(name) for name in names}


def every_unmet(condition: Condition, activation: Activation) -> tuple[Verdict, ...]:
    """A verdict for each part of the condition that is not met, in the author's order; none when
    all are. For people, who want to know all that it would take."""
    if is_met(condition, activation):
        return ()
    return tuple(_each_unmet(condition, activation)) or (_unmet(condition, activation),)


def _unmet(condition: Condition, activation: Activation) -> Verdict:
    for verdict in _each_unmet(condition, activation):
        return verdict
    # Each part is met and the whole is not: only the bound on the whole's work can do that.
    return Verdict(met=False, clause=None, code="error", values=(), field=None)


def _each_unmet(condition: Condition, activation: Activation) -> Iterator[Verdict]:
    for index in range(len(condition.clauses)):
        value = _outcome(condition, index, activation)
        if value is not True:
            yield _verdict(condition, index, value, activation)


def _verdict(condition: Condition, index: int, value: object, activation: Activation) -> Verdict:
    """What there is to say of a clause that gives this value, which is not True."""
    names = condition.clauses[index].names
    code, empty = "unmet", None
    if value is FAILED or value is None:
        needed = condition.clause_needs[index]
        empty = next((name for name in needed if activation.value(name) is None), None)
        code = "error" if empty is None else "no_value"
    values = tuple([(name, activation.shown(name)) for name in names])
    return Verdict(False, index, code, values, empty)


def _outcome(condition: Condition, index: int, activation: Activation) -> object:
    """A clause's value, or FAILED."""
    part = condition.direct[index]
    if part is not None:
        with suppress(AskCel):
            return part(activation)
    names = condition.clauses[index].names
    try:
        outcome = condition.programs.clause(index).eval(activation.cel(names))
    except RuntimeError:  # a bound was reached
        return FAILED
    return FAILED if outcome.type() == cel.Type.ERROR else outcome.value()


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return float(value)
        case list() | tuple():
            return [item if type(item) in _PLAIN else _plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted((_plain(item) for item in value), key=repr)
    raise TypeError(f"a condition cannot look at a {type(value).__name__}")
