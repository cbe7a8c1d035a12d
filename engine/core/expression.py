"""The condition language: CEL over declared fields.

A condition is an expression such as `order.total >= 20 && !order.is_gift`. Each name in it is
declared in a `Vocabulary`, so that a misspelling is found when a campaign is checked, with its
column, and not when a customer is waiting. Language: https://cel.dev and cel-spec's langdef.md.
Where this one differs from plain CEL, so that authors get what they mean, is told in
`engine.core.condition_rewrite`; how an empty value is met, in `engine.core.evaluate`; what need not
be asked of CEL at all, in `engine.core.condition_direct`.

Elapsed time is a field (`customer.days_since_order`), not arithmetic: conditions have no clock
and there is no `now`, so the same values always give the same verdict. Whoever builds the
activation computes such fields from the instant of the decision.

What is compiled is kept by the caller; nothing is cached here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cel_expr_python import cel

from engine.core.condition_direct import Direct, direct
from engine.core.condition_problems import ConditionError, Problem, cel_problems, locate
from engine.core.condition_problems import kind_in_words as _kind_in_words
from engine.core.condition_rewrite import Rewriter
from engine.core.condition_tokens import Token, matching_bracket, syntax_problems, tokenize
from engine.core.condition_tree import Call, Constant, Node, read_tree, walk
from engine.core.vocabulary import Field, FieldType, Vocabulary

__all__ = [
    "MAX_LENGTH",
    "Clause",
    "Condition",
    "ConditionError",
    "Field",
    "FieldType",
    "Problem",
    "Vocabulary",
    "compile_condition",
]

MAX_LENGTH = 4_000
"""Longest condition, in characters. CEL itself bounds nesting, and chains of `+`, to 32."""

_CEL_TYPES = {
    FieldType.BOOL: cel.Type.BOOL,
    FieldType.INT: cel.Type.INT,
    FieldType.NUMBER: cel.Type.DOUBLE,
    FieldType.STRING: cel.Type.STRING,
    FieldType.TIMESTAMP: cel.Type.DYN,  # RFC 3339 text; read by timestamp() at every use
    FieldType.STRINGS: cel.Type.List(cel.Type.STRING),
}
_Types = Mapping[str, cel.Type]  # of names
_PARSER = cel.NewEnv()
_TRIAL = cel.NewEnv(variables={"text": cel.Type.STRING})
_TRIALS = {
    "matches": (_TRIAL.compile('"".matches(text)'), "bad-pattern", "not a regular expression"),
    "timestamp": (
        _TRIAL.compile("timestamp(text)"),
        "bad-time",
        'not a time; write it like "2026-01-31T09:00:00Z"',
    ),
    "duration": (
        _TRIAL.compile("duration(text)"),
        "bad-duration",
        'not a length of time; write it like "36h" or "90m"',
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One of the parts that `&&` joins at the top: the author's text and the names in it."""

    source: str
    names: tuple[str, ...]


class Programs:
    """A condition and its clauses as CEL's programs, compiled when they are asked for.

    Most conditions have direct functions for all their parts and never ask. A program takes some
    25 KB, and all of a library's take longer to compile than the rest of it.
    """

    __slots__ = ("_clauses", "_compiled", "_types", "_whole")

    def __init__(self, types: _Types, whole: str, clauses: Sequence[str]) -> None:
        self._types, self._whole, self._clauses = types, whole, clauses
        self._compiled: dict[str, cel.Expression] = {}

    def whole(self) -> cel.Expression:
        """The condition's."""
        return self._program(self._whole)

    def clause(self, index: int) -> cel.Expression:
        """One clause's."""
        return self._program(self._clauses[index])

    def _program(self, text: str) -> cel.Expression:
        found = self._compiled.get(text)
        if found is None:
            found = self._compiled[text] = cel.NewEnv(variables=self._types).compile(text)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A compiled condition. Equal to another if it reads the same.

    `clause_needs` are, for each clause, the names that must not be empty (those not merely
    compared with null). `in_order` are all names as the author has them. `direct` are the
    functions of those parts that need no CEL, `programs` the whole and its parts for CEL.
    """

    source: str
    names: frozenset[str]
    clauses: tuple[Clause, ...]
    in_order: tuple[str, ...]
    programs: Programs = field(compare=False, repr=False)
    clause_needs: tuple[tuple[str, ...], ...] = field(compare=False, repr=False)
    direct: tuple[Direct | None, ...] = field(compare=False, repr=False)


def compile_condition(source: str, vocabulary: Vocabulary) -> Condition:
    """Checks and compiles a condition.

    Raises ConditionError with every problem found: first those of the words and brackets; if
    there are none, unknown names, wrong types, bad patterns and times together.
    """
    if len(source) > MAX_LENGTH:
        message = f"{len(source):,} characters long; at most {MAX_LENGTH:,} are allowed"
        raise ConditionError((locate(source, 0, None, "too-long", message),))
    tokens, problems = tokenize(source)
    if all(problem.code != "bad-character" for problem in problems):
        problems += syntax_problems(source, tokens)
    if not tokens and not problems:
        problems.append(locate(source, 0, None, "empty", "a condition is expected"))
    _raise_any(problems)

    tree = _parse(source)
    rewriter = Rewriter(source, tokens, vocabulary)
    rewriter.visit(tree)
    types = _types(rewriter, vocabulary)
    whole = _checked(types, rewriter, source, tree)
    spans = _conjuncts(tokens, 0, len(tokens))
    texts = [rewriter.rewrite(start, end)[0] for start, end in spans]
    uses = [[use for use in rewriter.occurrences if start <= use.at < end] for start, end in spans]
    for clause_uses in uses:
        clause_uses.sort(key=lambda use: use.at)
    names = frozenset(use.name for use in rewriter.occurrences)
    return Condition(
        source=source,
        names=names,
        clauses=tuple(
            Clause(source=source[start:end], names=tuple(dict.fromkeys(u.name for u in used)))
            for (start, end), used in zip(spans, uses, strict=True)
        ),
        in_order=tuple(dict.fromkeys(use.name for used in uses for use in used)),
        programs=Programs(types, whole, [whole] if len(spans) == 1 else texts),
        clause_needs=tuple(
            tuple(dict.fromkeys(use.name for use in used if use.needed)) for used in uses
        ),
        direct=tuple(direct(_parse(text), names) for text in texts),
    )


def _raise_any(problems: list[Problem]) -> None:
    if problems:
        ordered = sorted(set(problems), key=lambda p: (p.line, p.column, p.code, p.message))
        raise ConditionError(tuple(ordered))


def _parse(source: str) -> Node:
    try:
        return read_tree(_PARSER.compile(source, disable_check=True).serialize())
    except RuntimeError as error:
        _raise_any(cel_problems(str(error), source, source, lambda offset: offset))
        raise


def _types(rewriter: Rewriter, vocabulary: Vocabulary) -> _Types:
    """Only the names in use are declared: making an environment costs in proportion."""
    types = {}
    for use in rewriter.occurrences:
        declared = vocabulary.fields.get(use.name)
        types[use.name] = _CEL_TYPES[declared.type] if declared else cel.Type.DYN
    return types


def _checked(types: _Types, rewriter: Rewriter, source: str, tree: Node) -> str:
    """The condition as CEL has it. Raises ConditionError for what CEL finds wrong with it."""
    text, pairs = rewriter.rewrite(0, len(source))

    def original(offset: int) -> int:
        """An offset of the new text in the author's; within inserted text, where that stands."""
        at = max(index for index, (new, _) in enumerate(pairs) if new <= offset)
        new, old = pairs[at]
        limit = pairs[at + 1][1] if at + 1 < len(pairs) else len(source)
        return min(old + offset - new, limit, max(len(source) - 1, 0))

    problems = rewriter.problems + _trial_problems(source, tree)
    try:
        program = cel.NewEnv(variables=types).compile(text)
    except RuntimeError as error:
        _raise_any(problems + cel_problems(str(error), text, source, original))
        raise
    given = program.return_type()
    if given not in (cel.Type.BOOL, cel.Type.DYN):
        message = f"gives {_kind_in_words(given.name().lower())}, "
        message += "a condition must be true or false"
        problems.append(locate(source, 0, len(source), "not-a-condition", message))
    _raise_any(problems)
    return text


def _trial_problems(source: str, tree: Node) -> list[Problem]:
    """Patterns, times and durations written out are tried now; CEL would only try them later."""
    problems = []
    for node in walk(tree):
        if not (isinstance(node, Call) and node.function in _TRIALS and node.args):
            continue
        last = node.args[-1]
        if not (isinstance(last, Constant) and isinstance(last.value, str)):
            continue
        program, code, message = _TRIALS[node.function]
        outcome = program.eval(_TRIAL.Activation({"text": last.value}))
        if outcome.type() == cel.Type.ERROR:
            shown = source[last.at :][:1] + last.value + source[last.at :][:1]
            problems.append(locate(source, last.at, None, code, f"{shown} is {message}"))
    return problems


def _conjuncts(tokens: list[Token], first: int, last: int) -> list[tuple[int, int]]:
    """The offsets of what `&&` joins at the top of tokens[first:last], looking into brackets.

    `||` and `?:` bind weaker than `&&`: beside one of them nothing can be split.
    """
    while tokens[first].text == "(" and matching_bracket(tokens, first) == last - 1:
        first, last = first + 1, last - 1
    joints: list[int] = []
    index = first
    while index < last:
        token = tokens[index]
        if token.kind == "mark":
            if token.text in ("||", "?"):
                joints = []
                break
            if token.text in ("(", "[", "{"):
                index = matching_bracket(tokens, index)
            elif token.text == "&&":
                joints.append(index)
        index += 1
    if not joints:
        return [(tokens[first].start, tokens[last - 1].end)]
    edges = [first, *(joint + 1 for joint in joints)]
    ends = [*joints, last]
    return [
        span
        for start, end in zip(edges, ends, strict=True)
        for span in _conjuncts(tokens, start, end)
    ]
