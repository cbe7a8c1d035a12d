"""YAML text to plain data in which every value knows its place.

Scalars stay the text that the author wrote, whatever YAML 1.1 would make of ``yes``, ``09:00`` or
``1e3``: the model that the data is validated against says what they mean. Only a plain ``null``,
``~`` or nothing at all is None. The text is read as a stream of libyaml's events and not with
``yaml.compose()``, whose recursion and alias expansion an unfriendly file could exploit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from config.diagnostics import Diagnostic, Position
from config.scalar_offsets import Style, value_offsets
from config.source_text import SourceText
from config.yaml_reader import Node, SourceError, read

__all__ = ["MAX_BYTES", "Document", "Path", "SourceError", "field_path", "load"]

MAX_BYTES = 1_000_000
Path = tuple[str | int, ...]
# libyaml refuses most control characters; the line separators below it counts as line breaks, as
# no editor does, so positions would be wrong after one.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_PLAIN_NAME = re.compile(r"^[A-Za-z_][\w-]*$")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file: its data, and where each part of it was written."""

    source: SourceText
    data: Any
    root: Node

    @property
    def file(self) -> str:
        return self.source.file

    def position(self, path: Path, *, key: bool = False) -> Position:
        """Where the value at ``path`` is written, or its key with ``key=True``.

        A path that leads nowhere gives the place of the deepest part that exists: its key where
        it has one, which is where a missing field belongs.
        """
        node, found = self._walk(path)
        missing = len(found) < len(path)
        span = (node.start, node.end)
        if (key or missing) and found:
            parent, _ = self._walk(found[:-1])
            span = parent.keys.get(str(found[-1]), span)
        elif missing or node.style in (Style.MAPPING, Style.SEQUENCE):
            return self.source.position(node.start)
        return self.source.position(*span)

    def has(self, path: Path) -> bool:
        """Whether something is written at ``path``."""
        return len(self._walk(path)[1]) == len(path)

    def line(self, number: int) -> str:
        """The source line ``number`` (from 1), without its line break."""
        return self.source.line(number)

    def raw(self, path: Path) -> str:
        """The value at ``path`` as written, quotes and all. Raises KeyError when there is none."""
        node, found = self._walk(path)
        if len(found) < len(path):
            raise KeyError(field_path(path))
        return self.source.text[node.start : node.end]

    def offset_position(self, path: Path, line: int, column: int) -> Position:
        """Where in the file the character at ``line`` and ``column`` of a scalar's value stands.

        Both count from 1 within the value. A place past the end of the value gives its end.
        """
        node, found = self._walk(path)
        if len(found) < len(path) or not isinstance(node.value, str):
            return self.position(path)
        value_lines = node.value.split("\n")
        row = max(1, min(line, len(value_lines)))
        before = sum(len(text) + 1 for text in value_lines[: row - 1])
        at = before + max(0, min(column - 1, len(value_lines[row - 1])))
        offsets = value_offsets(self.source.text, node.start, node.end, node.style, node.value)
        return self.source.position(offsets[at])

    def _walk(self, path: Path) -> tuple[Node, Path]:
        node = self.root
        for depth, part in enumerate(path):
            child = node.children.get(part)
            if child is None:
                return node, path[:depth]
            node = child
        return node, path


def field_path(path: Path) -> str:
    """``path`` as people write it: ``steps[2].send_email.template``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_NAME.match(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def load(text: str | bytes, file: str) -> Document:
    """Read one YAML document; ``file`` is the name that its diagnostics give.

    Raises SourceError with every problem that could be found: not UTF-8, over ``MAX_BYTES``, not
    YAML, duplicate or odd keys, tags, merge keys, several documents, and nesting or aliases
    beyond what a hand-written file needs.
    """
    decoded = _decoded(text, file)
    source = SourceText(file, decoded)
    bad = _UNPRINTABLE.search(decoded)
    if bad:
        raise _refused(
            source.position(bad.start()),
            "unprintable-character",
            f"the character U+{ord(bad.group()):04X} is not allowed in a YAML file",
            r'an escape in double quotes, for instance "\u00a0", or nothing',
        )
    root, data = read(source, field_path)
    return Document(source, data, root)


def _decoded(text: str | bytes, file: str) -> str:
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _refused(
            Position(file=file, line=1, column=1),
            "file-too-large",
            f"the file has {size:,} bytes",
            f"at most {MAX_BYTES:,} bytes",
        )
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        good = text[: error.start].decode("utf-8")
        message = f"the file is not UTF-8: byte 0x{text[error.start]:02X} cannot be read"
        at = SourceText(file, good).position(len(good))
        raise _refused(at, "not-utf-8", message, "the file saved as UTF-8") from None


def _refused(at: Position, code: str, message: str, expected: str) -> SourceError:
    return SourceError((Diagnostic(code=code, message=message, at=at, expected=expected),))
