"""How a trace's values, moments and durations, and the conditions on them, read in a sentence.

Every reason, trace and answer words them alike. Like reasons, they are fragments without a capital
or a full stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from config.durations import Duration, parse
from engine.core.expression import Condition

Trace = Mapping[str, Any]

_MAX_VALUE = 80  # characters of one value that a sentence shows


def when(moment: datetime | str | None, zone: tzinfo = UTC) -> str:
    """A moment as people read it, ``2026-03-01 09:00 CST``; RFC 3339 text is read first."""
    if moment is None:
        return "an unknown time"
    if isinstance(moment, str):
        text = moment
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
    if moment.tzinfo is None:
        return f"{moment:%Y-%m-%d %H:%M}"
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M %Z}".rstrip()


def span(text: str) -> str:
    """A duration in words: ``7d`` is "7 days", ``1d12h`` "1 day 12 hours"."""
    try:
        duration = parse(text)
    except ValueError:
        return text
    return duration_words(duration)


def duration_words(duration: Duration) -> str:
    """A duration in words, largest unit first."""
    rest = abs(duration.seconds)
    parts = [(abs(duration.days), "day")]
    for length, word in ((3600, "hour"), (60, "minute"), (1, "second")):
        count, rest = divmod(rest, length)
        parts.append((count, word))
    told = [f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count]
    return " ".join(told) or "no time at all"


def value(actual: object) -> str:
    """One value as a condition saw it: texts in quotes, nothing as "empty"."""
    match actual:
        case None:
            shown = "empty"
        case bool():
            shown = "true" if actual else "false"
        case float() if actual.is_integer() and abs(actual) < 1e15:
            shown = str(int(actual))
        case str():
            shown = f'"{actual}"'
        case list() | tuple():
            shown = f"[{', '.join(value(one) for one in actual)}]"
        case _:
            shown = str(actual)
    return shown if len(shown) <= _MAX_VALUE else f"{shown[: _MAX_VALUE - 1]}…"


def unmet(trace: Trace | None, *candidates: Condition | None) -> str:
    """Which part of a condition was not met, and what its values were.

    ``candidates`` are the conditions that the trace may be of; the one whose clause reads the
    names that the trace holds is quoted. With none (an unknown revision) only the values are told.
    """
    trace = trace or {}
    values: Mapping[str, Any] = trace.get("values") or {}
    needs = f"needs {wanted}" if (wanted := wanted_clause(trace, *candidates)) else ""
    code = trace.get("verdict")
    if code == "no_value":
        told = f"{trace.get('field')} has no value"
    elif code == "error":
        told = (
            "these values do not fit it: " + told_values(values) if values else "it cannot be read"
        )
    else:
        told = told_values(values)
    return ", but ".join(filter(None, (needs, told))) or "it was not met"


def wanted_clause(trace: Trace | None, *candidates: Condition | None) -> str:
    """The part of a condition that was not met, as its author wrote it; see ``unmet``."""
    trace = trace or {}
    values: Mapping[str, Any] = trace.get("values") or {}
    index = trace.get("clause")
    known = [one for one in candidates if one is not None]
    if index is None:
        return known[0].source if len(known) == 1 else ""
    for one in known:
        if index < len(one.clauses) and set(one.clauses[index].names) == set(values):
            return " ".join(one.clauses[index].source.split())
    return ""


def met_clause(trace: Trace | None, condition: Condition | None) -> str:
    """The condition that was met, and by which values; empty where the trace has none."""
    met = (trace or {}).get("met")
    if not met:
        return ""
    wanted = "" if condition is None else f"{' '.join(condition.source.split())}, "
    return f"{wanted}as {told_values(met)}"


def told_values(values: Trace) -> str:
    """Actual values by their names, as a sentence tells them."""
    return " and ".join(f"{name} is {value(actual)}" for name, actual in values.items())
