"""What is wrong with an event, in plain words and with the JSON path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from pydantic import ValidationError

from config.diagnostics import nearest
from triggers.event import (
    ConsentFact,
    CustomerFacts,
    Event,
    FulfilmentFacts,
    LineFacts,
    LineQuantity,
    OrderFacts,
    RefundFacts,
    TicketFacts,
)

_MOST = 20  # problems told of one event


@dataclass(frozen=True, slots=True)
class Problem:
    """``path`` is the JSON path from the event, "order.lines[2].price"; "" is the whole."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


_SHAPES: Final[Mapping[str, type]] = {
    "": Event,
    "customer": CustomerFacts,
    "customer.consent.email": ConsentFact,
    "customer.consent.sms": ConsentFact,
    "customer.consent.voice": ConsentFact,
    "order": OrderFacts,
    "order.lines": LineFacts,
    "order.fulfilments": FulfilmentFacts,
    "order.fulfilments.lines": LineQuantity,
    "order.refunds": RefundFacts,
    "order.refunds.lines": LineQuantity,
    "ticket": TicketFacts,
}

_WORDS: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "timezone_aware": 'has no offset; expected a time such as "2026-03-01T10:00:00Z" or "+01:00"',
    "finite_number": "is not a number; NaN and Infinity are not allowed",
    "decimal_parsing": 'is not an amount; expected a number such as 19.90 or "19.90"',
    "decimal_type": 'is not an amount; expected a number such as 19.90 or "19.90"',
    "decimal_max_places": "has more than four decimal places",
    "decimal_max_digits": "has more than 18 digits",
    "decimal_whole_digits": "has more than 14 digits before the point",
    "string_type": "is not text",
    "string_too_short": "is empty",
    "string_unicode": "has half of a surrogate pair; it is not valid Unicode",
    "int_parsing": "is not a whole number",
    "int_type": "is not a whole number",
    "int_from_float": "is not a whole number",
    "bool_parsing": "is neither true nor false",
    "bool_type": "is neither true nor false",
    "tuple_type": "is not an array",
    "list_type": "is not an array",
    "dict_type": "is not an object",
    "dataclass_type": "is not an object",
}


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """'; did you mean "x"?' for the nearest choice, or nothing."""
    found = nearest(word, choices)
    return f'; did you mean "{found}"?' if found else ""


def explain(error: ValidationError, *, prefixes: Mapping[str, str] | None = None) -> list[Problem]:
    """pydantic's errors as Problems; none repeats a value, which may be somebody's data.

    ``prefixes`` gives, for a top-level field, the path that its author knows it by.
    """
    problems = []
    for item in error.errors(include_url=False, include_context=True)[:_MOST]:
        location = item["loc"]
        path = _path(location)
        head = str(location[0]) if location else ""
        if prefixes and head in prefixes:
            path = prefixes[head] + path[len(head) :]
        problems.append(Problem(path, _message(dict(item), location)))
    return problems


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "[key]":
            path += f".{part}" if path else part
    return path


def _message(item: dict[str, Any], location: tuple[int | str, ...]) -> str:
    kind: str = item["type"]
    context: dict[str, Any] = item.get("ctx") or {}
    if kind in _WORDS:
        return _WORDS[kind]
    if kind == "unexpected_keyword_argument":
        parent = ".".join(part for part in location[:-1] if isinstance(part, str))
        known = [entry.name for entry in fields(_SHAPES[parent])] if parent in _SHAPES else []
        return "is not a known field" + did_you_mean(str(location[-1]), known)
    if kind == "string_pattern_mismatch":
        if location[-1] == "currency":
            return 'is not a currency; expected three capital letters such as "EUR"'
        if location == ("type",):
            return 'is not an event type; expected lower-case words such as "order.placed"'
        return "has a NUL character"
    if kind == "string_too_long":
        return f"is longer than {context['max_length']} characters"
    if kind == "too_long":
        return f"has more than {context['max_length']} items"
    if kind == "literal_error":
        word = item["input"] if isinstance(item["input"], str) else ""
        choices = str(context["expected"]).replace("'", "")
        words = choices.replace(" or ", ", ").split(", ")
        return f"is not a known word; expected {choices}" + did_you_mean(word[:50], words)
    if kind.startswith(("datetime_", "date_")):
        return f"is not a {'date' if kind.startswith('date_') else 'time'} in ISO 8601"
    if kind == "value_error":
        return str(context["error"])
    return str(item["msg"]).lower()
