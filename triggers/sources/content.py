"""Checks of free-form JSON: what the databases, CEL and the log can hold."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from pydantic import AwareDatetime, TypeAdapter, ValidationError
from pydantic_core import to_json

from triggers.catalog import DataField, EventSpec, FieldType
from triggers.sources.problems import Problem

MAX_DEPTH: Final = 20
MAX_BYTES: Final = 64 * 1024

_SURROGATE = re.compile("[\ud800-\udfff]")
_LARGEST = 2**63  # CEL's int and both databases end here
_TIME = TypeAdapter(AwareDatetime)
_NUMBER = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?\Z", re.ASCII)


def unstorable(value: object, path: str, *, max_depth: int = MAX_DEPTH) -> Problem | None:
    """The first thing in a parsed JSON value that cannot be kept, or None.

    NUL characters (PostgreSQL has no place for them), lone surrogates (not Unicode), numbers that
    are not finite or exceed 64 bits, nesting deeper than ``max_depth``.
    """
    stack: list[tuple[object, str, int]] = [(value, path, 0)]
    while stack:
        here, where, depth = stack.pop()
        if isinstance(here, str):
            if fault := _text_fault(here):
                return Problem(where, fault)
        elif isinstance(here, dict):
            if depth >= max_depth:
                return Problem(path, f"is nested more than {max_depth} levels deep")
            for key, child in here.items():
                if fault := _text_fault(key):
                    return Problem(where, f"has a key that {fault}")
                stack.append((child, f"{where}.{key}" if where else key, depth + 1))
        elif isinstance(here, list):
            if depth >= max_depth:
                return Problem(path, f"is nested more than {max_depth} levels deep")
            stack.extend((child, f"{where}[{i}]", depth + 1) for i, child in enumerate(here))
        elif isinstance(here, float):
            if not math.isfinite(here):
                return Problem(where, "is not a number; NaN and Infinity are not allowed")
        elif isinstance(here, int) and not -_LARGEST <= here < _LARGEST:
            return Problem(where, "is a whole number of more than 64 bits")
    return None


def too_large(value: object, path: str) -> Problem | None:
    """A Problem when ``value`` takes more than 64 KB as JSON."""
    if len(to_json(value)) > MAX_BYTES:
        return Problem(path, "is larger than 64 KB")
    return None


def fit(spec: EventSpec, data: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """``data`` with the fields that ``spec`` declares brought to their type.

    Numbers and times may come as strings. Undeclared fields stay as they are. A field that is
    never empty must be there, unless the engine derives the event's data itself.
    """
    fitted = dict(data)
    problems = []
    for name, declared in spec.fields.items():
        value = data.get(name)
        if value is None:
            if not declared.nullable and not spec.derived:
                problems.append(Problem(f"data.{name}", f"is missing: {declared.doc}"))
            continue
        try:
            fitted[name] = _fit_field(declared, value)
        except (ValueError, TypeError, OverflowError, ArithmeticError):
            problems.append(Problem(f"data.{name}", f"is not {_WANTED[declared.type]}"))
    return fitted, problems


_WANTED: Final[Mapping[FieldType, str]] = {
    "bool": "true or false",
    "int": "a whole number",
    "number": "a number",
    "string": "text",
    "timestamp": "a time with an offset, in ISO 8601",
    "strings": "a list of texts",
}


def _text_fault(text: str) -> str | None:
    if "\x00" in text:
        return "has a NUL character"
    if not text.isascii() and _SURROGATE.search(text):
        return "has half of a surrogate pair; it is not valid Unicode"
    return None


def _fit_field(declared: DataField, value: Any) -> Any:
    match declared.type:
        case "bool":
            if value in ("true", "false"):
                return value == "true"
            if isinstance(value, bool):
                return value
        case "int":
            number = _number(value)
            if number == int(number):
                return int(number)
        case "number":
            return _number(value)
        case "string":
            if isinstance(value, str):
                return value
            if isinstance(value, int | float) and not isinstance(value, bool):
                return str(value)
        case "timestamp":
            try:
                return _TIME.validate_python(value).astimezone(UTC).isoformat()
            except ValidationError as error:
                raise ValueError(str(declared.type)) from error
        case "strings":
            if isinstance(value, list) and all(isinstance(item, str) for item in value):
                return value
    raise TypeError(declared.type)


def _number(value: Any) -> int | float:
    if isinstance(value, str):
        if not _NUMBER.match(value):
            raise ValueError(value)
        return float(value) if "." in value else _bounded(int(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise TypeError(value)


def _bounded(value: int) -> int:
    if not -_LARGEST <= value < _LARGEST:
        raise ValueError(value)
    return value
