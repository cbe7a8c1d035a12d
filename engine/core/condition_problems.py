"""What can be wrong with a condition, in the author's words.

CEL's compile errors come as text: blocks of `ERROR: <input>:L:C: message` with the source below.
The message forms are those of cel-cpp's parser and checker; one that is not known here is passed
on as it is.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from config.diagnostics import nearest


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake. Line and columns count from 1 within the condition; `end_column` is the
    column after the last character, None if unknown. `code` is stable and kebab-case."""

    line: int
    column: int
    end_column: int | None
    code: str
    message: str
    suggestion: str | None


class ConditionError(Exception):
    """A condition that cannot be used; `problems` holds all that is wrong with it, in order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.line}:{p.column} {p.message}" for p in problems))
        self.problems = problems


def locate(
    source: str,
    start: int,
    end: int | None,
    code: str,
    message: str,
    suggestion: str | None = None,
) -> Problem:
    """A problem of `source[start:end]`, offsets in code points."""
    line_start = source.rfind("\n", 0, start) + 1
    on_one_line = end is not None and end > start and "\n" not in source[start:end]
    return Problem(
        line=source.count("\n", 0, start) + 1,
        column=start - line_start + 1,
        end_column=end - line_start + 1 if on_one_line and end is not None else None,
        code=code,
        message=message,
        suggestion=suggestion,
    )


_BLOCK = re.compile(
    r"ERROR: <input>:(\d+):(\d+): (.*?)(?=\n \| |\nERROR: <input>:|\s*\[[A-Z_]+\]\s*$)", re.DOTALL
)
_TOO_DEEP = re.compile(r"recursion (depth|limit)")
_NO_PLACE = 4294967295  # what CEL gives as the line of an error without one
_FUNCTIONS = (
    *("all", "contains", "duration", "endsWith", "exists", "exists_one", "filter", "has", "map"),
    *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours"),
    *("getMilliseconds", "getMinutes", "getMonth", "getSeconds", "matches", "size"),
    *("startsWith", "timestamp", "int", "double", "string", "bool", "type"),
)
_SYMBOLS = re.compile(r"^(?:_([^_\[\]a-z]+)_|([!-])_|@(in))$")
_KINDS = {
    "string": "text",
    "int": "a number",
    "uint": "a number",
    "double": "a number",
    "bool": "true/false",
    "timestamp": "a time",
    "google.protobuf.Timestamp": "a time",
    "duration": "a length of time",
    "google.protobuf.Duration": "a length of time",
    "null_type": "null",
    "null": "null",
    "bytes": "bytes",
    "dyn": "a value",
}


def kind_in_words(cel_type: str) -> str:
    """A CEL type as an author would call it: `double` is "a number"."""
    if cel_type in _KINDS:
        return _KINDS[cel_type]
    for prefix, words in (("list", "a list"), ("map", "a map"), ("type", "a type")):
        if cel_type.lower().startswith(prefix):
            return words
    return f"a {cel_type}"


def cel_problems(
    error: str, compiled: str, source: str, original: Callable[[int], int]
) -> list[Problem]:
    """CEL's compile error rephrased.

    `compiled` is the text that CEL was given, `source` the author's, and `original` takes an
    offset in the first to one in the second.
    """
    found: list[Problem] = []
    for line, column, text in _blocks(error):
        if _TOO_DEEP.search(text) or line == _NO_PLACE:
            continue
        starts = [0, *(at + 1 for at, c in enumerate(compiled) if c == "\n")]
        offset = starts[min(line, len(starts)) - 1] + column - 1
        place = original(min(max(offset, 0), len(compiled)))
        found.append(_rephrase(source, place, text))
    if _TOO_DEEP.search(error) and not found:
        message = "too long or too deeply nested; at most about 30 terms joined by `+` or levels"
        found.append(locate(source, 0, None, "too-deep", message))
    if not found:
        first = error.strip().splitlines()[0] if error.strip() else "unknown error"
        found.append(locate(source, 0, None, "not-understood", f"cannot be read: {first}"))
    return found


def _blocks(error: str) -> Iterator[tuple[int, int, str]]:
    for match in _BLOCK.finditer(error):
        yield int(match.group(1)), int(match.group(2)), match.group(3).strip()


def _rephrase(source: str, at: int, text: str) -> Problem:
    if called := re.search(r"[A-Za-z_]\w*(?=\s*$)", source[:at] if source[at:][:1] == "(" else ""):
        at = called.start()  # CEL places a call at its bracket
    word = re.match(r"[A-Za-z_]\w*|[-+*/%<>=!&|?:]{1,2}|.", source[at:])
    end = at + word.end() if word else None

    def say(code: str, message: str, suggestion: str | None = None) -> Problem:
        return locate(source, at, end, code, message, suggestion)

    if found := re.match(r"found no matching overload for '(.+?)' applied to '(.*?)'", text):
        return say("wrong-type", *_overload(found.group(1), found.group(2)))
    if found := re.match(r"undeclared reference to '(.*?)'", text):
        name = found.group(1)
        near = nearest(name, _FUNCTIONS)
        if near == name:
            return say("wrong-type", f"`{name}` does not take these values, or not this many")
        hint = f"; did you mean `{near}`?" if near else ""
        return say("unknown-function", f"unknown function `{name}`{hint}", near)
    if found := re.match(r"expected type '(.*?)' but found '(.*?)'", text):
        wanted, got = kind_in_words(found.group(1)), kind_in_words(found.group(2))
        return say("wrong-type", f"expected {wanted}, found {got}")
    if found := re.match(r"expression of type '(.*?)' cannot be the? ?range", text):
        return say("wrong-type", f"expected a list, found {kind_in_words(found.group(1))}")
    if found := re.match(r"Syntax error: missing '(.*?)' at '(.*)'", text, re.DOTALL):
        return say("unexpected", f"expected `{found.group(1)}` before {_quoted(found.group(2))}")
    if found := re.search(r"expecting '(.*?)'$", text):
        return say("missing-part", f"expected `{found.group(1)}` here or further on")
    if found := re.match(
        r"Syntax error: (?:mismatched|extraneous|no viable \w+ at) input '(.*?)'(?: expecting|$)",
        text,
        re.DOTALL,
    ):
        return say("unexpected", f"unexpected {_quoted(found.group(1))}")
    if found := re.match(r"reserved identifier: (\w+)", text):
        return say("reserved-word", f"`{found.group(1)}` is a reserved word of CEL")
    if text.startswith("invalid int literal"):
        return say("bad-number", "a whole number beyond 64 bits")
    return say("not-understood", text.removeprefix("Syntax error: "))


def _quoted(word: str) -> str:
    return "the end" if word == "<EOF>" else f"`{word}`"


def _overload(function: str, types: str) -> tuple[str, str | None]:
    """Message and suggestion for a function or operator that does not take such values."""
    receiver, _, arguments = types.rpartition(".(")
    kinds = [kind_in_words(t) for t in _split_types((arguments or types).strip("()"))]
    if receiver:
        kinds.insert(0, kind_in_words(receiver.strip("()")))
    symbol = _SYMBOLS.match(function)
    name = next(filter(None, symbol.groups())) if symbol else function
    if name in ("==", "!=", "<", "<=", ">", ">=") and len(kinds) == 2:
        message = f"cannot compare {kinds[0]} with {kinds[1]}"
        if set(kinds) == {"text", "a time"}:
            example = 'timestamp("2026-01-31T00:00:00Z")'
            return f"{message}; write the time as {example}", example
        if kinds == ["true/false", "a number"] and name not in ("==", "!="):
            return f"{message}; a range is written `1 < x && x < 5`", None
        if kinds == ["a number", "a number"]:
            return "cannot compare a whole number with a fraction here; use double(…)", None
        return message, None
    if name == "in":
        if kinds[-1] == "a list":
            return f"the list that `in` looks through does not hold {kinds[0]}", None
        return f"`in` looks through a list, not through {kinds[-1]}", None
    if name in ("&&", "||", "!"):
        wrong = next((kind for kind in kinds if kind != "true/false"), "a value")
        return f"`{name}` joins true/false, not {wrong}", None
    if function == "_?_:_":
        return "`?` needs true/false before it and two values of one kind after it", None
    if function == "_[_]":
        return f"cannot look up {kinds[-1]} in {kinds[0]}", None
    return f"`{name}` does not work on {' and '.join(kinds) or 'nothing'}", None


def _split_types(text: str) -> list[str]:
    """`string, map(int, bool)` → its top-level parts."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += character in "(<"
        depth -= character in ")>"
        if character == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += character
    return [*parts, current.strip()] if current.strip() else parts
