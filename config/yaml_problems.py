"""What libyaml stumbled over, said in plain words with the place to mend.

libyaml names grammar productions ("did not find expected key") and often points past the mistake.
An author needs the line that is wrong and what to write instead. Most of all this concerns
conditions: ``a ? b : c`` or ``"x" == y`` are fine CEL and, unquoted, broken YAML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from config.diagnostics import Diagnostic
from config.source_text import SourceText

CONDITION_KEYS = frozenset({"if", "filter", "profile_filter", "hold_while", "segment", "condition"})
_CONDITION = re.compile(r"==|!=|>=|<=|&&|\|\||[<>] ?-?\d|\w\.\w+\(|\b(?:has|size)\(|^!|\w \? .+ : ")
_KEY_VALUE = re.compile(
    r"""^(?P<lead>\ *(?:-\ +)*)(?P<key>"[^"]*"|'[^']*'|[^\s#:'"\[\]{},&*!|>%@`-][^:]*?)
        \ *:(?P<gap>[\ \t]+)(?P<value>\S.*)$""",
    re.VERBOSE,
)
QUOTE_CONDITION = "quote-condition"


def looks_like_condition(key: str | None, value: str) -> bool:
    """Whether an unquoted value was meant as a condition, by its key or by its operators."""
    return key in CONDITION_KEYS or _CONDITION.search(value) is not None


def quote_condition(
    source: SourceText, start: int, end: int, why: str, *, path: str = ""
) -> Diagnostic:
    """The diagnostic that tells the author to quote the condition at ``start`` to ``end``."""
    written = source.text[start:end].strip()
    return Diagnostic(
        code=QUOTE_CONDITION,
        message=f"quote this condition: {why}",
        at=source.position(start, end),
        path=path,
        expected=f"the condition in quotes: {in_quotes(written)}",
    )


def in_quotes(value: str) -> str:
    """``value`` as a quoted YAML scalar that needs no escapes where one is possible."""
    if "'" not in value:
        return f"'{value}'"
    if '"' not in value and "\\" not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stumble:
    """libyaml's own words: the problem, its context, and the offsets of both."""

    problem: str
    at: int
    context: str = ""
    context_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A ``key: value`` line, with the offsets of its value."""

    key: str
    value: str
    start: int
    end: int


def explain(stumble: Stumble, source: SourceText) -> Diagnostic:
    """The one diagnostic for a text that is not YAML."""
    culprit = stumble.at
    if stumble.context_at is not None and stumble.context.startswith(
        ("while parsing a flow", "while scanning a quoted", "while scanning a block")
    ):
        culprit = stumble.context_at
    line = _key_value(source, culprit)
    if line is not None:
        if culprit == stumble.at and culprit < line.start:
            line = None
        elif (misread := _misread(line, stumble)) is not None:
            if looks_like_condition(line.key, line.value):
                return quote_condition(source, line.start, line.end, misread)
            return Diagnostic(
                code="quote-value",
                message=f"quote this value: {misread}",
                at=source.position(line.start, line.end),
                expected=f"the value in quotes: {in_quotes(line.value)}",
            )
    for wording, rule in _RULES:
        if wording in stumble.problem or wording in stumble.context:
            return rule(stumble, source)
    return _say(source, stumble.at, "yaml-syntax", f"this is not valid YAML: {stumble.problem}")


def _key_value(source: SourceText, offset: int) -> _Line | None:
    number = source.line_number(offset)
    found = _KEY_VALUE.match(source.line(number))
    if found is None:
        return None
    start = source.start_of(number) + found.start("value")
    value = found["value"].rstrip()
    key = found["key"].strip("'\"")
    return _Line(key=key, value=value, start=start, end=start + len(value))


def _misread(line: _Line, stumble: Stumble) -> str | None:
    """Why YAML misreads the value of this line, or None when the line is not to blame."""
    first, problem = line.value[0], stumble.problem
    if problem.startswith("found unexpected end") or "escape" in problem or "tab" in problem:
        return None
    if first in "\"'":
        whole = line.value[-1] == first and line.value.count(first) == 2
        if stumble.at > line.start and not whole:
            return "YAML takes the first quoted part for the whole value"
        return None
    if first in "[{":
        opened = "a list" if first == "[" else "a mapping"
        followed = "expected key" in problem and line.value[-1] not in "]}"
        if followed or looks_like_condition(line.key, line.value):
            return f"YAML takes a leading {first} for {opened}"
        return None
    special = {
        "*": "YAML takes a leading * for a reference to an anchor",
        "&": "YAML takes a leading & for an anchor",
        "!": "YAML takes a leading ! for a tag",
        "%": "YAML does not allow a value to begin with %",
        "@": "YAML does not allow a value to begin with @",
        "`": "YAML does not allow a value to begin with `",
        "|": "YAML takes a leading | for the start of a block of lines",
        ">": "YAML takes a leading > for the start of a block of lines",
        ",": "YAML does not allow a value to begin with a comma",
    }
    if first in special:
        return special[first]
    if line.value.startswith("? "):
        return "YAML takes a leading ? for a key"
    if problem.startswith("mapping values") and re.search(r":(?:\s|$)", line.value):
        return "YAML takes the colon in it for another key and value"
    return None


def _say(
    source: SourceText, at: int, code: str, message: str, expected: str | None = None
) -> Diagnostic:
    return Diagnostic(code=code, message=message, at=source.position(at), expected=expected)


def _mapping_values(stumble: Stumble, source: SourceText) -> Diagnostic:
    number = source.line_number(stumble.at)
    above = number - 1
    while above > 0 and not source.line(above).strip():
        above -= 1
    previous = source.line(above)
    start = source.start_of(number) + _indent(source.line(number))
    if above == 0:
        return _say(source, stumble.at, "yaml-syntax", "a colon cannot stand here")
    if _KEY_VALUE.match(previous):
        return _say(
            source,
            start,
            "yaml-indentation",
            f"this line is indented below line {above}, which already has a value",
            "the same indentation as the line above, or no value on the line above",
        )
    at = source.start_of(above) + _indent(previous)
    if re.search(r"\w:\S", previous):
        message = "there is no space after the colon, so YAML reads no key here"
        return _say(source, at, "yaml-missing-space", message, "key: value")
    message = "this line has no colon, so YAML reads no key here"
    return _say(source, at, "yaml-missing-colon", message, "key: value")


def _expected_key(stumble: Stumble, source: SourceText) -> Diagnostic:
    line = _key_value(source, stumble.at)
    if line is not None and line.start < stumble.at and line.value[0] in "\"'":
        message = "a quote that was opened above is closed here"
        return _say(
            source, line.start, "yaml-unclosed-quote", message, "a closing quote further up"
        )
    rest = source.text[stumble.at : stumble.at + 2]
    if rest.startswith("-"):
        return _say(
            source,
            stumble.at,
            "yaml-indentation",
            "a list item cannot stand beside the keys above it",
            "the list indented under the key it belongs to",
        )
    if rest.startswith(":"):
        return _say(source, stumble.at, "yaml-syntax", "the key before this colon is missing")
    if rest[:1] in ("]", "}"):
        return _say(source, stumble.at, "yaml-bracket", f"this {rest[0]} closes nothing")
    return _say(
        source,
        stumble.at,
        "yaml-indentation",
        "the indentation of this line matches no line above it",
        "the indentation of the key or list item it belongs beside",
    )


def _expected_dash(stumble: Stumble, source: SourceText) -> Diagnostic:
    message = "the lines above are a list, and this is not an item of it"
    expected = "'- ' at the start, or the indentation of the item it belongs to"
    return _say(source, stumble.at, "yaml-indentation", message, expected)


def _unclosed_flow(stumble: Stumble, source: SourceText) -> Diagnostic:
    at = stumble.at if stumble.context_at is None else stumble.context_at
    bracket = source.text[at : at + 1]
    closing = {"[": "]", "{": "}"}.get(bracket, "its closing bracket")
    message = f"the {bracket} opened here is not closed where YAML expects it"
    where = source.position(stumble.at)
    expected = f"a comma or {closing} before line {where.line}, column {where.column}"
    return _say(source, at, "yaml-bracket", message, expected)


def _no_content(stumble: Stumble, source: SourceText) -> Diagnostic:
    found = source.text[stumble.at : stumble.at + 1].strip()
    if found:
        return _say(source, stumble.at, "yaml-syntax", f"a value cannot begin with {found}")
    return _unclosed_flow(stumble, source)


def _bad_character(stumble: Stumble, source: SourceText) -> Diagnostic:
    found = source.text[stumble.at : stumble.at + 1]
    if found == "\t":
        message = "a tab is used for indentation, which YAML does not allow"
        return _say(source, stumble.at, "yaml-tab", message, "spaces")
    message = f"YAML does not allow {found} here"
    return _say(source, stumble.at, "yaml-syntax", message, "the text in quotes")


def _tab(stumble: Stumble, source: SourceText) -> Diagnostic:
    message = "a tab is used for indentation, which YAML does not allow"
    return _say(source, stumble.at, "yaml-tab", message, "spaces")


def _unclosed_quote(stumble: Stumble, source: SourceText) -> Diagnostic:
    at = stumble.at if stumble.context_at is None else stumble.context_at
    quote = source.text[at : at + 1]
    message = f"the quote {quote} opened here is never closed"
    return _say(source, at, "yaml-unclosed-quote", message, f"a closing {quote}")


def _no_colon(stumble: Stumble, source: SourceText) -> Diagnostic:
    at = stumble.at if stumble.context_at is None else stumble.context_at
    message = "this line has no colon, so YAML reads no key here"
    return _say(source, at, "yaml-missing-colon", message, "key: value")


def _escape(stumble: Stumble, source: SourceText) -> Diagnostic:
    message = "in double quotes a backslash begins an escape, and YAML does not know this one"
    expected = r"single quotes around the text, or \\ for a backslash"
    return _say(source, stumble.at, "yaml-escape", message, expected)


def _list_on_line(stumble: Stumble, source: SourceText) -> Diagnostic:
    message = "a list item cannot stand on the line of its key"
    expected = "the items on lines of their own under the key"
    return _say(source, stumble.at, "yaml-list", message, expected)


def _property(stumble: Stumble, source: SourceText) -> Diagnostic:
    start = stumble.at if stumble.context_at is None else stumble.context_at
    end = start + 1
    while end < len(source.text) and source.text[end] not in ",}]\r\n":
        end += 1
    indicator = source.text[start : start + 1]
    what = {"!": "a tag", "&": "an anchor"}.get(indicator, "a reference to an anchor")
    return quote_condition(source, start, end, f"YAML takes a leading {indicator} for {what}")


def _directive(stumble: Stumble, source: SourceText) -> Diagnostic:
    at = stumble.at if stumble.context_at is None else stumble.context_at
    return _say(source, at, "yaml-document", "a line cannot begin with %", "key: value")


def _document(stumble: Stumble, source: SourceText) -> Diagnostic:
    at = stumble.at if stumble.context_at is None else stumble.context_at
    return _say(
        source, at, "yaml-document", "text outside the document", "one YAML document a file"
    )


_RULES = (
    ("mapping values are not allowed", _mapping_values),
    ("did not find expected key", _expected_key),
    ("did not find expected '-' indicator", _expected_dash),
    ("did not find expected ','", _unclosed_flow),
    ("did not find expected node content", _no_content),
    ("found a tab", _tab),
    ("found character that cannot start any token", _bad_character),
    ("while scanning a quoted scalar", _unclosed_quote),
    ("could not find expected ':'", _no_colon),
    ("while parsing a quoted scalar", _escape),
    ("block sequence entries are not allowed", _list_on_line),
    ("scanning a tag", _property),
    ("scanning an anchor", _property),
    ("scanning an alias", _property),
    ("scanning a directive", _directive),
    ("expected <document start>", _document),
)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
