"""Jinja tags kept whole, and findable, while an HTML tool rewrites the text around them.

Before MJML or the CSS inliner sees a template, each tag is replaced by a word that neither parser
minds (``{{ a < b }}`` is not XML). Afterwards the tags are put back, each beginning on a line of
its own inside the braces, where a line break means nothing to Jinja and costs the message nothing.
A line number of the compiled template so names one tag, and that tag its place in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from config.diagnostics import Diagnostic, Position
from config.source_text import SourceText

_STRING = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
TAG = re.compile(
    rf"""\{{\#.*?\#\}}
      | \{{%[-+]?\s*raw\s*[-+]?%\}}.*?\{{%[-+]?\s*endraw\s*[-+]?%\}}
      | \{{\{{(?:{_STRING}|.)*?\}}\}}
      | \{{%(?:{_STRING}|.)*?%\}}""",
    re.VERBOSE | re.DOTALL,
)
_SLOT = re.compile(r"\{\{-?\s*(\w+)\s*-?\}\}")
_WORD = re.compile(r"<!--jjx(\d+)xjj-->|jjx(\d+)xjj")
_URL_ATTRIBUTE = re.compile(
    r"""\b(?:href|src|background|action|xlink:href)\s*=\s*("[^"]*"|'[^']*')""", re.IGNORECASE
)
_OPEN_TAG = re.compile(r"(\{[{%][-+]?)(.*?)([-+]?[}%]\})\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tag:
    """One Jinja tag as written and where."""

    text: str
    at: Position

    @property
    def is_statement(self) -> bool:
        """Whether it is ``{% … %}``, part of the template's structure."""
        return self.text.startswith("{%")


@dataclass(frozen=True, slots=True)
class Compiled:
    """A template's final Jinja source; ``lines`` gives for a line the tag that begins there."""

    source: str
    lines: Mapping[int, Position]

    def position(self, line: int) -> Position | None:
        """The place in the author's file of what stands on ``line`` (from 1)."""
        known = [number for number in self.lines if number <= line]
        return self.lines[max(known)] if known else None


class TagKeeper:
    """Takes the tags out of the files of one part and puts them back into the result."""

    def __init__(self) -> None:
        self._tags: list[Tag] = []

    def hide(
        self,
        source: SourceText,
        slots: Mapping[str, Callable[[], str]] | None = None,
        *,
        comments: bool = False,
    ) -> str:
        """The text of ``source`` with a word for each tag.

        ``{{ name }}`` of a slot is replaced by what the slot gives, called when its turn comes so
        that tags are numbered in the order of the document. Jinja comments go. With
        ``comments`` a statement between elements becomes an HTML comment: an HTML parser moves
        words, but not comments, out of tables.
        """
        parts: list[str] = []
        at = 0
        for found in TAG.finditer(source.text):
            parts.append(source.text[at : found.start()])
            at = found.end()
            text = found.group()
            slot = _SLOT.fullmatch(text)
            if text.startswith("{#"):
                continue
            if slots and slot and slot[1] in slots:
                parts.append(slots[slot[1]]())
                continue
            word = f"jjx{len(self._tags)}xjj"
            tag = Tag(text, source.position(found.start(), found.end()))
            self._tags.append(tag)
            between = source.text.rfind("<", 0, found.start()) <= source.text.rfind(
                ">", 0, found.start()
            )
            parts.append(f"<!--{word}-->" if comments and tag.is_statement and between else word)
        parts.append(source.text[at:])
        return "".join(parts)

    def lost(self, hidden: str, by: str, spare: frozenset[int] = frozenset()) -> list[Diagnostic]:
        """What became of the tags in ``hidden``, the text after tool ``by`` has rewritten it.

        Tags numbered in ``spare`` (``numbers``) may go.
        """
        order = [int(found[1] or found[2]) for found in _WORD.finditer(hidden)]
        kept = set(order)
        problems = [
            Diagnostic(
                code="tag-dropped",
                message=f"{by} drops {_shown(tag.text)} from the message",
                at=tag.at,
                expected="tags in text, in a colour or address attribute, or in <mj-raw>",
            )
            for number, tag in enumerate(self._tags)
            if number not in kept and number not in spare
        ]
        statements = [number for number in order if self._tags[number].is_statement]
        highest = -1
        for number in statements:
            if number < highest and statements.count(number) == 1:
                tag = self._tags[number]
                problems.append(
                    Diagnostic(
                        code="tag-moved",
                        message=f"{by} moves {_shown(tag.text)} to another place",
                        at=tag.at,
                        expected="structural tags between elements, in <mj-raw>",
                    )
                )
            highest = max(highest, number)
        return problems

    @staticmethod
    def numbers(hidden: str) -> frozenset[int]:
        """The numbers of the tags in a part of hidden text."""
        return frozenset(int(found[1] or found[2]) for found in _WORD.finditer(hidden))

    def restore(self, hidden: str, *, html: bool) -> Compiled:
        """The text with its tags again; in ``html``, values that begin an address are filtered."""
        guarded = self._address_tags(hidden) if html else frozenset()
        parts: list[str] = []
        lines: dict[int, Position] = {}
        line, at = 1, 0
        for found in _WORD.finditer(hidden):
            between = hidden[at : found.start()]
            at = found.end()
            number = int(found[1] or found[2])
            tag = self._tags[number]
            text = tag.text
            opened = _OPEN_TAG.match(text)
            line += between.count("\n")
            if opened is not None and not re.match(r"\{%[-+]?\s*raw\b", text):
                inner = opened[2]
                if number in guarded and opened[1].startswith("{{"):
                    inner = f"({inner})|_url"
                text = f"{opened[1]}\n{inner}{opened[3]}"
                lines[line + 1] = tag.at
            else:
                lines[line] = tag.at
            line += text.count("\n")
            parts += (between, text)
        parts.append(hidden[at:])
        return Compiled("".join(parts), lines)

    def _address_tags(self, hidden: str) -> frozenset[int]:
        """The values with nothing of the author's own before them in an address attribute."""
        guarded: set[int] = set()
        for attribute in _URL_ATTRIBUTE.finditer(hidden):
            value, at, literal = attribute[1][1:-1], 0, False
            for found in _WORD.finditer(value):
                literal = literal or bool(value[at : found.start()].strip())
                at = found.end()
                number = int(found[1] or found[2])
                if self._tags[number].is_statement:
                    literal = False  # another branch may begin with the next value
                elif not literal:
                    guarded.add(number)
        return frozenset(guarded)


def _shown(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else f"{flat[:57]}…"
