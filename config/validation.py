"""A pydantic error, told as diagnostics: in plain words and at the place in the file."""

from __future__ import annotations

import re
import types
import typing
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.diagnostics import Diagnostic, nearest
from config.yaml_source import Document, Path, field_path

_WANTED = {
    "bool": "true or false",
    "bytes": "text",
    "date": "a date such as 2026-05-31",
    "datetime": "a date and time such as 2026-05-31T09:00:00Z",
    "decimal": "a number",
    "dict": "a mapping (key: value)",
    "dataclass": "a mapping (key: value)",
    "float": "a number",
    "frozen_set": "a list",
    "int": "a whole number",
    "list": "a list",
    "mapping": "a mapping (key: value)",
    "model": "a mapping (key: value)",
    "model_attributes": "a mapping (key: value)",
    "set": "a list",
    "string": "text",
    "time": 'a time of day such as "09:00"',
    "tuple": "a list",
    "url": "an address such as https://shop.example.com",
}
_TYPE_ERROR = re.compile(r"^(?P<what>[a-z_]+?)_(?:type|parsing|from_float|from_date_parsing)$")
_BOUNDS = {
    "greater_than": ("above {gt}", "gt"),
    "greater_than_equal": ("at least {ge}", "ge"),
    "less_than": ("below {lt}", "lt"),
    "less_than_equal": ("at most {le}", "le"),
    "multiple_of": ("a multiple of {multiple_of}", "multiple_of"),
    "string_too_short": ("at least {min_length} characters", "min_length"),
    "string_too_long": ("at most {max_length} characters", "max_length"),
    "too_short": ("at least {min_length} entries", "min_length"),
    "too_long": ("at most {max_length} entries", "max_length"),
}
_TEXT_ARMS = frozenset({"string_type", "literal_error", "enum", "none_required", "value_error"})
_FEW = 12  # alternatives that are listed; beyond it only the nearest is named


def diagnose(
    error: ValidationError, document: Document, model: type[BaseModel]
) -> tuple[Diagnostic, ...]:
    """One diagnostic for each thing that is wrong, in the order of the file.

    ``model`` is the class that ``document.data`` was validated against; its field names are the
    right words to compare with. A validator may raise ``PydanticCustomError`` with ``expected``
    and ``suggestion`` in its context: they are shown, and the error's type, with dashes, becomes
    the code. Of a union, only the alternatives that fit the shape of what is written are told.
    """
    details = error.errors(include_url=False)
    placed = [(_data_path(document, one), one) for one in details]
    found = [
        _diagnostic(path, one, document, model)
        for path, one in placed
        if not _other_arm(path, one, placed)
    ]
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda one: (one.at.line, one.at.column)))


def _data_path(document: Document, error: ErrorDetails) -> Path:
    """``loc`` without the names of union alternatives, which stand for nothing in the file."""
    path: Path = ()
    loc = error["loc"]
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if document.has((*path, part)) or (last and error["type"] == "missing"):
            path = (*path, part)
    return path


def _other_arm(path: Path, error: ErrorDetails, placed: list[tuple[Path, ErrorDetails]]) -> bool:
    """Whether this tells of an alternative whose shape is not that of the value written."""
    if error["type"] in ("missing", "extra_forbidden"):
        return False
    structured = isinstance(error["input"], dict | list)
    mismatch = (structured and error["type"] in _TEXT_ARMS - {"value_error"}) or (
        not structured
        and re.match(r"(?:model|dict|list|tuple|dataclass|mapping)_", error["type"]) is not None
    )
    if not mismatch:
        return False
    return any(
        other is not error
        and where[: len(path)] == path
        and (len(where) > len(path) or (other["type"] in _TEXT_ARMS) != structured)
        for where, other in placed
    )


def _diagnostic(
    path: Path, error: ErrorDetails, document: Document, model: type[BaseModel]
) -> Diagnostic:
    kind, context = error["type"], dict(error.get("ctx") or {})
    name = _name(path)
    value = error["input"]
    on_key, expected, suggestion = False, None, None
    bound = _BOUNDS.get(kind)
    typed = _TYPE_ERROR.match(kind)
    if kind == "missing":
        code, message = "missing-field", f'"{path[-1]}" is missing'
        if len(path) > 1:
            message += f" in {field_path(path[:-1])}"
    elif kind == "extra_forbidden":
        words = _field_names(model, error["loc"][:-1])
        code, message, on_key = "unknown-field", f'unknown field "{path[-1]}"', True
        expected, suggestion = _choices(str(path[-1]), words)
    elif kind in ("literal_error", "enum", "union_tag_invalid"):
        listed = str(context.get("expected") or context.get("expected_tags") or "")
        words = re.findall(r"'([^']*)'", listed)
        code, message = "unknown-value", f"{name} cannot be {_shown(value)}"
        if kind == "union_tag_invalid":
            message = f"{name} cannot be {_shown(context.get('tag'))}"
            path = (*path, _unquoted(context.get("discriminator")))
        expected, suggestion = _choices(str(context.get("tag", value)), words)
    elif value is None and (typed or bound):
        code, message = "missing-value", f"{name} has no value" if path else "the file is empty"
        expected = _WANTED.get(typed["what"]) if typed else None
    elif typed and typed["what"] in _WANTED:
        wanted = _WANTED[typed["what"]]
        code, message = "wrong-type", f"{name} should be {wanted}, and is {_shown(value)}"
    elif bound:
        wanted = bound[0].format(**context)
        code, message = "invalid-value", f"{name} should be {wanted}, and is {_shown(value)}"
    elif kind == "string_pattern_mismatch":
        code, message = "invalid-value", f"{name} is not written as it should be: {_shown(value)}"
        expected = f"text that matches {context.get('pattern')}"
    elif kind in ("value_error", "assertion_error"):
        code, message = "invalid-value", f"{name}: {context.get('error', error['msg'])}"
    elif "expected" in context or "suggestion" in context:
        code, message = kind.replace("_", "-"), error["msg"]
        expected, suggestion = _text(context.get("expected")), _text(context.get("suggestion"))
    else:
        code = "invalid-value"
        message = f"{name}: {error['msg'].replace('Input should', 'it should')}"
    return Diagnostic(
        code=code,
        message=message,
        at=document.position(path, key=on_key),
        path=field_path(path),
        expected=expected,
        suggestion=suggestion,
    )


def _name(path: Path) -> str:
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of {field_path(path[:-1]) or 'the list'}"
    return f'"{path[-1]}"'


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    return f'"{text if len(text) <= 60 else text[:60] + "…"}"'


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _unquoted(value: object) -> str:
    return str(value).strip("'")


def _choices(word: str, words: list[str]) -> tuple[str | None, str | None]:
    suggestion = nearest(word, words)
    listed = f"one of {', '.join(words)}" if len(words) > 1 else "".join(words)
    return (listed if 0 < len(words) <= _FEW else None), suggestion


def _field_names(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The fields, as authors write them, of the models that can stand at ``loc``."""
    annotations: list[Any] = [model]
    for part in loc:
        models = [one for each in annotations for one in _alternatives(each)]
        below = [inner for one in models for inner in _step(one, part)]
        named = [one for one in models if getattr(one, "__name__", None) == part]
        annotations = below or named or models
    names: dict[str, None] = {}
    for each in annotations:
        for one in _alternatives(each):
            if isinstance(one, type) and issubclass(one, BaseModel):
                names.update((field.alias or key, None) for key, field in one.model_fields.items())
    return list(names)


def _alternatives(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [one for arm in typing.get_args(annotation) for one in _alternatives(arm)]
    return [annotation]


def _step(annotation: Any, part: int | str) -> list[Any]:
    """The annotation one step further in: a field, a mapping's value, a list's entry."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [
            field.annotation
            for key, field in annotation.model_fields.items()
            if part == (field.alias or key)
        ]
    arguments = [one for one in typing.get_args(annotation) if one is not Ellipsis]
    origin = typing.get_origin(annotation)
    if isinstance(part, int) and origin in (list, tuple) and arguments:
        return arguments
    if isinstance(part, str) and origin is dict and len(arguments) == 2:
        return [arguments[1]]
    return []
