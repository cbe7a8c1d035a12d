"""Structured logs: key and value, to standard error, as text or JSON."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

import structlog

_EMAIL: Final = re.compile(r"[\w.!#$%&*+/=?^`{|}~-]+@(?=[\w-]+(?:\.[\w-]+)+)")
# International form, with the separators that people type; a bare run of digits is a count or an id
# unless it has a number's own punctuation.
_PHONE: Final = re.compile(
    r"(?<![\w.+])(?:\+|00)[1-9](?:[ ().-]{0,2}\d){6,14}(?![\w])"
    r"|(?<![\w.+:-])\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])"
)
_DEEPEST: Final = 6  # levels of nested values that are looked into; deeper ones are left out


def mask(text: str) -> str:
    """The text with email addresses and phone numbers made unreadable.

    A safety net: nothing personal should come this far. Of an email address the domain stays, of a
    number the last two digits, enough to see which of two it was.
    """
    if "@" in text:
        text = _EMAIL.sub("•••@", text)
    return _PHONE.sub(lambda found: f"•••{found[0][-2:]}", text)


def mask_personal_data(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Mask every value of a log line, also inside lists and mappings; a structlog processor."""
    for key, value in event.items():
        event[key] = value if key in _OURS else _masked(value, _DEEPEST)
    return event


_OURS: Final = frozenset({"timestamp", "level"})


def _masked(value: Any, depth: int) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return mask(value)
        case _ if depth == 0:
            return "…"
        case Mapping():
            return {mask(str(k)): _masked(v, depth - 1) for k, v in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_masked(one, depth - 1) for one in value]
        case _:
            return mask(str(value))


def configure_logging(form: str, level: str) -> None:
    """Set up logging for this process; ``form`` is ``text`` or ``json``."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            mask_personal_data,  # after tracebacks have become text
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
