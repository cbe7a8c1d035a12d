"""Whole columns as PostgreSQL arrays in binary form.

psycopg's own lists choose an element type by looking at the values, so that an integer column
would be ``int2[]`` in one batch and ``int8[]`` in the next, each with a plan of its own, and a
column of nothing but NULLs has no type at all. Here the column's declared type decides. The layout
is that of ``array_send`` (PostgreSQL, ``src/backend/utils/adt/arrayfuncs.c``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from struct import Struct
from typing import Any, ClassVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, SmallInteger, String

_HEADER = Struct("!iiIii")
_EMPTY = Struct("!iiI")
_LENGTH = Struct("!i").pack
_NULL = _LENGTH(-1)


class Array:
    """One column's values, of the type of the subclass."""

    __slots__ = ("values",)

    name: ClassVar[str]
    oid: ClassVar[int]
    element_oid: ClassVar[int]
    encode: ClassVar[staticmethod[[Iterable[Any]], bytes]]

    def __init__(self, values: Collection[Any]) -> None:
        self.values = values


def _integers(size: int, code: str) -> Callable[[Iterable[int | None]], bytes]:
    pack = Struct(f"!i{code}").pack

    def encode(values: Iterable[int | None]) -> bytes:
        return b"".join([_NULL if value is None else pack(size, value) for value in values])

    return encode


def _booleans(values: Iterable[bool | None]) -> bytes:
    encoded = {None: _NULL, True: _LENGTH(1) + b"\1", False: _LENGTH(1) + b"\0"}
    return b"".join([encoded[value] for value in values])


def _texts(values: Iterable[str | None]) -> bytes:
    parts: list[bytes] = []
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            encoded = value.encode()
            parts += (_LENGTH(len(encoded)), encoded)
    return b"".join(parts)


def _bytes(values: Iterable[bytes | None]) -> bytes:
    return b"".join(
        [_NULL if value is None else _LENGTH(len(value)) + bytes(value) for value in values]
    )


class BooleanArray(Array):
    """``boolean[]``"""

    name, oid, element_oid, encode = "boolean[]", 1000, 16, staticmethod(_booleans)


class ByteaArray(Array):
    """``bytea[]``"""

    name, oid, element_oid, encode = "bytea[]", 1001, 17, staticmethod(_bytes)


class BigintArray(Array):
    """``bigint[]``"""

    name, oid, element_oid, encode = "bigint[]", 1016, 20, staticmethod(_integers(8, "q"))


class SmallintArray(Array):
    """``smallint[]``"""

    name, oid, element_oid, encode = "smallint[]", 1005, 21, staticmethod(_integers(2, "h"))


class IntegerArray(Array):
    """``integer[]``"""

    name, oid, element_oid, encode = "integer[]", 1007, 23, staticmethod(_integers(4, "i"))


class TextArray(Array):
    """``text[]``"""

    name, oid, element_oid, encode = "text[]", 1009, 25, staticmethod(_texts)


# The subclass of a type comes before it.
_BY_TYPE: tuple[tuple[type, type[Array]], ...] = (
    (Boolean, BooleanArray),
    (SmallInteger, SmallintArray),
    (BigInteger, BigintArray),
    (Integer, IntegerArray),
    (LargeBinary, ByteaArray),
    (String, TextArray),
)


def array_of(column: Column[Any]) -> type[Array]:
    """The array that holds a column's values. Raises ``TypeError`` for a type not in use."""
    for kind, array in _BY_TYPE:
        if isinstance(column.type, kind):
            return array
    raise TypeError(f"no array type for {column}")


def _dump(array: Array) -> bytes:
    values = array.values
    if not values:
        return _EMPTY.pack(0, 0, array.element_oid)
    return _HEADER.pack(1, 1, array.element_oid, len(values), 1) + array.encode(values)


def _register(array: type[Array]) -> None:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = array.oid

        def dump(self, obj: Array) -> bytes:
            return _dump(obj)

    psycopg.adapters.register_dumper(array, ArrayDumper)


for _array in dict(_BY_TYPE).values():
    _register(_array)
