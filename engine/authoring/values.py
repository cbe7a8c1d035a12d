"""Values that are passed on as they are (attributes, data): YAML's own reading of them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from config.diagnostics import Diagnostic, nearest
from config.yaml_source import Document, Path, field_path
from triggers.catalog import DataField, EventSpec

_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LARGEST = 2**63 - 1  # what a condition can hold
_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "number": "a number",
    "string": "text",
    "timestamp": "a time such as 2026-05-31T09:00:00Z",
    "strings": "a list of texts",
}


def plain_value(document: Document, path: Path, value: Any) -> Any:
    """What an unquoted scalar means by YAML 1.2's core schema: true/false, numbers, else text.

    Numbers with leading zeros, and those beyond 64 bits, stay text: they are codes.
    """
    if isinstance(value, dict):
        return {key: plain_value(document, (*path, key), item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain_value(document, (*path, at), item) for at, item in enumerate(value)]
    if not isinstance(value, str) or document.raw(path) != value:
        return value
    if value in _WORDS:
        return _WORDS[value]
    if _INT.fullmatch(value):
        number = int(value) if len(value) < 24 else _LARGEST + 1
        return number if abs(number) <= _LARGEST else value
    if _FLOAT.fullmatch(value):
        fraction = float(value)
        return fraction if math.isfinite(fraction) else value
    return value


def event_data(
    document: Document, path: Path, data: Mapping[str, Any], event: EventSpec
) -> tuple[dict[str, Any], list[Diagnostic]]:
    """The data of an event to be emitted, by the fields that its type declares.

    A type without fields takes any data.
    """
    found: dict[str, Any] = {}
    problems: list[Diagnostic] = []
    for name, written in data.items():
        where = (*path, name)
        field = event.fields.get(name)
        if field is None and event.fields:
            problems.append(
                Diagnostic(
                    code="unknown-data",
                    message=f'{event.name} declares no field "{name}"',
                    at=document.position(where, key=True),
                    path=field_path(where),
                    expected=f"one of {', '.join(event.fields)}",
                    suggestion=nearest(name, event.fields),
                )
            )
            continue
        value = plain_value(document, where, written)
        if field is not None and field.type == "string" and isinstance(written, str):
            value = written
        if field is not None and not _fits(value, field):
            problems.append(
                Diagnostic(
                    code="wrong-type",
                    message=f'"{name}" of {event.name} should be {_KINDS[field.type]}',
                    at=document.position(where),
                    path=field_path(where),
                )
            )
        found[name] = value
    return found, problems


def _fits(value: Any, field: DataField) -> bool:
    if value is None:
        return field.nullable
    match field.type:
        case "bool":
            return isinstance(value, bool)
        case "int":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "timestamp":
            return isinstance(value, str) and _is_time(value)
        case "strings":
            return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_time(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
