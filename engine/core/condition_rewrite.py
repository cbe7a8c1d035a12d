"""Turns an author's condition into the one that CEL is given.

CEL does not mix whole and fractional numbers, and finds null simply unequal to "Ann". Authors
expect `order.total >= 20` to work and an empty name to meet no comparison. So, walking the
parsed tree, the text is changed in few places and never reformatted:

- a whole number (literal, count) that meets a fractional one becomes fractional: `20` → `20.0`,
  `customer.orders_count` → `double(customer.orders_count)`;
- `/` never drops the remainder: 3 orders / 2 is 1.5;
- a field that could be null where CEL takes null for a value (`==`, `!=`, `in`, conversions,
  lists) goes through a conversion that fails on null: `string(customer.name) != "Ann"`;
- a field compared with the literal `null` is freed of its type: `dyn(customer.name) == null`,
  and `has(x)` means `x != null`;
- a time stands in activations as RFC 3339 text and is read as `timestamp(order.placed_at)`.

Places are kept: every offset of the new text leads back to the author's.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from config.diagnostics import nearest
from engine.core.condition_problems import Problem, locate
from engine.core.condition_tokens import Token, matching_bracket
from engine.core.condition_tree import (
    Call,
    Comprehension,
    Constant,
    Identifier,
    ListLiteral,
    MapLiteral,
    Node,
    Select,
    dotted,
)
from engine.core.vocabulary import FieldType, Vocabulary

Kind: TypeAlias = Literal["whole", "fraction", "unknown", "other"]
"""What is known of a value as a number."""
Place: TypeAlias = Literal["guarded", "bare", "beside null"]
"""Whether CEL would take a null here for a value, fail on it, or is asked about it."""

_ORDER = frozenset({"_<_", "_<=_", "_>_", "_>=_"})
_EQUALITY = frozenset({"_==_", "_!=_"})
_ARITHMETIC = frozenset({"_+_", "_-_", "_*_", "_/_"})
_LOGIC = frozenset({"_&&_", "_||_", "!_", "@not_strictly_false"})
_WHOLE_CALLS = frozenset(
    {"int", "size", "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek"}
    | {"getDayOfYear", "getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)
_TYPE_NAMES = frozenset(
    {"int", "uint", "double", "bool", "string", "bytes", "list", "map", "null_type", "type"}
)
_OTHER_SPELLINGS = {
    **dict.fromkeys(("True", "TRUE"), "true"),
    **dict.fromkeys(("False", "FALSE"), "false"),
    **dict.fromkeys(("None", "NULL", "Null", "nil", "empty"), "null"),
}
_CONVERSIONS = {
    FieldType.BOOL: "bool",
    FieldType.INT: "int",
    FieldType.NUMBER: "double",
    FieldType.STRING: "string",
    FieldType.TIMESTAMP: "timestamp",
}
_NUMBER_KINDS: dict[FieldType, Kind] = {FieldType.INT: "whole", FieldType.NUMBER: "fraction"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One use of a declared name. `needed` is false where it is only asked whether it is empty."""

    at: int
    name: str
    needed: bool


@dataclass(frozen=True, slots=True)
class _Edit:
    """Put `text` at `at`, in place of what stands up to `end`; `rank` orders edits at one place."""

    at: int
    rank: int
    end: int
    text: str


class Rewriter:
    """One condition's changes; mistakes gather in `problems`."""

    def __init__(self, source: str, tokens: list[Token], vocabulary: Vocabulary) -> None:
        self._source = source
        self._tokens = tokens
        self._starts = [token.start for token in tokens]
        self._vocabulary = vocabulary
        self._roots = vocabulary.roots()
        self._wraps: dict[tuple[int, int], tuple[str, str]] = {}
        self._edits: list[_Edit] = []
        self.problems: list[Problem] = []
        self.occurrences: list[Occurrence] = []

    def rewrite(self, start: int, end: int) -> tuple[str, list[tuple[int, int]]]:
        """The new text of `source[start:end]`, and (new offset, old offset) pairs in order.

        From each pair on the offsets run in step until the next.
        """
        edits = list(self._edits)
        for (left, right), (before, after) in self._wraps.items():
            edits.append(_Edit(left, 2 * len(self._source) - right, left, before))
            edits.append(_Edit(right, -left - 1, right, after))
        parts: list[str] = []
        pairs = [(0, start)]
        length, done = 0, start
        for edit in sorted(edits, key=lambda e: (e.at, e.rank)):
            if edit.at < start or edit.end > end:
                continue
            for text, goes_on_at in (
                (self._source[done : edit.at], edit.at),
                (edit.text, edit.end),
            ):
                parts.append(text)
                length += len(text)
                pairs.append((length, goes_on_at))
            done = edit.end
        parts.append(self._source[done:end])
        return "".join(parts), pairs

    def visit(
        self, node: Node, bound: Mapping[str, Kind] | None = None, place: Place = "bare"
    ) -> Kind:
        """Records what must change in and below `node`; returns what number it gives."""
        bound = bound or {}
        match node:
            case Constant():
                if isinstance(node.value, bool):
                    return "other"
                if isinstance(node.value, int):
                    return "whole"
                return "fraction" if isinstance(node.value, float) else "other"
            case Identifier() | Select():
                return self._name(node, bound, place)
            case Call():
                return self._call(node, bound, place)
            case ListLiteral():
                for element in node.elements:
                    self.visit(element, bound, "guarded")
            case MapLiteral():
                for part in node.parts:
                    self.visit(part, bound, "guarded")
            case Comprehension():
                self._comprehension(node, bound)
        return "other"

    # ---- names

    def _name(self, node: Identifier | Select, bound: Mapping[str, Kind], place: Place) -> Kind:
        chain = dotted(node)
        if chain is None:
            assert isinstance(node, Select)
            self.visit(node.operand, bound, "bare")
            return "unknown"
        root, name, asked = chain
        if root.name in bound:
            return bound[root.name] if isinstance(node, Identifier) else "unknown"
        if not asked and isinstance(node, Identifier) and name in _TYPE_NAMES:
            return "other"
        start, end = self._name_span(root, name)
        field = self._vocabulary.fields.get(name)
        if field is None and not self._vocabulary.is_open(name):
            self._unknown_name(name, start, end)
            self.occurrences.append(Occurrence(at=start, name=name, needed=True))
            return "unknown"
        if asked:
            place = "beside null"
            self._has(start, end)
        self.occurrences.append(Occurrence(at=start, name=name, needed=place != "beside null"))
        if place == "beside null":
            if field is not None and not field.nullable:
                message = f"`{name}` is never empty, so there is no need to ask"
                self.problems.append(locate(self._source, start, end, "never-empty", message))
            self._wraps[start, end] = ("dyn(", ")")
        elif field is not None and field.type is FieldType.TIMESTAMP:
            self._wraps[start, end] = ("timestamp(", ")")
        elif place == "guarded" and field is not None and field.type in _CONVERSIONS:
            self._wraps[start, end] = (_CONVERSIONS[field.type] + "(", ")")
        elif place == "guarded":
            first, last = self._index(start), self._index(end - 1)
            text = "".join(token.text for token in self._tokens[first : last + 1])
            self._wraps[start, end] = (f"(dyn({text}) != null ? ", " : dyn(1/0))")
        return _NUMBER_KINDS.get(field.type, "other") if field else "unknown"

    def _unknown_name(self, name: str, start: int, end: int) -> None:
        prefixes = self._vocabulary.open_prefixes
        near = _OTHER_SPELLINGS.get(name)
        if near is None:
            last_words = [f for f in self._vocabulary.fields if f.rpartition(".")[2] == name]
            near = last_words[0] if len(last_words) == 1 else None
        if near is None:
            near = nearest(name, self._choices(name))
        message = f"unknown field `{name}`"
        if name in prefixes:
            message = f"`{name}` holds many values; name one of them: `{name}.NAME`"
            near = None
        elif near is not None:
            message += f"; did you mean `{near}`?"
        self.problems.append(locate(self._source, start, end, "unknown-field", message, near))

    def _choices(self, name: str) -> list[str]:
        """The declared names, and this one's last words below each open prefix."""
        words = name.split(".")
        below = [
            ".".join([prefix, *words[prefix.count(".") + 1 :]])
            for prefix in sorted(self._vocabulary.open_prefixes)
            if len(words) > prefix.count(".") + 1
        ]
        return [*self._vocabulary.fields, *below]

    def _has(self, start: int, end: int) -> None:
        """`has(x)` → `(x != null)`: the macro does not know declared dotted names."""
        first, last = self._index(start), self._index(end - 1)
        while self._tokens[first].text != "has":
            first -= 1
        word = self._tokens[first]
        self._edits.append(_Edit(word.start, 0, word.end, ""))
        closer = self._tokens[last + 1].start
        self._edits.append(_Edit(closer, 1, closer, " != null"))

    # ---- operators

    def _call(self, node: Call, bound: Mapping[str, Kind], place: Place) -> Kind:
        function, args = node.function, node.args
        if function in _LOGIC:
            for arg in args:
                self.visit(arg, bound, "bare")
            return "other"
        if function in _ORDER or function in _ARITHMETIC:
            kinds = [self.visit(arg, bound, "bare") for arg in args]
            return self._meet(function, args, kinds)
        if function in _EQUALITY:
            null = any(isinstance(arg, Constant) and arg.value is None for arg in args)
            for_null: Place = "beside null" if null else "guarded"
            kinds = [self.visit(arg, bound, for_null if dotted(arg) else "guarded") for arg in args]
            return self._meet(function, args, kinds)
        if function == "@in":
            return self._in(args, bound)
        if function == "_%_":
            for arg in args:
                if self.visit(arg, bound, "bare") == "unknown":
                    self._wrap(arg, "int(")
            return "whole"
        if function == "-_":
            return self.visit(args[0], bound, "bare")
        if function == "_?_:_":
            self.visit(args[0], bound, "bare")
            inner: Place = "guarded" if place == "beside null" else place
            kinds = [self.visit(arg, bound, inner) for arg in args[1:]]
            return self._meet(function, args[1:], kinds)
        natural = node.target is not None or function in ("size", "_[_]")
        if node.target is not None:
            self.visit(node.target, bound, "bare")
        kinds = [self.visit(arg, bound, "bare" if natural else "guarded") for arg in args]
        if function in _WHOLE_CALLS:
            return "whole"
        if function in ("dyn", "_[_]"):
            return "unknown"
        return "fraction" if function == "double" else "other"

    def _meet(self, function: str, args: tuple[Node, ...], kinds: list[Kind]) -> Kind:
        """Makes the numbers on both sides of an operator alike."""
        if "other" in kinds:
            return "other"
        both = set(kinds)
        text_perhaps = both == {"unknown"} and function == "_+_"
        if function in _ARITHMETIC and not text_perhaps:
            if both == {"whole"} and function != "_/_":
                return "whole"
        elif both != {"whole", "fraction"}:
            return kinds[0] if len(both) == 1 else "unknown"
        for arg, kind in zip(args, kinds, strict=True):
            if kind != "fraction":
                self._promote(arg)
        return "fraction"

    def _in(self, args: tuple[Node, ...], bound: Mapping[str, Kind]) -> Kind:
        kinds = [self.visit(args[0], bound, "guarded")]
        nodes = [args[0]]
        if isinstance(args[1], ListLiteral):
            nodes += args[1].elements
            kinds += [self.visit(element, bound, "guarded") for element in args[1].elements]
        else:
            self.visit(args[1], bound, "bare")
        if "fraction" in kinds:
            for node, kind in zip(nodes, kinds, strict=True):
                if kind == "whole":
                    self._promote(node)
        return "other"

    def _comprehension(self, node: Comprehension, bound: Mapping[str, Kind]) -> None:
        element: Kind = "other"
        if isinstance(node.over, ListLiteral):
            kinds = {self.visit(part, bound, "guarded") for part in node.over.elements}
            element = kinds.pop() if len(kinds) == 1 else "unknown"
        elif self.visit(node.over, bound, "bare") == "unknown":
            element = "unknown"
        for variable in sorted(node.variables & self._roots):
            message = f"`{variable}` names fields already; choose another word for the list's items"
            end = self._tokens[min(self._index(node.at) + 1, len(self._tokens) - 1)].end
            self.problems.append(locate(self._source, node.at, end, "name-taken", message))
        inner = {**bound, **dict.fromkeys(node.variables, element), node.accumulator: "other"}
        for part in node.parts:
            self.visit(part, inner, "bare")

    # ---- whole → fraction

    def _promote(self, node: Node) -> None:
        match node:
            case Constant() if isinstance(node.value, int):
                index = self._index(node.at)
                last = index + (self._tokens[index].text == "-")
                text = repr(float(node.value))
                self._edits.append(_Edit(node.at, 0, self._tokens[last].end, text))
            case Call(function="-_") | Call(function="_+_" | "_-_" | "_*_"):
                for arg in node.args:
                    self._promote(arg)
            case Call(function="_?_:_"):
                for arg in node.args[1:]:
                    self._promote(arg)
            case Constant():
                pass
            case _:
                self._wrap(node, "double(")

    def _wrap(self, node: Node, opening: str) -> None:
        span = self._span(node)
        if span is not None:
            self._wraps[span] = (opening, ")")

    # ---- places

    def _index(self, offset: int) -> int:
        """The index of the token at `offset`."""
        return bisect_right(self._starts, offset) - 1

    def _name_span(self, root: Identifier, name: str) -> tuple[int, int]:
        index = self._index(root.at)
        start = self._tokens[index].start
        if root.name.startswith(".") and self._tokens[index].text == ".":
            index += 1
        elif root.name.startswith("."):
            start = self._tokens[index - 1].start
        dots = 0
        while (
            dots < name.count(".")
            and index + 2 < len(self._tokens)
            and self._tokens[index + 1].text == "."
        ):
            index, dots = index + 2, dots + 1
        return start, self._tokens[index].end

    def _span(self, node: Node) -> tuple[int, int] | None:
        """Where a name, call or look-up stands in the text; None for what need not be known."""
        if isinstance(node, Identifier | Select):
            if chain := dotted(node):
                return self._name_span(chain[0], chain[1])
            assert isinstance(node, Select)
            inner = self._span(node.operand)
            return (inner[0], self._tokens[self._index(node.at) + 1].end) if inner else None
        if isinstance(node, Constant):
            return node.at, self._tokens[self._index(node.at)].end
        if not isinstance(node, Call):
            return None
        opening = self._index(node.at)
        if self._tokens[opening].text not in ("(", "["):
            return None
        end = self._tokens[matching_bracket(self._tokens, opening)].end
        first = node.target or (node.args[0] if node.function == "_[_]" else None)
        if first is None:
            return self._tokens[opening - 1].start, end
        inner = self._span(first)
        return (inner[0], end) if inner and self._balanced(inner[0], node.at) else None

    def _balanced(self, start: int, end: int) -> bool:
        texts = [t.text for t in self._tokens if start <= t.start < end and t.kind == "mark"]
        return texts.count("(") == texts.count(")")
