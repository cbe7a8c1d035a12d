"""The words of a condition with their places, and the mistakes that the words alone show.

CEL's own syntax errors list grammar symbols; these say what an author should write. What passes
here can still fail in CEL's parser. Lexis: cel-spec, doc/langdef.md, "Syntax".
"""

import re
from typing import NamedTuple

from engine.core.condition_problems import Problem, locate

_WORDS = re.compile(
    r"""
    (?P<space>[ \t\r\n\f]+ | //[^\n]*)
  | (?P<text>
        (?:[bB]?[rR]|[rR][bB])(?:\"{3}[\s\S]*?\"{3} | '{3}[\s\S]*?'{3} | "[^"\n\r]*" | '[^'\n\r]*')
      | [bB]?(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3} | '{3}(?:\\[\s\S]|[^\\])*?'{3}
              | "(?:\\[^\n\r]|[^\\"\n\r])*" | '(?:\\[^\n\r]|[^\\'\n\r])*'))
  | (?P<number>0[xX][0-9a-fA-F]+[uU]? | (?:\d+\.\d+|\.\d+)(?:[eE][+-]?\d+)?
             | \d+[eE][+-]?\d+ | \d+[uU]?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]* | `[A-Za-z0-9_.\-/ ]+`)
  | (?P<mark>===|!==|<>|=>|=<|[=!<>]=|&&|\|\||[-+*/%<>!?:.,()\[\]{}=&|])
    """,
    re.VERBOSE,
)
_MISSPELT = {
    "=": "==",
    "===": "==",
    "!==": "!=",
    "<>": "!=",
    "=>": ">=",
    "=<": "<=",
    "&": "&&",
    "|": "||",
}
_ENGLISH = {"and": "&&", "or": "||", "not": "!"}
_CLOSES = {")": "(", "]": "[", "}": "{"}
_OPENS = {"(": ")", "[": "]", "{": "}"}
_BINARY = frozenset(
    {"==", "!=", "<", "<=", ">", ">=", "&&", "||", "+", "-", "*", "/", "%", "?", ":", ",", "in"}
)
_UNFIT = re.compile("[\0\ud800-\udfff]")  # NUL ends a text for CEL; lone halves are no UTF-8
_CURLED = "“”„‘’‚«»"


class Token(NamedTuple):
    """One word: kind is text, number, name or mark; offsets are in code points."""

    kind: str
    start: int
    end: int
    text: str


def tokenize(source: str) -> tuple[list[Token], list[Problem]]:
    """The words of `source`, without blanks and comments, and what is no word at all."""
    tokens: list[Token] = []
    problems: list[Problem] = []
    at = 0
    while at < len(source):
        found = _WORDS.match(source, at)
        if found is None:
            character = source[at]
            end = at + 1
            if character in "\"'":
                end = len(source)
                message = f"the text that starts with {character} here is never closed"
                problems.append(locate(source, at, end, "unclosed-text", message))
                tokens.append(Token("text", at, end, source[at:end]))
            elif character in _CURLED:
                message = f"curled quotation mark {character}; write a straight one: \" or '"
                problems.append(locate(source, at, end, "bad-character", message, '"'))
            else:
                shown = character if character.isprintable() else repr(character)
                message = f"unexpected character `{shown}`"
                problems.append(locate(source, at, end, "bad-character", message))
            at = end
            continue
        if unfit := _UNFIT.search(found.group()):
            message = f"a text cannot hold the character {unfit.group()!r}"
            problems.append(
                locate(source, at + unfit.start(), at + unfit.end(), "bad-character", message)
            )
        if found.lastgroup != "space":
            tokens.append(Token(found.lastgroup or "", at, found.end(), found.group()))
        at = found.end()
    return tokens, problems


def matching_bracket(tokens: list[Token], index: int) -> int:
    """The index of the bracket that closes the one at `index`; the brackets must be balanced."""
    depth = 0
    for position in range(index, len(tokens)):
        if tokens[position].kind == "mark":
            depth += tokens[position].text in _OPENS
            depth -= tokens[position].text in _CLOSES
            if depth == 0:
                return position
    raise ValueError("unbalanced brackets")


def syntax_problems(source: str, tokens: list[Token]) -> list[Problem]:
    """Misplaced words, in the order of the text."""
    return _Reader(source, tokens).problems()


class _Reader:
    """Follows the words, always knowing whether a value or an operator must come next."""

    def __init__(self, source: str, tokens: list[Token]) -> None:
        self._source = source
        self._tokens = tokens
        self._found: list[Problem] = []
        self._open: list[Token] = []
        self._want_value = True
        self._before: Token | None = None

    def problems(self) -> list[Problem]:
        for index, token in enumerate(self._tokens):
            following = self._tokens[index + 1] if index + 1 < len(self._tokens) else None
            if token.kind == "number" and token.text[-1] in "uU":
                plain = token.text[:-1]
                self._say(token, "bad-number", f"write `{plain}`, without the u", plain)
            if token.kind == "mark" and token.text in _MISSPELT:
                right = _MISSPELT[token.text]
                self._say(token, "bad-operator", f"`{token.text}`: did you mean `{right}`?", right)
                self._want_value = True
            elif self._want_value:
                self._value(token, following)
            else:
                self._operator(token, following)
            self._before = token
        if self._want_value and self._before is not None:
            self._missing_value(None)
        for bracket in self._open:
            closer = _OPENS[bracket.text]
            self._say(bracket, "unclosed-bracket", f"`{bracket.text}` is never closed", closer)
        return self._found

    def _value(self, token: Token, following: Token | None) -> None:
        if token.kind == "name" and token.text.lower() in _ENGLISH:
            if token.text.lower() == "not" and following and following.text not in _BINARY:
                self._say(token, "english-operator", f"write `!` instead of `{token.text}`", "!")
                return
            if following and following.kind in ("name", "number", "text"):
                self._missing_value(token)
                return
        if token.kind != "mark" and token.text != "in":
            self._want_value = False
        elif token.text in _OPENS:
            self._open.append(token)
        elif token.text == "." and self._before is not None and self._before.text == ".":
            self._missing_value(token)
        elif token.text in ("!", "-", "."):
            pass
        elif token.text in _CLOSES:
            empty = self._before is not None and self._before.text in ("(", "[", "{", ",")
            if not empty:
                self._missing_value(token)
            self._close(token)
        else:
            self._missing_value(token)

    def _operator(self, token: Token, following: Token | None) -> None:
        word = token.text.lower()
        if token.kind == "mark" and token.text in _CLOSES:
            self._close(token)
        elif token.text in _BINARY or token.text == ".":
            self._want_value = True
        elif token.kind == "mark" and token.text in _OPENS:
            called = self._before is not None and self._before.kind == "name"
            if not (called or token.text == "["):
                self._unexpected(token)
            self._open.append(token)
            self._want_value = True
        elif token.kind == "name" and word == "not" and following and following.text == "in":
            message = f"`{token.text} in`: write `!(… in …)`, with the `!` before the whole"
            self._say(token, "english-operator", message, "!")
            self._want_value = False
        elif token.kind == "name" and word in ("and", "or"):
            right = _ENGLISH[word]
            self._say(
                token, "english-operator", f"write `{right}` instead of `{token.text}`", right
            )
            self._want_value = True
        else:
            self._unexpected(token)
            self._want_value = token.text in ("!", "-")

    def _close(self, token: Token) -> None:
        self._want_value = False
        if self._open and self._open[-1].text == _CLOSES[token.text]:
            self._open.pop()
        elif self._open:
            opened = self._open.pop()
            message = f"`{token.text}` does not close `{opened.text}`"
            self._say(token, "unclosed-bracket", message, _OPENS[opened.text])
        else:
            message = f"`{token.text}` closes nothing; there is no `{_CLOSES[token.text]}` before"
            self._say(token, "unopened-bracket", message)

    def _missing_value(self, token: Token | None) -> None:
        if self._before is None and token is not None:
            self._say(token, "missing-value", f"expected a value before `{token.text}`")
        elif self._before is not None:
            if self._before.text in _OPENS and token is None:
                return
            wanted = "a name" if self._before.text == "." else "a value"
            place = self._before if token is None else token
            self._say(place, "missing-value", f"expected {wanted} after `{self._before.text}`")

    def _unexpected(self, token: Token) -> None:
        message = f"unexpected `{token.text}`; join two conditions with && or ||"
        self._say(token, "unexpected", message)

    def _say(self, token: Token, code: str, message: str, suggestion: str | None = None) -> None:
        self._found.append(locate(self._source, token.start, token.end, code, message, suggestion))
