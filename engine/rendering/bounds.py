"""Jinja's own operations where few words make a great value, with bounds on what they make.

Twice a text a few dozen times over is more than any memory holds, long before a part's own limit
would be noticed. So each operation that can make more than it was given is measured first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from jinja2 import Environment, pass_environment, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.filters import do_batch, do_join, do_replace, do_slice, do_sum
from jinja2.nodes import EvalContext
from jinja2.runtime import markup_join, str_join

LARGEST_PART: Final = 500_000  # characters
LARGEST_RANGE: Final = 10_000  # numbers that the ranges of one message may give out together
MOST_TURNS: Final = 100_000  # turns that the loops of one message may take together
_LARGEST_NUMBER: Final = 10**30


class TooLarge(Exception):
    """A value, a rendered part, ranges or loops beyond their bounds."""


def bounded(size: int) -> None:
    """Raises ``TooLarge`` beyond ``LARGEST_PART`` characters or entries."""
    if size > LARGEST_PART:
        raise TooLarge(f"more than {LARGEST_PART // 1000} thousand characters")


def bounded_number(value: Any) -> Any:
    """``value``, unless it is a whole number with which arithmetic takes time."""
    if isinstance(value, int) and abs(value) > _LARGEST_NUMBER:
        raise TooLarge("a number beyond 30 digits")
    return value


def concatenated(pieces: Iterable[str]) -> str:
    """Pieces of a block as one text."""
    held = list(pieces)
    bounded(sum(map(len, held)))
    return "".join(held)


@pass_eval_context
def joined_values(context: EvalContext, values: list[Any]) -> Any:
    """What ``~`` makes of its operands."""
    bounded(sum(len(value) for value in values if isinstance(value, str)))
    return markup_join(values) if context.autoescape else str_join(values)


@pass_eval_context
def join(context: EvalContext, value: Iterable[Any], d: str = "", attribute: Any = None) -> Any:
    """Jinja's ``join``."""
    held = list(value)
    bounded(len(str(d)) * len(held) + sum(len(each) for each in held if isinstance(each, str)))
    return do_join(context, held, d, attribute)


@pass_eval_context
def replace(context: EvalContext, s: str, old: str, new: str, count: int | None = None) -> str:
    """Jinja's ``replace``."""
    text = str(s)
    found = text.count(str(old))
    bounded(len(text) + len(str(new)) * (found if count is None else min(found, max(count, 0))))
    return do_replace(context, s, old, new, count)


def batch(value: Iterable[Any], linecount: int, fill_with: Any = None) -> Any:
    """Jinja's ``batch``."""
    _no_more_than_a_range(linecount)
    return do_batch(value, linecount, fill_with)


def slices(value: Any, slices: int, fill_with: Any = None) -> Any:
    """Jinja's ``slice``."""
    _no_more_than_a_range(slices)
    return do_slice(value, slices, fill_with)


@pass_environment
def total(
    environment: Environment, iterable: Iterable[Any], attribute: Any = None, start: Any = 0
) -> Any:
    """Jinja's ``sum``, of numbers only: of lists it would be a way to join them."""
    if not isinstance(start, int | float | Decimal):
        raise SecurityError("sum is for numbers only")
    return do_sum(environment, iterable, attribute, start)


def counted(value: Any, turn: Callable[[int], None]) -> Any:
    """What a loop goes through; ``turn`` is called with the turns that it takes."""
    if isinstance(value, list | tuple | str | range | Mapping):
        turn(len(value))
        return value
    if isinstance(value, Iterator):
        return _each(value, turn)
    return value


def _each(values: Iterator[Any], turn: Callable[[int], None]) -> Iterator[Any]:
    for value in values:
        turn(1)
        yield value


def _no_more_than_a_range(number: int) -> None:
    if number > LARGEST_RANGE:
        raise TooLarge(f"no more than {LARGEST_RANGE} at once")


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "join": join,
    "replace": replace,
    "batch": batch,
    "slice": slices,
    "sum": total,
    "_joined": joined_values,
}
