"""libyaml's events to nodes and data, iteratively and within bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

import yaml

from config.diagnostics import Diagnostic, nearest
from config.scalar_offsets import Style
from config.source_text import SourceText
from config.yaml_conditions import Quoted, ends_inside_quotes, leading_bangs
from config.yaml_problems import (
    CONDITION_KEYS,
    Stumble,
    explain,
    looks_like_condition,
    quote_condition,
)

MAX_DEPTH = 64
MAX_ALIASES = 50
MAX_NODES = 20_000  # after aliases are expanded

_STYLES = {"'": Style.SINGLE, '"': Style.DOUBLE, "|": Style.LITERAL, ">": Style.FOLDED}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_NOT_TEXT = re.compile(r"^(?:[-+]?\.?\d[\d_.eE+-]*|true|True|TRUE|false|False|FALSE)$")
_PROPERTIES = re.compile(r"(?:[&!][^\s]*\s+)+")


class SourceError(Exception):
    """A file that cannot be used, with every problem found in it."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        first = diagnostics[0]
        super().__init__(f"{first.at.file}:{first.at.line}:{first.at.column}: {first.message}")


@dataclass(slots=True)
class Node:
    """One value as written: its span in the file, and the nodes below it."""

    start: int
    end: int
    style: Style
    value: str | None = None
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    children: dict[str | int, Node] = field(default_factory=dict)


@dataclass(slots=True)
class _Frame:
    """An open list or mapping."""

    node: Node
    data: Any
    anchor: str | None
    size_before: int
    is_key: bool = False
    key: str | None = None
    key_span: tuple[int, int] = (0, 0)
    key_waits: bool = False  # a key was read and its value comes next
    unusable: bool = False  # that value is read and thrown away


class _Stop(Exception):
    """Reading cannot go on; the diagnostic says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic


class _NotYaml(_Stop):
    """libyaml stumbled."""

    at: int = 0


def read(source: SourceText, path_text: Callable[[tuple[str | int, ...]], str]) -> tuple[Node, Any]:
    """The document of ``source`` as nodes and as plain data; raises SourceError.

    Lines such as ``filter: !order.is_gift`` are first taken as quoted; where one turns out to be
    part of a longer text, it is left as it is and the text is read again.
    """
    spans = leading_bangs(source)
    while True:
        reader = _Reader(source, Quoted(source.text, spans), path_text)
        try:
            reader.run()
        except _NotYaml as stop:
            inside = any(span.start <= stop.at <= span.end + 1 for span in spans)
            if spans and not inside:
                plain = _Reader(source, Quoted(source.text, ()), path_text)
                try:
                    plain.run()
                except _Stop:
                    pass
                else:
                    spans = ()
                    continue
            reader.problems.append(stop.diagnostic)
        except _Stop as stop:
            reader.problems.append(stop.diagnostic)
        else:
            true = tuple(span for span in spans if span.start in reader.quoted_starts)
            if len(true) < len(spans):
                spans = true
                continue
        if reader.problems:
            unique = dict.fromkeys(reader.problems)
            raise SourceError(tuple(sorted(unique, key=lambda d: (d.at.line, d.at.column))))
        return reader.root, reader.data


class _Reader:
    def __init__(
        self,
        source: SourceText,
        quoted: Quoted,
        path_text: Callable[[tuple[str | int, ...]], str],
    ) -> None:
        self.source = source
        self.quoted = quoted
        self.path_text = path_text
        self.recovered = {span.start: span for span in quoted.spans}
        self.quoted_starts: set[int] = set()
        self.problems: list[Diagnostic] = []
        self.frames: list[_Frame] = []
        self.anchors: dict[str, tuple[Node, Any, int] | None] = {}
        self.aliases = 0
        self.size = 0
        self.documents = 0
        self.root = Node(0, 0, Style.PLAIN)
        self.data: Any = None

    def run(self) -> None:
        loader = yaml.CSafeLoader(self.quoted.text)
        try:
            while True:
                event = loader.get_event()
                if event is None:
                    return
                self._take(event)
        except yaml.MarkedYAMLError as error:
            raise self._not_yaml(error) from None
        except yaml.YAMLError as error:
            at = self.source.position(0)
            message = f"this is not valid YAML: {error}"
            raise _Stop(Diagnostic(code="yaml-syntax", message=message, at=at)) from None
        finally:
            loader.dispose()

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            self._open(event)
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            self._close(event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                at = self._offset(event.start_mark)
                self._stop(at, "yaml-document", "a second document begins here", "one a file")

    def _scalar(self, event: Any) -> None:
        start, end = self._offset(event.start_mark), self._offset(event.end_mark)
        style = _STYLES.get(event.style, Style.PLAIN)
        value: str = event.value
        span = self.recovered.get(start)
        if span is not None and style is Style.SINGLE:
            self.quoted_starts.add(start)
            style, end = Style.PLAIN, span.end
        elif self._tagged(event, start, end):
            value = ""
        if event.anchor is not None or event.tag is not None:
            properties = _PROPERTIES.match(self.source.text, start, end)
            start = properties.end() if properties else end
        if style is Style.PLAIN and span is None:
            self._check_cut(start, end, value)
        is_null = style is Style.PLAIN and value in _NULLS and event.tag is None
        node = Node(start, end, style, None if is_null else value)
        self._count(start)
        self._anchor(event.anchor, node, node.value, 1, start)
        self._attach(node, node.value)

    def _open(self, event: Any) -> None:
        start = self._offset(event.start_mark)
        mapping = isinstance(event, yaml.MappingStartEvent)
        self._tagged(event, start, self._offset(event.end_mark))
        if len(self.frames) >= MAX_DEPTH:
            self._stop(start, "yaml-depth", "nested too deeply", f"at most {MAX_DEPTH} levels")
        before = self.size
        self._count(start)
        parent = self.frames[-1] if self.frames else None
        is_key = parent is not None and self._wants_key(parent)
        if event.anchor is not None:
            self._new_anchor(event.anchor, start)
            self.anchors[event.anchor] = None  # open: an alias inside would contain itself
        node = Node(start, start, Style.MAPPING if mapping else Style.SEQUENCE)
        data: Any = {} if mapping else []
        self.frames.append(_Frame(node, data, event.anchor, before, is_key))

    def _close(self, event: Any) -> None:
        frame = self.frames.pop()
        # The end of a block collection is only known at the next thing after it.
        frame.node.end = max(
            [self._offset(event.end_mark) if event.start_mark.index != event.end_mark.index else 0]
            + [child.end for child in frame.node.children.values()]
            + [end for _, end in frame.node.keys.values()]
        )
        if frame.anchor is not None:
            self.anchors[frame.anchor] = (frame.node, frame.data, self.size - frame.size_before)
        self._attach(frame.node, frame.data)

    def _alias(self, event: Any) -> None:
        start, end = self._offset(event.start_mark), self._offset(event.end_mark)
        known = self.anchors.get(event.anchor)
        if event.anchor not in self.anchors:
            key = self.frames[-1].key if self.frames else None
            if looks_like_condition(key, f"*{event.anchor}"):
                why = "YAML takes a leading * for a reference to an anchor"
                raise _Stop(quote_condition(self.source, start, end, why, path=self._path()))
            self._stop(
                start,
                "unknown-alias",
                f"*{event.anchor} refers to an anchor that is not defined above",
                f"&{event.anchor} at an earlier value, or quotes if * is meant literally",
                nearest(event.anchor, self.anchors),
            )
        if known is None:
            message = f"*{event.anchor} stands inside the very value it refers to"
            self._stop(start, "recursive-alias", message, "a value that ends before the alias")
        node, data, size = known
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            self._stop(start, "too-many-aliases", "too many aliases", f"at most {MAX_ALIASES}")
        self._count(start, size)
        self._attach(node, data, (start, end))

    def _attach(self, node: Node, data: Any, span: tuple[int, int] | None = None) -> None:
        if not self.frames:
            self.root, self.data = node, data
            return
        frame = self.frames[-1]
        if frame.node.style is Style.SEQUENCE:
            frame.node.children[len(frame.data)] = node
            frame.data.append(data)
        elif not frame.key_waits:
            self._key(frame, node, span or (node.start, node.end))
        else:
            if not frame.unusable and frame.key is not None:
                frame.node.children[frame.key] = node
                frame.node.keys[frame.key] = frame.key_span
                frame.data[frame.key] = data
            frame.key_waits, frame.unusable, frame.key = False, False, None

    def _key(self, frame: _Frame, node: Node, span: tuple[int, int]) -> None:
        frame.key_waits, frame.key, frame.key_span = True, None, span
        start, end = span
        text = node.value
        plain = node.style is Style.PLAIN
        if node.style in (Style.SEQUENCE, Style.MAPPING):
            what = "a list" if node.style is Style.SEQUENCE else "a mapping"
            self._refuse(start, end, "key-not-text", f"a key cannot be {what}", "a word")
        elif text is None:
            self._refuse(start, end, "key-not-text", "this key is empty", "a word")
        elif plain and text == "<<":
            message = "merge keys (<<) are not supported"
            self._refuse(start, end, "merge-key", message, "the fields written out")
        elif plain and _NOT_TEXT.match(text):
            message = f"the key {text} is not text"
            self._refuse(start, end, "key-not-text", message, f'"{text}"')
        elif text in frame.node.keys:
            first = self.source.position(frame.node.keys[text][0])
            message = (
                f'"{text}" is written twice; the first is at line {first.line}, '
                f"column {first.column}"
            )
            self._refuse(start, end, "duplicate-key", message, "each key once")
        else:
            frame.key = text
            return
        frame.unusable = True

    @staticmethod
    def _wants_key(frame: _Frame) -> bool:
        return frame.node.style is Style.MAPPING and not frame.key_waits

    def _tagged(self, event: Any, start: int, end: int) -> bool:
        if event.tag is None:
            return False
        if event.tag == "tag:yaml.org,2002:str" and isinstance(event, yaml.ScalarEvent):
            return False
        line_end = self.source.text.find("\n", start)
        written = self.source.text[start : line_end if line_end >= 0 else None].split("\r")[0]
        key = self.frames[-1].key if self.frames else None
        condition = key in CONDITION_KEYS or not written.startswith(("!!", "!<"))
        if condition and isinstance(event, yaml.ScalarEvent):
            why = "YAML takes a leading ! for a tag"
            self.problems.append(quote_condition(self.source, start, end, why, path=self._path()))
        else:
            tag = written.split()[0]
            expected = "the value without it, or in quotes if ! is meant literally"
            self._refuse(
                start, start + len(tag), "yaml-tag", f"the tag {tag} is not supported", expected
            )
        return True

    def _check_cut(self, start: int, end: int, value: str) -> None:
        """A condition that YAML cut at `` #`` in the middle of a quoted part of it."""
        number = self.source.line_number(end)
        rest_end = self.source.start_of(number) + len(self.source.line(number))
        rest = self.source.text[end:rest_end]
        if not rest.lstrip().startswith("#") or not ends_inside_quotes(value):
            return
        key = self.frames[-1].key if self.frames else None
        if looks_like_condition(key, value):
            why = "YAML takes everything after the # for a comment"
            self.problems.append(
                quote_condition(self.source, start, rest_end, why, path=self._path())
            )

    def _anchor(self, name: str | None, node: Node, data: Any, size: int, at: int) -> None:
        if name is not None:
            self._new_anchor(name, at)
            self.anchors[name] = (node, data, size)

    def _new_anchor(self, name: str, at: int) -> None:
        if name in self.anchors:
            message = f"the anchor &{name} is defined twice"
            self._refuse(at, at + 1, "duplicate-anchor", message, "another name")

    def _count(self, at: int, nodes: int = 1) -> None:
        self.size += nodes
        if self.size > MAX_NODES:
            message = "the file holds too many values once its aliases are expanded"
            self._stop(at, "too-many-values", message, f"at most {MAX_NODES:,}")

    def _offset(self, mark: Any) -> int:
        return self.quoted.original(mark.index)

    def _path(self) -> str:
        parts: list[str | int] = []
        for frame in self.frames:
            if frame.node.style is Style.SEQUENCE:
                parts.append(len(frame.data))
            elif frame.key is not None:
                parts.append(frame.key)
        return self.path_text(tuple(parts))

    def _refuse(self, start: int, end: int, code: str, message: str, expected: str) -> None:
        self.problems.append(
            Diagnostic(
                code=code,
                message=message,
                at=self.source.position(start, end),
                path=self._path(),
                expected=expected,
            )
        )

    def _stop(
        self, at: int, code: str, message: str, expected: str, suggestion: str | None = None
    ) -> NoReturn:
        raise _Stop(
            Diagnostic(
                code=code,
                message=message,
                at=self.source.position(at),
                path=self._path(),
                expected=expected,
                suggestion=suggestion,
            )
        )

    def _not_yaml(self, error: yaml.MarkedYAMLError) -> _NotYaml:
        mark = error.problem_mark or error.context_mark
        at = 0 if mark is None else self._offset(mark)
        context_at = None if error.context_mark is None else self._offset(error.context_mark)
        if context_at == len(self.source.text) and self.frames:
            context_at = self.frames[-1].node.start  # libyaml names the end, not what is open there
        stumble = Stumble(
            problem=error.problem or "",
            at=at,
            context=error.context or "",
            context_at=context_at,
        )
        stop = _NotYaml(explain(stumble, self.source))
        stop.at = at
        return stop
