"""Reads the syntax tree that CEL serializes, which is its only way of showing one.

`Expression.serialize()` gives a google.protobuf.Any holding a cel.expr.ParsedExpr (of an
expression compiled without checking). Field numbers are those of cel-spec,
proto/cel/expr/syntax.proto; the wire format is the one documented at
protobuf.dev/programming-guides/encoding. Only what the condition language needs is read.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

_MASK_64 = (1 << 64) - 1
_Fields: TypeAlias = list[tuple[int, int | bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """A literal: None, bool, int, float, str or bytes. `at` is its offset in code points."""

    at: int
    value: bool | int | float | str | bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """A single name, with a dot before it if the author wrote one."""

    at: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """`operand.field`; `at` is the dot's offset. `test_only` marks the `has()` macro."""

    at: int
    operand: "Node"
    field: str
    test_only: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function or operator; `at` is the operator's or the opening bracket's offset."""

    at: int
    function: str
    target: "Node | None"
    args: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLiteral:
    """`[a, b]`."""

    at: int
    elements: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapLiteral:
    """`{k: v}` (`message_name` empty) or `Type{field: v}`: the keys and values in order."""

    at: int
    message_name: str
    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comprehension:
    """What `exists`, `all`, `filter`, `map` and `exists_one` expand to."""

    at: int
    variables: frozenset[str]
    accumulator: str
    over: "Node"
    parts: tuple["Node", ...]


Node: TypeAlias = Constant | Identifier | Select | Call | ListLiteral | MapLiteral | Comprehension


def read_tree(serialized: bytes) -> Node:
    """The root of a serialized parsed expression.

    Raises ValueError for bytes that are not one.
    """
    parsed = _fields(_bytes(_fields(serialized), 2))
    info = _fields(_bytes(parsed, 3))
    positions: dict[int, int] = {}
    for number, entry in info:
        if number == 4 and isinstance(entry, bytes):
            pair = _fields(entry)
            positions[_int(pair, 1)] = _int(pair, 2)
    return _node(_bytes(parsed, 2), positions)


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    match node:
        case Select():
            yield from walk(node.operand)
        case Call():
            for child in ((node.target,) if node.target is not None else ()) + node.args:
                yield from walk(child)
        case ListLiteral():
            for child in node.elements:
                yield from walk(child)
        case MapLiteral():
            for child in node.parts:
                yield from walk(child)
        case Comprehension():
            for child in (node.over, *node.parts):
                yield from walk(child)


def dotted(node: Node) -> tuple[Identifier, str, bool] | None:
    """A dotted name's first word, its whole, and whether it stands in `has()`; None if no name."""
    fields: list[str] = []
    asked = isinstance(node, Select) and node.test_only
    while isinstance(node, Select):
        fields.append(node.field)
        node = node.operand
    if not isinstance(node, Identifier):
        return None
    return node, ".".join([node.name.lstrip("."), *reversed(fields)]), asked


def _node(data: bytes, positions: dict[int, int]) -> Node:
    at = 0
    for number, content in _fields(data):
        if number == 2 and isinstance(content, int):
            at = positions.get(content, 0)
    for number, content in _fields(data):
        if not isinstance(content, bytes):
            continue
        inner = _fields(content)
        match number:
            case 3:
                return Constant(at=at, value=_constant(inner))
            case 4:
                return Identifier(at=at, name=_text(inner, 1))
            case 5:
                return Select(
                    at=at,
                    operand=_node(_bytes(inner, 1), positions),
                    field=_text(inner, 2),
                    test_only=bool(_int(inner, 3)),
                )
            case 6:
                target = _all(inner, 1)
                return Call(
                    at=at,
                    function=_text(inner, 2),
                    target=_node(target[0], positions) if target else None,
                    args=tuple(_node(arg, positions) for arg in _all(inner, 3)),
                )
            case 7:
                return ListLiteral(
                    at=at, elements=tuple(_node(item, positions) for item in _all(inner, 1))
                )
            case 8:
                parts: list[Node] = []
                for entry in _all(inner, 2):
                    pair = _fields(entry)
                    parts += [_node(part, positions) for k in (3, 4) for part in _all(pair, k)]
                return MapLiteral(at=at, message_name=_text(inner, 1), parts=tuple(parts))
            case 9:
                return Comprehension(
                    at=at,
                    variables=frozenset({_text(inner, 1), _text(inner, 8)} - {""}),
                    accumulator=_text(inner, 3),
                    over=_node(_bytes(inner, 2), positions),
                    parts=tuple(_node(_bytes(inner, part), positions) for part in (4, 5, 6, 7)),
                )
    raise ValueError("an expression without a kind")


def _constant(inner: _Fields) -> bool | int | float | str | bytes | None:
    number, content = inner[0]
    if isinstance(content, int):
        match number:
            case 2:
                return bool(content)
            case 3:
                return content - (1 << 64) if content >> 63 else content
            case 4:
                return content
    elif number == 5:
        value: float = struct.unpack("<d", content)[0]
        return value
    elif number == 6:
        return content.decode()
    elif number == 7:
        return content
    return None


def _fields(data: bytes) -> _Fields:
    found: _Fields = []
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                number, at = _varint(data, at)
                found.append((key >> 3, number & _MASK_64))
                continue
            case 1:
                size = 8
            case 2:
                size, at = _varint(data, at)
            case 5:
                size = 4
            case wire_type:
                raise ValueError(f"unknown wire type {wire_type}")
        if at + size > len(data):
            raise ValueError("cut short")
        found.append((key >> 3, data[at : at + size]))
        at += size
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("cut short")


def _all(fields: _Fields, number: int) -> list[bytes]:
    return [value for key, value in fields if key == number and isinstance(value, bytes)]


def _bytes(fields: _Fields, number: int) -> bytes:
    return next(reversed(_all(fields, number)), b"")


def _text(fields: _Fields, number: int) -> str:
    return _bytes(fields, number).decode()


def _int(fields: _Fields, number: int) -> int:
    return next((v for k, v in reversed(fields) if k == number and isinstance(v, int)), 0)
