"""Lagniappe's own events: bodies of ``POST /v1/events`` and lines of JSONL.

A good body is parsed and validated in one pass; only a body with a fault is taken apart to say
what is wrong with which event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from triggers.catalog import Catalog
from triggers.event import Event
from triggers.sources import cloudevents
from triggers.sources.content import MAX_BYTES, fit, too_large, unstorable
from triggers.sources.problems import Problem, did_you_mean, explain

MAX_EVENTS: Final = 1000
CLOCK_TOLERANCE: Final = timedelta(hours=24)
TOO_LATE: Final = "is more than 24 hours ahead of this server: a wrong clock?"
EARLIEST: Final = datetime(1995, 1, 1, tzinfo=UTC)

_ONE: TypeAdapter[Event] = TypeAdapter(Event)
_MANY: TypeAdapter[list[Event]] = TypeAdapter(Annotated[list[Event], Field(max_length=MAX_EVENTS)])
# JSON grows at most fourfold when written anew (1e15 becomes 1000000000000000.0).
_SURELY_SMALL: Final = MAX_BYTES // 4
_WHOLE_DEPTH: Final = 30  # of an event with its data
_LONGEST_KEY: Final = 255
_MOST_CAUSES: Final = 8
_PLAIN: Final = frozenset({str, int, bool, type(None)})
_TEXT: Final = frozenset({str})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The verdict on one item of a batch that is not a valid event."""

    index: int
    id: str | None  # the item's own id, where it can be read
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """One item for each event of a body, in its order; a body beyond reading is one Refused."""

    items: tuple[Event | Refused, ...]

    @property
    def events(self) -> tuple[Event, ...]:
        """The valid ones."""
        return tuple(item for item in self.items if isinstance(item, Event))

    @property
    def refused(self) -> tuple[Refused, ...]:
        """The others."""
        return tuple(item for item in self.items if isinstance(item, Refused))


def parse_events(
    body: bytes, *, received_at: datetime, content_type: str, catalog: Catalog
) -> Batch:
    """One event, an array of at most 1,000, or CloudEvents 1.0 structured or batched.

    Plain JSON that carries ``specversion`` is read as a CloudEvent. Never raises for any bytes;
    the bound on the body's size is the caller's.
    """
    media = content_type.partition(";")[0].strip().lower()
    is_cloud = media in (cloudevents.SINGLE, cloudevents.BATCH)
    start = body.lstrip()[:1]
    if start == b"{" and not is_cloud:
        return Batch((_parse_one(body, received_at, catalog, 0),))
    if start == b"[" and not is_cloud:
        try:
            events = _MANY.validate_json(body)
        except ValidationError:
            pass
        else:
            small = len(body) <= _SURELY_SMALL
            return Batch(
                tuple(
                    _admit(event, received_at, catalog, small, index, {})
                    for index, event in enumerate(events)
                )
            )
    value = _load(body)
    if isinstance(value, Problem):
        return _whole(value)
    if media == cloudevents.BATCH and not isinstance(value, list):
        return _whole(Problem("", "is not an array, as batched CloudEvents are"))
    if media == cloudevents.SINGLE and not isinstance(value, dict):
        return _whole(Problem("", "is not an object, as a structured CloudEvent is"))
    if not isinstance(value, dict | list):
        return _whole(Problem("", "is neither an event nor an array of events"))
    items = value if isinstance(value, list) else [value]
    if len(items) > MAX_EVENTS:
        return _whole(
            Problem("", f"has {len(items)} events; send at most {MAX_EVENTS} in one request")
        )
    return Batch(
        tuple(
            _take_apart(item, received_at, catalog, index, is_cloud)
            for index, item in enumerate(items)
        )
    )


def parse_line(
    line: bytes,
    *,
    received_at: datetime,
    catalog: Catalog,
    index: int = 0,
    ahead: timedelta = CLOCK_TOLERANCE,
) -> Event | Refused:
    """One line of JSONL: one event of our own shape or one CloudEvent. Never raises.

    ``ahead``: so far its time may lie ahead of ``received_at``.
    """
    return _parse_one(line, received_at, catalog, index, ahead)


def serialize(event: Event) -> bytes:
    """The event as JSON, without what was not told. ``deserialize`` gives back its equal."""
    return _ONE.dump_json(event, exclude_defaults=True)


def reads_back(event: Event) -> bool:
    """Whether an event that only names its customer, order and ticket is surely stored as it is.

    Then ``deserialize`` would give back its equal. Of others serializing and reading them will
    tell: data with a moment in it comes back with its words, an id that is too long not at all.
    """
    return (
        event.time.tzinfo is UTC
        and len(event.id) <= _LONGEST_KEY
        and (not event.causes or len(event.causes) <= _MOST_CAUSES)
        and is_plain(event.data)
    )


def deserialize(stored: bytes | str) -> Event:
    """An event that ``serialize`` wrote. Raises ValueError for anything else."""
    return _ONE.validate_json(stored)


def validate(fields: Mapping[str, Any]) -> Event:
    """An Event from plain values, as the platforms' sources build them.

    Raises pydantic's ValidationError; ``problems.explain`` puts it in words.
    """
    return _ONE.validate_python(fields)


def is_plain(value: Any) -> bool:
    """Whether JSON keeps a value as it is."""
    kind = type(value)
    if kind is dict:
        if not _TEXT.issuperset(map(type, value)):
            return False
        value = value.values()
    elif kind is not list:
        return kind in _PLAIN or (kind is float and isfinite(value))
    return _PLAIN.issuperset(map(type, value)) or all(map(is_plain, value))


def _whole(problem: Problem) -> Batch:
    return Batch((Refused(index=0, id=None, problems=(problem,)),))


def _parse_one(
    body: bytes,
    received_at: datetime,
    catalog: Catalog,
    index: int,
    ahead: timedelta = CLOCK_TOLERANCE,
) -> Event | Refused:
    try:
        event = _ONE.validate_json(body)
    except ValidationError:
        value = _load(body)
        if isinstance(value, Problem):
            return Refused(index=index, id=None, problems=(value,))
        return _take_apart(value, received_at, catalog, index, False, ahead)
    small = len(body) <= _SURELY_SMALL
    return _admit(event, received_at, catalog, small, index, {}, ahead)


def _load(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError as error:
        reason = str(error)
    # The stricter parser refuses a whole body for one lone surrogate or deep value; this one lets
    # the good events of the batch through to their own verdicts.
    try:
        return json.loads(body.decode("utf-8"))
    except UnicodeDecodeError:
        return Problem("", "is not UTF-8")
    except RecursionError:
        return Problem("", "is nested too deeply")
    except ValueError:
        return Problem("", f"is not JSON: {reason}")


def _take_apart(
    value: Any,
    received_at: datetime,
    catalog: Catalog,
    index: int,
    is_cloud: bool,
    ahead: timedelta = CLOCK_TOLERANCE,
) -> Event | Refused:
    if not isinstance(value, dict):
        return Refused(index=index, id=None, problems=(Problem("", "is not an object"),))
    if fault := unstorable(value, "", max_depth=_WHOLE_DEPTH):
        return Refused(index=index, id=_readable_id(value), problems=(fault,))
    problems: list[Problem] = []
    prefixes: Mapping[str, str] = {}
    fields = value
    if is_cloud or "specversion" in value:
        prefixes = cloudevents.PREFIXES
        fields, problems = cloudevents.to_native(value, received_at=received_at, catalog=catalog)
    if not problems:
        try:
            event = _ONE.validate_python(fields)
        except ValidationError as error:
            problems = explain(error, prefixes=prefixes)
        else:
            return _admit(event, received_at, catalog, False, index, prefixes, ahead)
    return Refused(index=index, id=_readable_id(value), problems=tuple(problems))


def _readable_id(value: dict[str, Any]) -> str | None:
    told = value.get("id")
    if isinstance(told, int | str) and unstorable(told, "") is None:
        return str(told)[:255]
    return None


def _admit(
    event: Event,
    received_at: datetime,
    catalog: Catalog,
    small: bool,
    index: int,
    prefixes: Mapping[str, str],
    ahead: timedelta = CLOCK_TOLERANCE,
) -> Event | Refused:
    """What the types cannot say: catalog, clock, time zone, free-form data."""
    problems: list[Problem] = []
    if event.time - received_at > ahead:
        problems.append(Problem("time", TOO_LATE))
    elif event.time < EARLIEST:
        problems.append(Problem("time", "is before 1995: a wrong clock, or seconds for ms?"))
    spec = catalog.types.get(event.type)
    if spec is None:
        message = "is not an event type known here" + did_you_mean(event.type, catalog.types)
        problems.append(Problem("type", message))
    elif getattr(event, spec.object) is None and (
        # A survey's or review's customer can be found through the order or ticket.
        spec.derived or (event.order is None and event.ticket is None)
    ):
        problems.append(Problem(spec.object, f"is missing; {event.type} needs it"))
    if event.customer is not None:
        zone = event.customer.timezone
        if zone is not None and zone not in _zones():
            problems.append(Problem("customer.timezone", _no_such_zone(zone[:50])))
        problems.extend(_free_form(event.customer.attributes, "customer.attributes", small))
    if event.order is not None:
        problems.extend(_free_form(event.order.attributes, "order.attributes", small))
    data_problems = _free_form(event.data, "data", small)
    problems.extend(data_problems)
    if not data_problems and spec is not None and spec.fields and (event.data or not spec.derived):
        data, misfits = fit(spec, event.data)
        problems.extend(misfits)
        if not misfits and data != event.data:
            event = replace(event, data=data)
    if problems:
        return Refused(index=index, id=event.id, problems=tuple(_renamed(problems, prefixes)))
    return event


def _free_form(value: dict[str, Any], path: str, small: bool) -> list[Problem]:
    if not value:
        return []
    fault = unstorable(value, path)
    if fault is None and not small:
        fault = too_large(value, path)
    return [fault] if fault else []


def _renamed(problems: list[Problem], prefixes: Mapping[str, str]) -> list[Problem]:
    renamed = []
    for problem in problems:
        head = problem.path.partition(".")[0]
        path = prefixes[head] + problem.path[len(head) :] if head in prefixes else problem.path
        renamed.append(Problem(path, problem.message))
    return renamed


@lru_cache(maxsize=256)  # some milliseconds each, and one client's events share their mistake
def _no_such_zone(zone: str) -> str:
    return "is not an IANA time zone" + did_you_mean(zone, _zones())


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
