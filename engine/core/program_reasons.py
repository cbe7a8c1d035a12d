"""What the shop's programs did for a step, or why they did nothing, in plain words.

Codes and values come from ``engine.core.context.Taken``; sentences are made when somebody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Final

from engine.core.reasons import Trace

_DONE: Final[Mapping[str, Callable[[Trace, tzinfo], str]]] = {}

_NOT_TAKEN: Final[Mapping[str, Callable[[Trace], str]]] = {
    "no_program": lambda trace: "config/store.yaml has not set this program up",
}


def program_text(code: str, trace: Trace, zone: tzinfo = UTC) -> str:
    """What a program did, as a sentence."""
    told = _DONE.get(code)
    if told is not None:
        return told(trace, zone)
    return code.replace("_", " ") or "done"


def not_taken(code: str, trace: Trace) -> str | None:
    """Why a program did nothing; None when the code is not a program's."""
    told = _NOT_TAKEN.get(code)
    return None if told is None else told(trace)
